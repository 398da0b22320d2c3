"""The decoder's base weights: raw GGUF tensor bytes in shards, described by base.json.

Block formats as in ggml (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, ggml-common.h):
a row is cut into blocks of 32 weights.  Q8_0: f16 d, 32 x int8 q, w = d*q.
Q4_1: f16 d, f16 m, 16 bytes; low nibbles are weights 0..15, high nibbles 16..31, w = d*q + m.
Q4_0: f16 d, 16 bytes in the same order, w = d*(q - 8).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from training.export_files import describe, read_json, sha256_of, superseded

SHARD_LIMIT = 45 * 1024 * 1024
BLOCK = 32
# The output matrix of a base whose embedding is not tied to it.
OUTPUT = "output.weight"
BLOCK_BYTES = {"Q4_0": 18, "Q4_1": 20, "Q8_0": 34}
PLAIN_DTYPES = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2")}


@dataclass(frozen=True)
class RawTensor:
    """One GGUF tensor: `shape` row-major ([out, in] or [n]), `data` its bytes as stored."""

    name: str
    type: str
    shape: tuple[int, ...]
    data: bytes


def tensor_bytes(kind: str, shape: tuple[int, ...]) -> int:
    """Stored size in bytes of a tensor; ValueError for an unknown type or a row that is no multiple of 32."""
    count = int(np.prod(shape))
    if kind in PLAIN_DTYPES:
        return count * PLAIN_DTYPES[kind].itemsize
    if kind not in BLOCK_BYTES:
        raise ValueError(f"unsupported GGUF tensor type {kind}")
    if shape[-1] % BLOCK:
        raise ValueError(f"{kind} rows must be a multiple of {BLOCK}, got {shape}")
    return count // BLOCK * BLOCK_BYTES[kind]


def dequantise(kind: str, data: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """Float32 array of `shape` from stored bytes; the only rounding is the final one to float32."""
    if kind in PLAIN_DTYPES:
        return np.frombuffer(data, PLAIN_DTYPES[kind]).astype(np.float32).reshape(shape)
    blocks = np.frombuffer(data, np.uint8).reshape(-1, BLOCK_BYTES[kind])
    scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
    if kind == "Q8_0":
        return (blocks[:, 2:].view(np.int8).astype(np.float32) * scale).reshape(shape)
    stored = blocks[:, 2 if kind == "Q4_0" else 4 :]
    nibbles = np.concatenate([stored & 15, stored >> 4], axis=1).astype(np.float32)
    if kind == "Q4_0":
        return ((nibbles - 8) * scale).reshape(shape)
    minimum = blocks[:, 2:4].copy().view("<f2").astype(np.float32)
    return (nibbles * scale + minimum).reshape(shape)


def quantise(kind: str, weights: np.ndarray) -> bytes:
    """Bytes of float32 `weights` in a GGUF type, each code rounded to nearest."""
    if kind in PLAIN_DTYPES:
        return weights.astype(PLAIN_DTYPES[kind]).tobytes()
    rows = weights.astype(np.float32).reshape(-1, BLOCK)
    if kind == "Q8_0":
        scale = (np.abs(rows).max(1, keepdims=True) / 127).astype("<f2")
        step = np.where(scale == 0, 1, scale).astype(np.float32)
        codes = np.clip(np.rint(rows / step), -127, 127).astype(np.int8)
        return np.concatenate([scale.view(np.uint8), codes.view(np.uint8)], axis=1).tobytes()
    if kind == "Q4_0":
        codes, scale = block_codes(rows)
        packed = codes[:, :16] | (codes[:, 16:] << 4)
        return np.concatenate([scale[:, None].view(np.uint8), packed], axis=1).tobytes()
    minimum = rows.min(1, keepdims=True).astype("<f2")
    scale = ((rows.max(1, keepdims=True) - minimum.astype(np.float32)) / 15).astype("<f2")
    step = np.where(scale == 0, 1, scale).astype(np.float32)
    codes = np.clip(np.rint((rows - minimum.astype(np.float32)) / step), 0, 15).astype(np.uint8)
    packed = codes[:, :16] | (codes[:, 16:] << 4)
    return np.concatenate([scale.view(np.uint8), minimum.view(np.uint8), packed], axis=1).tobytes()


def block_codes(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """4-bit codes uint8 [blocks, 32] of float32 rows [blocks, 32] and scales float16 [blocks]; w is about scale * (code - 8).

    As ggml's Q4_0: the weight of largest magnitude has code 0, so that scale and codes of weights that were made so come back.
    Half-way codes go up; a block of zeros has scale 0 and code 8.
    """
    at = np.abs(rows).argmax(axis=1)
    scale = (rows[np.arange(len(rows)), at] / np.float32(-8)).astype("<f2")
    scale[scale == 0] = 0  # of one sign
    step = scale.astype(np.float32)[:, None]
    inverse = np.divide(np.float32(1), step, out=np.zeros_like(step), where=step != 0)
    codes = np.floor((rows * inverse).astype(np.float32) + np.float32(8.5))
    return np.clip(codes, 0, 15).astype(np.uint8), scale


def read_gguf(path: Path) -> tuple[dict[str, object], list[RawTensor]]:
    """Metadata fields and tensors, in file order, of a GGUF file."""
    from gguf import GGUFReader

    reader = GGUFReader(str(path))
    fields = {name: item.contents() for name, item in reader.fields.items()}
    tensors = []
    for item in reader.tensors:
        shape = tuple(int(size) for size in reversed(item.shape))
        raw = RawTensor(item.name, item.tensor_type.name, shape, np.ascontiguousarray(item.data).tobytes())
        if len(raw.data) != tensor_bytes(raw.type, shape):
            raise ValueError(f"{raw.name}: {len(raw.data)} bytes do not fit {raw.type} {shape}")
        tensors.append(raw)
    return fields, tensors


def pack_shards(tensors: Iterable[RawTensor], limit: int = SHARD_LIMIT) -> tuple[list[bytes], list[dict]]:
    """Concatenate tensors into shards of at most `limit` bytes; returns the shards and base.json's tensor table."""
    shards, table = [bytearray()], []
    for tensor in tensors:
        if len(tensor.data) > limit:
            raise ValueError(f"{tensor.name} is larger than a shard")
        if len(shards[-1]) + len(tensor.data) > limit:
            shards.append(bytearray())
        table.append(
            {
                "name": tensor.name,
                "type": tensor.type,
                "shape": list(tensor.shape),
                "shard": len(shards) - 1,
                "offset": len(shards[-1]),
                "bytes": len(tensor.data),
            }
        )
        shards[-1] += tensor.data
    return [bytes(shard) for shard in shards], table


def write_shards(folder: Path, shards: list[bytes]) -> list[dict]:
    """Write `weights-<i>-<sha8>.bin` files, removing superseded ones; returns their manifest entries."""
    names = [f"weights-{index}-{sha256_of(shard)[:8]}.bin" for index, shard in enumerate(shards)]
    for index in range(len(shards) + 9):
        for old in superseded(folder, f"weights-{index}", ".bin", keep=names[index] if index < len(names) else None):
            old.unlink()
    for name, shard in zip(names, shards, strict=True):
        (folder / name).write_bytes(shard)
    return [describe(folder / name, folder) for name in names]


@dataclass
class Base:
    """An exported base folder: base.json with lazily read shards."""

    folder: Path
    manifest: dict = field(init=False)

    def __post_init__(self) -> None:
        self.manifest = read_json(self.folder / "base.json")
        self._shards: dict[int, bytes] = {}
        self._entries = {entry["name"]: entry for entry in self.manifest["tensors"]}

    def entry(self, name: str) -> dict:
        """base.json's row for tensor `name`; KeyError if the base has none."""
        return self._entries[name]

    def has(self, name: str) -> bool:
        """Whether the base has a tensor `name`."""
        return name in self._entries

    def raw(self, name: str) -> bytes:
        """Stored bytes of tensor `name`, its shard checked against its SHA-256."""
        entry = self.entry(name)
        shard = entry["shard"]
        if shard not in self._shards:
            listed = self.manifest["files"]["weights"][shard]
            data = (self.folder / listed["path"]).read_bytes()
            if sha256_of(data) != listed["sha256"]:
                raise ValueError(f"{listed['path']} does not match its SHA-256")
            self._shards[shard] = data
        return self._shards[shard][entry["offset"] : entry["offset"] + entry["bytes"]]

    def tensor(self, name: str) -> np.ndarray:
        """Float32 array of tensor `name`, [out, in] or [n]."""
        entry = self.entry(name)
        return dequantise(entry["type"], self.raw(name), tuple(entry["shape"]))
