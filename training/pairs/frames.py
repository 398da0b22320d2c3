"""The frames of a sample as the tower of a pair takes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ..data import split_strip
from ..sampling import plan_indices
from ..videos import duration_of, image_at
from .config import TowerConfig
from .material import Material, Sample


def fit(picture: Image.Image, config: TowerConfig) -> np.ndarray:
    """uint8 [size, size, 3]: squashed whole, or the short side to `imageSize` and the middle cut out; bicubic, as CLIP's own."""
    size = config.imageSize
    if config.fit == "crop":
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        picture = picture.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
    elif picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(picture, dtype=np.uint8)


def sample_frames(material: Material, sample: Sample, count: int, config: TowerConfig) -> np.ndarray:
    """uint8 [count, size, size, 3] in time order, from the middles of `count` equal parts; a photo `count` times."""
    if sample.kind == "video":
        pictures = video_frames(Path(sample.media), count)
    elif sample.kind == "strip":
        strip = split_strip(material.open(sample.media))
        pictures = [strip[index] for index in plan_indices(len(strip), count)]
    else:
        pictures = [material.open(sample.media)] * count
    return np.stack([fit(picture, config) for picture in pictures])


def video_frames(path: Path, count: int) -> list[Image.Image]:
    """RGB frames of a video file, turned upright. Raises ValueError where it shows none at a planned time."""
    duration = duration_of(path)
    return [image_at(path, (index + 0.5) * duration / count) for index in range(count)]
