"""A training run on frames of the features cache, so that no tower has to run: the quickest way to compare runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ..batches import FeatureBank
from ..data import SOURCES, Item, load_items, read_json_lines
from ..features import IMAGENET
from ..instructions.record import Frame
from ..sampling import plan_indices
from .folders import Sampling
from .model import Subject
from .questions import Question, turns_of


class BankEyes:
    """Frames of the cache, named instead of shown (`training.evaluation.model.Eyes`)."""

    def __init__(self, bank: FeatureBank) -> None:
        self.bank = bank

    def __call__(self, frames: Sequence[Frame]) -> tuple[torch.Tensor, torch.Tensor | None]:
        named = tuple(frames)
        # The ImageNet trunk has no CLIP vectors.
        vectors = None if self.bank.layer == IMAGENET else torch.from_numpy(self.bank.embeddings(named)).float()
        return self.bank.features(named), vectors


def see_cached(subject: Subject, layer: str) -> None:
    """Makes a run look at frames of the cache from here on."""
    subject.eyes = BankEyes(FeatureBank(layer))  # type: ignore[assignment]  frames are named, not shown
    subject.about |= {"frames": f"features cache, {layer}"}


@dataclass(frozen=True)
class CachedItem:
    """A photo or clip of the cache as evaluation takes it (`training.evaluation.folders.FolderItem`)."""

    item: Item

    @property
    def id(self) -> str:
        return self.item.id

    @property
    def captions(self) -> tuple[str, ...]:
        return self.item.captions

    @property
    def is_photo(self) -> bool:
        return not self.item.is_clip

    def frames(self, sampling: Sampling, budget: int | None) -> list[Frame]:
        """The frames that a strip in a folder would give."""
        most = min(budget or sampling.default, sampling.maximum)
        return [Frame(self.item.source, self.id, index) for index in plan_indices(self.item.frames, max(1, min(self.item.frames, most)))]


def cached_items(source: str, split: str) -> list[CachedItem]:
    """The items of a source and split. Raises ValueError where there are none."""
    if source not in SOURCES:
        raise ValueError(f"there is no source {source}: {', '.join(SOURCES)}")
    items = [CachedItem(item) for item in load_items(source) if split in ("all", item.split)]
    if not items:
        raise ValueError(f'{source} has no items of split "{split}"')
    return items


def cached_questions(path: Path) -> tuple[list[Question], int]:
    """The questions of a file that `training.instructions.generate` wrote; those without two answers are left out and counted."""
    questions, left_out = [], 0
    for row in read_json_lines(path):
        shown = [Frame(*frame) for frame in (row["frames"][:1] if row["still"] else row["frames"])]
        found = turns_of(row, repr(shown), lambda _, shown=shown: shown) if shown else [None for _ in row["turns"]]
        questions += [question for question in found if question is not None]
        left_out += sum(question is None for question in found)
    return questions, left_out
