"""The paper's three ways to pool patch tokens over time (arXiv 2306.07207, section 3.2), for any width.

Each takes patches [B, T, P, D] and gives [B, P, D]. The frame tokens are not pooled: Z = pooled patches ++ one global
vector a frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn


class MeanPooling(nn.Module):
    """v1: the mean over time of each patch position."""

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        return patches.mean(1)


class ImportancePooling(nn.Module):
    """v2: a linear score per frame over its flattened patches, softmax over time, weighted sum."""

    def __init__(self, patches: int, width: int) -> None:
        super().__init__()
        self.score = nn.Linear(patches * width, 1)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        weights = self.score(patches.flatten(2)).softmax(1)
        return (patches * weights[..., None]).sum(1)


class DeltaPooling(nn.Module):
    """v3: one transformer-encoder layer over time per patch position, with sinusoidal positions; its last step is added
    to the mean."""

    def __init__(self, width: int, heads: int = 8, feed_forward: int = 2048) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(width, heads, feed_forward, dropout=0.0, batch_first=True)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        batch, frames, positions, width = patches.shape
        sequences = patches.transpose(1, 2).reshape(batch * positions, frames, width)
        moved = self.layer(sequences + sinusoidal_positions(frames, width))
        return patches.mean(1) + moved[:, -1].view(batch, positions, width)


class FullFrames(nn.Module):
    """No pooling, to compare with: the patches of every frame, frame after frame, [B, T, P, D] to [B, T * P, D].

    The browser has no such kind, so that what is trained with it is not exported.
    """

    def __init__(self) -> None:
        super().__init__()
        # Nothing to learn: it marks checkpoints, which the three others tell apart by their parameters.
        self.register_buffer("kept", torch.ones(1))

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        return patches.flatten(1, 2)


def sinusoidal_positions(length: int, width: int) -> torch.Tensor:
    """float32 [length, width]: sin in even channels, cos in odd ones (Attention Is All You Need, section 3.5)."""
    steps = torch.arange(length, dtype=torch.float32)[:, None]
    rates = torch.exp(torch.arange(0, width, 2, dtype=torch.float32) * (-math.log(10000.0) / width))
    table = torch.zeros(length, width)
    table[:, 0::2] = torch.sin(steps * rates)
    table[:, 1::2] = torch.cos(steps * rates)[:, : width // 2]
    return table


def make_pooling(kind: str, patches: int, width: int) -> nn.Module:
    """The module of "mean", "importance", "delta" or "frames" for P patches of a width."""
    if kind == "importance":
        return ImportancePooling(patches, width)
    if kind == "frames":
        return FullFrames()
    return DeltaPooling(width) if kind == "delta" else MeanPooling()


# What packs call the parameters (docs/pack-format.md), by what torch calls them.
_PACK_PREFIXES = (("score.", "importance."), ("layer.self_attn.", "delta."), ("layer.", "delta."), ("kept", "frames.kept"))


def _pack_name(name: str) -> str:
    old, new = next(pair for pair in _PACK_PREFIXES if name.startswith(pair[0]))
    return new + name.removeprefix(old)


def pack_tensors(pooling: nn.Module) -> dict[str, torch.Tensor]:
    """The parameters by the names that packs and projector.pt have: `importance.*`, `delta.*`, `frames.kept`; none of mean."""
    return {_pack_name(name): tensor.clone() for name, tensor in pooling.state_dict().items()}


def take_pack_tensors(pooling: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    """The inverse of `pack_tensors`. Raises KeyError where `tensors` are of another kind of pooling."""
    pooling.load_state_dict({name: tensors[_pack_name(name)] for name in pooling.state_dict()})


def pooling_kind(names: Iterable[str]) -> str:
    """Which kind a projector file's tensors are of."""
    prefixes = {name.partition(".")[0] for name in names}
    return next((kind for kind in ("importance", "delta", "frames") if kind in prefixes), "mean")


@torch.no_grad()
def start_as_mean(pooling: nn.Module) -> None:
    """Makes a learnt pooling give the mean until it has learnt something else, so that it can start from a projector of the mean."""
    if isinstance(pooling, ImportancePooling):
        pooling.score.weight.zero_()
        pooling.score.bias.zero_()
    elif isinstance(pooling, DeltaPooling):
        pooling.layer.norm2.weight.zero_()
        pooling.layer.norm2.bias.zero_()
