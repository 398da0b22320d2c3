"""Build the decoder graphs of a base and their layout tables: `python -m training.export_decoder`.

One Llama graph in four flavours (int8, q8f32, q8f16, f32; a fifth, q4f16, for large bases) with one interface, built by hand so that a step moves as
little as possible: outputs are the K/V rows of this chunk only, the caller owns the cache.  See docs/pack-format.md.

Attention without slicing the cache: keys of all kv heads stay side by side, [P, kvHeads*headDim], as they are cached.
A query of head h is laid out over that width with zeros outside its kv head's columns (a block mask), so one
matrix product gives the scores of all heads and one more the values, whose own columns are then kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from training.derive import ALIGNMENT, ITEM_BYTES, element_count
from training.export_base import BASE_ID
from training.export_files import MODELS, read_json, write_hashed, write_json
from training.gguf_base import OUTPUT

FLAVOURS = ("int8", "q8f32", "q8f16", "f32")
ALL_FLAVOURS = (*FLAVOURS, "q4f16")
EXTERNAL_DATA = "decoder.weights"
MICROSOFT = "com.microsoft"
F16_HIDDEN = -65504.0
ONNX_TYPES = {
    "int8-kn": TensorProto.INT8,
    "q8-nk": TensorProto.UINT8,
    "q4-nk": TensorProto.UINT8,
    "q4-scale-f16": TensorProto.FLOAT16,
    "q8-scale-f16": TensorProto.FLOAT16,
    "f16": TensorProto.FLOAT16,
}


class DecoderGraph:
    """Builder of one flavour; `architecture` is base.json's, `output` the tensor of the output matrix (the embedding, if tied)."""

    def __init__(self, architecture: dict, flavour: str, output: str) -> None:
        if flavour not in ALL_FLAVOURS:
            raise ValueError(f"unknown flavour {flavour}")
        self.a, self.flavour, self.output = architecture, flavour, output
        self.half = flavour.endswith("f16")
        self.type = TensorProto.FLOAT16 if self.half else TensorProto.FLOAT
        self.numpy_type = np.float16 if self.half else np.float32
        self.query_width = architecture["heads"] * architecture["headDim"]
        self.kv_width = architecture["kvHeads"] * architecture["headDim"]
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.layout: list[dict] = []
        self.bytes = 0

    def node(self, op: str, inputs: list[str], output: str, domain: str = "", outputs: int = 1, **attributes) -> str:
        """Append a node; with several outputs they are named `<output>.0`, `<output>.1`, …"""
        names = [output] if outputs == 1 else [f"{output}.{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, name=f"{output}/{op}", domain=domain, **attributes))
        return output

    def constant(self, name: str, value: np.ndarray) -> str:
        """A small initializer kept inside the graph file, added once."""
        if all(item.name != name for item in self.initializers):
            self.initializers.append(numpy_helper.from_array(value, name))
        return name

    def shape(self, *sizes: int) -> str:
        """An int64 shape constant."""
        return self.constant("shape." + "_".join(map(str, sizes)), np.array(sizes, np.int64))

    def external(self, name: str, form: str, sources: list[str], k: int, n: int, dims: list[int]) -> str:
        """An initializer in the external-data file, entered in the layout."""
        size = element_count(form, k, n) * ITEM_BYTES[form]
        offset = -(-self.bytes // ALIGNMENT) * ALIGNMENT
        self.bytes = offset + size
        self.layout.append(
            {"name": name, "form": form, "sources": sources, "k": k, "n": n, "offset": offset, "bytes": size}
        )
        tensor = TensorProto(name=name, dims=dims, data_type=ONNX_TYPES.get(form, TensorProto.FLOAT))
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", EXTERNAL_DATA), ("offset", offset), ("length", size)):
            tensor.external_data.add(key=key, value=str(value))
        self.initializers.append(tensor)
        return name

    def linear(self, x: str, name: str, sources: list[str], k: int, n: int) -> str:
        """`x [..., k]` times the transposed, stacked source matrices: [..., n]."""
        weight, scale = f"{name}.weight", f"{name}.scale"
        if self.flavour == "f32":
            return self.node("MatMul", [x, self.external(weight, "f32-kn", sources, k, n, [k, n])], name)
        if self.flavour == "int8":
            self.external(weight, "int8-kn", sources, k, n, [k, n])
            self.external(scale, "int8-scale-f32", sources, k, n, [n])
            unit, peak = self.unit_rows(x, name)
            product = self.node("DynamicQuantizeMatMul", [unit, weight, scale], f"{name}.product", MICROSOFT)
            return self.node("Mul", [product, peak], name)
        # Four bits would cost the choice among tokens more than they save of it.
        if self.flavour == "q4f16" and name != "lm_head":
            self.external(weight, "q4-nk", sources, k, n, [n, k // 32, 16])
            self.external(scale, "q4-scale-f16", sources, k, n, [n * k // 32])
            return self.node("MatMulNBits", [x, weight, scale], name, MICROSOFT, K=k, N=n, bits=4, block_size=32)
        self.external(weight, "q8-nk", sources, k, n, [n, k // 32, 32])
        self.external(scale, "q8-scale-f16" if self.half else "q8-scale-f32", sources, k, n, [n * k // 32])
        return self.node("MatMulNBits", [x, weight, scale], name, MICROSOFT, K=k, N=n, bits=8, block_size=32)

    def unit_rows(self, x: str, name: str) -> tuple[str, str]:
        """(`x` with each row divided by its largest magnitude, those magnitudes).

        DynamicQuantizeMatMul has one activation scale for the whole chunk. A sink token's activations are a hundred
        times those of other tokens (Massive Activations, arXiv 2402.17762), which then round to almost nothing; with
        rows of one size each token in effect has its own scale.
        """
        magnitudes = self.node("Abs", [x], f"{name}.magnitudes")
        last = self.constant("axes.last", np.array([-1], np.int64))
        peak = self.node("ReduceMax", [magnitudes, last], f"{name}.largest", keepdims=1)
        peak = self.node("Max", [peak, self.constant("smallest", np.array(1e-20, np.float32))], f"{name}.peak")
        return self.node("Div", [x, peak], f"{name}.unit"), peak

    def norm_weight(self, name: str, source: str) -> str:
        size = self.a["hiddenSize"]
        return self.external(f"{name}.weight", "f16" if self.half else "f32", [source], 1, size, [size])

    def add_and_norm(self, x: str, residual: str, name: str, source: str) -> tuple[str, str]:
        """(RMSNorm(x + residual), x + residual)"""
        weight, total = self.norm_weight(name, source), f"{name}.residual"
        outputs = [name, "", "", total]
        epsilon = self.a["rmsNormEps"]
        self.nodes.append(
            helper.make_node(
                "SkipSimplifiedLayerNormalization",
                [x, residual, weight],
                outputs,
                name=f"{name}/norm",
                domain=MICROSOFT,
                epsilon=epsilon,
            )
        )
        return name, total

    def rope_tables(self) -> tuple[str, str]:
        """cos and sin of position / theta^(2i/headDim), [maxPositions, headDim/2], computed in float64."""
        half = self.a["headDim"] // 2
        frequencies = self.a["ropeTheta"] ** (-np.arange(half, dtype=np.float64) / half)
        angles = np.arange(self.a["maxPositions"], dtype=np.float64)[:, None] * frequencies
        cos = self.constant("rope.cos", np.cos(angles).astype(self.numpy_type))
        return cos, self.constant("rope.sin", np.sin(angles).astype(self.numpy_type))

    def head_mask(self, name: str, value: float) -> str:
        """[heads, kvHeads, 1]: `value` where a query head belongs to a kv head, else 0."""
        heads, groups = self.a["heads"], self.a["kvHeads"]
        owner = np.arange(heads) // (heads // groups)
        mask = (owner[:, None] == np.arange(groups)) * value
        return self.constant(name, mask[:, :, None].astype(self.numpy_type))

    def attention(self, x: str, layer: int, bias: str) -> str:
        """Grouped-query attention of normalised `x` [1,S,hidden] over past and new rows, without the output matrix."""
        a, prefix, block = self.a, f"layers.{layer}", f"blk.{layer}"
        heads, head_dim = a["heads"], a["headDim"]
        sources = [f"{block}.attn_{part}.weight" for part in "qkv"]
        width = self.query_width + 2 * self.kv_width
        qkv = self.linear(x, f"{prefix}.qkv", sources, a["hiddenSize"], width)
        rotated_size = self.constant(
            "split.qk_v", np.array([self.query_width + self.kv_width, self.kv_width], np.int64)
        )
        self.nodes.append(
            helper.make_node("Split", [qkv, rotated_size], [f"{prefix}.qk", f"new.{layer}.value"], axis=-1)
        )
        # q and k are rotated in one go: they are heads of the same size.
        rope = self.node(
            "RotaryEmbedding",
            [f"{prefix}.qk", "position_ids", *self.rope_tables()],
            f"{prefix}.rope",
            MICROSOFT,
            interleaved=1,
        )
        q_k = self.constant("split.q_k", np.array([self.query_width, self.kv_width], np.int64))
        self.nodes.append(helper.make_node("Split", [rope, q_k], [f"{prefix}.q", f"new.{layer}.key"], axis=-1))
        query = self.node("Reshape", [f"{prefix}.q", self.shape(-1, heads, 1, head_dim)], f"{prefix}.q4")
        query = self.node("Mul", [query, self.head_mask("mask.scaled", head_dim**-0.5)], f"{prefix}.q_wide4")
        query = self.node("Reshape", [query, self.shape(-1, heads, self.kv_width)], f"{prefix}.q_wide")
        rows = {}
        for kind in ("key", "value"):
            joined = self.node("Concat", [f"past.{layer}.{kind}", f"new.{layer}.{kind}"], f"{prefix}.{kind}s3", axis=1)
            rows[kind] = self.node("Reshape", [joined, self.shape(-1, self.kv_width)], f"{prefix}.{kind}s")
        keys = self.node("Transpose", [rows["key"]], f"{prefix}.keys_t", perm=[1, 0])
        scores = self.node("MatMul", [query, keys], f"{prefix}.scores")
        scores = self.node("Add", [scores, bias], f"{prefix}.biased")
        weights = self.node("Softmax", [scores], f"{prefix}.attention_weights", axis=-1)
        mixed = self.node("MatMul", [weights, rows["value"]], f"{prefix}.mixed_wide")
        mixed = self.node("Reshape", [mixed, self.shape(-1, heads, a["kvHeads"], head_dim)], f"{prefix}.mixed4")
        mixed = self.node("Mul", [mixed, self.head_mask("mask.own", 1.0)], f"{prefix}.mixed_own")
        mixed = self.node(
            "ReduceSum", [mixed, self.constant("axes.2", np.array([2], np.int64))], f"{prefix}.mixed3", keepdims=0
        )
        return self.node("Reshape", [mixed, self.shape(1, -1, self.query_width)], f"{prefix}.mixed")

    def feed_forward(self, x: str, layer: int) -> str:
        """SwiGLU feed-forward of normalised `x`."""
        prefix, block, inner = f"layers.{layer}", f"blk.{layer}", self.a["intermediateSize"]
        sources = [f"{block}.ffn_gate.weight", f"{block}.ffn_up.weight"]
        both = self.linear(x, f"{prefix}.gate_up", sources, self.a["hiddenSize"], 2 * inner)
        self.node("Split", [both], f"{prefix}.ffn", outputs=2, axis=-1, num_outputs=2)
        gate = self.node("Sigmoid", [f"{prefix}.ffn.0"], f"{prefix}.gate")
        gate = self.node("Mul", [f"{prefix}.ffn.0", gate], f"{prefix}.silu")
        inside = self.node("Mul", [gate, f"{prefix}.ffn.1"], f"{prefix}.ffn_inside")
        return self.linear(inside, f"{prefix}.down", [f"{block}.ffn_down.weight"], inner, self.a["hiddenSize"])

    def prepare_bias(self) -> str:
        """attention_bias [1,1,S,P+S] as [S,1,P+S] in the flavour's type."""
        bias = "attention_bias"
        if self.half:
            bias = self.node(
                "Max", [bias, self.constant("bias.floor", np.array(F16_HIDDEN, np.float32))], "bias.clamped"
            )
            bias = self.node("Cast", [bias], "bias.half", to=TensorProto.FLOAT16)
        return self.node(
            "Transpose",
            [self.node("Squeeze", [bias, self.constant("axes.0", np.array([0], np.int64))], "bias.3d")],
            "bias",
            perm=[1, 0, 2],
        )

    def build(self) -> onnx.ModelProto:
        """The whole model; after it `layout` and `bytes` describe the external data."""
        a, hidden = self.a, self.a["hiddenSize"]
        bias = self.prepare_bias()
        residual = "inputs_embeds"
        if self.half:
            residual = self.node("Cast", [residual], "embeds.half", to=TensorProto.FLOAT16)
        first = self.norm_weight("layers.0.attn_norm", "blk.0.attn_norm.weight")
        x = self.node(
            "SimplifiedLayerNormalization",
            [residual, first],
            "layers.0.attn_norm",
            axis=-1,
            epsilon=a["rmsNormEps"],
            stash_type=1,
        )
        for layer in range(a["layers"]):
            prefix, block = f"layers.{layer}", f"blk.{layer}"
            mixed = self.attention(x, layer, bias)
            projected = self.linear(mixed, f"{prefix}.o", [f"{block}.attn_output.weight"], self.query_width, hidden)
            x, residual = self.add_and_norm(projected, residual, f"{prefix}.ffn_norm", f"{block}.ffn_norm.weight")
            fed = self.feed_forward(x, layer)
            last = layer + 1 == a["layers"]
            name = "norm" if last else f"layers.{layer + 1}.attn_norm"
            source = "output_norm.weight" if last else f"blk.{layer + 1}.attn_norm.weight"
            x, residual = self.add_and_norm(fed, residual, name, source)
        wanted = self.node("Gather", [x, "logits_index"], "wanted", axis=1)
        logits = self.linear(wanted, "lm_head", [self.output], hidden, a["vocabSize"])
        if self.half:
            logits = self.node("Cast", [logits], "lm_head.float", to=TensorProto.FLOAT)
        self.node("Reshape", [logits, self.shape(-1, a["vocabSize"])], "logits")
        return self.model()

    def model(self) -> onnx.ModelProto:
        a, info = self.a, helper.make_tensor_value_info
        inputs = [
            info("inputs_embeds", TensorProto.FLOAT, [1, "S", a["hiddenSize"]]),
            info("position_ids", TensorProto.INT64, [1, "S"]),
            info("attention_bias", TensorProto.FLOAT, [1, 1, "S", "N"]),
            info("logits_index", TensorProto.INT64, ["L"]),
        ]
        outputs = [info("logits", TensorProto.FLOAT, ["L", a["vocabSize"]])]
        for layer in range(a["layers"]):
            for kind in ("key", "value"):
                inputs.append(info(f"past.{layer}.{kind}", self.type, [1, "P", self.kv_width]))
                outputs.append(info(f"new.{layer}.{kind}", self.type, [1, "S", self.kv_width]))
        graph = helper.make_graph(self.nodes, f"decoder-{self.flavour}", inputs, outputs, self.initializers)
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="valley-browser")


def export_graphs(folder: Path, flavours: tuple[str, ...] = FLAVOURS) -> dict:
    """Write the graphs beside base.json and their layouts into it; returns base.json."""
    manifest = read_json(folder / "base.json")
    manifest["graphs"] = {}
    untied = any(tensor["name"] == OUTPUT for tensor in manifest["tensors"])
    for flavour in flavours:
        builder = DecoderGraph(manifest["architecture"], flavour, OUTPUT if untied else manifest["embedding"])
        data = builder.build().SerializeToString(deterministic=True)
        manifest["graphs"][flavour] = {
            "file": write_hashed(folder, f"decoder-{flavour}", ".onnx", data),
            "externalData": EXTERNAL_DATA,
            "bytes": builder.bytes,
            "tensors": builder.layout,
        }
    write_json(folder / "base.json", manifest)
    return manifest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, default=MODELS / BASE_ID)
    options = parser.parse_args()
    for flavour, graph in export_graphs(options.base)["graphs"].items():
        print(
            f"{flavour}: {graph['file']['path']} {graph['file']['bytes']} bytes, external data {graph['bytes']} bytes"
        )


if __name__ == "__main__":
    main()
