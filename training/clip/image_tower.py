"""The image side of the pack's CLIP: trunk tail, attention pooling to a global vector, projection to the CLIP space."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from training.data import CHECKPOINTS
from training.tower import WIDTH, ImageTower

from .trunk import Tail, grid_tokens

EMBEDDING_SIZE = 256
QUERIES = 4
HIDDEN = 512


class AttentionPool(nn.Module):
    """Four learnt queries look at the last stage, [B, P, 1280].

    Returns `(cls, seen)`: cls [B, 1280], the mean of what the queries attend to, in the patches' own basis, so that one
    linear projector serves both; seen [B, 1280], a quarter from each query through a value matrix of its own, for the
    CLIP vector. At the start every query sees the plain mean.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.queries = nn.Parameter(torch.randn(WIDTH, QUERIES, generator=generator) * 0.02)
        self.values = nn.Parameter(torch.randn(QUERIES, WIDTH, WIDTH // QUERIES, generator=generator) / WIDTH**0.5)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        attention = (x @ self.queries.to(x.dtype)).float().softmax(1).to(x.dtype)
        attended = torch.einsum("bpq,bpw->qbw", attention, x)
        return attended.mean(0), torch.bmm(attended, self.values.to(x.dtype)).transpose(0, 1).flatten(1)


class ClipImageTower(nn.Module):
    """The stem's grid [B, 14, 14, 120] to patches [B, 16, 1280], cls [B, 1280] and the L2-normalised embedding [B, 256]."""

    def __init__(self, trunk: ImageTower, seed: int = 0) -> None:
        super().__init__()
        self.tail = Tail(trunk)
        self.pool = AttentionPool(seed)
        self.norm = nn.LayerNorm(WIDTH)
        self.direct = nn.Linear(WIDTH, EMBEDDING_SIZE, bias=False)
        self.hidden = nn.Linear(WIDTH, HIDDEN)
        self.out = nn.Linear(HIDDEN, EMBEDDING_SIZE, bias=False)

    def embed(self, seen: torch.Tensor) -> torch.Tensor:
        """What the queries saw, [B, 1280], to L2-normalised CLIP vectors [B, 256], float32."""
        x = self.norm(seen.float())
        return F.normalize(self.direct(x) + self.out(F.gelu(self.hidden(x), approximate="tanh")), dim=-1)

    def forward(self, grid: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        stage = self.tail(grid)
        cls, seen = self.pool(stage.flatten(1, 2))
        return grid_tokens(stage).float(), cls.float(), self.embed(seen)


class ImagenetTower(nn.Module):
    """The trunk as it comes: its global vector is the mean of the last stage, and it has no CLIP vector (width 0)."""

    def __init__(self, trunk: ImageTower) -> None:
        super().__init__()
        self.tail = Tail(trunk)

    def forward(self, grid: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        stage = self.tail(grid)
        return grid_tokens(stage).float(), stage.float().mean((1, 2)), stage.new_zeros(len(stage), 0).float()


def load_image_tower(run: str | None) -> nn.Module:
    """The tower of a contrastive run (training/checkpoints/<run>/image_tower.pt), or the ImageNet trunk for None."""
    trunk = ImageTower()
    if run is None:
        return ImagenetTower(trunk).eval()
    tower = ClipImageTower(trunk)
    tower.load_state_dict(torch.load(CHECKPOINTS / run / "image_tower.pt", weights_only=True))
    return tower.eval()
