"""The assembled model: features of T frames -> visual tokens -> decoder."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .language_model import LanguageModel, causal_mask
from .packing import Packed, Row, pack
from .parts import Decoder, PastKeysAndValues, Prompt
from .pooling import FullFrames, MeanPooling
from .projector import time_embeddings
from .prompt import (
    DESCRIBE_IMAGE,
    DESCRIBE_VIDEO,
    IMAGE_QUESTIONS,
    VIDEO_QUESTIONS,
    again_ids,
    answer_ids,
    load_tokenizer,
    plain_question_ids,
    prefix_ids,
    splice,
    suffix_ids,
    visual_length,
)
from .retrieval import quotes_text
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

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self._prefix[0][0].device

    def move(self, device: torch.device) -> None:
        """Takes decoder and pooling to `device`; what is computed from then on lies there."""
        self.decoder.to(device)
        self.pooling.to(device)
        self._prefix = [(keys.to(device), values.to(device)) for keys, values in self._prefix]

    def features(self, batch) -> list[torch.Tensor]:
        """Tower vectors of a batch's rows, [T, P + 1, width] each: the patches of each frame, then its global vector."""
        return [frames.to(self.device) for frames in batch.features]

    def suffix(self, question: str) -> torch.Tensor:
        """Token ids of the template after VISUAL, int64 [S]."""
        if question not in self._suffixes:
            self._suffixes[question] = torch.tensor(self.prompt.suffix(question))
        return self._suffixes[question]

    def visual(self, projector, features: list[torch.Tensor]) -> list[torch.Tensor]:
        """VISUAL of clips of any lengths as embeddings: features [T, P + 1, width] each -> [4 + P + T, hidden] each, with
        full-frame tokens [4 + T * P + T, hidden]. Where a text stands in for a picture there are no patches: P = 0.

        Mean pooling stands before the projector: it is linear, so this equals pooling its tokens.
        """
        # Always in float32: the projector's whitening magnifies what autocast would round away.
        with torch.autocast(self.device.type, enabled=False):
            pooled = [self._pooled(clip[None, :, :-1].float())[0] for clip in features]
            frames = torch.cat([clip[:, -1].float() for clip in features])
            grids = projector(torch.cat(pooled)).split([len(patches) for patches in pooled])
            tokens = projector(frames).split([len(clip) for clip in features])
            knots = projector.time_knots()
            if knots is not None:
                tokens = [clip + time_embeddings(knots, len(clip)) for clip in tokens]
            markers = projector.markers()
            return [splice(grid[None], clip[None], markers)[0] for grid, clip in zip(grids, tokens)]

    def _pooled(self, patches: torch.Tensor) -> torch.Tensor:
        """Patches [1, T, P, width] over time; of none, none. Raises ValueError for another number of them."""
        if patches.shape[2] not in (0, self.grid_tokens):
            raise ValueError(f"{patches.shape[2]} patches a frame where the model takes {self.grid_tokens}")
        return self.pooling(patches) if patches.shape[2] else patches[:, 0]

    def visual_length(self, features: torch.Tensor) -> int:
        """Positions that VISUAL takes of a clip's features [T, P + 1, width]."""
        frames, patches = len(features), features.shape[1] - 1
        return visual_length(frames, patches * frames if isinstance(self.pooling, FullFrames) else patches)

    def body(self, projector, features: list[torch.Tensor], question: str, quotes: list[list[int]] | None = None) -> torch.Tensor:
        """VISUAL, quotes and question as embeddings [B, L, hidden] of rows that take equally many positions.

        quotes: token ids of what is quoted to each row (`ChatPrompt.quotes`), none by default. Raises RuntimeError for unequal rows.
        """
        suffix = self.suffix(question)
        texts = [torch.cat([torch.tensor(ids, dtype=torch.int64), suffix]) for ids in quotes or [[]] * len(features)]
        visual = self.visual(projector, features)
        return torch.stack([torch.cat([clip, self.decoder.embed(ids)]) for clip, ids in zip(visual, texts)])

    def answer_log_probabilities(
        self, projector, features: list[torch.Tensor], rows: list[Row]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """log p of every answer token given its clip and question: (float32 [N], int64 [N] number of the answer, over all rows).

        Takes what `answer_logits` takes.
        """
        logits, packed = self.answer_logits(projector, features, rows)
        losses = F.cross_entropy(logits, packed.targets.to(logits.device), reduction="none")
        return -losses, packed.owners

    def answer_logits(self, projector, features: list[torch.Tensor], rows: list[Row]) -> tuple[torch.Tensor, Packed]:
        """(logits float32 [N, vocabulary] where each answer token is predicted, and how the rows were packed).

        features: [T, P + 1, width] of each row, T its own; rows: `visual` is 4 + P + T, or 0 for text alone (features unused).
        """
        packed = pack(rows, self.prefix_length)
        x = self.decoder.embed(packed.ids.to(self.device))
        seen = [frames for frames, row in zip(features, rows) if row.visual]
        if seen:
            visual = torch.cat(self.visual(projector, seen)).to(x.dtype)
            x = x.masked_scatter(packed.visual[:, :, None].to(x.device), visual)
        positions, mask = packed.positions.to(x.device), packed.mask.to(x.device)
        hidden, _ = self.decoder.forward(x, positions, mask, self.prefix(len(rows)))
        return self.decoder.logits(hidden[packed.rows, packed.columns]), packed

    def loss(self, projector, batch) -> torch.Tensor:
        """What a batch (`training.parts.Batch`) is trained by, in nats: the mean cross-entropy per token of its right answers, each by
        its weight, and per right answer what choosing between it and the wrong one, where there is one, costs (`comparison`)."""
        logits, packed = self.answer_logits(projector, self.features(batch), batch.rows)
        owners, wrong = packed.owners.to(logits.device), packed.wrong.to(logits.device)
        values = -F.cross_entropy(logits, packed.targets.to(logits.device), reduction="none")
        weighted = values if batch.weights is None else values * batch.weights.to(values.device)[owners]
        loss = -weighted[~torch.isin(owners, wrong)].mean()
        if not len(wrong):
            return loss
        answers = int(packed.owners[-1]) + 1
        totals = torch.zeros(answers, device=values.device).index_add(0, owners, values.float())
        return loss + comparison(totals[wrong - 1] - totals[wrong], packed.comparisons.to(logits.device)) / (answers - len(wrong))


def comparison(margins: torch.Tensor, comparisons: torch.Tensor) -> torch.Tensor:
    """-log p of choosing right, summed over the comparisons. margins [M]: log p of a right answer less that of the wrong one;
    comparisons int64 [M]: which of them make one comparison.

    Next-token loss hardly says which of two photos comes first: the choice is worth at most log 2 among the dozens of nats that
    wording costs. Here wording cancels: "first" and "last" are asked of one clip, and what is right of one is wrong of the other.
    """
    together = torch.zeros(int(comparisons[-1]) + 1, device=margins.device).index_add(0, comparisons, margins)
    return F.softplus(-together).sum()


class ChatPrompt:
    """valley-nano's prompt: `training.prompt` with SmolLM2's tokenizer, and what instruction data and quotes add to it."""

    def __init__(self) -> None:
        self.tokenizer = load_tokenizer()

    def prefix(self) -> list[int]:
        return prefix_ids(self.tokenizer)

    def suffix(self, question: str) -> list[int]:
        return suffix_ids(self.tokenizer, question)

    def plain_question(self, question: str) -> list[int]:
        """Ids between the prefix and the answer of a chat without a clip."""
        return plain_question_ids(self.tokenizer, question)

    def again(self, question: str) -> list[int]:
        return again_ids(self.tokenizer, question)

    def answer(self, text: str) -> list[int]:
        return answer_ids(self.tokenizer, text)

    def quotes(self, captions: list[str]) -> list[int]:
        """Ids of the captions quoted between VISUAL and the first question; none without captions."""
        return self.tokenizer.encode(quotes_text(captions)).ids if captions else []


class Valley(Model):
    """valley-nano: SmolLM2, frozen or `trainable`, over the features cache of the image tower."""

    prompt: ChatPrompt

    def __init__(self, dtype: torch.dtype = torch.bfloat16, trainable: bool = False, pooling: nn.Module | None = None) -> None:
        prompt = ChatPrompt()
        self.tokenizer = prompt.tokenizer
        super().__init__(LanguageModel.load(dtype, trainable=trainable), prompt, GRID_TOKENS, pooling)


def question_for(is_clip: bool) -> str:
    """The question that training asked most of clips and of photos, and that evaluation asks."""
    return DESCRIBE_VIDEO if is_clip else DESCRIBE_IMAGE


def other_questions(is_clip: bool) -> tuple[str, ...]:
    """The questions that training asked beside `question_for`."""
    return VIDEO_QUESTIONS if is_clip else IMAGE_QUESTIONS


def to_tensor(frames: list[np.ndarray]) -> torch.Tensor:
    """Features of several items with the same T, float16 [T, 17, 1280] each, as one float32 batch."""
    return torch.from_numpy(np.stack(frames)).float()
