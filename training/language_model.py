"""SmolLM2-135M-Instruct, read from its GGUF file, as a plain PyTorch decoder.

Written out rather than taken from transformers because training needs three things at once: the KV cache of a constant
prefix, a block mask with reset positions, and weights held in bfloat16 without a cast per step. What the training loop needs
of it is `training.parts.Decoder`; any causal model of transformers is behind the same interface in `training.pairs.decoder`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from .export_base import installed_gguf
from .gguf_base import dequantise, read_gguf
from .parts import Factors, PastKeysAndValues, Site

RMS_NORM_EPS = 1e-5


@dataclass(frozen=True)
class Architecture:
    """Sizes of the decoder, as the GGUF header states them."""

    layers: int = 30
    heads: int = 9
    kv_heads: int = 3
    head_dim: int = 64
    rope_theta: float = 100000.0


# The transformers modules that each fused matrix of a block holds, in the order in which run_block takes them.
FUSED = (
    ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    ("self_attn.o_proj",),
    ("mlp.gate_proj", "mlp.up_proj"),
    ("mlp.down_proj",),
)


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Every tensor of a GGUF file dequantised to float32, in torch order ([out, in])."""
    _, tensors = read_gguf(path)
    return {tensor.name: torch.from_numpy(dequantise(tensor.type, tensor.data, tensor.shape)) for tensor in tensors}


class LanguageModel(nn.Module):
    """The decoder. Frozen, its weights never require gradients; gradients flow through to the input embeddings.

    `dtype` is that of the matrices and of the attention; norms, the residual stream and the losses stay float32.
    With `trainable` every weight is a float32 parameter, cast to `dtype` in each step: updates of full fine-tuning are
    smaller than bfloat16's steps and would be lost in it.
    """

    def __init__(
        self,
        tensors: dict[str, torch.Tensor],
        dtype: torch.dtype,
        architecture: Architecture = Architecture(),
        trainable: bool = False,
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.dtype = dtype
        self.trainable = trainable
        self.embedding = nn.Parameter(tensors["token_embd.weight"].float(), requires_grad=trainable)
        self.register_buffer("_head", None if trainable else self.embedding.data.to(dtype), persistent=False)
        self.final_norm = nn.Parameter(tensors["output_norm.weight"].float(), requires_grad=trainable)
        # A training.adapter.Adapter, or None for the base as it is.
        self.adapter = None
        # The tuples hold the very parameters that `weights` registers: looking them up by name costs more than it gives.
        self.blocks = [self._block(tensors, index) for index in range(architecture.layers)]
        self.weights = nn.ParameterList(weight for block in self.blocks for weight in block)
        pairs = torch.arange(0, architecture.head_dim, 2, dtype=torch.float64) / architecture.head_dim
        self.register_buffer("_frequencies", (architecture.rope_theta**-pairs).float(), persistent=False)

    @classmethod
    def load(cls, dtype: torch.dtype = torch.bfloat16, path: Path | None = None, trainable: bool = False) -> LanguageModel:
        """Reads the installed SmolLM2-135M-Instruct."""
        return cls(read_tensors(path or installed_gguf()), dtype, trainable=trainable)

    @property
    def width(self) -> int:
        """Channels of an embedding."""
        return self.embedding.shape[1]

    def sites(self) -> list[Site]:
        """The fused matrices in the order in which the blocks take them, and the modules that each is made of."""
        sizes = self.architecture
        heads, kv = sizes.heads * sizes.head_dim, sizes.kv_heads * sizes.head_dim
        result = []
        for layer, block in enumerate(self.blocks):
            matrices = [weight for weight in block if weight.dim() == 2]
            for names, matrix in zip(FUSED, matrices, strict=True):
                rows = (heads, kv, kv) if len(names) == 3 else (matrix.shape[0] // len(names),) * len(names)
                result.append(Site(tuple(f"model.layers.{layer}.{name}" for name in names), rows, matrix.shape[1]))
        return result

    def _block(self, tensors: dict[str, torch.Tensor], index: int) -> tuple[nn.Parameter, ...]:
        """The weights of one block, in the order in which `run_block` takes them."""

        def weight(name: str) -> torch.Tensor:
            return tensors[f"blk.{index}.{name}.weight"].float()

        def parameter(tensor: torch.Tensor) -> nn.Parameter:
            held = self.dtype if tensor.dim() == 2 and not self.trainable else torch.float32
            return nn.Parameter(tensor.to(held), requires_grad=self.trainable)

        query, key = (split_halves(weight(name), self.architecture.head_dim) for name in ("attn_q", "attn_k"))
        return (
            parameter(weight("attn_norm")),
            parameter(torch.cat([query, key, weight("attn_v")])),
            parameter(weight("attn_output")),
            parameter(weight("ffn_norm")),
            parameter(torch.cat([weight("ffn_gate"), weight("ffn_up")])),
            parameter(weight("ffn_down")),
        )

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """Token ids [...] to float32 embeddings [..., 576]."""
        return F.embedding(ids.to(self.embedding.device), self.embedding)

    def forward(
        self, x: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor, past: PastKeysAndValues | None = None
    ) -> tuple[torch.Tensor, PastKeysAndValues]:
        """Runs the decoder over S new positions.

        x: float32 embeddings [B, S, 576]; positions: int64 [B, S]; mask: additive, broadcastable to [B, 1, S, P + S];
        past: per layer keys (rotated) and values [B, kvHeads, P, 64].
        Returns the normed last hidden state float32 [B, S, 576] and, per layer, all P + S keys and values.
        """
        angles = positions.to(x.device)[:, None, :, None].float() * self._frequencies
        cos, sin = angles.cos(), angles.sin()
        mask = mask.to(x.device, self.dtype)
        if past is None:
            sizes = self.architecture
            empty = torch.zeros(x.shape[0], sizes.kv_heads, 0, sizes.head_dim, dtype=self.dtype, device=x.device)
            past = [(empty, empty)] * sizes.layers
        present: PastKeysAndValues = []
        none = [None] * len(FUSED)
        for layer, (block, (keys, values)) in enumerate(zip(self.blocks, past)):
            if self.trainable:
                block = [weight.to(self.dtype) if weight.dim() == 2 else weight for weight in block]
            first = layer * len(FUSED)
            factors = self.adapter.factors(range(first, first + len(FUSED))) if self.adapter is not None else none
            x, keys, values = run_block(x, cos, sin, mask, keys, values, *block, factors)
            present.append((keys, values))
        return F.rms_norm(x, x.shape[-1:], self.final_norm, RMS_NORM_EPS), present

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Normed hidden states [..., 576] to float32 logits [..., 49152] (the head is the tied embedding)."""
        head = self.embedding.to(self.dtype) if self._head is None else self._head
        return F.linear(hidden.to(self.dtype), head).float()

    @torch.no_grad()
    def take(self, weights: dict[str, torch.Tensor]) -> None:
        """Takes the weights that full fine-tuning wrote, by name. Raises KeyError where one is missing."""
        for name, parameter in self.named_parameters():
            parameter.copy_(weights[name])
        if self._head is not None:
            self._head.copy_(self.embedding)


def split_halves(rows: torch.Tensor, head_dim: int) -> torch.Tensor:
    """Reorders query or key rows [heads * 64, in] within each head: the even ones first, then the odd ones.

    GGUF holds them for rotary over interleaved pairs. Scores are dot products, so any order that queries and keys share
    gives the same; with the pairs in two halves the rotation reads memory in order, which is faster.
    """
    return rows.unflatten(0, (-1, head_dim // 2, 2)).transpose(1, 2).flatten(0, 2)


def linear(x: torch.Tensor, weight: torch.Tensor, factors: Factors | None) -> torch.Tensor:
    """x @ weight.T, with the low-rank update where there is one."""
    product = F.linear(x, weight)
    return product if factors is None else add_update(product, x, factors)


def add_update(product: torch.Tensor, x: torch.Tensor, factors: Factors) -> torch.Tensor:
    """product + B @ A @ x, computed in the dtype of x."""
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
    factors: list[Factors] | list[None],
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
