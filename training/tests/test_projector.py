import torch

from training.projector import FoldedProjector, Projector


def test_folded_form_gives_the_same_tokens(tmp_path):
    generator = torch.Generator().manual_seed(0)
    projector = Projector(torch.randn(12, generator=generator), torch.rand(12, generator=generator) + 0.1, torch.randn(5), 0.1)
    torch.nn.init.normal_(projector.bias)
    features = torch.randn(3, 4, 12, generator=generator)
    torch.save(projector.folded(), tmp_path / "projector.pt")
    folded = FoldedProjector.load(tmp_path / "projector.pt")
    assert folded.weight.shape == (12, 5)
    torch.testing.assert_close(folded(features), projector(features), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(folded.markers(), projector.markers())


def test_output_starts_with_the_spread_of_the_embeddings():
    shift = torch.randn(64, generator=torch.Generator().manual_seed(1))
    projector = Projector(torch.zeros(256), torch.ones(256), shift, 0.1)
    tokens = projector(torch.randn(2000, 256, generator=torch.Generator().manual_seed(2)))
    assert abs((tokens - shift).std().item() - 0.1) < 0.01
