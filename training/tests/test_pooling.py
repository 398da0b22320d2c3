import torch

from training.pooling import DeltaPooling, ImportancePooling, MeanPooling, sinusoidal_positions

PATCHES = torch.randn(2, 5, 3, 16, generator=torch.Generator().manual_seed(0))


def test_mean_commutes_with_a_linear_projector():
    projector = torch.nn.Linear(16, 7)
    torch.testing.assert_close(projector(MeanPooling()(PATCHES)), MeanPooling()(projector(PATCHES)))


def test_importance_is_a_weighted_mean_over_time():
    pooling = ImportancePooling(3, 16)
    pooled = pooling(PATCHES)
    scores = PATCHES.flatten(2) @ pooling.score.weight[0] + pooling.score.bias
    weights = scores.exp() / scores.exp().sum(1, keepdim=True)
    torch.testing.assert_close(pooled, torch.einsum("btpd,bt->bpd", PATCHES, weights))
    torch.nn.init.zeros_(pooling.score.weight)
    torch.testing.assert_close(pooling(PATCHES), PATCHES.mean(1))


def test_delta_adds_the_last_step_to_the_mean():
    pooling = DeltaPooling(16, heads=2, feed_forward=32).eval()
    pooled = pooling(PATCHES)
    sequence = PATCHES[1, :, 2] + sinusoidal_positions(5, 16)
    expected = PATCHES[1, :, 2].mean(0) + pooling.layer(sequence[None])[0, -1]
    torch.testing.assert_close(pooled[1, 2], expected, rtol=1e-4, atol=1e-5)
    reversed_ = pooling(PATCHES.flip(1))
    assert not torch.allclose(reversed_, pooled, atol=1e-3)


def test_one_frame_is_left_alone_by_mean_and_importance():
    frame = PATCHES[:, :1]
    torch.testing.assert_close(MeanPooling()(frame), frame[:, 0])
    torch.testing.assert_close(ImportancePooling(3, 16)(frame), frame[:, 0])
