import pytest
import torch

from training.export_pack import exported_pooling
from training.packing import Branch, Row
from training.pooling import (
    DeltaPooling,
    FullFrames,
    ImportancePooling,
    MeanPooling,
    make_pooling,
    pack_tensors,
    pooling_kind,
    sinusoidal_positions,
    start_as_mean,
    take_pack_tensors,
)
from training.projector import FoldedProjector
from training.valley import Model

from .tiny import HIDDEN, TinyPrompt, tiny_decoder

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


def test_a_learnt_pooling_can_start_as_the_mean_and_still_learn():
    for pooling in (ImportancePooling(3, 16), DeltaPooling(16, heads=2, feed_forward=32)):
        start_as_mean(pooling)
        pooled = pooling(PATCHES)
        torch.testing.assert_close(pooled, PATCHES.mean(1))
        pooled.square().sum().backward()
        assert any(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in pooling.parameters())


def test_a_checkpoint_tells_its_pooling_and_full_frames_are_not_exported():
    for kind in ("mean", "importance", "delta", "frames"):
        tensors = pack_tensors(make_pooling(kind, 3, 16))
        assert pooling_kind(["weight", "bias", "markers", *tensors]) == kind
        take_pack_tensors(make_pooling(kind, 3, 16), tensors)
    assert exported_pooling(["weight", "importance.weight"]) == "importance"
    with pytest.raises(ValueError, match="the browser has no such pooling"):
        exported_pooling(["weight", *pack_tensors(FullFrames())])


def tiny_model(kind: str) -> tuple[Model, FoldedProjector]:
    generator = torch.Generator().manual_seed(3)
    tensors = {"weight": torch.randn(16, HIDDEN, generator=generator), "bias": torch.zeros(HIDDEN)}
    return Model(tiny_decoder(), TinyPrompt(), 3, make_pooling(kind, 3, 16)), FoldedProjector(
        tensors | {"markers": torch.randn(4, HIDDEN, generator=generator)}
    )


def test_full_frames_keep_every_patch_in_time_order():
    clip = torch.cat([PATCHES[0], torch.randn(5, 1, 16, generator=torch.Generator().manual_seed(1))], 1)
    model, projector = tiny_model("frames")
    [visual] = model.visual(projector, [clip])
    assert len(visual) == model.visual_length(clip) == 4 + 5 * 3 + 5
    torch.testing.assert_close(visual[1:16], projector(clip[:, :3].flatten(0, 1)))
    torch.testing.assert_close(visual[18:23], projector(clip[:, 3]))
    # One frame is the same as without pooling.
    mean, _ = tiny_model("mean")
    torch.testing.assert_close(model.visual(projector, [clip[:1]])[0], mean.visual(projector, [clip[:1]])[0])
    with pytest.raises(ValueError, match="2 patches a frame"):
        model.visual(projector, [clip[:, 1:]])


def test_a_text_in_place_of_a_picture_has_no_patches_and_trains_beside_clips():
    for kind in ("mean", "importance", "delta", "frames"):
        model, projector = tiny_model(kind)
        clip, text = torch.randn(2, 4, 16), torch.randn(3, 1, 16)
        shown = model.visual(projector, [clip, text])
        assert len(shown[1]) == model.visual_length(text) == 4 + 3
        torch.testing.assert_close(shown[1][3:6], projector(text[:, 0]))
        asked = [Branch([5, 6], [[7, 2]])]
        rows = [Row(model.visual_length(features), [], asked) for features in (clip, text)]
        values, owners = model.answer_log_probabilities(projector, [clip, text], rows)
        assert owners.tolist() == [0, 0, 1, 1] and torch.isfinite(values).all()
