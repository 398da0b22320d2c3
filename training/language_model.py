"""SmolLM2-135M-Instruct, read from its GGUF file, as a plain PyTorch decoder.

Written out rather than taken from transformers because training needs three things at once: the KV cache of a constant
prefix, a block mask with reset positions, and weights held in bfloat16 without a cast per step.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional as F

from .export_base import installed_gguf
from .gguf_base import dequantise, read_gguf

RMS_NORM_EPS = 1e-5
PastKeysAndValues = list[tuple[torch.Tensor, torch.Tensor]]
# A [rank, in] and B [out, rank], scaled: what LoRA adds to one matrix.
Factors = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Architecture:
    """Sizes of the decoder, as the GGUF header states them."""

    layers: int = 30
    heads: int = 9
    kv_heads: int = 3
    head_dim: int = 64
    rope_theta: float = 100000.0


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Every tensor of a GGUF file dequantised to float32, in torch order ([out, in])."""
    _, tensors = read_gguf(path)
    return {tensor.name: torch.from_numpy(dequantise(tensor.type, tensor.data, tensor.shape)) for tensor in tensors}


class LanguageModel:
    """The frozen decoder. Weights never require gradients; gradients flow through to the input embeddings.

    `dtype` is that of the matrices and of the attention; norms, the residual stream and the losses stay float32.
    """

    def __init__(self, tensors: dict[str, torch.Tensor], dtype: torch.dtype, architecture: Architecture = Architecture()) -> None:
        self.architecture = architecture
        self.dtype = dtype
        self.embedding = tensors["token_embd.weight"].float()
        self.head = self.embedding.to(dtype)
        self.final_norm = tensors["output_norm.weight"].float()
        # A training.adapter.Adapter, or None for the base as it is.
        self.adapter = None
        self.blocks = [self._block(tensors, index) for index in range(architecture.layers)]
        pairs = torch.arange(0, architecture.head_dim, 2, dtype=torch.float64) / architecture.head_dim
        self._frequencies = (architecture.rope_theta**-pairs).float()

    @classmethod
    def load(cls, dtype: torch.dtype = torch.bfloat16, path: Path | None = None) -> LanguageModel:
        """Reads the installed SmolLM2-135M-Instruct."""
        return cls(read_tensors(path or installed_gguf()), dtype)

    def _block(self, tensors: dict[str, torch.Tensor], index: int) -> tuple[torch.Tensor, ...]:
        """The weights of one block, in the order in which `run_block` takes them."""

        def weight(name: str) -> torch.Tensor:
            return tensors[f"blk.{index}.{name}.weight"].float()

        query, key = (split_halves(weight(name), self.architecture.head_dim) for name in ("attn_q", "attn_k"))
        return (
            weight("attn_norm"),
            torch.cat([query, key, weight("attn_v")]).to(self.dtype),
            weight("attn_output").to(self.dtype),
            weight("ffn_norm"),
            torch.cat([weight("ffn_gate"), weight("ffn_up")]).to(self.dtype),
            weight("ffn_down").to(self.dtype),
        )

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """Token ids [...] to float32 embeddings [..., 576]."""
        return F.embedding(ids, self.embedding)

    def forward(
        self, x: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor, past: PastKeysAndValues | None = None
    ) -> tuple[torch.Tensor, PastKeysAndValues]:
        """Runs the decoder over S new positions.

        x: float32 embeddings [B, S, 576]; positions: int64 [B, S]; mask: additive, broadcastable to [B, 1, S, P + S];
        past: per layer keys (rotated) and values [B, kvHeads, P, 64].
        Returns the normed last hidden state float32 [B, S, 576] and, per layer, all P + S keys and values.
        """
        angles = positions[:, None, :, None].float() * self._frequencies
        cos, sin = angles.cos(), angles.sin()
        mask = mask.to(self.dtype)
        if past is None:
            empty = torch.zeros(x.shape[0], self.architecture.kv_heads, 0, self.architecture.head_dim, dtype=self.dtype)
            past = [(empty, empty)] * self.architecture.layers
        present: PastKeysAndValues = []
        for layer, (block, (keys, values)) in enumerate(zip(self.blocks, past)):
            factors = self.adapter.factors(layer) if self.adapter else [None] * 4
            x, keys, values = run_block(x, cos, sin, mask, keys, values, *block, factors)
            present.append((keys, values))
        return F.rms_norm(x, x.shape[-1:], self.final_norm, RMS_NORM_EPS), present

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Normed hidden states [..., 576] to float32 logits [..., 49152] (the head is the tied embedding)."""
        return F.linear(hidden.to(self.dtype), self.head).float()


def split_halves(rows: torch.Tensor, head_dim: int) -> torch.Tensor:
    """Reorders query or key rows [heads * 64, in] within each head: the even ones first, then the odd ones.

    GGUF holds them for rotary over interleaved pairs. Scores are dot products, so any order that queries and keys share
    gives the same; with the pairs in two halves the rotation reads memory in order, which is faster.
    """
    return rows.unflatten(0, (-1, head_dim // 2, 2)).transpose(1, 2).flatten(0, 2)


def linear(x: torch.Tensor, weight: torch.Tensor, factors: Factors | None) -> torch.Tensor:
    """x @ weight.T, with the low-rank update where there is one."""
    product = F.linear(x, weight)
    if factors is None:
        return product
    a, b = factors
    return product + F.linear(F.linear(x, a.to(x.dtype)), b.to(x.dtype))


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary embedding (arXiv 2104.09864) over pairs held in two halves; x [B, heads, S, 64], cos and sin [B, 1, S, 32]."""
    first, second = x.float().chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1).to(x.dtype)


def run_block(
    x: torch.Tensor,
    cos: torch.Tensor,
    sin: torch.Tensor,
    mask: torch.Tensor,
    past_keys: torch.Tensor,
    past_values: torch.Tensor,
    attention_norm: torch.Tensor,
    qkv: torch.Tensor,
    attention_out: torch.Tensor,
    feed_forward_norm: torch.Tensor,
    gate_up: torch.Tensor,
    down: torch.Tensor,
    factors: list[Factors | None],
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """One decoder block: the new residual stream [B, S, 576] and all keys and values [B, kvHeads, P + S, 64]."""
    kv_heads, head_dim = past_keys.shape[1], past_keys.shape[3]
    heads = qkv.shape[0] // head_dim - 2 * kv_heads
    normed = F.rms_norm(x, x.shape[-1:], attention_norm, RMS_NORM_EPS).to(qkv.dtype)
    projected = linear(normed, qkv, factors[0]).unflatten(-1, (-1, head_dim)).transpose(1, 2)
    queries = rotate(projected[:, :heads], cos, sin)
    keys = torch.cat([past_keys, rotate(projected[:, heads : heads + kv_heads], cos, sin)], 2)
    values = torch.cat([past_values, projected[:, heads + kv_heads :]], 2)
    group = heads // kv_heads
    attended = F.scaled_dot_product_attention(
        queries, keys.repeat_interleave(group, 1), values.repeat_interleave(group, 1), attn_mask=mask
    )
    x = x + linear(attended.transpose(1, 2).flatten(2), attention_out, factors[1]).float()
    normed = F.rms_norm(x, x.shape[-1:], feed_forward_norm, RMS_NORM_EPS).to(qkv.dtype)
    gate, up = linear(normed, gate_up, factors[2]).chunk(2, -1)
    return x + linear(F.silu(gate) * up, down, factors[3]).float(), keys, values


def causal_mask(new: int, past: int) -> torch.Tensor:
    """Additive mask [1, 1, new, past + new] in which each new position sees the past and itself with all before it."""
    visible = torch.ones(new, past + new, dtype=torch.bool).tril(past)
    return torch.zeros(1, 1, new, past + new).masked_fill(~visible, -1e9)
