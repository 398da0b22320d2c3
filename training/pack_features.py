"""The features cache and the caption store as a shipped pack's own graphs make them, so that training can go on from a pack.

    python -m training.pack_features models/valley-nano --tower shipped                       plain views of every source
    python -m training.pack_features models/valley-nano --tower shipped --view augmented-1 --source flickr8k

Fills training/cache/<tower>/ like `training.features` does, from the pack's image tower in ONNX Runtime (float32), and
training/checkpoints/<tower>/store/ from the pack's caption store. With `training.from_pack`, which gives the projector and
the adapter back, a run continues from a pack without the checkpoints it was made from. An interrupted fill continues.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from .data import CACHE, SOURCES
from .evaluation.from_pack import session_of
from .export_files import read_json
from .features import SHARD_FRAMES, archive_order, iterate_frames, plan_items, shards_done, write_index, write_shard
from .retrieval import CaptionStore, store_folder

BATCH = 16


class PackTower:
    """The pack's image tower: uint8 [B, 224, 224, 3] to (tokens float16 [B, P + 1, D], CLIP vectors float16 [B, E])."""

    def __init__(self, pack: Path) -> None:
        """Raises ValueError for a tower without CLIP vectors or of another input size than the cache's 224."""
        tower = read_json(pack / "pack.json")["tower"]
        if "embeddingOutput" not in tower or tower["inputSize"] != 224:
            raise ValueError(f"{pack}: the features cache holds 224x224 frames with CLIP vectors; this tower makes others")
        self._session = session_of(pack / tower["file"]["path"])
        self._outputs = [tower["patchesOutput"], tower["clsOutput"], tower["embeddingOutput"]]
        self._mean, self._std = np.float32(tower["mean"]), np.float32(tower["std"])

    def __call__(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pixels = ((frames.astype(np.float32) / 255 - self._mean) / self._std).transpose(0, 3, 1, 2)
        patches, cls, embedding = self._session.run(self._outputs, {"pixels": np.ascontiguousarray(pixels)})
        return np.concatenate([patches, cls[:, None]], 1).astype(np.float16), embedding.astype(np.float16)


def fill(folder: Path, tower: PackTower, frames: Iterator[np.ndarray], total: int) -> None:
    """Writes the token and embedding shards that are missing; `frames` begins at the first missing one."""
    position, started, encoded = shards_done(folder) * SHARD_FRAMES, time.monotonic(), 0
    while position < total:
        size = min(SHARD_FRAMES, total - position)
        parts = [tower(np.stack([next(frames) for _ in range(min(BATCH, size - start))])) for start in range(0, size, BATCH)]
        name = f"{position // SHARD_FRAMES:04d}.npy"
        write_shard(folder, f"embedding-{name}", np.concatenate([embeddings for _, embeddings in parts]))
        write_shard(folder, f"shard-{name}", np.concatenate([tokens for tokens, _ in parts]))
        position, encoded = position + size, encoded + size
        rate = encoded / (time.monotonic() - started)
        print(f"{folder.parent.name}/{folder.name}: {position}/{total}, {rate:.0f}/s, {(total - position) / rate:.0f} s left", flush=True)


def build(pack: Path, layer: str, source: str, view: str, cache: Path = CACHE) -> None:
    """Fills one view of one source in the layer named `layer`."""
    folder = cache / layer / source / view
    folder.mkdir(parents=True, exist_ok=True)
    items = {item.id: item for item in plan_items(source, view)}
    ordered = archive_order(source, items)
    total, done = sum(item.frames for item in ordered), shards_done(folder)
    if done < math.ceil(total / SHARD_FRAMES):
        fill(folder, PackTower(pack), iterate_frames(source, view, items, done * SHARD_FRAMES), total)
    write_index(folder, source, view, ordered)


def copy_store(pack: Path, layer: str) -> CaptionStore:
    """The pack's caption store as `training.retrieval` reads it, with the vectors that the browser ranks by."""
    entry = read_json(pack / "pack.json")["captionStore"]
    lines = (pack / entry["texts"]["path"]).read_text(encoding="utf-8").rstrip("\n").split("\n")
    pictures, texts = zip(*(line.split("\t", 1) for line in lines), strict=True)
    vectors = np.frombuffer((pack / entry["vectors"]["path"]).read_bytes(), np.int8).reshape(entry["count"], entry["size"])
    store = CaptionStore(list(texts), np.array([int(picture) for picture in pictures]), vectors, entry["scale"])
    store.save(store_folder(layer))
    return store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--tower", required=True, help="name of the layer to fill, to be given to --tower of the phases")
    parser.add_argument("--source", choices=sorted(SOURCES), action="append", help="default: all")
    parser.add_argument("--view", default="plain")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    copy_store(arguments.pack, arguments.tower)
    for source in arguments.source or list(SOURCES):
        build(arguments.pack, arguments.tower, source, arguments.view)


if __name__ == "__main__":
    main()
