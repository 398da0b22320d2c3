"""Reference derivation: the decoder graph's external data from the base bytes and an optional LoRA adapter.

workers/packs/derive.ts does the same in the browser and must agree byte for byte, so each rounding is fixed:
a dequantised weight is rounded to float32 once; the adapter's product is accumulated in float64 in rank order,
scaled, added, rounded to float32 once; so is the product with smoothing factors; scale = float32(max|W| / 127);
code = float32(W / scale) rounded half away from zero.  The forms are listed in docs/pack-format.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.gguf_base import Base, block_codes
from training.smoothing import Smoothing, smoothed

BLOCK = 32
ALIGNMENT = 64
ITEM_BYTES = {
    "int8-kn": 1,
    "q8-nk": 1,
    "q4-nk": 1,
    "int8-scale-f32": 4,
    "q8-scale-f32": 4,
    "q8-scale-f16": 2,
    "q4-scale-f16": 2,
    "f32-kn": 4,
    "f32": 4,
    "f16": 2,
}


@dataclass(frozen=True)
class Adapter:
    """LoRA in GGUF row order: `factors[name] = (A [rank, in], B [out, rank])`, float16; W += alpha/rank * B@A."""

    rank: int
    alpha: float
    factors: dict[str, tuple[np.ndarray, np.ndarray]]


def element_count(form: str, k: int, n: int) -> int:
    """Elements of an initializer: k*n for a matrix (half as many bytes of 4-bit codes), n for channel scales or a vector, n*k/32
    for scales of blocks."""
    if form == "q4-nk":
        return k * n // 2
    if form in ("int8-kn", "q8-nk", "f32-kn"):
        return k * n
    if form in ("q8-scale-f32", "q8-scale-f16", "q4-scale-f16"):
        return n * k // BLOCK
    return n


def adapted(weights: np.ndarray, name: str, adapter: Adapter | None) -> np.ndarray:
    """Float32 [out, in] weights plus the adapter's product, if it has one for `name`."""
    if adapter is None or name not in adapter.factors:
        return weights
    a, b = (factor.astype(np.float64) for factor in adapter.factors[name])
    product = np.zeros(weights.shape, np.float64)
    for index in range(adapter.rank):
        product += b[:, index : index + 1] * a[index : index + 1]
    return (weights.astype(np.float64) + product * (adapter.alpha / adapter.rank)).astype(np.float32)


def channel_codes(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric per-output-channel int8 of float32 [N, K]: codes int8 [N, K] in -127..127 and scales float32 [N]."""
    peak = np.abs(weights).max(axis=1)
    scales = np.where(peak == 0, np.float32(1), peak / np.float32(127)).astype(np.float32)
    quotient = (weights / scales[:, None]).astype(np.float64)
    rounded = np.copysign(np.floor(np.abs(quotient) + 0.5), quotient)
    return np.clip(rounded, -127, 127).astype(np.int8), scales


def encode(form: str, weights: np.ndarray) -> bytes:
    """Bytes of one initializer from its float32 source: [N, K] for matrices and scales, [N] for `f32` and `f16`."""
    if form == "f32":
        return weights.astype("<f4").tobytes()
    if form == "f16":
        return weights.astype("<f2").tobytes()
    if form == "f32-kn":
        return np.ascontiguousarray(weights.T).astype("<f4").tobytes()
    if form in ("q4-nk", "q4-scale-f16"):
        codes, scales = block_codes(weights.reshape(-1, BLOCK))
        # MatMulNBits has neighbours in a byte, the first of them low.
        return scales.tobytes() if form == "q4-scale-f16" else (codes[:, 0::2] | (codes[:, 1::2] << 4)).tobytes()
    codes, scales = channel_codes(weights)
    if form == "int8-kn":
        return np.ascontiguousarray(codes.T).tobytes()
    if form == "int8-scale-f32":
        return scales.astype("<f4").tobytes()
    if form == "q8-nk":
        return (codes.astype(np.int16) + 128).astype(np.uint8).tobytes()
    if form in ("q8-scale-f32", "q8-scale-f16"):
        return np.repeat(scales, weights.shape[1] // BLOCK).astype("<f4" if form.endswith("f32") else "<f2").tobytes()
    raise ValueError(f"unknown form {form}")


def source_rows(base: Base, entry: dict, adapter: Adapter | None, smoothing: Smoothing | None = None) -> np.ndarray:
    """Float32 source of a layout entry: its tensors dequantised, adapted, smoothed and stacked along the output axis."""
    rows = [smoothed(adapted(base.tensor(name), name, adapter), name, smoothing) for name in entry["sources"]]
    return np.concatenate(rows, axis=0)


def derive(base: Base, flavour: str, adapter: Adapter | None = None, smoothing: Smoothing | None = None) -> np.ndarray:
    """The whole external-data file of graph `flavour` as uint8, zero between the 64-byte aligned entries."""
    graph = base.manifest["graphs"][flavour]
    data = np.zeros(graph["bytes"], np.uint8)
    for entry in graph["tensors"]:
        encoded = encode(entry["form"], source_rows(base, entry, adapter, smoothing))
        if len(encoded) != entry["bytes"]:
            raise ValueError(f"{entry['name']}: {len(encoded)} bytes derived, {entry['bytes']} in the layout")
        data[entry["offset"] : entry["offset"] + entry["bytes"]] = np.frombuffer(encoded, np.uint8)
    return data
