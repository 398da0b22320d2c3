"""A family's model with seeded random weights, of transformers' own class."""

from __future__ import annotations

import transformers
import torch
from torch import nn

from training.hub_models.families import Family, text_model


CONVOLUTION_GAIN = 1.6


def build(family: Family, tokenizer, seed: int) -> nn.Module:
    """The model for a tokenizer, every weight drawn from `seed`: the same numbers whatever transformers initialises with."""
    config = family.config(len(tokenizer), tokenizer.convert_tokens_to_ids)
    model = getattr(transformers, family.model_class)(config).eval()
    text_model(model).config._attn_implementation = "eager"
    randomise(model, seed)
    quiet(model, tokenizer)
    return model


@torch.no_grad()
def randomise(model: nn.Module, seed: int) -> None:
    """Weights that let pictures and words matter: matrices of gain 1 (queries and keys 2, so that attention chooses), norms near 1."""
    random = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=random)
        if parameter.ndim == 1 or name.endswith("gamma"):
            # The weights of norms and the scales of layers stay near 1, biases near 0.
            parameter.copy_((0 if name.endswith("bias") else 1) + 0.1 * noise)
            continue
        gain = 2.0 if "q_proj" in name or "k_proj" in name else 1.0
        if "timm_model" in name:
            # Convolutions without norms between them: each would halve what an image changes.
            gain = CONVOLUTION_GAIN
        spread = 0.2 if "embed" in name and parameter.ndim == 2 and "patch" not in name else gain / parameter[0].numel() ** 0.5
        parameter.copy_(spread * noise)
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.copy_(0.1 * torch.randn(buffer.shape, generator=random))
        elif name.endswith("running_var"):
            buffer.copy_(1 + 0.2 * torch.rand(buffer.shape, generator=random))


@torch.no_grad()
def quiet(model: nn.Module, tokenizer) -> None:
    """Halves the rows of the output matrix that would print nothing, so that an answer is text that can be asked about again."""
    vocabulary = {index: text for text, index in tokenizer.get_vocab().items()}
    special = set(tokenizer.all_special_ids) | set(tokenizer.get_added_vocab().values())
    for index in range(model.lm_head.weight.shape[0]):
        text = vocabulary.get(index, "")
        if index in special or not all(character == "Ġ" or "!" <= character <= "~" for character in text):
            model.lm_head.weight[index] *= 0.1
