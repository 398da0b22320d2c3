"""Where the projector starts: statistics of its input and of the embeddings that its output should look like."""

from __future__ import annotations

import torch

from .batches import Source
from .valley import to_tensor

STATISTICS_ITEMS = 1500


def embedding_statistics(embedding: torch.Tensor, answers: list[list[int]]) -> tuple[torch.Tensor, float]:
    """(mean [576] of the embeddings of all answer tokens, their spread around it: a root mean square per channel)."""
    ids = torch.tensor([token for answer in answers for token in answer])
    used, counts = ids.unique(return_counts=True)
    weights = counts.float() / counts.sum()
    rows = embedding[used]
    mean = weights @ rows
    spread = (weights @ (rows - mean).square().mean(1)).sqrt()
    return mean, spread.item()


def feature_statistics(sources: list[Source]) -> tuple[torch.Tensor, torch.Tensor]:
    """Per-channel mean and standard deviation [1280] of plain train features, grid tokens and global vectors together."""
    rows = torch.cat(
        [
            to_tensor([source.features(index, 1, None) for index in range(min(STATISTICS_ITEMS, len(source.items)))]).flatten(0, 2)
            for source in sources
        ]
    )
    return rows.mean(0), rows.std(0).clamp_min(1e-3)
