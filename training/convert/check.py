"""A converted pack against PyTorch: the same pixels and words through both, their greedy tokens side by side.

The pack runs as the browser runs it: tower, pooling and projector, the base's derived weights, keys and values appended. PyTorch
runs transformers' CLIP and Llama on the checkpoint's own tensors, spliced as valley_model.py and LLaVA do.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jinja2 import Template
from tokenizers import Tokenizer
from transformers import CLIPVisionConfig, CLIPVisionModel, LlamaForCausalLM

from training.convert.base import architecture_of
from training.convert.checkpoint import Checkpoint
from training.convert.pack import pooling_tensors
from training.convert.tokenizer import marker_ids
from training.convert.tower import tower_shape
from training.derive import derive
from training.export_files import read_json
from training.export_pack import read_projector
from training.export_reference import greedy, llama, llama_config
from training.gguf_base import Base
from training.hub_models.runner import session
from training.pooling import make_pooling, take_pack_tensors


@dataclass(frozen=True)
class Prompt:
    """Token ids before and after the visual tokens."""

    before: list[int]
    after: list[int]


def prompt_of(folder: Path, question: str) -> Prompt:
    """A question about a clip through the pack's own template, cut where the clip stands (workers/language/prompt.ts)."""
    config = read_json(folder / "base" / "tokenizer_config.json")
    system = read_json(folder / "pack.json")["prompt"]["system"]
    messages = [{"role": "system", "content": system}, {"role": "user", "content": f"\uf8ffvisual\uf8ff\n{question}"}]
    # As transformers and transformers.js render templates.
    template = Template(config["chat_template"], trim_blocks=True, lstrip_blocks=True)
    text = template.render(messages=messages, add_generation_prompt=True, bos_token=config["bos_token"], eos_token=config["eos_token"])
    before, after = text.split("\uf8ffvisual\uf8ff")
    tokenizer = Tokenizer.from_file(str(folder / "base" / "tokenizer.json"))
    return Prompt(*(tokenizer.encode(part, add_special_tokens=False).ids for part in (before, after)))


def pool(kind: str, tensors: dict[str, np.ndarray], patches: torch.Tensor) -> torch.Tensor:
    """Patches [T, P, D] to [P, D] by the pack's pooling."""
    module = make_pooling(kind, patches.shape[1], patches.shape[2])
    if kind == "delta":
        # The feed-forward's width is the checkpoint's own.
        inner = tensors["delta.linear1.bias"].size
        module.layer = torch.nn.TransformerEncoderLayer(patches.shape[2], 8, inner, dropout=0.0, batch_first=True)
    take_pack_tensors(module, {name: torch.from_numpy(value.copy()) for name, value in tensors.items()})
    with torch.no_grad():
        return module.eval()(patches[None])[0]


class PackRun:
    """A converted pack in ONNX Runtime, one of its graphs."""

    def __init__(self, folder: Path, flavour: str) -> None:
        self.manifest, self.flavour = read_json(folder / "pack.json"), flavour
        self.base = Base(folder / "base")
        self.tensors = read_projector(folder)
        self.tower = session(folder / self.manifest["tower"]["file"]["path"])
        graph = self.base.manifest["graphs"][flavour]
        with tempfile.TemporaryDirectory() as scratch:
            derive(self.base, flavour).tofile(Path(scratch) / graph["externalData"])
            model = Path(scratch) / "decoder.onnx"
            model.write_bytes((folder / "base" / graph["file"]["path"]).read_bytes())
            self.decoder = session(model)
        self.embedding = torch.from_numpy(self.base.tensor(self.base.manifest["embedding"]))

    def visual(self, pixels: np.ndarray) -> torch.Tensor:
        """Visual tokens [N, hidden] of pixels float32 [T, 3, S, S]."""
        tower, pooling = self.manifest["tower"], self.manifest["pooling"]
        names = [tower["patchesOutput"], tower["clsOutput"]]
        patches, cls = (torch.from_numpy(value) for value in self.tower.run(names, {"pixels": pixels}))
        weight, bias = (torch.from_numpy(self.tensors[name]) for name in ("weight", "bias"))
        parameters = {name: value for name, value in self.tensors.items() if name.startswith((f"{pooling['kind']}.",))}
        if pooling["side"] == "before-projector":
            grid = pool(pooling["kind"], parameters, patches) @ weight + bias
        else:
            grid = pool(pooling["kind"], parameters, patches @ weight + bias)
        alone = pooling.get("frameTokens") == "clips" and len(pixels) == 1
        return lay_out(grid, grid[:0] if alone else cls @ weight + bias, self.tensors.get("markers"))

    def greedy(self, prompt: Prompt, pixels: np.ndarray, count: int) -> list[int]:
        """`count` greedy tokens, the end token among them or not."""
        a = self.base.manifest["architecture"]
        names = [f"{layer}.{part}" for layer in range(a["layers"]) for part in ("key", "value")]
        half = self.flavour.endswith("f16")
        cache = {name: np.zeros((1, 0, a["kvHeads"] * a["headDim"]), np.float16 if half else np.float32) for name in names}
        rows = embedded(self.embedding, prompt, self.visual(pixels)).numpy()
        tokens, start = [], 0
        while len(tokens) < count:
            size = len(rows)
            visible = np.arange(start + size)[None] <= start + np.arange(size)[:, None]
            feeds = {
                "inputs_embeds": rows[None],
                "position_ids": np.arange(start, start + size)[None],
                "attention_bias": np.where(visible, 0, -3.4e38).astype(np.float32)[None, None],
                "logits_index": np.array([size - 1]),
                **{f"past.{name}": value for name, value in cache.items()},
            }
            logits, *new = self.decoder.run(["logits", *(f"new.{name}" for name in names)], feeds)
            cache = {name: np.concatenate([cache[name], value], axis=1) for name, value in zip(names, new, strict=True)}
            tokens.append(int(logits[0].argmax()))
            start, rows = start + size, self.embedding[tokens[-1:]].numpy()
        return tokens


def lay_out(grid: torch.Tensor, frames: torch.Tensor, markers: np.ndarray | None) -> torch.Tensor:
    """Pooled patches and frame tokens with the markers around them, where there are any (workers/language/splice.ts)."""
    if markers is None:
        return torch.cat([grid, frames])
    rows = torch.from_numpy(markers)
    return torch.cat([rows[:1], grid, rows[1:3], frames, rows[3:]])


def embedded(table: torch.Tensor, prompt: Prompt, visual: torch.Tensor) -> torch.Tensor:
    return torch.cat([table[prompt.before], visual, table[prompt.after]])


class TorchRun:
    """The checkpoint in PyTorch. `base`: take the language model's weights from a converted base, rounded as it stores them."""

    def __init__(self, checkpoint: Checkpoint, base: Base | None = None) -> None:
        self.checkpoint = checkpoint
        self.tower = torch_tower(checkpoint)
        self.model = llama(base) if base else torch_llama(checkpoint)
        self.markers = checkpoint.tensor("text.embed_tokens.weight")[marker_ids(checkpoint)] if checkpoint.is_valley else None

    @torch.no_grad()
    def visual(self, pixels: np.ndarray) -> torch.Tensor:
        """Visual tokens as valley_model.py makes them: every row projected, then pooled over time."""
        shape = tower_shape(self.checkpoint)
        states = self.tower(torch.from_numpy(pixels), output_hidden_states=True).hidden_states
        rows = states[shape.layers]
        if self.checkpoint.has("projector.first.weight"):
            rows = torch.nn.functional.gelu(self._linear(rows, "projector.first"))
        rows = self._linear(rows, "projector")
        tensors = pooling_tensors(self.checkpoint, shape, rows.shape[-1])
        grid = pool(self.checkpoint.pooling, tensors, rows[:, 1:])
        alone = not self.checkpoint.is_valley and len(pixels) == 1
        return lay_out(grid, grid[:0] if alone else rows[:, 0], self.markers)

    def _linear(self, rows: torch.Tensor, name: str) -> torch.Tensor:
        weight, bias = (torch.from_numpy(self.checkpoint.tensor(f"{name}.{part}")) for part in ("weight", "bias"))
        if name == "projector.first":
            # It stands in the pack's tower, whose weights are float16.
            weight, bias = weight.half().float(), bias.half().float()
        return torch.nn.functional.linear(rows, weight, bias)

    def greedy(self, prompt: Prompt, pixels: np.ndarray, count: int) -> tuple[list[int], float]:
        """(`count` greedy tokens, the least lead of a best logit over the second)."""
        table = self.model.get_input_embeddings().weight.detach()
        return greedy(self.model, embedded(table, prompt, self.visual(pixels)), count, stop=-1)


def torch_llama(checkpoint: Checkpoint) -> LlamaForCausalLM:
    """transformers' Llama with the checkpoint's tensors, float32."""
    tied = not checkpoint.has("text.lm_head.weight")
    model = LlamaForCausalLM(llama_config(architecture_of(checkpoint), tied)).eval()
    state = {f"model.{name.removeprefix('text.')}": name for name in checkpoint.names("text.") if "lm_head" not in name}
    state |= {"lm_head.weight": "text.embed_tokens.weight" if tied else "text.lm_head.weight"}
    model.load_state_dict({name: torch.from_numpy(checkpoint.tensor(source)) for name, source in state.items()}, strict=True)
    return model


def torch_tower(checkpoint: Checkpoint) -> CLIPVisionModel:
    """transformers' CLIP vision model with the checkpoint's tensors, each rounded to float16 as the pack stores it."""
    shape = tower_shape(checkpoint)
    layers = 0
    while checkpoint.has(f"tower.encoder.layers.{layers}.mlp.fc1.weight"):
        layers += 1
    config = CLIPVisionConfig(
        hidden_size=checkpoint.tensor("tower.embeddings.class_embedding").size,
        intermediate_size=checkpoint.tensor("tower.encoder.layers.0.mlp.fc1.bias").size,
        num_hidden_layers=layers,
        num_attention_heads=shape.heads,
        image_size=shape.image_size,
        patch_size=shape.patch_size,
        hidden_act=shape.activation,
        layer_norm_eps=shape.epsilon,
    )
    model = CLIPVisionModel(config).eval()
    state = {}
    for name in model.state_dict():
        tail = name.removeprefix("vision_model.")
        if tail.endswith("position_ids"):
            continue
        state[name] = torch.from_numpy(checkpoint.tensor(f"tower.{tail}")).half().float()
    missing, unexpected = model.load_state_dict(state, strict=False)
    if unexpected or any(not name.endswith("position_ids") for name in missing):
        raise ValueError(f"CLIP lacks {missing}, does not know {unexpected}")
    return model
