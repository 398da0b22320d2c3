"""The tiny models in the hub's layout: the committed graphs give PyTorch's greedy tokens, and the layout is the one that is read."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from training.hub_models.__main__ import FOLDER
from training.hub_models.build import build
from training.hub_models.decoder import cache_entries
from training.hub_models.export import decoder_graph
from training.hub_models.frames import normalised, resized, vision_inputs
from training.hub_models.more_families import FAMILIES
from training.hub_models.reference import cases, pooled, unpacked
from training.hub_models.repository import SEEDS, WITH_VARIANTS, tokenizer_of
from training.hub_models.runner import Graphs, session
from training.hub_models.vision import Lfm2VlVision

FILES = ("config.json", "preprocessor_config.json", "processor_config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json")


@pytest.fixture(scope="module", params=list(FAMILIES))
def family(request: pytest.FixtureRequest):
    return FAMILIES[request.param]


@pytest.fixture(scope="module")
def reference(family) -> dict:
    return json.loads((FOLDER / family.name / "reference.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def graphs(family) -> Graphs:
    return Graphs(FOLDER / family.name)


@pytest.fixture(scope="module")
def features(family, reference: dict, graphs: Graphs) -> np.ndarray:
    """[T, tokens, hidden] of the reference's frames, by the committed graph."""
    return _features(family, reference, graphs)


def rows_of(family, features: np.ndarray, case: dict) -> np.ndarray:
    return pooled(family, torch.from_numpy(features[case["frames"]]), case["pooling"]).numpy()


def test_repository_holds_what_is_read(family) -> None:
    folder = FOLDER / family.name
    assert all((folder / name).exists() for name in FILES)
    assert {path.name for path in (folder / "onnx").iterdir()} >= {"vision_encoder.onnx", "embed_tokens.onnx", "decoder_model_merged.onnx"}
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 1_300_000


def test_graphs_have_the_names_that_are_fed(family, graphs: Graphs) -> None:
    assert [item.name for item in graphs.embed.get_inputs()] == ["input_ids"]
    assert [item.name for item in graphs.embed.get_outputs()] == ["inputs_embeds"]
    assert [item.name for item in graphs.vision.get_outputs()] == ["image_features"]
    config = json.loads((FOLDER / family.name / "config.json").read_text())
    text = config.get("text_config", config)
    kinds = text.get("layer_types") or ["full_attention"] * text["num_hidden_layers"]
    past = [
        name
        for layer, kind in enumerate(kinds)
        for name in ([f"past_conv.{layer}"] if kind == "conv" else [f"past_key_values.{layer}.key", f"past_key_values.{layer}.value"])
    ]
    assert [name for name in graphs.inputs if name.startswith("past")] == past
    assert graphs.outputs[0] == "logits" and len(graphs.outputs) == len(past) + 1


def test_features_are_those_of_pytorch(reference: dict, features: np.ndarray) -> None:
    expected = unpacked(reference["imageFeatures"])
    assert np.abs(features - expected).max() < 1e-4 * max(1.0, np.abs(expected).max())
    # Each frame gives others.
    assert np.abs(expected[0] - expected[1]).mean() > 0.05


def test_greedy_tokens_are_those_of_pytorch(family, reference: dict, graphs: Graphs, features: np.ndarray) -> None:
    for case in reference["cases"]:
        rows = rows_of(family, features, case)
        tokens, logits = graphs.greedy(case["inputIds"], rows, reference["imageTokenId"], len(case["tokens"]))
        assert tokens == case["tokens"], case["name"]
        assert np.abs(logits - unpacked(case["firstLogits"])).max() < 1e-3


def test_a_prompt_in_pieces_gives_the_same(family, reference: dict, graphs: Graphs, features: np.ndarray) -> None:
    """Keys, values and convolution states carry over: what the app's prefix reuse and chunked prefill lean on."""
    case = next(case for case in reference["cases"] if case["name"] == "clip-mean-again")
    rows = rows_of(family, features, case)
    for chunk in (1, 7, 32):
        tokens, _ = graphs.greedy(case["inputIds"], rows, reference["imageTokenId"], len(case["tokens"]), chunk)
        assert tokens == case["tokens"], chunk


@pytest.mark.parametrize("name", WITH_VARIANTS)
def test_float16_graphs_give_the_same_tokens(name: str) -> None:
    """Past and present are float16, what else goes in and out float32; no answer's lead is as small as float16's rounding."""
    family, folder = FAMILIES[name], FOLDER / name
    reference = json.loads((folder / "reference.json").read_text(encoding="utf-8"))
    graphs = Graphs(folder, vision="_fp16", embed="_fp16", decoder="_fp16")
    kinds = {item.type for item_name, item in graphs.inputs.items() if item_name.startswith("past")}
    assert kinds == {"tensor(float16)"} and graphs.inputs["inputs_embeds"].type == "tensor(float)"
    found = _features(family, reference, graphs)
    for case in reference["cases"]:
        rows = rows_of(family, found, case)
        tokens, logits = graphs.greedy(case["inputIds"], rows, reference["imageTokenId"], len(case["tokens"]))
        assert np.abs(logits - unpacked(case["firstLogits"])).max() < 0.05
        assert tokens == case["tokens"] or case["margin"] < 0.05


@pytest.mark.parametrize("name", WITH_VARIANTS)
def test_four_bit_graphs_give_the_tokens_of_pytorch_with_the_same_codes(name: str) -> None:
    family, folder = FAMILIES[name], FOLDER / name
    reference = json.loads((folder / "reference.json").read_text(encoding="utf-8"))
    graphs = Graphs(folder, embed="_fp16", decoder="_q4f16")
    found = _features(family, reference, graphs)
    same = 0
    for case in reference["cases"]:
        expected = reference["fourBits"][case["name"]]
        tokens, _ = graphs.greedy(case["inputIds"], rows_of(family, found, case), reference["imageTokenId"], len(expected["tokens"]))
        same += tokens == expected["tokens"]
        assert tokens == expected["tokens"] or expected["margin"] < 0.05
    assert same >= 4


@pytest.mark.parametrize("name", WITH_VARIANTS)
def test_eight_bit_graphs_stay_near(name: str) -> None:
    """Activations are rounded by call, so that tokens may differ; the first logits may by no more than that rounding."""
    family, folder = FAMILIES[name], FOLDER / name
    reference = json.loads((folder / "reference.json").read_text(encoding="utf-8"))
    graphs = Graphs(folder, embed="_quantized", decoder="_quantized")
    found = _features(family, reference, graphs)
    for case in reference["cases"]:
        rows = rows_of(family, found, case)
        _, logits = graphs.greedy(case["inputIds"], rows, reference["imageTokenId"], 1)
        assert np.abs(logits - unpacked(case["firstLogits"])).max() < 1


def _features(family, reference: dict, graphs: Graphs) -> np.ndarray:
    frames = unpacked(reference["frames"])
    inputs = {name: value.numpy() for name, value in vision_inputs(family, frames).items()}
    return graphs.features(inputs).reshape(len(frames), family.tokens, -1)


def test_prompts_are_the_template_s(family, reference: dict) -> None:
    folder = FOLDER / family.name
    config = json.loads((folder / "tokenizer_config.json").read_text())
    template = config.get("chat_template")
    if template is None:
        template = (folder / "chat_template.jinja").read_text(encoding="utf-8")
    special = {name: config[name] for name in ("bos_token", "eos_token", "pad_token") if name in config}
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), chat_template=template, **special)
    for case in reference["cases"]:
        text = tokenizer.apply_chat_template(case["messages"], tokenize=False, add_generation_prompt=True)
        media = "<video>" if "<video>" in text else "<image>"
        head, tail = text.split(media)[0], text.split(media)[-1]
        assert case["prompt"].startswith(head) and case["prompt"].endswith(tail)
        assert tokenizer.encode(case["prompt"], add_special_tokens=False) == case["inputIds"]
        assert tokenizer.decode(case["tokens"], skip_special_tokens=True) == case["text"]
        if case["name"].endswith("-again"):
            before = next(other for other in reference["cases"] if other["name"] == case["name"].removesuffix("-again"))
            assert before["text"] in case["prompt"]


def test_the_reference_is_what_pytorch_answers_today(family, reference: dict) -> None:
    """Built anew from its seed, transformers' model answers one case as the committed file says."""
    tokenizer = tokenizer_of(family)
    model = build(family, tokenizer, SEEDS[family.name])
    expected, answered = cases(family, model, tokenizer, unpacked(reference["frames"]))
    assert reference["seed"] == SEEDS[family.name]
    assert np.abs(expected.numpy() - unpacked(reference["imageFeatures"])).max() < 1e-4
    assert [case.answer.tokens for case in answered] == [case["tokens"] for case in reference["cases"]]


def test_resampling_is_pillow_s(family, reference: dict) -> None:
    resize = reference["resize"]
    squashed = resized(family, unpacked(resize["source"]))
    assert np.array_equal(squashed, unpacked(resize["resized"]))
    assert np.array_equal(normalised(family, squashed[None])[0].numpy(), unpacked(resize["pixelValues"]))


def test_images_of_several_shapes_give_what_transformers_gives() -> None:
    """LFM2-VL's graph has no loop over images: positions and unshuffling by gathering must equal transformers' loop."""
    family = FAMILIES["lfm2-vl"]
    tokenizer = tokenizer_of(family)
    model = build(family, tokenizer, 3)
    shapes = torch.tensor([[8, 8], [4, 6], [2, 10], [6, 4]])
    inputs = {
        "pixel_values": torch.randn(4, 64, 48, generator=torch.Generator().manual_seed(2)),
        "pixel_attention_mask": (torch.arange(64)[None] < shapes.prod(-1, keepdim=True)).long(),
        "spatial_shapes": shapes,
    }
    with torch.no_grad():
        expected = torch.cat(list(model.model.get_image_features(**inputs).pooler_output))
        actual = Lfm2VlVision(model)(*(inputs[name] for name in Lfm2VlVision.inputs))
    assert actual.shape == expected.shape == (16 + 6 + 5 + 6, 32)
    assert torch.allclose(actual, expected, atol=1e-4)
    graph = session(FOLDER / family.name / "onnx" / "vision_encoder.onnx")
    committed = build(family, tokenizer, SEEDS[family.name])
    with torch.no_grad():
        expected = torch.cat(list(committed.model.get_image_features(**inputs).pooler_output))
    values = graph.run(None, {name: value.numpy() for name, value in inputs.items()})[0]
    assert np.abs(values - expected.numpy()).max() < 1e-4


def test_decoder_module_keeps_as_many_logits_as_asked() -> None:
    family = FAMILIES["lfm2-vl"]
    graph = decoder_graph(family, build(family, tokenizer_of(family), 3))
    entries = cache_entries(graph.text_model.config)
    past = [torch.zeros([2 if size == 0 else size for size in entry.shape]) for entry in entries]
    embeds, mask = torch.zeros(1, 4, 32), torch.ones(1, 6, dtype=torch.int64)
    with torch.no_grad():
        every, last = (graph(embeds, mask, torch.tensor(keep), *past)[0] for keep in (0, 1))
    assert every.shape[1] == 4 and torch.allclose(every[:, -1:], last)
