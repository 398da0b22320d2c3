"""Frames made up for the references, and what each family's vision graph takes of them."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from training.hub_models.families import Family

FRAMES = 4
SEED = 12


def made_frames(width: int, height: int, count: int = FRAMES) -> np.ndarray:
    """uint8 [count, height, width, 3]: a shaded ground, and a rectangle and a disc that move and change colour from frame to frame."""
    random = np.random.default_rng(SEED)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64) / (max(width, height) - 1)
    frames = np.empty((count, height, width, 3), np.uint8)
    for index in range(count):
        ground, box, disc = random.integers(0, 256, (3, 3))
        left, top, across, down = random.uniform(0.05, 0.6, 4)
        image = ground * (0.4 + 0.6 * (x * across + y * down))[:, :, None]
        image[(x > left) & (x < left + 0.35) & (y > top) & (y < top + 0.3)] = box
        image[(x - across) ** 2 + (y - down) ** 2 < 0.03] = disc
        frames[index] = np.clip(np.rint(image), 0, 255)
    return frames


def resized(family: Family, frame: np.ndarray) -> np.ndarray:
    """A frame of any shape [h, w, 3] squashed to the family's square by its filter, uint8."""
    size = (family.image_size, family.image_size)
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling(family.resample)))


def normalised(family: Family, frames: np.ndarray) -> torch.Tensor:
    """uint8 frames [T, S, S, 3] of the family's size -> float32 [T, 3, S, S], (x / 255 - mean) / std."""
    values = torch.from_numpy(frames.copy()).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(channel)[None, :, None, None] for channel in (family.mean, family.std))
    return (values - mean) / std


def vision_inputs(family: Family, frames: np.ndarray) -> dict[str, torch.Tensor]:
    """The inputs of the family's vision graph for uint8 frames [T, S, S, 3]: one image a frame, none split, none padded."""
    pixels = normalised(family, frames)
    count, size = len(frames), family.image_size
    if family.name == "smolvlm":
        return {"pixel_values": pixels[None], "pixel_attention_mask": torch.ones(1, count, size, size, dtype=torch.bool)}
    if family.name == "lfm2-vl":
        patch = family.preprocessor["encoder_patch_size"]
        side = size // patch
        cut = pixels.reshape(count, 3, side, patch, side, patch).permute(0, 2, 4, 3, 5, 1)
        return {
            "pixel_values": cut.reshape(count, side**2, -1),
            "pixel_attention_mask": torch.ones(count, side**2, dtype=torch.int64),
            "spatial_shapes": torch.full((count, 2), side, dtype=torch.int64),
        }
    return {"pixel_values": pixels}
