"""Export: GGUF blocks, derivation, decoder and tower graphs, adapters, on the tiny packs in tests/fixtures/tiny."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from gguf import GGMLQuantizationType, quants

from training.derive import Adapter, adapted, channel_codes, derive, encode
from training.export_adapter import gguf_factors, gguf_row_order, read_adapter, transformers_row_order
from training.export_decoder import FLAVOURS, DecoderGraph
from training.export_files import read_json, sha256_of
from training.export_pack import projector_file, read_projector
from training.export_reference import llama, logits
from training.export_tower import adaptive_pool_matrix
from training.gguf_base import Base, RawTensor, dequantise, pack_shards, quantise
from training.smoothing import Smoothing, read_smoothing

TINY = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "tiny"


@pytest.fixture(scope="module")
def base() -> Base:
    return Base(TINY / "tiny-base")


@pytest.fixture(scope="module")
def golden() -> dict:
    return read_json(TINY / "golden.json")


def decoded(entry: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(entry["float32"]), "<f4").reshape(entry["shape"])


@pytest.mark.parametrize("kind", ["Q4_1", "Q8_0"])
def test_dequantisation_equals_the_gguf_package(kind: str) -> None:
    weights = np.random.default_rng(1).standard_normal((48, 96)).astype(np.float32)
    weights[3] = 0
    theirs = quants.quantize(weights, GGMLQuantizationType[kind])
    expected = quants.dequantize(theirs, GGMLQuantizationType[kind])
    np.testing.assert_array_equal(dequantise(kind, theirs.tobytes(), weights.shape), expected)
    ours = dequantise(kind, quantise(kind, weights), weights.shape)
    assert np.abs(ours - weights).max() < (0.25 if kind == "Q4_1" else 0.03)


def test_shards_never_split_a_tensor() -> None:
    tensors = [RawTensor(f"t{index}", "F32", (size,), bytes(4 * size)) for index, size in enumerate((5, 3, 8, 1, 9))]
    shards, table = pack_shards(tensors, limit=40)
    assert [len(shard) for shard in shards] == [32, 36, 36]
    assert [(row["shard"], row["offset"], row["bytes"]) for row in table] == [
        (0, 0, 20),
        (0, 20, 12),
        (1, 0, 32),
        (1, 32, 4),
        (2, 0, 36),
    ]
    with pytest.raises(ValueError, match="larger than a shard"):
        pack_shards(tensors, limit=35)


def test_channel_codes_round_half_away_and_survive_zero_rows() -> None:
    weights = np.array([[127, 0.5, -0.5, 1.5, -2.5], [0, 0, 0, 0, 0], [-254, 1, 3, 0.98, 254]], np.float32)
    codes, scales = channel_codes(weights)
    np.testing.assert_array_equal(scales, np.array([1, 1, 2], np.float32))
    np.testing.assert_array_equal(codes, [[127, 1, -1, 2, -3], [0, 0, 0, 0, 0], [-127, 1, 2, 0, 127]])


def test_forms_are_layouts_of_the_same_codes() -> None:
    weights = np.random.default_rng(2).standard_normal((6, 64)).astype(np.float32)
    codes, scales = channel_codes(weights)
    kn = np.frombuffer(encode("int8-kn", weights), np.int8).reshape(64, 6)
    nk = np.frombuffer(encode("q8-nk", weights), np.uint8).reshape(6, 2, 32)
    np.testing.assert_array_equal(kn.T, codes)
    np.testing.assert_array_equal(nk.reshape(6, 64).astype(int) - 128, codes)
    np.testing.assert_array_equal(np.frombuffer(encode("q8-scale-f32", weights), "<f4"), np.repeat(scales, 2))
    np.testing.assert_array_equal(
        np.frombuffer(encode("q8-scale-f16", weights), "<f2"), np.repeat(scales, 2).astype(np.float16)
    )


def test_derived_files_are_those_the_browser_is_tested_with(base: Base, golden: dict) -> None:
    assert len(golden["weights"]["derived"]) == 12
    for row in golden["weights"]["derived"]:
        adapter = read_adapter(TINY / row["adapterOf"]) if row["adapterOf"] else None
        smoothing = read_smoothing(TINY / row["smoothingOf"], base.manifest["architecture"]) if row["smoothingOf"] else None
        assert sha256_of(derive(base, row["flavour"], adapter, smoothing).tobytes()) == row["sha256"]


def test_adapter_in_gguf_row_order_equals_lora_on_the_transformers_model(base: Base) -> None:
    """B@A added to transformers' q/k rows, then permuted, is what the exported factors add to GGUF rows."""
    architecture, random = base.manifest["architecture"], np.random.default_rng(3)
    for part, heads in (("q_proj", architecture["heads"]), ("k_proj", architecture["kvHeads"])):
        out = heads * architecture["headDim"]
        a, b = random.standard_normal((2, 64)).astype(np.float16), random.standard_normal((out, 2)).astype(np.float16)
        name, a_out, b_out = gguf_factors(f"base_model.model.model.layers.1.self_attn.{part}", a, b, architecture)
        assert name == f"blk.1.attn_{part[0]}.weight"
        theirs = transformers_row_order(base.tensor(name), heads) + 2.0 * b.astype(np.float32) @ a.astype(np.float32)
        ours = adapted(base.tensor(name), name, Adapter(2, 4.0, {name: (a_out, b_out)}))
        np.testing.assert_allclose(ours, gguf_row_order(theirs, heads), atol=1e-5)
        assert np.abs(ours - theirs).max() > 0.1


def test_row_order_is_that_of_llama_cpp() -> None:
    rows = np.arange(8)[:, None]
    np.testing.assert_array_equal(gguf_row_order(rows, 1)[:, 0], [0, 4, 1, 5, 2, 6, 3, 7])
    np.testing.assert_array_equal(transformers_row_order(gguf_row_order(rows, 2), 2), rows)
    with pytest.raises(ValueError, match="no GGUF tensor"):
        gguf_factors("model.layers.0.self_attn.rotary", np.zeros((1, 1)), np.zeros((1, 1)), {})


def decoder_session(
    base: Base, flavour: str, adapter: Adapter | None, folder: Path, smoothing: Smoothing | None = None
) -> onnxruntime.InferenceSession:
    graph = base.manifest["graphs"][flavour]
    derive(base, flavour, adapter, smoothing).tofile(folder / graph["externalData"])
    model = folder / "decoder.onnx"
    model.write_bytes((base.folder / graph["file"]["path"]).read_bytes())
    return onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])


def run_in_chunks(
    session: onnxruntime.InferenceSession, base: Base, embeddings: np.ndarray, chunks: list[int], dtype: type
) -> np.ndarray:
    """Logits of every position, the cache grown by the new rows only, as the browser does."""
    a = base.manifest["architecture"]
    names = [f"{layer}.{kind}" for layer in range(a["layers"]) for kind in ("key", "value")]
    cache = {name: np.zeros((1, 0, a["kvHeads"] * a["headDim"]), dtype) for name in names}
    rows, start = [], 0
    for size in chunks:
        visible = np.arange(start + size)[None] <= start + np.arange(size)[:, None]
        feeds = {
            "inputs_embeds": embeddings[None, start : start + size],
            "position_ids": np.arange(start, start + size)[None],
            "attention_bias": np.where(visible, 0, -3.4e38).astype(np.float32)[None, None],
            "logits_index": np.arange(size),
            **{f"past.{name}": value for name, value in cache.items()},
        }
        outputs = session.run(["logits", *(f"new.{name}" for name in names)], feeds)
        rows.append(outputs[0])
        for name, new in zip(names, outputs[1:], strict=True):
            assert new.shape == (1, size, cache[name].shape[2])
            cache[name] = np.concatenate([cache[name], new], axis=1)
        start += size
    return np.concatenate(rows)


def round_to_channel_codes(model: torch.nn.Module) -> None:
    """Replace every linear layer's weight by its 8-bit codes times scales, which do not depend on row order."""
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            codes, scales = channel_codes(module.weight.detach().numpy())
            module.weight = torch.nn.Parameter(torch.from_numpy(codes * scales[:, None]), requires_grad=False)


# Largest difference of a logit from PyTorch with the same (rounded) weights; their spread is 2.4. What int8 is
# allowed is the rounding of its activations to 8 bits, q8f16 the rounding of everything to float16.
TOLERANCE = {"f32": 1e-4, "q8f32": 1e-4, "q8f16": 0.06, "int8": 1.0}


@pytest.mark.parametrize("pack", ["tiny-mean", "tiny-delta"])
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_decoder_graph_in_chunks_equals_pytorch(base: Base, flavour: str, pack: str, tmp_path: Path) -> None:
    adapter = read_adapter(TINY / pack)
    embeddings = np.random.default_rng(4).standard_normal((21, 64)).astype(np.float32) * 0.3
    model = llama(base, adapter)
    if flavour != "f32":
        round_to_channel_codes(model)
    expected = logits(model, torch.from_numpy(embeddings)).numpy()
    session = decoder_session(base, flavour, adapter, tmp_path)
    dtype = np.float16 if flavour == "q8f16" else np.float32
    actual = run_in_chunks(session, base, embeddings, [4, 11, 1, 1, 4], dtype)
    assert np.abs(actual - expected).max() < TOLERANCE[flavour]


def test_a_large_row_does_not_spoil_the_small_rows_of_its_chunk(base: Base, tmp_path: Path) -> None:
    """The int8 linear layer beside a sink token: a row of ordinary size keeps 2 % accuracy."""
    builder = DecoderGraph(base.manifest["architecture"], "int8", base.manifest["embedding"])
    name = "blk.0.ffn_down.weight"
    builder.linear("x", "y", [name], 128, 64)
    info = onnx.helper.make_tensor_value_info
    inputs, outputs = [info("x", onnx.TensorProto.FLOAT, [1, 2, 128])], [info("y", onnx.TensorProto.FLOAT, [1, 2, 64])]
    graph = onnx.helper.make_graph(builder.nodes, "probe", inputs, outputs, builder.initializers)
    opsets = [onnx.helper.make_opsetid("", 21), onnx.helper.make_opsetid("com.microsoft", 1)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10)
    weights, data = base.tensor(name), bytearray(builder.bytes)
    for entry in builder.layout:
        data[entry["offset"] : entry["offset"] + entry["bytes"]] = encode(entry["form"], weights)
    (tmp_path / "decoder.weights").write_bytes(data)
    onnx.save(model, str(tmp_path / "probe.onnx"))
    session = onnxruntime.InferenceSession(str(tmp_path / "probe.onnx"), providers=["CPUExecutionProvider"])
    rows = np.random.default_rng(7).standard_normal((1, 2, 128)).astype(np.float32) * np.array(
        [[[1000], [1]]], np.float32
    )
    actual, expected = session.run(["y"], {"x": rows})[0], rows @ weights.T
    error = np.linalg.norm(actual - expected, axis=-1) / np.linalg.norm(expected, axis=-1)
    assert error.max() < 0.02
    assert np.isfinite(session.run(["y"], {"x": np.zeros_like(rows)})[0]).all()


def test_golden_turns_are_what_the_f32_graph_decodes(base: Base, golden: dict, tmp_path: Path) -> None:
    table = base.tensor("token_embd.weight")
    for section in golden["decoder"]:
        session = decoder_session(base, "f32", read_adapter(TINY / section["pack"]), tmp_path)
        context = np.concatenate([table[section["before"]], decoded(section["visual"]), table[section["after"]]])
        for turn in section["turns"]:
            assert len(context) == turn["contextTokens"]
            prompt = len(context)
            context = np.concatenate([context, table[turn["greedy"]]])
            rows = run_in_chunks(session, base, context, [prompt] + [1] * len(turn["greedy"]), np.float32)
            np.testing.assert_allclose(rows[prompt - 1], decoded(turn["lastLogits"]), atol=1e-4)
            assert rows[prompt - 1 : -1].argmax(1).tolist() == turn["greedy"]
            context = np.concatenate([context, table[section["closing"]]])


def test_layouts_are_aligned_and_fill_the_declared_bytes(base: Base) -> None:
    for flavour, graph in base.manifest["graphs"].items():
        end = 0
        for entry in graph["tensors"]:
            assert entry["offset"] % 64 == 0 and end <= entry["offset"] < end + 64
            end = entry["offset"] + entry["bytes"]
        assert end == graph["bytes"], flavour
        model = onnx.load(str(base.folder / graph["file"]["path"]), load_external_data=False)
        external = {t.name for t in model.graph.initializer if t.data_location == onnx.TensorProto.EXTERNAL}
        assert external == {entry["name"] for entry in graph["tensors"]}


def test_unknown_flavour_is_refused(base: Base) -> None:
    with pytest.raises(ValueError, match="unknown flavour"):
        DecoderGraph(base.manifest["architecture"], "int4", base.manifest["embedding"])


@pytest.mark.parametrize(("size", "grid"), [(7, 4), (8, 2), (7, 7)])
def test_pool_matrix_is_adaptive_average_pooling(size: int, grid: int) -> None:
    stage = torch.randn(2, 5, size, size, generator=torch.Generator().manual_seed(6))
    pooled = stage.flatten(2).numpy() @ adaptive_pool_matrix(size, grid)
    expected = torch.nn.functional.adaptive_avg_pool2d(stage, grid).flatten(2)
    np.testing.assert_allclose(pooled[..., :-1], expected, atol=1e-6)
    np.testing.assert_allclose(pooled[..., -1], stage.mean((2, 3)), atol=1e-6)


def test_projector_file_round_trip_and_refusals() -> None:
    tensors = read_projector(TINY / "tiny-importance")
    data, table = projector_file(tensors, 32, 64)
    listed = read_json(TINY / "tiny-importance" / "pack.json")["projector"]
    assert sha256_of(data) == listed["file"]["sha256"] and table == listed["tensors"]
    with pytest.raises(ValueError, match="markers must be"):
        projector_file({**tensors, "markers": np.zeros((3, 64))}, 32, 64)
    with pytest.raises(ValueError, match="not finite"):
        projector_file({**tensors, "bias": np.full(64, np.nan)}, 32, 64)
