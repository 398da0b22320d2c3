"""LoRA (arXiv 2106.09685) on every linear layer of a decoder, as phase 2 trains it and packs ship it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from .parts import Decoder, Factors


class Adapter(nn.Module):
    """W + alpha/rank * B @ A for each of the decoder's sites W [out, in]: A [rank, in] random, B [out, rank] zero at the start.

    Modules fused into one matrix share A.
    """

    def __init__(self, decoder: Decoder, rank: int = 16, alpha: float = 32, seed: int = 0) -> None:
        super().__init__()
        self.rank, self.alpha = rank, alpha
        self.sites = decoder.sites()
        generator = torch.Generator().manual_seed(seed)
        self.a = nn.ParameterList(torch.randn(rank, site.columns, generator=generator) / site.columns**0.5 for site in self.sites)
        self.b = nn.ParameterList(torch.zeros(sum(site.rows), rank) for site in self.sites)

    def factors(self, sites: range) -> list[Factors]:
        """(A, scaled B) of some sites."""
        scale = self.alpha / self.rank
        return [(self.a[i], self.b[i] * scale) for i in sites]

    @torch.no_grad()
    def checkpoint(self) -> dict:
        """{rank, alpha, modules: {transformers name: (A, B)}} as `training.export_pack --adapter` reads it."""
        modules = {}
        for site, a, b in zip(self.sites, self.a, self.b):
            for name, part in zip(site.names, b.split(site.rows)):
                modules[name] = (a.clone(), part.clone())
        return {"rank": self.rank, "alpha": self.alpha, "modules": modules}

    @torch.no_grad()
    def restore(self, checkpoint: dict) -> None:
        """Takes the factors of `checkpoint`. Raises ValueError where they are scaled otherwise or of another rank."""
        if (self.rank, self.alpha) != (checkpoint["rank"], checkpoint["alpha"]):
            raise ValueError(f"an adapter of rank {checkpoint['rank']}, alpha {checkpoint['alpha']} is not one of {self.rank}, {self.alpha}")
        for site, a, b in zip(self.sites, self.a, self.b):
            parts = [checkpoint["modules"][name] for name in site.names]
            a.copy_(parts[0][0])
            b.copy_(torch.cat([part[1] for part in parts]))


def load_adapter(decoder: Decoder, path) -> Adapter:
    """An adapter for `decoder` from adapter.pt."""
    saved = torch.load(path, weights_only=True, map_location="cpu")
    adapter = Adapter(decoder, saved["rank"], saved["alpha"])
    adapter.restore(saved)
    return adapter


def load_trained(decoder: Decoder, folder: Path) -> None:
    """Gives `decoder` what phase 2 trained in a run's folder: its adapter or, of full fine-tuning, all its weights."""
    if (folder / "adapter.pt").is_file():
        decoder.adapter = load_adapter(decoder, folder / "adapter.pt")
    if (folder / "decoder.pt").is_file():
        decoder.take(torch.load(folder / "decoder.pt", weights_only=True, map_location="cpu"))
