"""LoRA adapters as packs carry them: float16 factors in GGUF row order, keyed by GGUF tensor names.

llama.cpp's conversion permutes the rows of attn_q and attn_k (rotary pairs become neighbours, where transformers
keeps the two halves of a head apart); an adapter trained on the transformers model must be permuted the same way.
A acts on columns, which are not permuted: only B's rows are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.derive import Adapter
from training.export_files import read_json

MODULES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def gguf_name(module: str) -> str:
    """`model.layers.3.self_attn.q_proj` (any prefix) to `blk.3.attn_q.weight`; ValueError for another module."""
    _, _, tail = module.rpartition("layers.")
    layer, _, name = tail.partition(".")
    if not layer.isdigit() or name not in MODULES:
        raise ValueError(f"no GGUF tensor for module {module}")
    return f"blk.{layer}.{MODULES[name]}.weight"


def gguf_row_order(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rows [heads*headDim, ...] of q or k from transformers' order (two halves) to GGUF's (interleaved pairs)."""
    half = rows.shape[0] // heads // 2
    return rows.reshape(heads, 2, half, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def transformers_row_order(rows: np.ndarray, heads: int) -> np.ndarray:
    """The inverse of `gguf_row_order`."""
    half = rows.shape[0] // heads // 2
    return rows.reshape(heads, half, 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def gguf_factors(module: str, a: np.ndarray, b: np.ndarray, architecture: dict) -> tuple[str, np.ndarray, np.ndarray]:
    """(GGUF name, A [rank, in], B [out, rank]) of one transformers module, float16, B's rows in GGUF order."""
    name = gguf_name(module)
    if ".attn_q." in name:
        b = gguf_row_order(b, architecture["heads"])
    elif ".attn_k." in name:
        b = gguf_row_order(b, architecture["kvHeads"])
    return name, a.astype(np.float16), b.astype(np.float16)


def checkpoint_adapter(path: Path, architecture: dict) -> Adapter:
    """The adapter of a run's adapter.pt, {rank, alpha, modules: {transformers name: (A, B)}}, as packs carry it."""
    import torch

    saved = torch.load(path, weights_only=True, map_location="cpu")
    factors = {}
    for module, (a, b) in saved["modules"].items():
        name, a, b = gguf_factors(module, a.float().numpy(), b.float().numpy(), architecture)
        factors[name] = (a, b)
    return Adapter(saved["rank"], saved["alpha"], factors)


def adapter_file(factors: dict[str, tuple[np.ndarray, np.ndarray]]) -> tuple[bytes, list[dict]]:
    """The adapter's bytes (little-endian float16, A then B of each tensor) and pack.json's table of them."""
    data, table = bytearray(), []
    for name, (a, b) in factors.items():
        entry = {"name": name, "aShape": list(a.shape), "aOffset": len(data)}
        data += np.ascontiguousarray(a).astype("<f2").tobytes()
        entry |= {"bShape": list(b.shape), "bOffset": len(data)}
        data += np.ascontiguousarray(b).astype("<f2").tobytes()
        table.append(entry)
    return bytes(data), table


def read_adapter(folder: Path) -> Adapter | None:
    """A pack's adapter as `adapter_file` wrote it, None if it has none."""
    entry = read_json(folder / "pack.json")["adapter"]
    if entry is None:
        return None
    data = (folder / entry["file"]["path"]).read_bytes()

    def factor(shape: list[int], offset: int) -> np.ndarray:
        return np.frombuffer(data, "<f2", shape[0] * shape[1], offset).reshape(shape)

    factors = {
        row["name"]: (factor(row["aShape"], row["aOffset"]), factor(row["bShape"], row["bOffset"]))
        for row in entry["tensors"]
    }
    return Adapter(entry["rank"], entry["alpha"], factors)
