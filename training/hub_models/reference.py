"""What PyTorch answers: features of the frames, prompts, greedy tokens. The graphs and the browser must give the same."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from training.gguf_base import BLOCK, dequantise, quantise
from training.hub_models.families import Family, text_model
from training.hub_models.frames import vision_inputs
from training.hub_models.prompts import ASKS, Ask, prompt

NEW_TOKENS = 10


def features_of(family: Family, model: nn.Module, frames: np.ndarray) -> torch.Tensor:
    """float32 [T, tokens, hidden]: transformers' own image features of each frame."""
    inputs = vision_inputs(family, frames)
    if family.name == "llava-onevision":
        # Its `get_image_features` packs the tiles of a split image; one whole image is tower and projector.
        return model.model.multi_modal_projector(model.model.vision_tower(inputs["pixel_values"]).last_hidden_state)
    features = model.model.get_image_features(**inputs).pooler_output
    features = torch.cat(list(features)) if isinstance(features, (list, tuple)) else features
    return features.reshape(len(frames), family.tokens, -1)


def pooled(family: Family, features: torch.Tensor, pooling: str) -> torch.Tensor:
    """Rows [N, hidden] that stand for the frames' features [T, tokens, hidden], in the order of the image tokens."""
    if pooling == "valley-mean":
        return torch.cat([features.mean(dim=0), features.mean(dim=1)])
    if family.name == "llava-onevision" and len(features) > 1:
        return halved(features).flatten(0, 1)
    return features.flatten(0, 1)


def halved(features: torch.Tensor) -> torch.Tensor:
    """[T, grid², hidden] -> [T, ceil(grid/2)², hidden], as LlavaOnevisionModel.apply_pooling: bilinear, no antialiasing.

    The model adds a learnt newline after the last frame; the hub's graphs do not hold it, so neither the browser nor this has it.
    """
    grid = int(features.shape[1] ** 0.5)
    square = features.transpose(1, 2).reshape(len(features), -1, grid, grid)
    half = -(-grid // 2)
    return nn.functional.interpolate(square, size=(half, half), mode="bilinear").flatten(2).transpose(1, 2)


@dataclass(frozen=True)
class Answer:
    """Greedy tokens, the text they make, the first step's logits [vocab] and the least lead of a best logit over the second."""

    tokens: list[int]
    text: str
    logits: torch.Tensor
    margin: float


@torch.no_grad()
def greedy(model: nn.Module, tokenizer, ids: list[int], rows: torch.Tensor, image_id: int) -> Answer:
    """transformers' `generate` over the ids' embeddings with `rows` in place of the image tokens."""
    tensor = torch.tensor([ids])
    embeds = text_model(model).embed_tokens(tensor)
    place = tensor == image_id
    if int(place.sum()) != len(rows):
        raise ValueError(f"{int(place.sum())} image tokens for {len(rows)} rows")
    embeds = embeds.masked_scatter(place[:, :, None], rows)
    result = model.generate(
        inputs_embeds=embeds,
        attention_mask=torch.ones_like(tensor),
        do_sample=False,
        max_new_tokens=NEW_TOKENS,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        output_logits=True,
        return_dict_in_generate=True,
    )
    logits = torch.stack(result.logits)[:, 0]
    best = logits.topk(2).values
    tokens = result.sequences[0].tolist()
    return Answer(tokens, tokenizer.decode(tokens, skip_special_tokens=True), logits[0], float((best[:, 0] - best[:, 1]).min()))


@dataclass(frozen=True)
class Case:
    ask: Ask
    messages: list[dict]
    prompt: str
    ids: list[int]
    answer: Answer


@torch.no_grad()
def cases(family: Family, model: nn.Module, tokenizer, frames: np.ndarray) -> tuple[torch.Tensor, list[Case]]:
    """(features [T, tokens, hidden], every case answered in order)."""
    features = features_of(family, model, frames)
    image_id = tokenizer.convert_tokens_to_ids(family.image_token)
    done: dict[str, Case] = {}
    for ask in ASKS:
        answer = done[ask.after].answer.text if ask.after else None
        text, conversation = prompt(family, tokenizer, ask, answer)
        ids = tokenizer.encode(text, add_special_tokens=False)
        rows = pooled(family, features[list(ask.frames)], ask.pooling)
        done[ask.name] = Case(ask, conversation, text, ids, greedy(model, tokenizer, ids, rows, image_id))
    return features, list(done.values())


@torch.no_grad()
def four_bit_answers(family: Family, model: nn.Module, tokenizer, features: torch.Tensor, answered: list[Case]) -> dict[str, Answer]:
    """The same prompts answered with the text model's matrices rounded as `_q4f16` holds them. Changes the model."""
    # A tied output matrix is rounded, the embedding is not.
    model.lm_head.weight = nn.Parameter(model.lm_head.weight.clone(), requires_grad=False)
    for module in (*text_model(model).modules(), model.lm_head):
        if isinstance(module, nn.Linear) and module.in_features % BLOCK == 0:
            weight = module.weight.numpy()
            module.weight.copy_(torch.from_numpy(dequantise("Q4_0", quantise("Q4_0", weight), weight.shape)))
    image_id = tokenizer.convert_tokens_to_ids(family.image_token)
    rows = {case.ask.name: pooled(family, features[list(case.ask.frames)], case.ask.pooling) for case in answered}
    return {case.ask.name: greedy(model, tokenizer, case.ids, rows[case.ask.name], image_id) for case in answered}


def faults(tokenizer, answered: list[Case]) -> list[str]:
    """Why a seed's answers would prove little: ties, nothing printed, one token again and again, answers that no picture changes."""
    found = []
    by_name = {case.ask.name: case.answer for case in answered}
    for name, answer in by_name.items():
        if answer.margin < 0.01:
            found.append(f"{name}: two logits within {answer.margin:.4f}")
        if answer.text != answer.text.strip() or not answer.text.isascii() or len(answer.tokens) < NEW_TOKENS:
            found.append(f"{name}: {answer.text!r}")
        if len(set(answer.tokens)) < 4 or set(answer.tokens) & set(tokenizer.all_special_ids):
            found.append(f"{name}: tokens {answer.tokens}")
    for one, other in (("image", "other-image"), ("clip", "image"), ("clip", "clip-mean"), ("image", "image-again")):
        if by_name[one].tokens == by_name[other].tokens:
            found.append(f"{one} and {other} answer alike")
    return found


def packed(array: np.ndarray) -> dict:
    """An array in JSON: shape, dtype, and base64 of its deflated little-endian bytes (zlib; browsers: DecompressionStream('deflate'))."""
    data = zlib.compress(np.ascontiguousarray(array).tobytes(), 9)
    return {"shape": list(array.shape), "dtype": str(array.dtype), "deflated": base64.b64encode(data).decode()}


def unpacked(value: dict) -> np.ndarray:
    """The array that `packed` wrote."""
    data = zlib.decompress(base64.b64decode(value["deflated"]))
    return np.frombuffer(data, value["dtype"]).reshape(value["shape"]).copy()
