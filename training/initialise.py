"""Where the projector starts: statistics of its input and of the embeddings that its output should look like."""

from __future__ import annotations

import torch

from .batches import Captions, FeatureBank
from .instructions.record import Frame

STATISTICS_ITEMS = 1500
DAMPING = 0.5


def embedding_statistics(embedding: torch.Tensor, answers: list[list[int]]) -> tuple[torch.Tensor, float]:
    """(mean [576] of the embeddings of all answer tokens, their spread around it: a root mean square per channel)."""
    ids = torch.tensor([token for answer in answers for token in answer])
    used, counts = ids.unique(return_counts=True)
    weights = counts.float() / counts.sum()
    rows = embedding[used]
    mean = weights @ rows
    spread = (weights @ (rows - mean).square().mean(1)).sqrt()
    return mean, spread.item()


def train_rows(bank: FeatureBank, sources: list[Captions]) -> torch.Tensor:
    """Tower vectors [N, 1280] of plain train frames, grid tokens and global vectors together, equally many per source."""
    return torch.cat(
        [
            bank.features(tuple(Frame(item.source, item.id, item.frames // 2) for item in source.items[:STATISTICS_ITEMS])).flatten(0, 1)
            for source in sources
        ]
    )


def standardise(rows: torch.Tensor, whiten: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """(mean [1280], basis [1280, 1280]) such that (x - mean) @ basis is standardised.

    Channels by their spread or, with `whiten`, on to principal components by theirs (damped): the tower's channels go
    together so much (1 of 1280 components holds 8 % of the variance, half of them 14 %) that with channels alone the
    optimiser hardly moves along the components that tell objects apart.
    """
    mean, std = rows.mean(0), rows.std(0).clamp_min(1e-3)
    if not whiten:
        return mean, torch.diag(1 / std)
    scaled = (rows - mean) / std
    variances, components = torch.linalg.eigh(scaled.T @ scaled / len(scaled))
    spread = (variances.clamp_min(0) + DAMPING).sqrt()
    basis = components / spread
    # As a whole the standardised vector keeps the length it has by channels, so that the same start fits both.
    kept = (variances / (variances + DAMPING)).mean().sqrt()
    return mean, basis / std[:, None] / kept
