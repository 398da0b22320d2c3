"""LoRA (arXiv 2106.09685) on every linear layer of the decoder, as phase 2 trains it and packs ship it."""

from __future__ import annotations

import torch
from torch import nn

from .language_model import Factors, LanguageModel

# The decoder's fused matrices, in the order in which run_block takes them, and the modules that each is made of.
SITES = (
    ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    ("self_attn.o_proj",),
    ("mlp.gate_proj", "mlp.up_proj"),
    ("mlp.down_proj",),
)


class Adapter(nn.Module):
    """W + alpha/rank * B @ A for each fused matrix W [out, in]: A [rank, in] random, B [out, rank] zero at the start.

    Modules fused into one matrix share A.
    """

    def __init__(self, decoder: LanguageModel, rank: int = 16, alpha: float = 32, seed: int = 0) -> None:
        super().__init__()
        self.rank, self.alpha = rank, alpha
        self.architecture = decoder.architecture
        generator = torch.Generator().manual_seed(seed)
        matrices = [[matrix for matrix in block if matrix.dim() == 2] for block in decoder.blocks]
        self.a = nn.ParameterList(
            torch.randn(rank, matrix.shape[1], generator=generator) / matrix.shape[1] ** 0.5 for block in matrices for matrix in block
        )
        self.b = nn.ParameterList(torch.zeros(matrix.shape[0], rank) for block in matrices for matrix in block)

    def factors(self, layer: int) -> list[Factors]:
        """(A, scaled B) of one block's matrices."""
        start = layer * len(SITES)
        scale = self.alpha / self.rank
        return [(self.a[i], self.b[i] * scale) for i in range(start, start + len(SITES))]

    @torch.no_grad()
    def checkpoint(self) -> dict:
        """{rank, alpha, modules: {transformers name: (A, B)}} as `training.export_pack --adapter` reads it."""
        sizes = self.architecture
        heads, kv = sizes.heads * sizes.head_dim, sizes.kv_heads * sizes.head_dim
        modules = {}
        for index, (a, b) in enumerate(zip(self.a, self.b)):
            layer, site = divmod(index, len(SITES))
            names = SITES[site]
            rows = [heads, kv, kv] if len(names) == 3 else [b.shape[0] // len(names)] * len(names)
            for name, part in zip(names, b.split(rows)):
                modules[f"model.layers.{layer}.{name}"] = (a.clone(), part.clone())
        return {"rank": self.rank, "alpha": self.alpha, "modules": modules}

    @torch.no_grad()
    def restore(self, checkpoint: dict) -> None:
        """Takes the factors of `checkpoint`."""
        for index, (a, b) in enumerate(zip(self.a, self.b)):
            layer, site = divmod(index, len(SITES))
            parts = [checkpoint["modules"][f"model.layers.{layer}.{name}"] for name in SITES[site]]
            a.copy_(parts[0][0])
            b.copy_(torch.cat([part[1] for part in parts]))


def load_adapter(decoder: LanguageModel, path) -> Adapter:
    """An adapter for `decoder` from adapter.pt."""
    saved = torch.load(path, weights_only=True)
    adapter = Adapter(decoder, saved["rank"], saved["alpha"])
    adapter.restore(saved)
    return adapter
