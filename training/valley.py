"""The assembled model: features of T frames -> visual tokens -> frozen decoder."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from .language_model import LanguageModel, PastKeysAndValues, causal_mask
from .packing import Row, pack
from .prompt import (
    DESCRIBE_IMAGE,
    DESCRIBE_VIDEO,
    IMAGE_QUESTIONS,
    VIDEO_QUESTIONS,
    load_tokenizer,
    prefix_ids,
    splice,
    suffix_ids,
)
from .tower import GRID_TOKENS


class Valley:
    """Frozen decoder with its tokenizer and the keys and values of the constant template prefix."""

    def __init__(self, dtype: torch.dtype = torch.bfloat16) -> None:
        self.tokenizer = load_tokenizer()
        self.decoder = LanguageModel.load(dtype)
        self._prefix_ids = torch.tensor([prefix_ids(self.tokenizer)])
        self.prefix_length = self._prefix_ids.shape[1]
        self._prefix = self._run_prefix()
        self._suffixes: dict[str, torch.Tensor] = {}

    @torch.no_grad()
    def _run_prefix(self) -> PastKeysAndValues:
        positions = torch.arange(self.prefix_length)[None]
        mask = causal_mask(self.prefix_length, 0)
        _, prefix = self.decoder.forward(self.decoder.embed(self._prefix_ids), positions, mask)
        return prefix

    def prefix(self, batch: int) -> PastKeysAndValues:
        """Keys and values of the template before VISUAL, for `batch` rows (views, not copies).

        An adapter that is being trained changes them at every step; no gradient flows through them.
        """
        if self.decoder.adapter:
            self._prefix = self._run_prefix()
        return [(keys.expand(batch, -1, -1, -1), values.expand(batch, -1, -1, -1)) for keys, values in self._prefix]

    def suffix(self, question: str) -> torch.Tensor:
        """Token ids of the template after VISUAL, int64 [S]."""
        if question not in self._suffixes:
            self._suffixes[question] = torch.tensor(suffix_ids(self.tokenizer, question))
        return self._suffixes[question]

    def body(self, projector, features: torch.Tensor, question: str) -> torch.Tensor:
        """VISUAL and question as embeddings [B, 20 + T + S, 576] from features [B, T, 17, 1280].

        Mean pooling stands before the projector: it is linear, so this equals pooling its tokens.
        """
        patches = features[:, :, :GRID_TOKENS].float().mean(1)
        frames = features[:, :, GRID_TOKENS].float()
        visual = splice(projector(patches), projector(frames), projector.markers())
        suffix = self.decoder.embed(self.suffix(question)).expand(features.shape[0], -1, -1)
        return torch.cat([visual, suffix], 1)

    def visual(self, projector, features: list[torch.Tensor]) -> list[torch.Tensor]:
        """VISUAL of clips of any lengths as embeddings: features [T, 17, 1280] each -> [20 + T, 576] each."""
        counts = [len(frames) for frames in features]
        patches = torch.stack([frames[:, :GRID_TOKENS].float().mean(0) for frames in features])
        cls = torch.cat([frames[:, GRID_TOKENS].float() for frames in features])
        projected, markers = projector(patches), projector.markers()
        tokens = projector(cls).split(counts)
        return [splice(grid[None], frames[None], markers)[0] for grid, frames in zip(projected, tokens)]

    def answer_log_probabilities(
        self, projector, features: list[torch.Tensor], rows: list[Row]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """log p of every answer token given its clip and question: (float32 [N], int64 [N] number of the answer, over all rows).

        features: one [T, 17, 1280] a row, T of its own; rows: `visual` is 20 + T, or 0 for plain text (its features are ignored).
        """
        packed = pack(rows, self.prefix_length)
        x = self.decoder.embed(packed.ids)
        seen = [frames for frames, row in zip(features, rows) if row.visual]
        if seen:
            x = x.masked_scatter(packed.visual[:, :, None], torch.cat(self.visual(projector, seen)))
        hidden, _ = self.decoder.forward(x, packed.positions, packed.mask, self.prefix(len(rows)))
        logits = self.decoder.logits(hidden[packed.rows, packed.columns])
        return -F.cross_entropy(logits, packed.targets, reduction="none"), packed.owners


def question_for(is_clip: bool) -> str:
    """The question that training asked most of clips and of photos, and that evaluation asks."""
    return DESCRIBE_VIDEO if is_clip else DESCRIBE_IMAGE


def other_questions(is_clip: bool) -> tuple[str, ...]:
    """The questions that training asked beside `question_for`."""
    return VIDEO_QUESTIONS if is_clip else IMAGE_QUESTIONS


def to_tensor(frames: list[np.ndarray]) -> torch.Tensor:
    """Features of several items with the same T, float16 [T, 17, 1280] each, as one float32 batch."""
    return torch.from_numpy(np.stack(frames)).float()
