"""What contrastive training pairs: pictures (cached stem grids) with the texts that describe them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch

from training.data import CACHE, clean_caption, held_out, load_items
from training.features import STEM, FeatureView

# Shares of a batch: photos with five careful captions most, frames of clips next, labelled photos and stills last.
SHARES = {"flickr8k": 0.52, "msrvtt": 0.30, "photos": 0.12, "youcook2": 0.03, "exercises": 0.03}
# Texts of these sources belong to one frame each, in order; elsewhere every text describes every frame.
TEXT_PER_FRAME = {"youcook2"}
AUGMENTED_SHARE = 0.4
MIN_WORD_COUNT = 25
STOP_WORDS = set(
    "a an the of in on at to and with is are was it its his her their they he she that this there for from by as be being while some"
    " one two who which into onto over up down out off near next front behind other another something someone has have having"
    " about around very what how or not no all each around through s t it's".split()
)


@dataclass(frozen=True)
class Unit:
    """One picture to be paired: an item and the frames that its texts describe; `texts` index into Material.texts."""

    source: str
    item: str
    frames: tuple[int, ...]
    texts: tuple[int, ...]
    mirror: bool


class Material:
    """All units of one split, their texts (unique) and, for training, the words that describe each unit."""

    def __init__(self, split: str, sources: list[str] | None = None) -> None:
        self.texts: list[str] = []
        self._known: dict[str, int] = {}
        self.units: dict[str, list[Unit]] = {}
        for source in sources or list(SHARES):
            self.units[source] = [unit for item in load_items(source) if item.split == split and not held_out(item) for unit in self._units(item)]
        self.views = {
            source: {
                path.parent.name: FeatureView(source, path.parent.name, STEM)
                for path in sorted((CACHE / STEM / source).glob("*/index.json"))
            }
            for source in self.units
        }

    def _text(self, text: str) -> int:
        cleaned = clean_caption(text)
        if cleaned not in self._known:
            self._known[cleaned] = len(self.texts)
            self.texts.append(cleaned)
        return self._known[cleaned]

    def _units(self, item) -> list[Unit]:
        texts = [self._text(text) for text in item.captions if text.strip()]
        if not texts:
            return []
        mirror = not item.names_a_side
        if item.source in TEXT_PER_FRAME:
            return [Unit(item.source, item.id, (frame,), (texts[frame],), mirror) for frame in range(min(item.frames, len(texts)))]
        return [Unit(item.source, item.id, tuple(range(item.frames)), tuple(texts), mirror)]

    def grids(self, units: list[Unit], random: np.random.Generator | None) -> torch.Tensor:
        """One frame of each unit as a stem grid, bfloat16 [B, 14, 14, 120]: augmented with `random`, else the middle frame, plain."""
        rows = []
        for unit in units:
            views = self.views[unit.source]
            if random is None:
                rows.append(views["plain"].frames(unit.item, [unit.frames[len(unit.frames) // 2]])[0])
                continue
            others = [view for view in views if view != "plain"]
            view = others[random.integers(len(others))] if others and random.random() < AUGMENTED_SHARE else "plain"
            rows.append(views[view].frames(unit.item, [unit.frames[random.integers(len(unit.frames))]])[0])
        grids = torch.from_numpy(np.stack(rows)).to(torch.bfloat16)
        if random is None:
            return grids
        flips = torch.from_numpy(random.random(len(units)) < 0.5) & torch.tensor([unit.mirror for unit in units])
        grids[flips] = grids[flips].flip(2)
        return shift(grids, random)


def shift(grids: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """Moves the whole batch's grid by -1..1 cells in each direction, the edge repeated: a crop that costs nothing."""
    down, right = (int(value) for value in random.integers(-1, 2, 2))
    rows = (torch.arange(grids.shape[1]) + down).clamp(0, grids.shape[1] - 1)
    columns = (torch.arange(grids.shape[2]) + right).clamp(0, grids.shape[2] - 1)
    return grids[:, rows][:, :, columns]


class UnitStream:
    """Endless batches of distinct units in fixed shares, every unit of a source once before any a second time."""

    def __init__(self, material: Material, batch: int, seed: int) -> None:
        self.material, self.seed, self.step = material, seed, 0
        total = sum(SHARES[source] for source in material.units)
        self.counts = {source: round(batch * SHARES[source] / total) for source in material.units}
        self.counts[next(iter(self.counts))] += batch - sum(self.counts.values())

    def next(self) -> tuple[list[Unit], np.ndarray, np.random.Generator]:
        """(units, the index of one text for each, the generator to augment with)."""
        random = np.random.default_rng((self.seed, self.step))
        chosen: list[Unit] = []
        for number, (source, count) in enumerate(self.counts.items()):
            units = self.material.units[source]
            for position in range(self.step * count, (self.step + 1) * count):
                epoch, place = divmod(position, len(units))
                chosen.append(units[_order(self.seed, number, epoch, len(units))[place]])
        self.step += 1
        texts = np.array([unit.texts[random.integers(len(unit.texts))] for unit in chosen])
        return chosen, texts, random


_orders: dict[tuple[int, int], tuple[int, np.ndarray]] = {}


def _order(seed: int, number: int, epoch: int, count: int) -> np.ndarray:
    """The order of an epoch; only the latest of each source is kept."""
    kept = _orders.get((seed, number))
    if kept is None or kept[0] != epoch:
        kept = (epoch, np.random.default_rng((seed, number, epoch)).permutation(count))
        _orders[(seed, number)] = kept
    return kept[1]


def words_of(text: str) -> set[str]:
    return {word for word in re.findall(r"[a-z']+", text.lower()) if word not in STOP_WORDS and len(word) > 1}


class WordTargets:
    """Which content words describe a unit: the targets of the auxiliary word loss."""

    def __init__(self, material: Material) -> None:
        counts = Counter(word for text in material.texts for word in words_of(text))
        self.words = sorted(word for word, count in counts.items() if count >= MIN_WORD_COUNT)
        self._index = {word: index for index, word in enumerate(self.words)}
        self._targets: dict[tuple[int, ...], np.ndarray] = {}
        self._texts = material.texts

    def of(self, units: list[Unit]) -> torch.Tensor:
        """float32 [B, words]: 1 where a word is in the unit's texts (in at least 3 of them where there are 10 or more)."""
        rows = np.zeros((len(units), len(self.words)), np.float32)
        for row, unit in enumerate(units):
            if unit.texts not in self._targets:
                seen = Counter(word for text in unit.texts for word in words_of(self._texts[text]))
                least = 3 if len(unit.texts) >= 10 else 1
                self._targets[unit.texts] = np.array([self._index[w] for w, n in seen.items() if n >= least and w in self._index], np.int64)
            rows[row, self._targets[unit.texts]] = 1
        return torch.from_numpy(rows)
