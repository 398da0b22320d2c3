"""A text model of transformers as the graph `decoder_model_merged`: embeddings and past in, logits and present out.

The names are those that transformers.js feeds (its `getCacheNames` and `decoder_forward`): `past_key_values.<i>.key` and `.value`
for a layer of attention, `past_conv.<i>` for a gated short convolution (LFM2), and `present.…`, `present_conv.<i>` out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

HIDDEN = torch.finfo(torch.float32).min


@dataclass(frozen=True)
class CacheEntry:
    """One tensor of the past. attention: [1, kvHeads, P, headDim]; conv: [1, hidden, conv_L_cache], no length."""

    past: str
    present: str
    kind: str
    shape: tuple[int, ...]


def cache_entries(config) -> list[CacheEntry]:
    """The past of a text model by its config, in the order of the graph's inputs; P is 0 in `shape`."""
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    attention = (1, config.num_key_value_heads, 0, head_dim)
    types = getattr(config, "layer_types", None) or ["full_attention"] * config.num_hidden_layers
    entries = []
    for layer, kind in enumerate(types):
        if kind == "conv":
            shape = (1, config.hidden_size, config.conv_L_cache)
            entries.append(CacheEntry(f"past_conv.{layer}", f"present_conv.{layer}", "conv", shape))
            continue
        for part in ("key", "value"):
            entries.append(CacheEntry(f"past_key_values.{layer}.{part}", f"present.{layer}.{part}", "attention", attention))
    return entries


class GraphCache:
    """What the layers of a text model ask of a cache, over the graph's own inputs; `present` is what they leave behind."""

    def __init__(self, entries: list[CacheEntry], past: tuple[torch.Tensor, ...]) -> None:
        self._past = {entry.past: value for entry, value in zip(entries, past, strict=True)}
        self.present: dict[str, torch.Tensor] = {}

    def get_seq_length(self, layer_idx: int = 0) -> int:
        for name, value in self._past.items():
            if name.endswith(".key"):
                return value.shape[2]
        return 0

    def update(self, key: torch.Tensor, value: torch.Tensor, layer_idx: int, *_args, **_kwargs):
        joined = []
        for part, new in (("key", key), ("value", value)):
            tensor = torch.cat([self._past[f"past_key_values.{layer_idx}.{part}"], new], dim=2)
            self.present[f"present.{layer_idx}.{part}"] = tensor
            joined.append(tensor)
        return tuple(joined)

    def get_conv_state(self, layer_idx: int, state_idx: int = 0) -> None:
        # None: the layer then joins past and new columns itself, below, whatever their number.
        return None

    def is_recording_past(self, layer_idx: int) -> bool:
        return False

    def update_conv_state(self, columns: torch.Tensor, layer_idx: int, **_kwargs) -> torch.Tensor:
        past = self._past[f"past_conv.{layer_idx}"]
        joined = torch.cat([past, columns], dim=-1)
        self.present[f"present_conv.{layer_idx}"] = joined[:, :, -past.shape[-1] :]
        return joined


class DecoderGraph(nn.Module):
    """`forward(inputs_embeds, attention_mask[, position_ids][, num_logits_to_keep], *past)` -> (logits, *present).

    inputs_embeds float32 [1, S, hidden]; attention_mask int64 [1, P + S]; position_ids int64 [1, S], else P … P+S-1 by the mask;
    num_logits_to_keep int64 []: logits of the last so many rows alone, 0 for all; logits [1, S, vocab].
    """

    def __init__(self, text_model: nn.Module, lm_head: nn.Module, positions: bool, keeps_logits: bool) -> None:
        super().__init__()
        self.text_model, self.lm_head = text_model, lm_head
        self.positions, self.keeps_logits = positions, keeps_logits
        self.entries = cache_entries(text_model.config)

    def input_names(self) -> list[str]:
        names = ["inputs_embeds", "attention_mask"]
        names += ["position_ids"] if self.positions else []
        names += ["num_logits_to_keep"] if self.keeps_logits else []
        return [*names, *(entry.past for entry in self.entries)]

    def output_names(self) -> list[str]:
        return ["logits", *(entry.present for entry in self.entries)]

    def forward(self, inputs_embeds: torch.Tensor, attention_mask: torch.Tensor, *rest: torch.Tensor):
        rest = list(rest)
        new, every = inputs_embeds.shape[1], attention_mask.shape[1]
        places = attention_mask.cumsum(-1) - 1
        position_ids = rest.pop(0) if self.positions else places[:, every - new :]
        keep = rest.pop(0) if self.keeps_logits else None
        cache = GraphCache(self.entries, tuple(rest))
        rows = torch.arange(every)[every - new :, None]
        visible = (torch.arange(every)[None, :] <= rows)[None, None] & attention_mask[:, None, None, :].bool()
        bias = torch.where(visible, 0.0, HIDDEN)
        types = set(getattr(self.text_model.config, "layer_types", None) or ["full_attention"])
        masks = {kind: None if kind == "conv" else bias for kind in types}
        outputs = self.text_model(
            inputs_embeds=inputs_embeds,
            # Llama takes the bias itself, models of several kinds of layers take one for each.
            attention_mask=bias if self.text_model.config.model_type == "llama" else masks,
            position_ids=position_ids,
            past_key_values=cache,
            use_cache=True,
        )
        hidden = outputs.last_hidden_state
        if keep is not None:
            first = torch.where(keep == 0, 0, new - keep)
            hidden = hidden.index_select(1, torch.arange(new)[torch.arange(new) >= first])
        return (self.lm_head(hidden), *(cache.present[entry.present] for entry in self.entries))
