"""Retrieval with the CLIP: which caption belongs to a photo or clip, and the other way round."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .folders import FolderItem
from .model import Subject
from .records import Predictions, Progress

DEPTHS = (1, 5, 10)
TEXTS = 64


def evaluate_retrieval(
    subject: Subject, items: Sequence[FolderItem], vectors: Predictions, predictions: Predictions, frames: int | None
) -> dict[str, float]:
    """R@1, R@5 and R@10 both ways; a clip's vector is the normalised mean of its frames'.

    `vectors` keeps what was encoded; `predictions` gets {id, rank, first} for every item and every caption (item#number).
    Raises ValueError where the model has no CLIP.
    """
    if subject.text_tower is None:
        raise ValueError("the model has no text tower to retrieve with")
    texts = [(f"{item.id}#{number}", text) for item in items for number, text in enumerate(item.captions)]
    owners = np.repeat(np.arange(len(items)), [len(item.captions) for item in items])
    todo = [item for item in items if item.id not in vectors]
    progress = Progress(len(todo), "pictures")
    for item in todo:
        seen = subject.look(item.frames(subject.sampling, frames), quotes=False)
        vectors.add({"id": item.id, "vector": rounded(seen.direction())})
        progress.step()
    missing = [(key, text) for key, text in texts if key not in vectors]
    progress = Progress(len(missing), "captions")
    for start in range(0, len(missing), TEXTS):
        chunk = missing[start : start + TEXTS]
        for (key, _), vector in zip(chunk, subject.text_tower([text for _, text in chunk]), strict=True):
            vectors.add({"id": key, "vector": rounded(vector)})
        progress.step(len(chunk))

    pictures = np.array([vectors[item.id]["vector"] for item in items], np.float32)
    captions = np.array([vectors[key]["vector"] for key, _ in texts], np.float32)
    similarity = pictures @ captions.T
    to_text = ranks(similarity, owners[None] == np.arange(len(items))[:, None])
    to_picture = ranks(similarity.T, owners[:, None] == np.arange(len(items))[None])
    for rows, names, firsts, scores in (
        (to_text, [item.id for item in items], [key for key, _ in texts], similarity),
        (to_picture, [key for key, _ in texts], [item.id for item in items], similarity.T),
    ):
        for name, rank, first in zip(names, rows, scores.argmax(1), strict=True):
            if name not in predictions:
                predictions.add({"id": name, "rank": int(rank), "first": firsts[first]})
    return recall("i2t", to_text) | recall("t2i", to_picture) | {"items": len(items), "captions": len(texts)}


def ranks(scores: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Rank (from 1) of the best own candidate of each query, ties to the earlier: scores and own [queries, candidates]."""
    best = np.where(own, scores, -np.inf).argmax(1)
    value = scores[np.arange(len(scores)), best][:, None]
    earlier = np.arange(scores.shape[1])[None] < best[:, None]
    return 1 + ((scores > value) | ((scores == value) & earlier)).sum(1)


def recall(name: str, placed: np.ndarray) -> dict[str, float]:
    return {f"{name}_r{depth}": float((placed <= depth).mean()) for depth in DEPTHS}


def rounded(vector: np.ndarray) -> list[float]:
    return [round(float(value), 5) for value in vector]
