"""How well quoted captions fit, found per clip and per frame: without a language model, in seconds.

    python -m training.evaluation.quotes --tower clip

For every MSR-VTT val clip (8 frames, or `--frames`) the store's captions are found both ways and held against the clip's human
captions by CIDEr-D. `first` is the nearest quote alone, `mean` the mean over all quoted, `best` the best of them. What the
model makes of them: `python -m training.evaluate --quote-by clip|frames`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

import numpy as np

from ..batches import FeatureBank
from ..cider import CiderD
from ..data import Item, load_items
from ..instructions.record import Frame
from ..retrieval import WAYS, CaptionStore, store_folder
from ..sampling import plan_indices


def compare(store: CaptionStore, bank: FeatureBank, items: Sequence[Item], frames: int) -> dict[str, dict[str, float]]:
    """Figures by the way of finding; `differs`: the share of clips whose quotes are others than those found per clip."""
    cider = CiderD([item.captions for item in items])
    found: dict[str, list[list[str]]] = {}
    figures: dict[str, dict[str, float]] = {}
    vectors = [
        bank.embeddings(tuple(Frame(item.source, item.id, index) for index in plan_indices(item.frames, frames))) for item in items
    ]
    for by in WAYS:
        store.by = by
        found[by] = [store.nearest(clip) for clip in vectors]
        scores = [[cider.score(text, item.captions) for text in quotes] for item, quotes in zip(items, found[by], strict=True)]
        figures[by] = {
            "first": float(np.mean([row[0] for row in scores])),
            "mean": float(np.mean([np.mean(row) for row in scores])),
            "best": float(np.mean([max(row) for row in scores])),
            "differs": float(np.mean([set(one) != set(other) for one, other in zip(found[by], found[WAYS[0]], strict=True)])),
        }
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tower", required=True, help="layer of the features cache and run that the store was made for")
    parser.add_argument("--source", default="msrvtt")
    parser.add_argument("--frames", type=int, default=8)
    arguments = parser.parse_args()
    items = [item for item in load_items(arguments.source) if item.split == "val"]
    store = CaptionStore.load(store_folder(arguments.tower))
    for by, figures in compare(store, FeatureBank(arguments.tower), items, arguments.frames).items():
        print(by, json.dumps({name: round(value, 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
