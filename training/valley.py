"""The assembled model: features of T frames -> visual tokens -> decoder."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

<<<<<<< HEAD
from .language_model import LanguageModel, PastKeysAndValues, causal_mask
from .packing import Row, pack
=======
from .language_model import LanguageModel, causal_mask
from .packing import pack
from .parts import Decoder, PastKeysAndValues, Prompt
from .pooling import MeanPooling
>>>>>>> main
from .prompt import (
    DESCRIBE_IMAGE,
    DESCRIBE_VIDEO,
    IMAGE_QUESTIONS,
    VIDEO_QUESTIONS,
    answer_ids,
    load_tokenizer,
    prefix_ids,
    splice,
    suffix_ids,
)
from .tower import GRID_TOKENS


class Model:
    """A decoder with its prompt and the keys and values of the constant template prefix.

    `pooling` takes patches [B, T, P, width] to [B, P, width], before the projector.
    """

    def __init__(self, decoder: Decoder, prompt: Prompt, grid_tokens: int, pooling: nn.Module | None = None) -> None:
        self.decoder, self.prompt = decoder, prompt
        self.grid_tokens = grid_tokens
        self.pooling = pooling or MeanPooling()
        self._prefix_ids = torch.tensor([prompt.prefix()])
        self.prefix_length = self._prefix_ids.shape[1]
        self._prefix = self._run_prefix()
        self._suffixes: dict[str, torch.Tensor] = {}

    @torch.no_grad()
    def _run_prefix(self) -> PastKeysAndValues:
        positions = torch.arange(self.prefix_length)[None]
        mask = causal_mask(self.prefix_length, 0)
        embedded = self.decoder.embed(self._prefix_ids)
        device = embedded.device.type
        # Autocast keeps the casts of weights; a cast made here, without gradients, would be taken up by the step's own
        # forward and cut the weights off from the loss.
        with torch.autocast(
            device, torch.get_autocast_dtype(device), enabled=torch.is_autocast_enabled(device), cache_enabled=False
        ):
            _, prefix = self.decoder.forward(embedded, positions, mask)
        return prefix

    def prefix(self, batch: int) -> PastKeysAndValues:
        """Keys and values of the template before VISUAL, for `batch` rows (views, not copies).

        An adapter or a decoder that is being trained changes them at every step; no gradient flows through them.
        """
        if self.decoder.adapter is not None or self.decoder.trainable:
            self._prefix = self._run_prefix()
        return [(keys.expand(batch, -1, -1, -1), values.expand(batch, -1, -1, -1)) for keys, values in self._prefix]

    def move(self, device: torch.device) -> None:
        """Takes decoder and pooling to `device`; what is computed from then on lies there."""
        self.decoder.to(device)
        self.pooling.to(device)
        self._prefix = [(keys.to(device), values.to(device)) for keys, values in self._prefix]

    def features(self, batch) -> torch.Tensor:
        """Tower vectors of a batch, [B, T, P + 1, width]: the patches of each frame, then its global vector."""
        return batch.features

    def suffix(self, question: str) -> torch.Tensor:
        """Token ids of the template after VISUAL, int64 [S]."""
        if question not in self._suffixes:
            self._suffixes[question] = torch.tensor(self.prompt.suffix(question))
        return self._suffixes[question]

    def visual(self, projector, features: torch.Tensor) -> torch.Tensor:
        """VISUAL as embeddings [B, 4 + P + T, hidden] from features [B, T, P + 1, width].

        Mean pooling stands before the projector: it is linear, so this equals pooling its tokens.
        """
        patches = self.pooling(features[:, :, : self.grid_tokens].float())
        frames = features[:, :, self.grid_tokens].float()
        return splice(projector(patches), projector(frames), projector.markers())

    def body(self, projector, features: torch.Tensor, question: str) -> torch.Tensor:
        """VISUAL and question as embeddings [B, 4 + P + T + S, hidden] from features [B, T, P + 1, width]."""
        visual = self.visual(projector, features)
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

<<<<<<< HEAD
    def answer_log_probabilities(
        self, projector, features: list[torch.Tensor], rows: list[Row]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """log p of every answer token given its clip and question: (float32 [N], int64 [N] number of the answer, over all rows).

        features: one [T, 17, 1280] a row, T of its own; rows: `visual` is 20 + T, or 0 for plain text (its features are ignored).
=======
        features: [B, T, P + 1, width]; answers: [row][answer][token], each with the token that closes it.
>>>>>>> main
        """
        packed = pack(rows, self.prefix_length)
        x = self.decoder.embed(packed.ids)
        seen = [frames for frames, row in zip(features, rows) if row.visual]
        if seen:
            x = x.masked_scatter(packed.visual[:, :, None], torch.cat(self.visual(projector, seen)))
        hidden, _ = self.decoder.forward(x, packed.positions, packed.mask, self.prefix(len(rows)))
        logits = self.decoder.logits(hidden[packed.rows, packed.columns])
<<<<<<< HEAD
        return -F.cross_entropy(logits, packed.targets, reduction="none"), packed.owners
=======
        lengths = torch.tensor([len(answer) for row in answers for answer in row])
        losses = F.cross_entropy(logits, packed.targets.to(logits.device), reduction="none")
        return -losses, torch.repeat_interleave(lengths)


class ChatPrompt:
    """valley-nano's prompt: `training.prompt` with SmolLM2's tokenizer."""

    def __init__(self) -> None:
        self.tokenizer = load_tokenizer()

    def prefix(self) -> list[int]:
        return prefix_ids(self.tokenizer)

    def suffix(self, question: str) -> list[int]:
        return suffix_ids(self.tokenizer, question)

    def answer(self, text: str) -> list[int]:
        return answer_ids(self.tokenizer, text)


class Valley(Model):
    """valley-nano: SmolLM2, frozen or `trainable`, over the features cache of the image tower."""

    def __init__(self, dtype: torch.dtype = torch.bfloat16, trainable: bool = False, pooling: nn.Module | None = None) -> None:
        prompt = ChatPrompt()
        self.tokenizer = prompt.tokenizer
        super().__init__(LanguageModel.load(dtype, trainable=trainable), prompt, GRID_TOKENS, pooling)
>>>>>>> main


def question_for(is_clip: bool) -> str:
    """The question that training asked most of clips and of photos, and that evaluation asks."""
    return DESCRIBE_VIDEO if is_clip else DESCRIBE_IMAGE


def other_questions(is_clip: bool) -> tuple[str, ...]:
    """The questions that training asked beside `question_for`."""
    return VIDEO_QUESTIONS if is_clip else IMAGE_QUESTIONS


def to_tensor(frames: list[np.ndarray]) -> torch.Tensor:
    """Features of several items with the same T, float16 [T, 17, 1280] each, as one float32 batch."""
    return torch.from_numpy(np.stack(frames)).float()
