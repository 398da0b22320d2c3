"""The three graphs of a model, from PyTorch by tracing: `vision_encoder`, `embed_tokens`, `decoder_model_merged`."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import nn

from training.hub_models.decoder import DecoderGraph
from training.hub_models.families import Family, text_model
from training.hub_models.vision import VISION_GRAPHS

OPSET = 17


def export(family: Family, model: nn.Module, pixels: dict[str, torch.Tensor], folder: Path) -> None:
    """Writes the three graphs under `folder`/onnx; `pixels` are the vision graph's inputs for some frames."""
    folder = folder / "onnx"
    folder.mkdir(parents=True, exist_ok=True)
    vision = VISION_GRAPHS[family.name](model)
    values = tuple(pixels[name] for name in vision.inputs)
    _trace(vision, values, folder / "vision_encoder.onnx", list(vision.inputs), ["image_features"], vision.axes)
    text = text_model(model)
    embedding = text.embed_tokens
    axes = {"input_ids": {0: "batch_size", 1: "sequence_length"}, "inputs_embeds": {0: "batch_size", 1: "sequence_length"}}
    _trace(embedding, (torch.tensor([[1, 2, 3]]),), folder / "embed_tokens.onnx", ["input_ids"], ["inputs_embeds"], axes)
    export_decoder(family, model, folder / "decoder_model_merged.onnx")


def decoder_graph(family: Family, model: nn.Module) -> DecoderGraph:
    """The family's decoder as a module with the graph's inputs and outputs."""
    text = text_model(model)
    # The mask is the graph's own sum; sdpa would want to make it anew.
    text.config._attn_implementation = "eager"
    return DecoderGraph(text, model.lm_head, family.positions, family.keeps_logits).eval()


def export_decoder(family: Family, model: nn.Module, path: Path) -> None:
    """Writes the decoder, traced over three rows behind a past of two."""
    graph = decoder_graph(family, model)
    new, past = 3, 2
    values = [torch.zeros(1, new, graph.text_model.config.hidden_size), torch.ones(1, past + new, dtype=torch.int64)]
    values += [torch.arange(past, past + new)[None]] if family.positions else []
    values += [torch.tensor(1)] if family.keeps_logits else []
    axes = {
        "inputs_embeds": {1: "sequence_length"},
        "attention_mask": {1: "total_sequence_length"},
        "logits": {1: "num_logits" if family.keeps_logits else "sequence_length"},
    }
    if family.positions:
        axes["position_ids"] = {1: "sequence_length"}
    for entry in graph.entries:
        shape = list(entry.shape)
        if entry.kind == "attention":
            shape[2] = past
            axes |= {entry.past: {2: "past_sequence_length"}, entry.present: {2: "total_sequence_length"}}
        values.append(torch.zeros(shape))
    _trace(graph, tuple(values), path, graph.input_names(), graph.output_names(), axes)


@torch.no_grad()
def _trace(module: nn.Module, values: tuple, path: Path, inputs: list[str], outputs: list[str], axes: dict) -> None:
    with warnings.catch_warnings():
        # The tracer warns of every shape that Python looks at; parity is tested with other shapes than these.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            values,
            path,
            input_names=inputs,
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
