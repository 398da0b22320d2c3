import torch

from training.initialise import standardise
from training.projector import FoldedProjector, Projector


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
