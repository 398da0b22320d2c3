"""Checkpoints under the published names become packs whose greedy tokens are PyTorch's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from training.convert.__main__ import main
from training.convert.base import PRECISIONS
from training.convert.check import PackRun, TorchRun, prompt_of
from training.convert.checkpoint import Checkpoint, ConversionError, canonical
from training.convert.pack import convert
from training.export_files import read_json, sha256_of
from training.gguf_base import Base, block_codes, dequantise, quantise
from training.tests.tiny_checkpoints import KINDS, PATCHES, write_checkpoint, write_clip

TOKENS = 10
QUESTIONS = ("What happens in the video?", "Is the dog red?")


def pixels(frames: int, seed: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((frames, 3, 32, 32)).astype(np.float32)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):
    """kind -> (checkpoint, {precision: pack folder}), each made once."""
    known = {}

    def make(kind: str) -> tuple[Checkpoint, dict[str, Path]]:
        if kind not in known:
            folder = tmp_path_factory.mktemp(kind)
            source = write_checkpoint(kind, folder / "source")
            tower = write_clip(folder / "clip") if kind == "llava-1.5" else None
            packs = convert(source, folder / "out", tower=tower, name=kind)
            known[kind] = (Checkpoint(source, tower), dict(zip(PRECISIONS, packs, strict=True)))
        return known[kind]

    return make


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_f32_graph_gives_the_tokens_of_pytorch(made, kind: str, precision: str) -> None:
    checkpoint, packs = made(kind)
    run = PackRun(packs[precision], "f32")
    reference = TorchRun(checkpoint, Base(packs[precision] / "base"))
    answers = []
    for frames, question in ((1, QUESTIONS[0]), (4, QUESTIONS[0]), (4, QUESTIONS[1])):
        prompt = prompt_of(packs[precision], question)
        visual = reference.visual(pixels(frames))
        assert torch.allclose(run.visual(pixels(frames)), visual, atol=2e-4)
        expected, margin = reference.greedy(prompt, pixels(frames), TOKENS)
        assert run.greedy(prompt, pixels(frames), TOKENS) == expected, f"least lead {margin}"
        answers.append(expected)
    # A model that looked at nothing would answer all three alike.
    assert len({tuple(answer) for answer in answers}) == 3


@pytest.mark.parametrize("kind", ["valley-delta", "llava-1.5"])
@pytest.mark.parametrize(("precision", "flavour", "tolerance"), [("q8", "q8f32", 0.1), ("q8", "q8f16", 0.1), ("q4f16", "q4f16", 0.1)])
def test_quantised_graphs_follow_pytorch_with_the_stored_weights(made, kind: str, precision: str, flavour: str, tolerance: float) -> None:
    checkpoint, packs = made(kind)
    prompt = prompt_of(packs[precision], QUESTIONS[0])
    expected, _ = TorchRun(checkpoint, Base(packs[precision] / "base")).greedy(prompt, pixels(4), TOKENS)
    tokens = PackRun(packs[precision], flavour).greedy(prompt, pixels(4), TOKENS)
    same = sum(a == b for a, b in zip(tokens, expected, strict=True))
    assert same >= (1 - tolerance) * TOKENS


def test_visual_tokens_are_laid_out_as_each_model_was_trained(made) -> None:
    _, valley = made("valley-mean")
    _, llava = made("llava-1.5")
    assert len(PackRun(valley["q8"], "f32").visual(pixels(1))) == 4 + PATCHES + 1
    assert len(PackRun(valley["q8"], "f32").visual(pixels(3))) == 4 + PATCHES + 3
    # LLaVA knows patches alone; of a clip Valley's frame tokens are added.
    assert len(PackRun(llava["q8"], "f32").visual(pixels(1))) == PATCHES
    assert len(PackRun(llava["q8"], "f32").visual(pixels(3))) == PATCHES + 3


@pytest.mark.parametrize("kind", KINDS)
def test_manifests_name_what_is_there(made, kind: str) -> None:
    checkpoint, packs = made(kind)
    for precision, folder in packs.items():
        pack, base = read_json(folder / "pack.json"), read_json(folder / "base" / "base.json")
        assert pack["pooling"]["kind"] == checkpoint.pooling
        assert set(base["graphs"]) == set(PRECISIONS[precision][1])
        entries = [(folder, pack["tower"]["file"]), (folder, pack["projector"]["file"])]
        entries += [(folder / "base", entry) for entry in base["files"]["weights"]]
        entries += [(folder / "base", graph["file"]) for graph in base["graphs"].values()]
        entries += [(folder / "base", base["files"][name]) for name in ("tokenizer", "tokenizerConfig")]
        for root, entry in entries:
            data = (root / entry["path"]).read_bytes()
            assert (len(data), sha256_of(data)) == (entry["bytes"], entry["sha256"])


def test_shards_stay_below_their_limit(tmp_path: Path) -> None:
    source = write_checkpoint("valley-mean", tmp_path / "source")
    (folder,) = convert(source, tmp_path / "out", ("q4f16",), limit=30_000)
    base = Base(folder / "base")
    files = base.manifest["files"]["weights"]
    assert len(files) > 2 and all(file["bytes"] <= 30_000 for file in files)
    assert base.tensor("output.weight").shape == base.tensor("token_embd.weight").shape
    with pytest.raises(ConversionError, match="more than a shard"):
        convert(source, tmp_path / "out", ("q4f16",), limit=1_000)
    assert not (tmp_path / "out" / "source-q4f16").exists()


def test_blocks_of_four_bits_come_back_as_they_were() -> None:
    rows = np.random.default_rng(3).standard_normal((40, 32)).astype(np.float32)
    rows[0] = 0
    stored = quantise("Q4_0", rows)
    weights = dequantise("Q4_0", stored, rows.shape)
    assert np.abs(weights - rows).max() < np.abs(rows).max() / 8
    assert not weights[0].any()
    # What a graph derives from them are the very codes and scales that were stored.
    assert quantise("Q4_0", weights) == stored
    codes, scales = block_codes(weights)
    assert np.array_equal((codes.astype(np.float32) - 8) * scales.astype(np.float32)[:, None], weights)


@pytest.mark.parametrize(
    ("published", "name"),
    [
        ("model.vision_tower.vision_model.encoder.layers.3.mlp.fc1.weight", "tower.encoder.layers.3.mlp.fc1.weight"),
        ("model.vision_tower.vision_tower.vision_model.pre_layrnorm.bias", "tower.pre_layrnorm.bias"),
        ("model.mm_projector.weight", "projector.weight"),
        ("model.mm_projector.0.bias", "projector.first.bias"),
        ("model.mm_projector.2.weight", "projector.weight"),
        ("multi_modal_projector.linear_1.weight", "projector.first.weight"),
        ("model.multi_modal_projector.linear_2.bias", "projector.bias"),
        ("model.pooling_layer.weight", "importance.weight"),
        ("model.transformer_delta_encoder.layers.0.self_attn.in_proj_weight", "delta.self_attn.in_proj_weight"),
        ("model.position_matrix", "delta.positions"),
        ("model.layers.0.self_attn.q_proj.weight", "text.layers.0.self_attn.q_proj.weight"),
        ("language_model.model.norm.weight", "text.norm.weight"),
        ("model.language_model.embed_tokens.weight", "text.embed_tokens.weight"),
        ("lm_head.weight", "text.lm_head.weight"),
        ("model.transforemr_adding_layer.norm1.bias", None),
        ("model.layers.0.self_attn.rotary_emb.inv_freq", None),
    ],
)
def test_published_names(published: str, name: str | None) -> None:
    assert canonical(published) == name


def _edited(source: Path, **changes: object) -> Path:
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps(config | changes))
    return source


def test_refusals_say_why(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="no known here|no layout"):
        canonical("model.visual.blocks.0.attn.qkv.weight")
    with pytest.raises(ConversionError, match="config.json"):
        Checkpoint(tmp_path)
    llava = write_checkpoint("llava-1.5", tmp_path / "llava")
    with pytest.raises(ConversionError, match="--tower"):
        convert(llava, tmp_path / "out")
    tower = write_clip(tmp_path / "clip")
    with pytest.raises(ConversionError, match="qwen2"):
        convert(_edited(llava, text_config={"model_type": "qwen2"}), tmp_path / "out", tower=tower)
    valley = write_checkpoint("valley-mean", tmp_path / "valley")
    with pytest.raises(ConversionError, match="rope_scaling"):
        convert(_edited(valley, rope_scaling={"type": "linear", "factor": 2}), tmp_path / "out")
    delta = write_checkpoint("valley-delta", tmp_path / "delta")
    for file in delta.glob("pytorch_model-*.bin"):
        state = torch.load(file, weights_only=True)
        if "model.position_matrix" in state:
            state["model.position_matrix"] = torch.zeros_like(state["model.position_matrix"])
            torch.save(state, file)
    with pytest.raises(ConversionError, match="position_matrix"):
        convert(delta, tmp_path / "out")


def test_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_checkpoint("valley-importance", tmp_path / "tiny-valley")
    monkeypatch.setattr("sys.argv", ["convert", str(source), str(tmp_path / "out"), "--precision", "q8", "--check", "3"])
    assert main() == 0
    assert (tmp_path / "out" / "tiny-valley-q8" / "pack.json").exists()
    assert "greedy tokens are PyTorch's" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["convert", str(tmp_path), str(tmp_path / "out")])
    assert main() == 1
    assert "config.json" in capsys.readouterr().err
