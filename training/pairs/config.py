"""What a pair is made of, read from JSON: training/pairs/valley-7b.json is an example with every field."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

import torch

DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}
# accelerate's names for the precisions of its autocast.
MIXED_PRECISION = {"bfloat16": "bf16", "float32": "no"}
FITS = ("squash", "crop")
POOLINGS = ("mean", "importance", "delta")


@dataclass(frozen=True)
class TowerConfig:
    """`model`: a Hugging Face id or a folder (relative ones from the JSON file's). `layer`: whose output is read, -1 the last.

    `grid`: patch tokens a side, the tower's own or fewer by averaging. `fit`: how a picture becomes a square of `imageSize`,
    squashed whole or cropped in the middle. `mean`, `std`: of RGB on the 0..1 scale.
    """

    model: str
    layer: int
    grid: int
    imageSize: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    fit: str


@dataclass(frozen=True)
class DecoderConfig:
    """`model` as in TowerConfig. `dtype`: of the frozen weights and of accelerate's autocast.

    `system`: the system message, null for a template without one. `chatTemplate`: Jinja, null for the tokenizer's own.
    `markers`: four texts that the marker embeddings start from (their tokens' mean), null for random ones.
    """

    model: str
    dtype: str
    system: str | None
    chatTemplate: str | None
    markers: tuple[str, str, str, str] | None


@dataclass(frozen=True)
class PairConfig:
    """`pooling`: of patch tokens over time. `maxFrames`: T of a clip is drawn from 1 to this."""

    tower: TowerConfig
    decoder: DecoderConfig
    pooling: str
    maxFrames: int


def _build(kind: type, row: dict, where: str):
    names = {field.name for field in fields(kind)}
    if names != set(row):
        raise ValueError(f"{where}: fields missing {sorted(names - set(row))}, unknown {sorted(set(row) - names)}")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in row.items()})


def _one_of(value: str, known, where: str) -> None:
    if value not in known:
        raise ValueError(f"{where}: {value!r} is none of {', '.join(known)}")


def _located(row: dict, folder: Path) -> dict:
    """`row` with a model that lies beside the JSON file as that folder's path."""
    beside = folder / row.get("model", "")
    return row | {"model": str(beside)} if row.get("model") and beside.is_dir() else row


def read_config(path: Path) -> PairConfig:
    """Raises ValueError where a field is missing, unknown or out of range, naming it."""
    row = json.loads(path.read_text(encoding="utf-8"))
    parts = {
        "tower": _build(TowerConfig, _located(row.get("tower", {}), path.parent), f"{path.name} tower"),
        "decoder": _build(DecoderConfig, _located(row.get("decoder", {}), path.parent), f"{path.name} decoder"),
    }
    config = _build(PairConfig, row | parts, path.name)
    _one_of(config.tower.fit, FITS, f"{path.name} tower.fit")
    _one_of(config.decoder.dtype, DTYPES, f"{path.name} decoder.dtype")
    _one_of(config.pooling, POOLINGS, f"{path.name} pooling")
    if config.maxFrames < 1 or config.tower.layer >= 0 or min(config.tower.grid, config.tower.imageSize) < 1:
        raise ValueError(f"{path.name}: maxFrames, grid and imageSize count from 1, layer from -1 downwards")
    return config
