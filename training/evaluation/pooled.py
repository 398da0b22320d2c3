"""What pooling over time makes of photos and clips: how many tokens, and whether stillness and order show in them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

from ..prompt import MARKERS
from .folders import FolderItem
from .model import Subject
from .records import Predictions, Progress

HELD = 8


def grid(subject: Subject, features: torch.Tensor) -> torch.Tensor:
    """The visual tokens that pooled patches become, [G, hidden], of features [T, P + 1, width]."""
    [visual] = subject.model.visual(subject.projector, [features])
    return visual[1 : subject.model.visual_length(features) - len(MARKERS) - len(features) + 1]


def likeness(one: torch.Tensor, other: torch.Tensor) -> float:
    """Mean cosine of tokens at the same place; `other` may hold the whole of `one` several times."""
    return float(F.cosine_similarity(one.repeat(len(other) // len(one), 1), other, dim=-1).mean())


@torch.inference_mode()
def evaluate_pooling(subject: Subject, items: Sequence[FolderItem], predictions: Predictions, frames: int | None) -> dict[str, float]:
    """image_tokens, clip_tokens: positions of VISUAL, of one frame and of T; held: likeness of the pooled tokens of one frame
    and of the same held for eight; backwards: likeness of a clip's tokens and those of the clip played backwards, over clips
    of two frames and more. 1 is the same, and a pooling that sees order tells a clip from its reverse."""
    progress = Progress(len(items), "clips pooled")
    for item in items:
        if item.id not in predictions:
            features = subject.look(item.frames(subject.sampling, frames), quotes=False).features
            first = features[:1]
            row = {"id": item.id, "frames": len(features)}
            row |= {"imageTokens": subject.model.visual_length(first), "clipTokens": subject.model.visual_length(features)}
            row |= {"held": likeness(grid(subject, first), grid(subject, first.expand(HELD, -1, -1)))}
            row |= {"backwards": likeness(grid(subject, features), grid(subject, features.flip(0))) if len(features) > 1 else None}
            predictions.add(row)
        progress.step()
    rows = [predictions[item.id] for item in items]
    turned = [row["backwards"] for row in rows if row["backwards"] is not None]
    figures = {
        "image_tokens": rows[0]["imageTokens"],
        "clip_tokens": max(row["clipTokens"] for row in rows),
        "held": sum(row["held"] for row in rows) / len(rows),
        "items": len(rows),
    }
    return figures | ({"backwards": sum(turned) / len(turned)} if turned else {})
