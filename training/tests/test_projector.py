import torch

from training.initialise import standardise
from training.projector import FoldedProjector, Projector, time_embeddings


def test_folded_form_gives_the_same_tokens(tmp_path):
    generator = torch.Generator().manual_seed(0)
    basis = torch.randn(12, 12, generator=generator)
    projector = Projector(torch.randn(12, generator=generator), basis, torch.randn(5), 0.1)
    torch.nn.init.normal_(projector.bias)
    features = torch.randn(3, 4, 12, generator=generator)
    torch.save(projector.folded(), tmp_path / "projector.pt")
    folded = FoldedProjector.load(tmp_path / "projector.pt")
    assert folded.weight.shape == (12, 5)
    torch.testing.assert_close(folded(features), projector(features), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(folded.markers(), projector.markers())


def test_output_starts_with_the_spread_of_the_embeddings():
    shift = torch.randn(64, generator=torch.Generator().manual_seed(1))
    projector = Projector(torch.zeros(256), torch.eye(256), shift, 0.1)
    tokens = projector(torch.randn(2000, 256, generator=torch.Generator().manual_seed(2)))
    assert abs((tokens - shift).std().item() - 0.1) < 0.01


def test_a_projector_can_go_on_in_another_input_basis():
    generator = torch.Generator().manual_seed(3)
    rows = torch.randn(500, 8, generator=generator) @ torch.randn(8, 8, generator=generator) + 2
    shift = torch.randn(5, generator=generator)
    first = Projector(*standardise(rows, whiten=False), shift, 0.1, seed=1)
    torch.nn.init.normal_(first.bias)
    second = Projector(*standardise(rows, whiten=True), torch.zeros(5), 0.3, seed=2)
    second.start_from(first.folded())
    torch.testing.assert_close(second(rows), first(rows), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(second.markers(), first.markers(), rtol=1e-3, atol=1e-4)


def test_whitening_decorrelates():
    generator = torch.Generator().manual_seed(4)
    rows = torch.randn(4000, 8, generator=generator) @ torch.randn(8, 8, generator=generator) * 30
    mean, basis = standardise(rows, whiten=True)
    standardised = (rows - mean) @ basis
    covariance = standardised.T @ standardised / len(rows)
    assert (covariance - torch.diag(covariance.diagonal())).abs().max() < 1e-3
    assert abs(covariance.diagonal().mean().item() - 1) < 1e-2


def test_frames_get_what_lies_between_the_knots():
    knots = torch.tensor([[0.0, 10.0], [4.0, 20.0], [8.0, 40.0]])
    assert torch.equal(time_embeddings(knots, 3), knots)
    assert time_embeddings(knots, 5).tolist() == [[0, 10], [2, 15], [4, 20], [6, 30], [8, 40]]
    assert time_embeddings(knots, 2).tolist() == [[0, 10], [8, 40]]
    assert time_embeddings(knots, 1).tolist() == [[0, 0]]


def test_times_fold_and_go_on_in_another_projector(tmp_path):
    knots = torch.randn(5, 4, generator=torch.Generator().manual_seed(5))
    first = Projector(torch.zeros(6), torch.eye(6), torch.zeros(4), 0.1)
    assert first.time_knots() is None and "times" not in first.folded()
    first.start_times(knots)
    torch.testing.assert_close(first.time_knots(), knots)
    second = Projector(torch.ones(6), torch.eye(6) * 2, torch.ones(4), 0.3)
    second.start_from(first.folded())
    torch.testing.assert_close(second.time_knots(), knots)
    torch.save(second.folded(), tmp_path / "projector.pt")
    torch.testing.assert_close(FoldedProjector.load(tmp_path / "projector.pt").time_knots(), knots)
    assert any(parameter is second.times for parameter in second.parameters())
