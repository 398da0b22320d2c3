"""Write a contrastive run's towers and caption store as pack files: `python -m training.export_clip --run clip`.

    tower-<sha8>.onnx      the trunk with the learnt tail, attention pooling and CLIP projection; weights in float16
    text-<sha8>.onnx       the text tower, matrices in per-channel int8
    wordpiece-<sha8>.json  its tokenizer and wordpiece-config-<sha8>.json
    captions-<sha8>.tsv    the store's captions and captions-<sha8>.bin their int8 vectors

`python -m training.export_pack` names them in pack.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper

from training.clip.image_tower import EMBEDDING_SIZE, QUERIES, ClipImageTower, load_image_tower
from training.clip.text_tower import TextTower, load_text_tower, minilm_folder
from training.export_files import MODELS, read_json, write_hashed
from training.export_tower import PACK_ID, TowerGraph, adaptive_pool_matrix, export_trunk
from training.retrieval import CaptionStore, store_folder
from training.tower import GRID, INPUT_SIZE, WIDTH, ImageTower

LAYER_NORM_EPSILON = 1e-5
TEXT_OPSET = 18


def norm_and_gelu(graph: TowerGraph, seen: str, tower: ClipImageTower) -> str:
    """`seen` [B, 1280] to the L2-normalised embedding [B, 256]: ClipImageTower.embed in plain operators."""

    def constant(name: str, value) -> str:
        return graph.constant(name, np.array(value, np.float32))

    def matrix(name: str, weight: torch.Tensor) -> str:
        return graph.half(name, weight.detach().numpy())

    norm = tower.norm
    x = graph.node(
        "LayerNormalization",
        [seen, matrix("norm.weight", norm.weight), matrix("norm.bias", norm.bias)],
        "embed.norm",
        axis=-1,
        epsilon=LAYER_NORM_EPSILON,
    )
    direct = graph.node("MatMul", [x, matrix("embed.direct.weight", tower.direct.weight.T)], "embed.direct")
    hidden = graph.node("MatMul", [x, matrix("embed.hidden.weight", tower.hidden.weight.T)], "embed.hidden.product")
    hidden = graph.node("Add", [hidden, matrix("embed.hidden.bias", tower.hidden.bias)], "embed.hidden")
    cube = graph.node("Mul", [graph.node("Mul", [hidden, hidden], "gelu.square"), hidden], "gelu.cube")
    inner = graph.node("Add", [hidden, graph.node("Mul", [cube, constant("gelu.a", 0.044715)], "gelu.scaled")], "gelu.inner")
    tanh = graph.node("Tanh", [graph.node("Mul", [inner, constant("gelu.b", (2 / np.pi) ** 0.5)], "gelu.angle")], "gelu.tanh")
    half = graph.node("Mul", [hidden, constant("gelu.half", 0.5)], "gelu.halved")
    gelu = graph.node("Mul", [half, graph.node("Add", [tanh, constant("gelu.one", 1)], "gelu.gate")], "gelu")
    out = graph.node("MatMul", [gelu, matrix("embed.out.weight", tower.out.weight.T)], "embed.out")
    total = graph.node("Add", [direct, out], "embed.sum")
    squares = graph.node("Mul", [total, total], "embed.squares")
    axis = graph.constant("embed.axis", np.array([1], np.int64))
    length = graph.node("Sqrt", [graph.node("ReduceSum", [squares, axis], "embed.power", keepdims=1)], "embed.length")
    return graph.node("Div", [total, length], "embedding")


def export_image_tower(tower: ClipImageTower) -> onnx.ModelProto:
    """`pixels` [B, 3, 224, 224] to `patches` [B, 16, 1280], `cls` [B, 1280] and `embedding` [B, 256]."""
    trunk = ImageTower()
    tower.tail.write_into(trunk)
    graph, stage = export_trunk(trunk)
    graph.limits()
    side = INPUT_SIZE // 32
    cells = side * side
    flat = graph.node("Reshape", [stage, graph.constant("flat", np.array([0, WIDTH, cells], np.int64))], "stage.flat")
    rows = graph.node("Transpose", [flat], "stage.rows", perm=[0, 2, 1])
    pool = graph.constant("pool", np.ascontiguousarray(adaptive_pool_matrix(side, GRID)[:, :-1].T))
    graph.node("MatMul", [pool, rows], "patches")
    queries = graph.half("pool.queries", tower.pool.queries.detach().numpy())
    scores = graph.node("Transpose", [graph.node("MatMul", [rows, queries], "pool.scores")], "pool.by-query", perm=[0, 2, 1])
    attention = graph.node("Softmax", [scores], "pool.attention", axis=-1)
    attended = graph.node("MatMul", [attention, rows], "pool.attended")
    axis = graph.constant("pool.axis", np.array([1], np.int64))
    graph.node("ReduceMean", [attended, axis], "cls", keepdims=0)
    values = graph.half("pool.values", tower.pool.values.detach().numpy())
    by_query = graph.node("Transpose", [attended], "pool.queries-first", perm=[1, 0, 2])
    seen = graph.node("Transpose", [graph.node("MatMul", [by_query, values], "pool.valued")], "pool.seen", perm=[1, 0, 2])
    shape = graph.constant("pool.shape", np.array([0, QUERIES * (WIDTH // QUERIES)], np.int64))
    norm_and_gelu(graph, graph.node("Reshape", [seen, shape], "seen"), tower)
    info = helper.make_tensor_value_info
    return graph.close(
        [info("pixels", TensorProto.FLOAT, ["B", 3, INPUT_SIZE, INPUT_SIZE])],
        [
            info("patches", TensorProto.FLOAT, ["B", GRID * GRID, WIDTH]),
            info("cls", TensorProto.FLOAT, ["B", WIDTH]),
            info("embedding", TensorProto.FLOAT, ["B", EMBEDDING_SIZE]),
        ],
    )


def export_text_tower(tower: TextTower) -> bytes:
    """`input_ids`, `attention_mask` int64 [B, L] to `embedding` float32 [B, 256]; matrices and embeddings int8."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    tower = tower.eval()
    example = (torch.ones(2, 8, dtype=torch.int64), torch.ones(2, 8, dtype=torch.int64))
    with tempfile.TemporaryDirectory() as folder:
        plain, small = Path(folder) / "plain.onnx", Path(folder) / "small.onnx"
        torch.onnx.export(
            tower,
            example,
            str(plain),
            input_names=["input_ids", "attention_mask"],
            output_names=["embedding"],
            dynamic_axes={"input_ids": {0: "B", 1: "L"}, "attention_mask": {0: "B", 1: "L"}, "embedding": {0: "B"}},
            opset_version=TEXT_OPSET,
            dynamo=False,
        )
        quantize_dynamic(plain, small, per_channel=True, weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul", "Gather"])
        return small.read_bytes()


def write_clip(folder: Path, run: str) -> None:
    """Writes all files of the run into a pack's folder."""
    image = export_image_tower(load_image_tower(run))
    onnx.checker.check_model(image)
    write_hashed(folder, "tower", ".onnx", image.SerializeToString(deterministic=True))
    write_hashed(folder, "text", ".onnx", export_text_tower(load_text_tower(run)))
    write_hashed(folder, "wordpiece", ".json", (minilm_folder() / "tokenizer.json").read_bytes())
    config = read_json(minilm_folder() / "tokenizer_config.json")
    write_hashed(folder, "wordpiece-config", ".json", json.dumps(config, sort_keys=True).encode())
    store = CaptionStore.load(store_folder(run))
    lines = [f"{picture}\t{text}" for picture, text in zip(store.pictures, store.captions)]
    write_hashed(folder, "captions", ".tsv", ("\n".join(lines) + "\n").encode())
    write_hashed(folder, "captions", ".bin", np.ascontiguousarray(store.vectors).tobytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default="clip")
    parser.add_argument("--out", type=Path, default=MODELS / PACK_ID)
    options = parser.parse_args()
    write_clip(options.out, options.run)
    for path in sorted(options.out.iterdir()):
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
