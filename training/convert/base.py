"""A Llama-shaped language model as a base: its matrices as Q8_0 or Q4_0 in shards, the graphs beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from training.convert.checkpoint import Checkpoint, ConversionError
from training.convert.tokenizer import write_tokenizer
from training.evaluation.records import Progress
from training.export_adapter import MODULES, gguf_row_order
from training.export_decoder import export_graphs
from training.export_files import describe, sha256_of, write_json
from training.gguf_base import BLOCK, OUTPUT, RawTensor, quantise

EMBEDDING = "token_embd.weight"
# Below every browser's 2 GB for one file, and small enough to be held whole while it is checked.
SHARD_LIMIT = 512 * 1024 * 1024
# Stored type of the linear layers, and the graphs that a base of each precision has: q4f16 wants shader-f16, the others are what
# devices without it run. The embedding and the output matrix keep eight bits.
PRECISIONS = {
    "q8": ("Q8_0", ("int8", "q8f32", "q8f16", "f32")),
    "q4f16": ("Q4_0", ("q4f16", "q8f32", "int8", "f32")),
}
MAX_POSITIONS = 2048


def architecture_of(checkpoint: Checkpoint) -> dict:
    """base.json's `architecture` from Llama's configuration and the tensors themselves."""
    config = checkpoint.text_config
    vocabulary, hidden = checkpoint.tensor("text.embed_tokens.weight").shape
    heads = config["num_attention_heads"]
    rope = config.get("rope_parameters") or {}
    if rope.get("rope_type", "default") != "default":
        raise ConversionError(f"rotary positions of kind {rope['rope_type']} are not converted")
    inner = checkpoint.tensor("text.layers.0.mlp.gate_proj.weight").shape[0]
    architecture = {
        "hiddenSize": hidden,
        "layers": config["num_hidden_layers"],
        "heads": heads,
        "kvHeads": config.get("num_key_value_heads") or heads,
        "headDim": config.get("head_dim") or hidden // heads,
        "intermediateSize": inner,
        "vocabSize": vocabulary,
        "ropeTheta": float(rope.get("rope_theta") or config.get("rope_theta") or 10000.0),
        "rmsNormEps": config.get("rms_norm_eps", 1e-6),
        "maxPositions": min(MAX_POSITIONS, config.get("max_position_embeddings") or MAX_POSITIONS),
    }
    widths = {"hidden size": hidden, "intermediate size": inner, "heads' width": heads * architecture["headDim"]}
    for name, size in widths.items():
        if size % BLOCK:
            raise ConversionError(f"the {name} {size} is no multiple of {BLOCK}, which blocks of weights need")
    return architecture


def raw_tensors(checkpoint: Checkpoint, architecture: dict, kind: str) -> Iterator[RawTensor]:
    """The base's tensors under GGUF's names, one at a time. Rows of q and k go to GGUF's order (export_adapter)."""

    def raw(name: str, published: str, stored: str, heads: int | None = None) -> RawTensor:
        value = checkpoint.tensor(published)
        if not np.isfinite(value).all():
            raise ConversionError(f"{published} holds values that are not finite")
        if heads:
            value = gguf_row_order(value, heads)
        return RawTensor(name, stored, value.shape, quantise(stored, value))

    yield raw(EMBEDDING, "text.embed_tokens.weight", "Q8_0")
    progress = Progress(architecture["layers"], f"layers in {kind}")
    for layer in range(architecture["layers"]):
        block, source = f"blk.{layer}", f"text.layers.{layer}"
        yield raw(f"{block}.attn_norm.weight", f"{source}.input_layernorm.weight", "F32")
        yield raw(f"{block}.ffn_norm.weight", f"{source}.post_attention_layernorm.weight", "F32")
        for module, part in MODULES.items():
            heads = {"attn_q": architecture["heads"], "attn_k": architecture["kvHeads"]}.get(part)
            yield raw(f"{block}.{part}.weight", f"{source}.{module}.weight", kind, heads)
        progress.step()
    yield raw("output_norm.weight", "text.norm.weight", "F32")
    tied = checkpoint.text_config.get("tie_word_embeddings", False) or not checkpoint.has("text.lm_head.weight")
    if not tied:
        yield raw(OUTPUT, "text.lm_head.weight", "Q8_0")


def write_weights(folder: Path, tensors: Iterator[RawTensor], limit: int = SHARD_LIMIT) -> tuple[list[dict], list[dict]]:
    """Shards of at most `limit` bytes as they fill, so that one is held at a time; (their entries, base.json's tensor table)."""
    entries, table, shard = [], [], bytearray()

    def close() -> None:
        path = folder / f"weights-{len(entries)}-{sha256_of(shard)[:8]}.bin"
        path.write_bytes(shard)
        entries.append(describe(path, folder))
        shard.clear()

    for tensor in tensors:
        if len(tensor.data) > limit:
            raise ConversionError(f"{tensor.name} has {len(tensor.data)} bytes, more than a shard of {limit}")
        if shard and len(shard) + len(tensor.data) > limit:
            close()
        place = {"shard": len(entries), "offset": len(shard), "bytes": len(tensor.data)}
        table.append({"name": tensor.name, "type": tensor.type, "shape": list(tensor.shape), **place})
        shard += tensor.data
    close()
    return entries, table


def write_base(checkpoint: Checkpoint, folder: Path, name: str, precision: str, licence: str, limit: int = SHARD_LIMIT) -> dict:
    """Writes shards, tokenizer, graphs and base.json into `folder`; returns base.json."""
    kind, flavours = PRECISIONS[precision]
    folder.mkdir(parents=True, exist_ok=True)
    architecture = architecture_of(checkpoint)
    weights, table = write_weights(folder, raw_tensors(checkpoint, architecture, kind), limit)
    write_tokenizer(checkpoint, folder)
    manifest = {
        "formatVersion": 1,
        "id": f"{name}-{precision}",
        "licence": licence,
        "source": f"{checkpoint.folder.resolve().name}, converted by python -m training.convert --precision {precision}",
        "architecture": architecture,
        "files": {
            "weights": weights,
            "tokenizer": describe(folder / "tokenizer.json", folder),
            "tokenizerConfig": describe(folder / "tokenizer_config.json", folder),
        },
        "embedding": EMBEDDING,
        "tensors": table,
        "graphs": {},
    }
    write_json(folder / "base.json", manifest)
    return export_graphs(folder, flavours)
