"""Retrieval figures of a pair of towers on the val splits, from the stem cache: python -m training.clip.retrieval --run clip."""

from __future__ import annotations

import argparse
import json

import numpy as np
import torch

from training.data import clean_caption, load_items
from training.features import STEM, FeatureView

from .image_tower import load_image_tower
from .text_tower import TextTower, TokenStates, load_text_tower

RANKS = (1, 5, 10)
_states: dict[str, TokenStates] = {}


def recalls(similarity: np.ndarray, owners: np.ndarray) -> dict[str, float]:
    """Recall of both directions from similarities [items, texts]; owners [texts]: the item that each text describes.

    item -> text counts a hit if any of the item's own texts is within the first k, the usual rule for five captions.
    """
    own = owners[None] == np.arange(len(similarity))[:, None]
    best = np.where(own, similarity, -np.inf).max(1)
    to_text = (similarity > best[:, None]).sum(1)
    mine = similarity[owners, np.arange(len(owners))]
    to_item = (similarity > mine[None]).sum(0)
    figures = {f"i2t_r{k}": float((to_text < k).mean()) for k in RANKS}
    return figures | {f"t2i_r{k}": float((to_item < k).mean()) for k in RANKS}


@torch.inference_mode()
def embed_items(image_tower, source: str, split: str) -> np.ndarray:
    """One L2-normalised vector an item: the mean of its frames' CLIP vectors, float32 [items, 256]."""
    view, rows = FeatureView(source, "plain", STEM), []
    for item in (item for item in load_items(source) if item.split == split):
        grids = torch.from_numpy(view.frames(item.id)).to(torch.bfloat16)
        rows.append(image_tower(grids)[2].mean(0))
    vectors = torch.stack(rows)
    return (vectors / vectors.norm(dim=1, keepdim=True)).numpy()


@torch.inference_mode()
def evaluate(image_tower, text_tower: TextTower, split: str = "val") -> dict[str, float]:
    """R@1/5/10 on Flickr8k (keys as in docs/results.json) and, with prefix msrvtt_, on MSR-VTT (mean of frames)."""
    figures: dict[str, float] = {}
    for source, prefix in (("flickr8k", ""), ("msrvtt", "msrvtt_")):
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
        similarity = embed_items(image_tower, source, split) @ np.concatenate(parts).T
        figures |= {prefix + name: round(value, 4) for name, value in recalls(similarity, owners).items()}
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", default="clip")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    print(json.dumps(evaluate(load_image_tower(arguments.run), load_text_tower(arguments.run)), indent=1))


if __name__ == "__main__":
    main()
