"""Retrieved captions (SmallCap, arXiv 2209.15323): the captions of a shipped store that lie nearest to a clip.

    python -m training.retrieval --run clip        embeds the store with that run's text tower

The store is COCO val2017's captions (CC-BY 4.0). It shares no picture with the training or val sets; pictures of
`photos` that come from COCO val2017 leave their own captions out when they train (`exclude`).
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Literal

import numpy as np

from .data import CHECKPOINTS, clean_caption, data_root, read_json_lines

QUOTES = 3
By = Literal["clip", "frames", "time"]
WAYS: tuple[By, ...] = ("clip", "frames", "time")
INTRO = "Similar scenes:"
# What goes before a quote that was found for one part of a clip.
FIRST, BETWEEN, LAST = "First: ", "Then: ", "Last: "
SOURCE = "COCO val2017 captions, https://cocodataset.org"
LICENCE = "CC-BY-4.0"


class CaptionStore:
    """Captions with the picture each describes and their CLIP vectors, int8 with one scale.

    `by`: whether a clip's quotes are those nearest to the mean of its frames ("clip"), those that its frames vote for
    ("frames"), or those nearest to its beginning, middle and end, and said to be so ("time").
    """

    by: By = "clip"

    def __init__(self, captions: list[str], pictures: np.ndarray, vectors: np.ndarray, scale: float) -> None:
        """captions: n; pictures: int64 [n]; vectors: int8 [n, 256], value = int8 * scale."""
        self.captions, self.pictures, self.vectors, self.scale = captions, pictures, vectors, scale
        self._matrix = vectors.astype(np.float32) * scale

    @classmethod
    def load(cls, folder: Path) -> CaptionStore:
        """Reads what `save` wrote: captions.tsv (picture, caption) and vectors.npz."""
        rows = [line.split("\t", 1) for line in (folder / "captions.tsv").read_text(encoding="utf-8").splitlines()]
        saved = np.load(folder / "vectors.npz")
        return cls([text for _, text in rows], np.array([int(picture) for picture, _ in rows]), saved["vectors"], float(saved["scale"]))

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f"{picture}\t{text}" for picture, text in zip(self.pictures, self.captions)]
        (folder / "captions.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        np.savez(folder / "vectors.npz", vectors=self.vectors, scale=self.scale)

    def nearest(self, frames: np.ndarray, count: int = QUOTES, exclude: Collection[int] = ()) -> list[str]:
        """The captions nearest to a clip, one a picture, the nearest first.

        frames: float [T, 256] CLIP vectors of its frames, L2-normalised; the query is their normalised mean, or that of each
        part, or each of them (`by`). Ties go to the caption that stands first. `exclude`: pictures whose captions do not count.
        """
        vectors = frames.astype(np.float32)
        if self.by == "time" and len(vectors) > 1:
            return self._told(vectors, count, set(exclude))
        if self.by == "frames":
            found = voted(vectors @ self._matrix.T, self.pictures, count, exclude)
        else:
            found = ranked(self._similarity(vectors), self.pictures, count, exclude)
        return [self.captions[index] for index in found]

    def _similarity(self, frames: np.ndarray) -> np.ndarray:
        """Of every caption [n] to the normalised mean of frames [T, 256]."""
        query = frames.mean(0)
        return self._matrix @ (query / np.linalg.norm(query))

    def _told(self, frames: np.ndarray, count: int, used: set[int]) -> list[str]:
        """The nearest caption of each of up to `count` parts of a clip [T >= 2, 256], in time order, no picture twice; the ends
        choose before what lies between them."""
        parts = scenes(frames, count)
        last = len(parts) - 1
        told: dict[int, str] = {}
        for number in (0, last, *range(1, last)):
            start, end = parts[number]
            word = FIRST if number == 0 else LAST if number == last else BETWEEN
            for index in ranked(self._similarity(frames[start:end]), self.pictures, 1, used):
                used.add(int(self.pictures[index]))
                told[number] = word + self.captions[index]
        return [told[number] for number in sorted(told)]


def scenes(frames: np.ndarray, most: int) -> list[tuple[int, int]]:
    """Cuts a clip [T, E] into min(T, most) parts that follow each other, as [start, end), so that its frames lie as near as
    they can to the mean of their part (least squares, by dynamic programming). Of equal ways the one with the earlier cuts."""
    total, parts = len(frames), min(len(frames), most)
    sums = np.concatenate([np.zeros((1, frames.shape[1])), np.cumsum(frames, 0, dtype=np.float64)])

    def near(start: int, end: int) -> float:
        """Of frames of length 1, what the sum of squares within a part falls short of their number."""
        return float(np.square(sums[end] - sums[start]).sum()) / (end - start)

    # best[end]: the nearness of frames [0, end) in so many parts, and the cuts that give it.
    best: dict[int, tuple[float, list[int]]] = {end: (near(0, end), [0]) for end in range(1, total + 1)}
    for number in range(2, parts + 1):
        longer = {}
        for end in range(number, total + 1):
            ways = [(best[cut][0] + near(cut, end), [*best[cut][1], cut]) for cut in range(number - 1, end)]
            top = max(value for value, _ in ways)
            # Sums of equal frames differ in their last bits.
            longer[end] = next(way for way in ways if way[0] >= top - 1e-6)
        best = longer
    cuts = best[total][1]
    return list(zip(cuts, [*cuts[1:], total]))


def ranked(similarity: np.ndarray, pictures: np.ndarray, count: int, exclude: Collection[int] = ()) -> list[int]:
    """The `count` captions of highest similarity [n], one a picture, the best first, ties to the one that stands first."""
    # 64 candidates hold `count` different pictures: a picture has five captions.
    candidates = np.argpartition(-similarity, 64)[:64] if len(similarity) > 64 else np.arange(len(similarity))
    candidates = candidates[np.lexsort((candidates, -similarity[candidates]))]
    used, chosen = set(exclude), []
    for index in candidates:
        if len(chosen) < count and pictures[index] not in used:
            used.add(int(pictures[index]))
            chosen.append(int(index))
    return chosen


def voted(similarity: np.ndarray, pictures: np.ndarray, count: int, exclude: Collection[int] = ()) -> list[int]:
    """The captions that frames vote for: each frame names its `count` nearest, similarity [T, n].

    The pictures with most votes win, equal ones by the nearest of their captions; of each the caption that is nearest to any
    frame that named it.
    """
    votes: Counter[int] = Counter()
    best: dict[int, tuple[float, int]] = {}
    for row in similarity:
        for index in ranked(row, pictures, count, exclude):
            picture = int(pictures[index])
            votes[picture] += 1
            best[picture] = min(best.get(picture, (np.inf, 0)), (-float(row[index]), index))
    order = sorted(best, key=lambda picture: (-votes[picture], *best[picture]))
    return [best[picture][1] for picture in order[:count]]


def quotes_text(captions: list[str]) -> str:
    """What the prompt holds between VISUAL and the question; empty without captions."""
    return "\n" + " ".join([INTRO, *captions]) if captions else ""


def quantise(vectors: np.ndarray) -> tuple[np.ndarray, float]:
    """float32 [n, E] to int8 with one symmetric scale."""
    scale = float(np.abs(vectors).max()) / 127
    return np.round(vectors / scale).astype(np.int8), scale


def coco_captions() -> tuple[list[str], list[int]]:
    """(captions, picture number of each) of COCO val2017; captions of 3 to 18 words, each text once."""
    captions, pictures, seen = [], [], set()
    for picture, row in enumerate(read_json_lines(data_root() / "text" / "coco_val2017_captions.jsonl.xz")):
        for text in row["captions"]:
            cleaned = " ".join(clean_caption(text).split())
            if 3 <= len(cleaned.split()) <= 18 and cleaned.lower() not in seen:
                seen.add(cleaned.lower())
                captions.append(cleaned)
                pictures.append(picture)
    return captions, pictures


def coco_pictures() -> dict[str, int]:
    """Picture number by COCO id."""
    rows = read_json_lines(data_root() / "text" / "coco_val2017_captions.jsonl.xz")
    return {row["id"]: picture for picture, row in enumerate(rows)}


def build(run: str) -> CaptionStore:
    """Embeds the store with the text tower of a contrastive run and saves it beside the run."""
    from .clip.text_tower import embed_texts, load_text_tower
    from .evaluation.records import Progress

    captions, pictures = coco_captions()
    vectors, scale = quantise(embed_texts(load_text_tower(run), captions, progress=Progress(len(captions), "captions embedded")))
    store = CaptionStore(captions, np.array(pictures), vectors, scale)
    store.save(store_folder(run))
    return store


def store_folder(run: str) -> Path:
    return CHECKPOINTS / run / "store"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default="clip", help="the contrastive run whose text tower embeds the captions")
    arguments = parser.parse_args()
    store = build(arguments.run)
    print(json.dumps({"captions": len(store.captions), "pictures": len(set(store.pictures.tolist()))}))


if __name__ == "__main__":
    main()
