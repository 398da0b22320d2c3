"""Features cache: every frame of a source through the frozen tower, once per view, as float16 on disk.

    python -m training.features                    plain views of flickr8k and msrvtt
    python -m training.features --view augmented-1  one more view: random crop of varied aspect squashed to 224, mirrored at random

A view lies in training/cache/<source>/<view>/ as shards [n, 17, 1280] (16 grid tokens, then the global vector) beside
index.json. A shard is written under another name and renamed when whole, so an interrupted run continues where it stopped.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from .data import CACHE, SOURCES, Item, data_root, iterate_images, load_items, split_strip, squash
from .tower import GRID_TOKENS, WIDTH, ImageTower, normalise

SHARD_FRAMES = 1024
BATCH = 32
TOKENS = GRID_TOKENS + 1


class FeatureView:
    """Read access to one view of one source; shards are memory-mapped, in frame order."""

    def __init__(self, source: str, view: str = "plain", cache: Path = CACHE) -> None:
        folder = cache / source / view
        index_path = folder / "index.json"
        if not index_path.is_file():
            raise FileNotFoundError(f"{index_path} is missing: run python -m training.features --source {source} --view {view}")
        self.spans: dict[str, tuple[int, int]] = {
            id_: (first, count) for id_, first, count in json.loads(index_path.read_text())["items"]
        }
        self._shards = [np.load(path, mmap_mode="r") for path in sorted(folder.glob("shard-*.npy"))]

    def frames(self, item_id: str, indices: list[int] | None = None) -> np.ndarray:
        """float16 [T, 17, 1280] of an item's frames (`indices` into its own frames, in order; all by default)."""
        first, count = self.spans[item_id]
        chosen = range(count) if indices is None else indices
        rows = []
        for index in chosen:
            if not 0 <= index < count:
                raise IndexError(f"{item_id} has {count} frames, not {index}")
            shard, row = divmod(first + index, SHARD_FRAMES)
            rows.append(self._shards[shard][row])
        return np.stack(rows)


def augmentation(item: Item, view: str) -> tuple[tuple[float, float, float, float], bool]:
    """The crop (left, top, right, bottom as fractions) and mirroring of an item in a view.

    Drawn from the item's id and the view's name alone, the same for every frame of a clip. The area is 55..100 % of the
    frame and the crop's aspect 3/4..4/3 of the frame's own, so squashing it to a square varies the aspect.
    """
    seed = hashlib.sha256(f"{view}/{item.source}/{item.id}".encode()).digest()
    random = np.random.default_rng(int.from_bytes(seed[:8], "little"))
    area = random.uniform(0.55, 1.0)
    aspect = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
    width, height = min(1.0, math.sqrt(area * aspect)), min(1.0, math.sqrt(area / aspect))
    left, top = random.uniform(0, 1 - width), random.uniform(0, 1 - height)
    mirrored = bool(random.random() < 0.5) and not item.names_a_side
    return (left, top, left + width, top + height), mirrored


def apply_view(frame: Image.Image, item: Item, view: str) -> np.ndarray:
    """uint8 [224, 224, 3]: a frame as `view` shows it."""
    if view == "plain":
        return squash(frame)
    (left, top, right, bottom), mirrored = augmentation(item, view)
    box = (left * frame.width, top * frame.height, right * frame.width, bottom * frame.height)
    cropped = frame.resize((224, 224), Image.Resampling.BILINEAR, box=box)
    return squash(cropped.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else cropped)


def plan_items(source: str, view: str) -> list[Item]:
    """The items a view holds: all of them in plain, only the train split in augmented ones."""
    return [item for item in load_items(source) if view == "plain" or item.split == "train"]


def iterate_frames(source: str, view: str, items: dict[str, Item], skip: int) -> Iterator[np.ndarray]:
    """Frames in archive order as uint8 [224, 224, 3], without the first `skip`."""
    position = 0
    for item_id, image in iterate_images(source):
        item = items.get(item_id)
        if item is None:
            continue
        frames = split_strip(image) if item.is_clip else [image]
        if len(frames) != item.frames:
            raise ValueError(f"{source}/{item_id}: {len(frames)} frames in the archive, {item.frames} in the captions file")
        for frame in frames:
            if position >= skip:
                yield apply_view(frame, item, view)
            position += 1


@torch.inference_mode()
def encode(tower: ImageTower, images: np.ndarray) -> np.ndarray:
    """uint8 [B, 224, 224, 3] to float16 [B, 17, 1280]; bfloat16 inside, channels last."""
    pixels = normalise(torch.from_numpy(images)).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        patches, cls = tower(pixels)
    return torch.cat([patches, cls[:, None]], 1).to(torch.float16).numpy()


def archive_order(source: str, items: dict[str, Item]) -> list[Item]:
    """The items as the archive orders them. Raises ValueError if the archive lacks one."""
    with tarfile.open(data_root() / SOURCES[source][0]) as archive:
        names = [Path(member.name).stem for member in archive if member.isfile()]
    present = [items[name] for name in names if name in items]
    if len(present) != len(items):
        raise ValueError(f"{source}: the archive holds {len(present)} of {len(items)} captioned items")
    return present


def build(source: str, view: str, cache: Path = CACHE) -> None:
    """Fills one view; continues an interrupted one."""
    folder = cache / source / view
    folder.mkdir(parents=True, exist_ok=True)
    items = {item.id: item for item in plan_items(source, view)}
    ordered = archive_order(source, items)
    total = sum(item.frames for item in ordered)
    shards = math.ceil(total / SHARD_FRAMES)
    done = 0
    while (folder / f"shard-{done:04d}.npy").is_file():
        done += 1
    if done < shards:
        fill_shards(folder, iterate_frames(source, view, items, done * SHARD_FRAMES), done, total)
    first, spans = 0, []
    for item in ordered:
        spans.append([item.id, first, item.frames])
        first += item.frames
    (folder / "index.json").write_text(json.dumps({"source": source, "view": view, "frames": total, "items": spans}))
    print(f"{source}/{view}: {total} frames in {shards} shards", flush=True)


def fill_shards(folder: Path, frames: Iterator[np.ndarray], done: int, total: int) -> None:
    """Encodes `frames` into shards from number `done` on."""
    tower = ImageTower().to(memory_format=torch.channels_last)
    started, encoded, position = time.monotonic(), 0, done * SHARD_FRAMES
    while position < total:
        size = min(SHARD_FRAMES, total - position)
        shard = np.empty((size, TOKENS, WIDTH), np.float16)
        for start in range(0, size, BATCH):
            images = np.stack([next(frames) for _ in range(min(BATCH, size - start))])
            shard[start : start + len(images)] = encode(tower, images)
        path = folder / f"shard-{position // SHARD_FRAMES:04d}.npy"
        unfinished = folder / "unfinished.npy"
        np.save(unfinished, shard)
        unfinished.rename(path)
        position, encoded = position + size, encoded + size
        rate = encoded / (time.monotonic() - started)
        print(f"{folder.parent.name}/{folder.name}: {position}/{total} frames, {rate:.0f}/s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", choices=sorted(SOURCES), action="append", help="default: all")
    parser.add_argument("--view", default="plain", help="plain, or any other name for an augmented view of the train split")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for source in arguments.source or list(SOURCES):
        build(source, arguments.view)


if __name__ == "__main__":
    main()
