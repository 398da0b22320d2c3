"""Retrieval figures of a pair of towers on the val splits, from the stem cache.

    python -m training.clip.retrieval --run clip                                     both sources, printed
    python -m training.clip.retrieval --run clip --source flickr8k --out FILE.json   one, its figures and ranks written
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import torch

from training.data import Item, clean_caption, load_items
from training.evaluation.records import Predictions, write_figures
from training.features import STEM, FeatureView

from .image_tower import load_image_tower
from .text_tower import TextTower, TokenStates, load_text_tower

RANKS = (1, 5, 10)
# What the keys of a source's figures begin with, as in docs/results.json.
PREFIXES = {"flickr8k": "", "msrvtt": "msrvtt_"}
_states: dict[str, TokenStates] = {}


def ranks(similarity: np.ndarray, owners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many others stand before what belongs together: (of each item's best own text, of each text's item), from 0.

    similarity [items, texts]; owners [texts]: the item that each text describes.
    """
    own = owners[None] == np.arange(len(similarity))[:, None]
    best = np.where(own, similarity, -np.inf).max(1)
    mine = similarity[owners, np.arange(len(owners))]
    return (similarity > best[:, None]).sum(1), (similarity > mine[None]).sum(0)


def recalls(to_text: np.ndarray, to_item: np.ndarray) -> dict[str, float]:
    """Recall of both directions from `ranks`.

    item -> text counts a hit if any of the item's own texts is within the first k, the usual rule for five captions.
    """
    figures = {f"i2t_r{k}": float((to_text < k).mean()) for k in RANKS}
    return figures | {f"t2i_r{k}": float((to_item < k).mean()) for k in RANKS}


@torch.inference_mode()
def embed_items(image_tower, items: Sequence[Item]) -> np.ndarray:
    """One L2-normalised vector an item of one source: the mean of its frames' CLIP vectors, float32 [items, 256]."""
    view, rows = FeatureView(items[0].source, "plain", STEM), []
    for item in items:
        grids = torch.from_numpy(view.frames(item.id)).to(torch.bfloat16)
        rows.append(image_tower(grids)[2].mean(0))
    vectors = torch.stack(rows)
    return (vectors / vectors.norm(dim=1, keepdim=True)).numpy()


@torch.inference_mode()
def compare(image_tower, text_tower: TextTower, source: str, split: str) -> tuple[list[Item], np.ndarray, np.ndarray]:
    """(items, similarity [items, texts], owners [texts]) of a source's split."""
    items = [item for item in load_items(source) if item.split == split]
    texts = [clean_caption(caption) for item in items for caption in item.captions]
    owners = np.repeat(np.arange(len(items)), [len(item.captions) for item in items])
    if source not in _states:
        _states[source] = TokenStates(texts, f"{source}-{split}", text_tower)
    with torch.autocast("cpu", torch.bfloat16):
        parts = [
            text_tower.embed(*_states[source].batch(chunk)).numpy()
            for chunk in np.array_split(np.arange(len(texts)), max(1, len(texts) // 256))
        ]
    return items, embed_items(image_tower, items) @ np.concatenate(parts).T, owners


def evaluate(image_tower, text_tower: TextTower, split: str = "val", sources: Collection[str] = tuple(PREFIXES)) -> dict[str, float]:
    """R@1/5/10 on Flickr8k (keys as in docs/results.json) and, with prefix msrvtt_, on MSR-VTT (mean of frames); of those among
    `sources`."""
    figures: dict[str, float] = {}
    for source, prefix in ((source, prefix) for source, prefix in PREFIXES.items() if source in sources):
        _, similarity, owners = compare(image_tower, text_tower, source, split)
        figures |= {prefix + name: round(value, 4) for name, value in recalls(*ranks(similarity, owners)).items()}
    return figures


def write(run: str, source: str, out: Path, fresh: bool) -> dict[str, float]:
    """Figures of one source into `out`, beside them each photo's or clip's and each caption's (item#number) rank, from 1."""
    rows = Predictions(out.with_suffix(".predictions.jsonl"), {"model": run, "data": source, "split": "val", "task": "retrieval"}, fresh)
    items, similarity, owners = compare(load_image_tower(run), load_text_tower(run), source, "val")
    to_text, to_item = ranks(similarity, owners)
    captions = [f"{item.id}#{number}" for item in items for number in range(len(item.captions))]
    for name, rank in zip([*(item.id for item in items), *captions], [*to_text, *to_item], strict=True):
        if name not in rows:
            rows.add({"id": name, "rank": int(rank) + 1})
    figures = recalls(to_text, to_item) | {"items": len(items), "captions": len(captions)}
    about = {"model": {"clip": run}, "data": {"folder": source, "split": "val", "limit": None}, "engine": "PyTorch"}
    write_figures(out, "retrieval", figures, rows.path, about)
    return figures


def argument_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default="clip", help="a run of training.clip.contrastive")
    parser.add_argument("--source", choices=list(PREFIXES), default="flickr8k", help="with --out: whose val split")
    parser.add_argument("--out", type=Path, help="figures, a .json file")
    parser.add_argument("--fresh", action="store_true", help="forget the ranks of an earlier run")
    return parser


def main() -> None:
    arguments = argument_parser().parse_args()
    torch.set_num_threads(2)
    if arguments.out is not None:
        figures = write(arguments.run, arguments.source, arguments.out, arguments.fresh)
    else:
        figures = evaluate(load_image_tower(arguments.run), load_text_tower(arguments.run))
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
