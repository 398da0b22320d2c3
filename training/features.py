"""Features cache: every frame of a source, once per view, as float16 on disk, in two layers.

    python -m training.features                                stems, then tokens of the ImageNet tower, plain views
    python -m training.features --view augmented-1             one more view: random crop of varied aspect squashed to 224, mirrored at random
    python -m training.features --tower clip                   tokens of the tower that training.clip.contrastive trained as run `clip`

The stem layer (training/cache/stem/<source>/<view>/) holds what the frozen first half of the trunk makes of the pixels,
[n, 14, 14, 120]: the slow half, computed once. The token layer (training/cache/<tower>/...) holds [n, 17, 1280], 16 grid
tokens and the global vector; a contrastive tower adds its CLIP vectors [n, 256] as embedding-*.npy. Shards lie beside
index.json. A shard is written under another name and renamed when whole, so an interrupted run continues where it stopped;
--no-resume fills the layer that --tower names anew.
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

from .clip.trunk import run_stem
from .data import CACHE, MOTION, SOURCES, Item, iterate_images, load_items, source_root, split_strip, squash
from .motion import make
from .tower import ImageTower, normalise

SHARD_FRAMES = 1024
BATCH = 32
STEM = "stem"
IMAGENET = "imagenet"


class FeatureView:
    """Read access to one view of one source in one layer; shards are memory-mapped, in frame order."""

    def __init__(self, source: str, view: str = "plain", layer: str = IMAGENET, cache: Path = CACHE, prefix: str = "shard") -> None:
        """`prefix`: shard, or embedding for the CLIP vectors. Raises FileNotFoundError with the command that fills the view."""
        folder = cache / layer / source / view
        index_path = folder / "index.json"
        if not index_path.is_file():
            raise FileNotFoundError(f"{index_path} is missing: run python -m training.features --source {source} --view {view} --tower {layer}")
        self.spans: dict[str, tuple[int, int]] = {
            id_: (first, count) for id_, first, count in json.loads(index_path.read_text())["items"]
        }
        self._shards = [np.load(path, mmap_mode="r") for path in sorted(folder.glob(f"{prefix}-*.npy"))]
        if not self._shards:
            raise FileNotFoundError(f"{folder} holds no {prefix} shards")

    def frames(self, item_id: str, indices: list[int] | None = None) -> np.ndarray:
        """float16 [T, ...] of an item's frames (`indices` into its own frames, in order; all by default)."""
        first, count = self.spans[item_id]
        chosen = range(count) if indices is None else indices
        rows = []
        for index in chosen:
            if not 0 <= index < count:
                raise IndexError(f"{item_id} has {count} frames, not {index}")
            shard, row = divmod(first + index, SHARD_FRAMES)
            rows.append(self._shards[shard][row])
        return np.stack(rows)

    def all(self) -> np.ndarray:
        """Every frame of the view in one array; for small layers only."""
        return np.concatenate(self._shards)


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
    """The items a view holds: all of them in plain, only the train split in augmented ones. Makes the motion clips if need be."""
    if source == MOTION:
        make(source_root(source) / MOTION)
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
def encode_stem(tower: ImageTower, images: np.ndarray) -> np.ndarray:
    """uint8 [B, 224, 224, 3] to float16 [B, 14, 14, 120]; bfloat16 inside, channels last."""
    pixels = normalise(torch.from_numpy(images)).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        return run_stem(tower, pixels).to(torch.float16).numpy()


def archive_order(source: str, items: dict[str, Item]) -> list[Item]:
    """The items as the archive orders them. Raises ValueError if the archive lacks one."""
    with tarfile.open(source_root(source) / SOURCES[source][0]) as archive:
        names = [Path(member.name).stem for member in archive if member.isfile()]
    present = [items[name] for name in names if name in items]
    if len(present) != len(items):
        raise ValueError(f"{source}: the archive holds {len(present)} of {len(items)} captioned items")
    return present


def write_index(folder: Path, source: str, view: str, ordered: list[Item]) -> None:
    first, spans = 0, []
    for item in ordered:
        spans.append([item.id, first, item.frames])
        first += item.frames
    (folder / "index.json").write_text(json.dumps({"source": source, "view": view, "frames": first, "items": spans}))


def write_shard(folder: Path, name: str, values: np.ndarray) -> None:
    """Writes a shard whole or not at all."""
    unfinished = folder / "unfinished.npy"
    np.save(unfinished, values)
    unfinished.rename(folder / name)


def shards_done(folder: Path) -> int:
    done = 0
    while (folder / f"shard-{done:04d}.npy").is_file():
        done += 1
    return done


def forget(folder: Path) -> None:
    """Empties one view of a layer, so that it is filled anew."""
    for path in (*folder.glob("*.npy"), *folder.glob("index.json")):
        path.unlink()


def build_stem(source: str, view: str, cache: Path = CACHE) -> None:
    """Fills one view of the stem layer; continues an interrupted one."""
    folder = cache / STEM / source / view
    folder.mkdir(parents=True, exist_ok=True)
    items = {item.id: item for item in plan_items(source, view)}
    ordered = archive_order(source, items)
    total = sum(item.frames for item in ordered)
    done = shards_done(folder)
    if done < math.ceil(total / SHARD_FRAMES):
        fill_stem(folder, iterate_frames(source, view, items, done * SHARD_FRAMES), done, total)
    write_index(folder, source, view, ordered)


def fill_stem(folder: Path, frames: Iterator[np.ndarray], done: int, total: int) -> None:
    """Encodes `frames` into stem shards from number `done` on."""
    tower = ImageTower().to(memory_format=torch.channels_last)
    started, encoded, position = time.monotonic(), 0, done * SHARD_FRAMES
    while position < total:
        size = min(SHARD_FRAMES, total - position)
        batches = []
        for start in range(0, size, BATCH):
            batches.append(encode_stem(tower, np.stack([next(frames) for _ in range(min(BATCH, size - start))])))
        write_shard(folder, f"shard-{position // SHARD_FRAMES:04d}.npy", np.concatenate(batches))
        position, encoded = position + size, encoded + size
        rate = encoded / (time.monotonic() - started)
        print(f"{folder.parent.name}/{folder.name}: {position}/{total} frames, {rate:.0f}/s, {(total - position) / rate:.0f} s left", flush=True)


@torch.inference_mode()
def build_tokens(source: str, view: str, layer: str, cache: Path = CACHE) -> None:
    """Fills one view of a tower's token layer from the stem layer."""
    from .clip.image_tower import load_image_tower

    stem, folder = cache / STEM / source / view, cache / layer / source / view
    folder.mkdir(parents=True, exist_ok=True)
    tower = load_image_tower(None if layer == IMAGENET else layer)
    paths = sorted(stem.glob("shard-*.npy"))[shards_done(folder) :]
    started = time.monotonic()
    for number, path in enumerate(paths, 1):
        grids = np.load(path)
        tokens, embeddings = [], []
        for start in range(0, len(grids), 128):
            patches, cls, embedding = tower(torch.from_numpy(grids[start : start + 128]).to(torch.bfloat16))
            tokens.append(torch.cat([patches, cls[:, None]], 1).to(torch.float16).numpy())
            embeddings.append(embedding.to(torch.float16).numpy())
        write_shard(folder, path.name.replace("shard", "embedding"), np.concatenate(embeddings))
        write_shard(folder, path.name, np.concatenate(tokens))
        left = (len(paths) - number) * (time.monotonic() - started) / number
        print(f"{layer}/{source}/{view}: {path.stem}, {left:.0f} s left", flush=True)
    (folder / "index.json").write_text((stem / "index.json").read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", choices=sorted(SOURCES), action="append", help="default: all")
    parser.add_argument("--view", default="plain", help="plain, or any other name for an augmented view of the train split")
    parser.add_argument("--tower", default=IMAGENET, help="whose tokens: imagenet, a run of training.clip.contrastive, or stem for none")
    parser.add_argument("--resume", action=argparse.BooleanOptionalAction, default=True, help="keep the shards that are there")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for source in arguments.source or list(SOURCES):
        if not arguments.resume:
            forget(CACHE / arguments.tower / source / arguments.view)
        build_stem(source, arguments.view)
        if arguments.tower != STEM:
            build_tokens(source, arguments.view, arguments.tower)


if __name__ == "__main__":
    main()
