"""When an answer is to be marked "not sure": how near right and wrong captions come to a clip's frames, by a pack's CLIP.

    python -m training.doubt models/valley-nano

An answer's standing is how far its nearest frame lies above the mean of what the captions of src/moments/unrelated.ts reach
at theirs, in their standard deviations (src/moments/evidence.ts). Compared on the val splits: the first human caption of
each item and the app's own answer (docs/predictions) with their own frames and with those of other items, and sentences
that name one thing with items that have it and those that have not, by the words of the human captions. Needs the features
cache that `training.pack_features` fills.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .batches import FeatureBank
from .data import ROOT, Item, clean_caption, load_items
from .evaluation.from_pack import OnnxTextTower
from .export_files import read_json
from .instructions.record import Frame
from .sampling import plan_indices

CLIP_FRAMES = 8
STRIDE = 8  # Of the items whose frames other items' texts are held against, one in so many.
MARGINS = (0.6, 0.8, 1.0, 1.2, 1.4)
OUTDOORS = r"\b(beach|field|snow|street|mountain|forest|grass|ocean|lake|river|park|road|outside|outdoors|sky)\b"
INDOORS = r"\b(kitchen|room|sofa|couch|bed|office|indoors|inside|desk|studio|table)\b"
# Text, what the captions of items say of which it is right, and of which it is wrong.
SHORT = (
    ("It is outdoors.", OUTDOORS, INDOORS),
    ("Yes, there is a dog.", r"\bdogs?\b", None),
    ("No, there is no dog.", None, r"\bdogs?\b"),
)


def unrelated_captions() -> list[str]:
    source = (ROOT / "src" / "moments" / "unrelated.ts").read_text(encoding="utf-8")
    return re.findall(r"^  '(.*)',$", source, re.MULTILINE)


def answers(source: str) -> dict[str, str]:
    """The app's answers to the describing question, by item."""
    lines = (ROOT / "docs" / "predictions" / f"{source}-val-caption.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["id"]: row["answer"] for row in map(json.loads, lines) if "id" in row}


class Clips:
    """CLIP vectors of items' frames, and what unrelated captions reach at them."""

    def __init__(self, items: Sequence[Item], bank: FeatureBank, unrelated: np.ndarray) -> None:
        """unrelated: float [N, E], of length 1."""
        self._frames = []
        for item in items:
            frames = [Frame(item.source, item.id, index) for index in plan_indices(item.frames, CLIP_FRAMES if item.is_clip else 1)]
            vectors = np.asarray(bank.embeddings(tuple(frames)), np.float32)
            self._frames.append(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
        reached = np.stack([(unrelated @ vectors.T).max(1) for vectors in self._frames])
        self._mean, self._spread = reached.mean(1), reached.std(1)

    def standing(self, item: int, texts: np.ndarray) -> np.ndarray:
        """Of texts [T, E] at one item, [T]."""
        return ((texts @ self._frames[item].T).max(1) - self._mean[item]) / self._spread[item]


def captions(clips: Clips, texts: Sequence[str], vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Standings of each item's text at its own frames, and at those of every STRIDE-th other item."""
    own = np.array([clips.standing(index, vectors[index : index + 1])[0] for index in range(len(texts))])
    other = [
        clips.standing(index, vectors[[at for at, text in enumerate(texts) if at != index and text != texts[index]]])
        for index in range(0, len(texts), STRIDE)
    ]
    return own, np.concatenate(other)


def having(items: Sequence[Item], pattern: str | None, lacking: str | None, share: float = 0.3) -> list[int]:
    """Items of which at least `share` of the captions match, none `lacking`. No pattern: all that lack it."""

    def part(item: Item, wanted: str) -> float:
        return sum(bool(re.search(wanted, caption.lower())) for caption in item.captions) / len(item.captions)

    return [
        index
        for index, item in enumerate(items)
        if (pattern is None or part(item, pattern) >= share) and (lacking is None or part(item, lacking) == 0)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--tower", default="shipped", help="layer of the features cache")
    arguments = parser.parse_args()
    embed = OnnxTextTower(arguments.pack, read_json(arguments.pack / "pack.json")["textTower"])
    bank, unrelated = FeatureBank(arguments.tower), embed(unrelated_captions())
    for source in ("msrvtt", "flickr8k"):
        said = answers(source)
        items = [item for item in load_items(source) if item.split == "val" and item.id in said]
        clips = Clips(items, bank, unrelated)
        print(f"{source}: {len(items)} items; share marked below each margin: {', '.join(map(str, MARGINS))}")
        for name, texts in (
            ("human captions", [clean_caption(item.captions[0]) for item in items]),
            ("the app's answers", [said[item.id] for item in items]),
        ):
            for whose, found in zip(("own", "of other items"), captions(clips, texts, embed(texts)), strict=True):
                print(f"  {name}, {whose}: " + ", ".join(f"{(found < margin).mean():.3f}" for margin in MARGINS))
        for text, right, wrong in SHORT:
            vector = embed([text])
            for name, which in (("right", having(items, right, wrong)), ("wrong", having(items, wrong, right))):
                found = np.array([clips.standing(index, vector)[0] for index in which])
                print(f"  {text} {name} of {len(which)}: " + ", ".join(f"{(found < margin).mean():.2f}" for margin in MARGINS))


if __name__ == "__main__":
    main()
