"""SmolLM2-135M-Instruct, read from its GGUF file, as a plain PyTorch decoder.

Written out rather than taken from transformers because training needs three things at once: the KV cache of a constant
prefix, a block mask with reset positions, and weights held in bfloat16 without a cast per step. The GGUF file keeps
query and key rows in the order of interleaved rotary pairs (llama.cpp), and so does this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional as F

from .export_base import installed_gguf
from .gguf_base import dequantise, read_gguf

PastKeysAndValues = list[tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True)
class Architecture:
    """Sizes of the decoder, as the GGUF header states them."""

    hidden_size: int = 576
    layers: int = 30
    heads: int = 9
    kv_heads: int = 3
    head_dim: int = 64
    vocab_size: int = 49152
    rope_theta: float = 100000.0
    rms_norm_eps: float = 1e-5


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
        self.blocks = [self._block(tensors, index) for index in range(architecture.layers)]
        pairs = torch.arange(0, architecture.head_dim, 2, dtype=torch.float64) / architecture.head_dim
        self._frequencies = (architecture.rope_theta**-pairs).float()

    @classmethod
    def load(cls, dtype: torch.dtype = torch.bfloat16, path: Path | None = None) -> LanguageModel:
        """Reads the installed SmolLM2-135M-Instruct."""
        return cls(read_tensors(path or installed_gguf()), dtype)

    def _block(self, tensors: dict[str, torch.Tensor], index: int) -> dict[str, torch.Tensor]:
        def matrices(*names: str) -> torch.Tensor:
            return torch.cat([tensors[f"blk.{index}.{name}.weight"] for name in names]).to(self.dtype)

        return {
            "attention_norm": tensors[f"blk.{index}.attn_norm.weight"].float(),
            "qkv": matrices("attn_q", "attn_k", "attn_v"),
            "attention_out": matrices("attn_output"),
            "feed_forward_norm": tensors[f"blk.{index}.ffn_norm.weight"].float(),
            "gate_up": matrices("ffn_gate", "ffn_up"),
            "down": matrices("ffn_down"),
        }

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
        present: PastKeysAndValues = []
        for index, block in enumerate(self.blocks):
            normed = self._norm(x, block["attention_norm"])
            attended, keys_values = self._attention(normed, block, cos, sin, mask, past[index] if past else None)
            present.append(keys_values)
            x = x + attended.float()
            gate, up = F.linear(self._norm(x, block["feed_forward_norm"]), block["gate_up"]).chunk(2, -1)
            x = x + F.linear(F.silu(gate) * up, block["down"]).float()
        return F.rms_norm(x, x.shape[-1:], self.final_norm, self.architecture.rms_norm_eps), present

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Normed hidden states [..., 576] to float32 logits [..., 49152] (the head is the tied embedding)."""
        return F.linear(hidden.to(self.dtype), self.head).float()

    def _norm(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return F.rms_norm(x, x.shape[-1:], weight, self.architecture.rms_norm_eps).to(self.dtype)

    def _attention(
        self,
        x: torch.Tensor,
        block: dict[str, torch.Tensor],
        cos: torch.Tensor,
        sin: torch.Tensor,
        mask: torch.Tensor,
        past: tuple[torch.Tensor, torch.Tensor] | None,
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        sizes = self.architecture
        batch, length, _ = x.shape
        heads = F.linear(x, block["qkv"]).view(batch, length, sizes.heads + 2 * sizes.kv_heads, sizes.head_dim).transpose(1, 2)
        rotated = rotate(heads[:, : sizes.heads + sizes.kv_heads], cos, sin)
        queries, keys = rotated.split([sizes.heads, sizes.kv_heads], 1)
        values = heads[:, sizes.heads + sizes.kv_heads :]
        if past is not None:
            keys, values = torch.cat([past[0], keys], 2), torch.cat([past[1], values], 2)
        group = sizes.heads // sizes.kv_heads
        attended = F.scaled_dot_product_attention(
            queries, keys.repeat_interleave(group, 1), values.repeat_interleave(group, 1), attn_mask=mask
        )
        return F.linear(attended.transpose(1, 2).reshape(batch, length, -1), block["attention_out"]), (keys, values)


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary embedding over interleaved pairs (RoFormer's own order); x [B, heads, S, 64], cos and sin [B, 1, S, 32]."""
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([even * cos - odd * sin, odd * cos + even * sin], -1).flatten(-2).to(x.dtype)


def causal_mask(new: int, past: int) -> torch.Tensor:
    """Additive mask [1, 1, new, past + new] in which each new position sees the past and itself with all before it."""
    visible = torch.ones(new, past + new, dtype=torch.bool).tril(past)
    return torch.zeros(1, 1, new, past + new).masked_fill(~visible, -1e9)
