"""Factors that move what is hard to round from activations into weights (SmoothQuant, arXiv 2211.10438), as packs carry them.

The int8 graph rounds each row of activations to 8 bits of its largest magnitude, so a few channels of large values leave
few steps to all others. An input channel of a matrix is divided by its factor where it is made, in the RMSNorm weight or in
the rows of the matrix before, and the matrix's column is multiplied by it: in exact arithmetic nothing changes, and no
operator is added. `training.calibrate` finds the factors; workers/packs/smoothing.ts reads them in the browser.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.export_files import read_json
from training.gguf_base import OUTPUT, Base


@dataclass(frozen=True)
class Site:
    """Tensors whose outputs are divided by `size` factors, and the matrices whose input channels are multiplied by them."""

    divided: tuple[str, ...]
    multiplied: tuple[str, ...]
    size: int

    @property
    def name(self) -> str:
        """Of the factors in a checkpoint: the first tensor that is divided."""
        return self.divided[0]


@dataclass(frozen=True)
class Smoothing:
    """Factors by tensor, float64: `outputs[name]` [rows] (of a vector: [elements]) divide, `inputs[name]` [columns] multiply."""

    outputs: dict[str, np.ndarray]
    inputs: dict[str, np.ndarray]


def base_sites(base: Base) -> Iterator[Site]:
    """Every place of a base where factors can be put.

    Gate and up are multiplied in the feed-forward, so up alone takes what down's inputs are divided by.
    """
    architecture = base.manifest["architecture"]
    output = OUTPUT if base.has(OUTPUT) else base.manifest["embedding"]
    hidden, inner = architecture["hiddenSize"], architecture["intermediateSize"]
    for layer in range(architecture["layers"]):
        block = f"blk.{layer}"
        yield Site((f"{block}.attn_norm.weight",), tuple(f"{block}.attn_{part}.weight" for part in "qkv"), hidden)
        yield Site((f"{block}.attn_v.weight",), (f"{block}.attn_output.weight",), architecture["kvHeads"] * architecture["headDim"])
        yield Site((f"{block}.ffn_norm.weight",), (f"{block}.ffn_gate.weight", f"{block}.ffn_up.weight"), hidden)
        yield Site((f"{block}.ffn_up.weight",), (f"{block}.ffn_down.weight",), inner)
    yield Site(("output_norm.weight",), (output,), hidden)


def widened(factors: np.ndarray, columns: int, architecture: dict) -> np.ndarray:
    """Factors of value channels [kvHeads * headDim] as the output matrix of attention takes them, [heads * headDim]: the query heads
    of a group share their kv head's. Factors of another site as they are. Raises ValueError where they do not fit `columns`."""
    heads, kv_heads, head_dim = (architecture[name] for name in ("heads", "kvHeads", "headDim"))
    if len(factors) == kv_heads * head_dim and columns == heads * head_dim:
        return np.repeat(factors.reshape(kv_heads, head_dim), heads // kv_heads, axis=0).reshape(-1)
    if len(factors) != columns:
        raise ValueError(f"{len(factors)} factors do not fit {columns} columns")
    return factors


def smoothed(weights: np.ndarray, name: str, smoothing: Smoothing | None) -> np.ndarray:
    """Float32 [out, in] or [n] weights times their inputs' factors over their outputs', rounded once."""
    if smoothing is None or (name not in smoothing.inputs and name not in smoothing.outputs):
        return weights
    value = weights.astype(np.float64)
    if name in smoothing.inputs:
        value = value * smoothing.inputs[name]
    if name in smoothing.outputs:
        factors = smoothing.outputs[name]
        value = value / (factors if weights.ndim == 1 else factors[:, None])
    return value.astype(np.float32)


def smoothing_of(factors: Mapping[Site, np.ndarray], architecture: dict) -> Smoothing:
    """Factors by site as they act on each tensor. They are rounded to float16 first, as a pack holds them.

    Raises ValueError for factors that are not positive and finite or of another number than the site's.
    """
    outputs, inputs = {}, {}
    for site, given in factors.items():
        values = given.astype(np.float16).astype(np.float64)
        if values.shape != (site.size,) or not np.isfinite(values).all() or values.min() <= 0:
            raise ValueError(f"{site.name} needs {site.size} positive factors")
        columns = architecture["heads"] * architecture["headDim"] if site.name.endswith("attn_v.weight") else site.size
        outputs |= {name: values for name in site.divided}
        inputs |= {name: widened(values, columns, architecture) for name in site.multiplied}
    return Smoothing(outputs, inputs)


def smoothing_file(factors: Mapping[Site, np.ndarray]) -> tuple[bytes, list[dict]]:
    """The file's bytes (little-endian float16, site after site) and pack.json's table of them."""
    data, table = bytearray(), []
    for site, values in factors.items():
        table.append({"divided": list(site.divided), "multiplied": list(site.multiplied), "size": site.size, "offset": len(data)})
        data += np.ascontiguousarray(values).astype("<f2").tobytes()
    return bytes(data), table


def read_smoothing(folder: Path, architecture: dict) -> Smoothing | None:
    """A pack's factors as `smoothing_file` wrote them, None if it has none; `architecture` is its base's."""
    entry = read_json(folder / "pack.json").get("smoothing")
    if entry is None:
        return None
    data = (folder / entry["file"]["path"]).read_bytes()
    factors = {
        Site(tuple(row["divided"]), tuple(row["multiplied"]), row["size"]): np.frombuffer(data, "<f2", row["size"], row["offset"])
        for row in entry["sites"]
    }
    return smoothing_of(factors, architecture)
