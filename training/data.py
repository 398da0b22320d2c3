"""Where the training material lies and how its records read.

The material is not part of the repository: it is looked for in the folder named by VALLEY_DATA, else in `shared/data`
beside the repository.
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import os
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(__file__).resolve().parent / "cache"
CHECKPOINTS = Path(__file__).resolve().parent / "checkpoints"
FRAME_SIZE = 224

# Sources by name: archive, captions, and whether an item is a clip (a strip of frames side by side, in time order).
SOURCES = {
    "flickr8k": ("flickr8k/images.tar", "flickr8k/captions.jsonl", False),
    "msrvtt": ("msrvtt/strips.tar", "msrvtt/captions.jsonl.xz", True),
    "photos": ("photos/images.tar", "photos/captions.jsonl.xz", False),
    "youcook2": ("youcook2/strips.tar", "youcook2/captions.jsonl.xz", True),
    "exercises": ("exercises/strips.tar", "exercises/captions.jsonl.xz", True),
    "motion": ("motion/strips.tar", "motion/captions.jsonl", True),
}
# Made of photos by `training.motion`: it lies with the cache, not with the material.
MOTION = "motion"


@dataclass(frozen=True)
class Item:
    """One photo (1 frame) or clip (several), with its human captions."""

    source: str
    id: str
    split: str
    frames: int
    captions: tuple[str, ...]
    is_clip: bool

    @property
    def names_a_side(self) -> bool:
        """True where a caption says left or right, so that a mirrored view would make it false."""
        return any(re.search(r"\b(left|right)\b", caption.lower()) for caption in self.captions)


def data_root() -> Path:
    """The folder of the training material. Raises FileNotFoundError with what to do where there is none."""
    root = Path(os.environ.get("VALLEY_DATA", ROOT.parent / "shared" / "data"))
    if not root.is_dir():
        raise FileNotFoundError(f"no training data at {root}: set VALLEY_DATA to the folder that holds flickr8k/ and msrvtt/")
    return root


def read_json_lines(path: Path) -> list[dict]:
    """All records of a .jsonl or .jsonl.xz file."""
    opener = lzma.open if path.suffix == ".xz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def source_root(source: str) -> Path:
    """The folder that a source's files are named from."""
    return CACHE if source == MOTION else data_root()


def load_items(source: str) -> list[Item]:
    """The records of one source, in the order of its captions file."""
    _, captions, is_clip = SOURCES[source]
    return [
        Item(source, row["id"], row["split"], row.get("n_frames", 1), tuple(item_texts(row)), is_clip)
        for row in read_json_lines(source_root(source) / captions)
    ]


def item_texts(row: dict) -> list[str]:
    """What a record says of its pictures: captions, whole descriptions, recipe steps (one a frame), a name or a label."""
    texts = list(row.get("captions", []))
    texts += [" ".join(clean_caption(sentence) for sentence in sequence) for sequence in row.get("sequences", [])]
    texts += row.get("steps", [])
    if not texts:
        texts = [row[key].replace("_", " ") for key in ("name", "label", "scene") if row.get(key)]
    if not texts and row.get("objects"):
        texts = [" and ".join(row["objects"])]
    return texts


def held_out(item: Item) -> bool:
    """True for the fifth of the YouCook2 recipes, by a hash of the id, that only evaluation uses: that source has no val split."""
    return item.source == "youcook2" and int.from_bytes(hashlib.sha256(item.id.encode()).digest()[:8], "big") % 5 == 0


def iterate_images(source: str) -> Iterator[tuple[str, Image.Image]]:
    """(id, RGB image) of every archive member in archive order; a clip's image is its whole strip."""
    with tarfile.open(source_root(source) / SOURCES[source][0]) as archive:
        for member in archive:
            if member.isfile():
                raw = archive.extractfile(member)
                assert raw is not None
                yield Path(member.name).stem, Image.open(io.BytesIO(raw.read())).convert("RGB")


def split_strip(strip: Image.Image) -> list[Image.Image]:
    """The square frames of a strip, left to right. Raises ValueError if the width is no multiple of the height."""
    if strip.width % strip.height:
        raise ValueError(f"a strip of {strip.width}x{strip.height} does not hold square frames")
    side = strip.height
    return [strip.crop((x, 0, x + side, side)) for x in range(0, strip.width, side)]


def squash(image: Image.Image, size: int = FRAME_SIZE) -> np.ndarray:
    """uint8 [size, size, 3]: the whole image resized to a square with Pillow's antialiased bilinear filter."""
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.uint8)


def clean_caption(caption: str) -> str:
    """One spelling of a caption for training: no space before punctuation, capital first letter, full stop.

    "A dog runs ." -> "A dog runs."; "a man is singing" -> "A man is singing."
    """
    text = re.sub(r"\s+", " ", caption).strip()
    text = re.sub(r"\s+([.,;:!?'])", r"\1", text).strip(" \"'")
    text = re.sub(r"[.!,;:\s]+$", "", text)
    return f"{text[:1].upper()}{text[1:]}." if text else ""
