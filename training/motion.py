"""Clips made of photos: a window that moves across, down or closer, so that which way a camera moves is known.

    python -m training.motion        writes training/cache/motion: strips.tar and captions.jsonl, shaped like any other source

Each chosen Flickr8k photo gives three strips of eight frames, named by the photo and the path: `-across` (the window moves to
the right), `-down` and `-closer` (it shrinks). Played backwards they move to the left, up and away; one frame held stands
still. Photos, windows and paths follow from the photos' ids alone, so the same data give the same strips. `training.features`
and `training.pack_features` make them when they are first asked for the source `motion`.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import random
import tarfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from .data import CACHE, FRAME_SIZE, MOTION, iterate_images, load_items

PHOTOS = "flickr8k"
COUNTS = {"train": 500, "val": 80}
FRAMES = 8
PATHS = ("across", "down", "closer")
# What a strip shows when it is played forwards.
SHOWN = {"across": "The camera moves to the right.", "down": "The camera moves down.", "closer": "The camera zooms in."}
QUALITY = 92


class Window(NamedTuple):
    """A square part of a photo, as fractions of its sides."""

    left: float
    top: float
    side: float


def chosen(ids: Iterable[str], split: str) -> list[str]:
    """The photos of a split that clips are made of: the first by a hash of the id."""
    return sorted(ids, key=lambda id_: hashlib.sha256(f"motion/{id_}".encode()).digest())[: COUNTS[split]]


def strip_id(photo: str, path: str) -> str:
    return f"{photo}-{path}"


def photo_of(strip: str) -> str:
    """The photo that a strip was made of."""
    return strip.rpartition("-")[0]


def windows(photo: str, path: str) -> list[Window]:
    """The window of each frame, forwards. Across and down it keeps its size, 50 to 65 % of a side, and goes nearly from edge
    to edge; closer it shrinks evenly in the logarithm around a fixed place."""
    drawn = random.Random(f"motion/{photo}/{path}")
    steps = [index / (FRAMES - 1) for index in range(FRAMES)]
    if path == "closer":
        first, last = drawn.uniform(0.85, 0.98), drawn.uniform(0.4, 0.5)
        sides = [first * (last / first) ** step for step in steps]
        x, y = drawn.random(), drawn.random()
        return [Window((1 - side) * x, (1 - side) * y, side) for side in sides]
    side = drawn.uniform(0.5, 0.65)
    room, across = 1 - side, drawn.uniform(0, 1 - side)
    start, end = room * drawn.uniform(0, 0.1), room * drawn.uniform(0.9, 1)
    places = [start + (end - start) * step for step in steps]
    return [Window(place, across, side) if path == "across" else Window(across, place, side) for place in places]


def frame(photo: Image.Image, window: Window) -> Image.Image:
    """What the window shows, 224x224."""
    width, height = photo.size
    left, top, side = window
    # Rounding may put an edge a hair outside, which Pillow refuses.
    box = (left * width, top * height, min(width, (left + side) * width), min(height, (top + side) * height))
    return photo.resize((FRAME_SIZE, FRAME_SIZE), Image.Resampling.BICUBIC, box=box)


def strip(photo: Image.Image, name: str, path: str) -> Image.Image:
    """The eight frames side by side."""
    image = Image.new("RGB", (FRAMES * FRAME_SIZE, FRAME_SIZE))
    for index, window in enumerate(windows(name, path)):
        image.paste(frame(photo, window), (index * FRAME_SIZE, 0))
    return image


def jpeg(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=QUALITY)
    return content.getvalue()


def make(folder: Path) -> int:
    """Writes strips and captions where they are not there yet, whole or not at all; returns how many strips were written."""
    if (folder / "captions.jsonl").is_file():
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    split_of = {
        id_: split for split in COUNTS for id_ in chosen((item.id for item in load_items(PHOTOS) if item.split == split), split)
    }
    rows, unfinished, started = [], folder / "strips.unfinished", time.monotonic()
    with tarfile.open(unfinished, "w") as archive:
        for photo, image in iterate_images(PHOTOS):
            if photo not in split_of:
                continue
            for path in PATHS:
                content, id_ = jpeg(strip(image, photo, path)), strip_id(photo, path)
                member = tarfile.TarInfo(f"{id_}.jpg")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
                rows.append({"id": id_, "split": split_of[photo], "n_frames": FRAMES, "captions": [SHOWN[path]]})
            if len(rows) % (len(PATHS) * 100) == 0:
                left = (len(split_of) * len(PATHS) / len(rows) - 1) * (time.monotonic() - started)
                print(f"motion: {len(rows)} strips, {math.ceil(left)} s left", flush=True)
    unfinished.rename(folder / "strips.tar")
    # Last, because its presence says that all is there.
    captions = folder / "captions.unfinished"
    captions.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    captions.rename(folder / "captions.jsonl")
    return len(rows)


def main() -> None:
    print(f"{make(CACHE / MOTION)} strips written to {CACHE / MOTION}")


if __name__ == "__main__":
    main()
