"""The other precisions that a repository holds beside float32, made of the traced graphs as transformers.js' scripts/quantize.py makes
them: `_fp16`, `_q4f16` (blocks of 32, symmetric) and `_quantized` (8 bits, activations quantised per call).

In float16 graphs past and present are float16 and everything else that goes in or out float32: what `transformers.js_config.kv_cache_dtype`
of a config.json announces.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.float16 import convert_float_to_float16

from training.gguf_base import BLOCK, block_codes

PARTS = ("vision_encoder", "embed_tokens", "decoder_model_merged")
# Files that a tiny repository holds beside the float32 ones: enough to load every precision of every part that a device takes.
VARIANTS = (
    ("vision_encoder", "_fp16"),
    ("embed_tokens", "_fp16"),
    ("embed_tokens", "_quantized"),
    ("decoder_model_merged", "_fp16"),
    ("decoder_model_merged", "_q4f16"),
    ("decoder_model_merged", "_quantized"),
)


def half(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model in float16; past and present too, other inputs and outputs as they were."""
    names = [item.name for item in (*model.graph.input, *model.graph.output)]
    kept = [name for name in names if not name.startswith(("past", "present"))]
    return convert_float_to_float16(model, keep_io_types=kept)


def four_bits(model: onnx.ModelProto) -> onnx.ModelProto:
    """Every product with a constant matrix as MatMulNBits, in place; those whose rows are no multiple of 32 stay."""
    constants = {item.name: item for item in model.graph.initializer}
    for node in model.graph.node:
        weight = constants.get(node.input[1]) if node.op_type == "MatMul" else None
        if weight is None or len(weight.dims) != 2 or weight.dims[0] % BLOCK:
            continue
        k, n = weight.dims
        codes, scales = block_codes(np.ascontiguousarray(numpy_helper.to_array(weight).T).reshape(-1, BLOCK))
        packed = (codes[:, 0::2] | (codes[:, 1::2] << 4)).reshape(n, k // BLOCK, BLOCK // 2)
        names = [f"{weight.name}_Q4", f"{weight.name}_scales"]
        model.graph.initializer.append(numpy_helper.from_array(packed, names[0]))
        model.graph.initializer.append(numpy_helper.from_array(scales.astype(np.float32).reshape(-1), names[1]))
        node.CopyFrom(
            helper.make_node(
                "MatMulNBits", [node.input[0], *names], node.output, name=f"{node.name}_Q4", domain="com.microsoft", K=k, N=n, bits=4, block_size=BLOCK
            )
        )
        if not any(weight.name in other.input for other in model.graph.node):
            model.graph.initializer.remove(weight)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return model


def write_variants(folder: Path) -> None:
    """Writes VARIANTS beside the float32 graphs of `folder`/onnx."""
    for part, suffix in VARIANTS:
        source, target = folder / "onnx" / f"{part}.onnx", folder / "onnx" / f"{part}{suffix}.onnx"
        if suffix == "_quantized":
            quantize_dynamic(source, target, per_channel=True, weight_type=QuantType.QInt8)
            continue
        model = onnx.load(source)
        onnx.save(half(four_bits(model) if suffix == "_q4f16" else model), target)
