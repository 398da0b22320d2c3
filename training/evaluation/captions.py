"""Captioning: the describing question about every item of a folder, held against the human captions."""

from __future__ import annotations

from collections.abc import Sequence

from .answers import Asked, Decoding, answer, forced_logits
from .folders import FolderItem
from .model import Subject
from .records import Predictions, Progress
from .scoring import caption_figures

# Prompts of one length are answered together; quoted captions make the lengths differ, so many are looked at at once.
BATCH = 200


def describe(
    subject: Subject,
    items: Sequence[FolderItem],
    predictions: Predictions,
    decoding: Decoding,
    quotes: bool,
    frames: int | None,
    with_margins: bool = False,
) -> None:
    """Adds a prediction {id, answer, frames, ids, quotes, margins} for every item that has none yet."""
    todo = [item for item in items if item.id not in predictions]
    progress = Progress(len(todo), "captions")
    for start in range(0, len(todo), BATCH):
        asked = [
            Asked(item.id, subject.look(item.frames(subject.sampling, frames), quotes), subject.question(item.is_photo))
            for item in todo[start : start + BATCH]
        ]
        answers = answer(subject, asked, decoding)
        for one in asked:
            ids = answers[one.id]
            row = {"id": one.id, "answer": subject.decode(ids), "frames": len(one.seen.features), "ids": ids}
            row |= {"quotes": one.seen.quotes} if one.seen.quotes else {}
            predictions.add(row | ({"margins": margins(subject, one, ids)} if with_margins else {}))
        progress.step(len(asked))


def margins(subject: Subject, asked: Asked, ids: Sequence[int]) -> list[float]:
    """By how much the likeliest logit leads at each token of a greedy answer, the one that ends it included."""
    best = forced_logits(subject, asked, [[*ids, subject.end]])[0].topk(2, -1).values
    return [round(float(first - second), 4) for first, second in best]


def evaluate_captions(
    subject: Subject, items: Sequence[FolderItem], predictions: Predictions, decoding: Decoding, quotes: bool, frames: int | None
) -> dict[str, float]:
    """Raises ValueError where an item has no captions."""
    bare = next((item.id for item in items if not item.captions), None)
    if bare is not None:
        raise ValueError(f"{bare} has no captions to be held against")
    describe(subject, items, predictions, decoding, quotes, frames)
    return caption_figures({item.id: item.captions for item in items}, {item.id: predictions[item.id]["answer"] for item in items})

