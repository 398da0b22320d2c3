"""Captioning: the describing question about every item of a folder, held against the human captions."""

from __future__ import annotations

from collections.abc import Sequence

from .answers import Asked, Decoding, answer
from .folders import FolderItem
from .model import Subject
from .records import Predictions, Progress
from .scoring import caption_figures

# Prompts of one length are answered together; quoted captions make the lengths differ, so many are looked at at once.
BATCH = 200


def describe(
    subject: Subject, items: Sequence[FolderItem], predictions: Predictions, decoding: Decoding, quotes: bool, frames: int | None
) -> None:
    """Adds a prediction {id, answer, frames, ids, quotes} for every item that has none yet."""
    todo = [item for item in items if item.id not in predictions]
    progress = Progress(len(todo), "captions")
    for start in range(0, len(todo), BATCH):
        asked = [
            Asked(item.id, subject.look(item.frames(subject.sampling, frames), quotes), subject.question(item.is_photo))
            for item in todo[start : start + BATCH]
        ]
        answers = answer(subject, asked, decoding)
        for one in asked:
            row = {"id": one.id, "answer": subject.decode(answers[one.id]), "frames": len(one.seen.features), "ids": answers[one.id]}
            predictions.add(row | ({"quotes": one.seen.quotes} if one.seen.quotes else {}))
        progress.step(len(asked))


def evaluate_captions(
    subject: Subject, items: Sequence[FolderItem], predictions: Predictions, decoding: Decoding, quotes: bool, frames: int | None
) -> dict[str, float]:
    """Raises ValueError where an item has no captions."""
    bare = next((item.id for item in items if not item.captions), None)
    if bare is not None:
        raise ValueError(f"{bare} has no captions to be held against")
    describe(subject, items, predictions, decoding, quotes, frames)
    return caption_figures({item.id: item.captions for item in items}, {item.id: predictions[item.id]["answer"] for item in items})

