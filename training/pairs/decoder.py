"""A causal language model of transformers behind the interface that training needs (`training.parts.Decoder`)."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn
from transformers import AutoModelForCausalLM, DynamicCache, PreTrainedModel

from ..language_model import add_update
from ..parts import PastKeysAndValues, Site
from .config import DTYPES, DecoderConfig


class CausalDecoder(nn.Module):
    """The model, in evaluation mode. An adapter adds to every linear layer but the head, through a hook on each.

    Frozen, its weights are held in the configured dtype; with `trainable` in float32, which autocast computes with.
    """

    def __init__(self, model: PreTrainedModel, trainable: bool = False) -> None:
        super().__init__()
        self.model = model.eval().requires_grad_(trainable)
        self.trainable = trainable
        # A training.adapter.Adapter, or None for the base as it is.
        self.adapter = None
        head = model.get_output_embeddings()
        self._layers = [(name, part) for name, part in model.named_modules() if isinstance(part, nn.Linear) and part is not head]
        for index, (_, layer) in enumerate(self._layers):
            layer.register_forward_hook(partial(self._adapted, index))

    @classmethod
    def load(cls, config: DecoderConfig, trainable: bool) -> CausalDecoder:
        """Reads the weights from a folder or from the Hugging Face hub."""
        dtype = torch.float32 if trainable else DTYPES[config.dtype]
        return cls(AutoModelForCausalLM.from_pretrained(config.model, dtype=dtype), trainable)

    def _adapted(self, index: int, layer: nn.Linear, inputs: tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor:
        if self.adapter is None:
            return output
        return add_update(output, inputs[0], self.adapter.factors(range(index, index + 1))[0])

    @property
    def embedding(self) -> torch.Tensor:
        """The token embeddings [vocabulary, width]."""
        return self.model.get_input_embeddings().weight

    @property
    def width(self) -> int:
        return self.embedding.shape[1]

    def sites(self) -> list[Site]:
        return [Site((name,), (layer.out_features,), layer.in_features) for name, layer in self._layers]

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        return self.model.get_input_embeddings()(ids.to(self.embedding.device)).float()

    def forward(
        self, x: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor, past: PastKeysAndValues | None = None
    ) -> tuple[torch.Tensor, PastKeysAndValues]:
        dtype, device = self.embedding.dtype, x.device
        cache = DynamicCache(past) if past else DynamicCache()
        output = self.model.base_model(
            inputs_embeds=x.to(dtype),
            # Four dimensions and additive: transformers takes it as it is.
            attention_mask=mask.to(device, dtype).expand(x.shape[0], -1, -1, -1),
            position_ids=positions.to(device).expand(x.shape[0], -1),
            past_key_values=cache,
            use_cache=True,
        )
        return output.last_hidden_state, [(layer.keys, layer.values) for layer in cache.layers]

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.model.get_output_embeddings()(hidden).float()

    @torch.no_grad()
    def take(self, weights: dict[str, torch.Tensor]) -> None:
        for name, parameter in self.named_parameters():
            parameter.copy_(weights[name])
