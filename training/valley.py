"""The assembled model: features of T frames -> visual tokens -> decoder."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .language_model import LanguageModel, causal_mask
from .packing import pack
from .parts import Decoder, PastKeysAndValues, Prompt, Turn
from .pooling import MeanPooling
from .prompt import (
    DESCRIBE_IMAGE,
    DESCRIBE_VIDEO,
    IMAGE_QUESTIONS,
    VIDEO_QUESTIONS,
    again_ids,
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

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self._prefix[0][0].device

    def move(self, device: torch.device) -> None:
        """Takes decoder and pooling to `device`; what is computed from then on lies there."""
        self.decoder.to(device)
        self.pooling.to(device)
        self._prefix = [(keys.to(device), values.to(device)) for keys, values in self._prefix]

    def features(self, batch) -> torch.Tensor:
        """Tower vectors of a batch, [B, T, P + 1, width]: the patches of each frame, then its global vector."""
        return batch.features.to(self.device)

    def suffix(self, question: str) -> torch.Tensor:
        """Token ids of the template after VISUAL, int64 [S]."""
        if question not in self._suffixes:
            self._suffixes[question] = torch.tensor(self.prompt.suffix(question))
        return self._suffixes[question]

    def visual(self, projector, features: torch.Tensor) -> torch.Tensor:
        """VISUAL as embeddings [B, 4 + P + T, hidden] from features [B, T, P + 1, width].

        Mean pooling stands before the projector: it is linear, so this equals pooling its tokens.
        """
        # Always in float32: the projector's whitening magnifies what autocast would round away.
        with torch.autocast(features.device.type, enabled=False):
            patches = self.pooling(features[:, :, : self.grid_tokens].float())
            frames = features[:, :, self.grid_tokens].float()
            return splice(projector(patches), projector(frames), projector.markers())

    def body(self, projector, features: torch.Tensor, question: str) -> torch.Tensor:
        """VISUAL and question as embeddings [B, 4 + P + T + S, hidden] from features [B, T, P + 1, width]."""
        visual = self.visual(projector, features)
        suffix = self.decoder.embed(self.suffix(question)).expand(features.shape[0], -1, -1)
        return torch.cat([visual, suffix], 1)

    def answer_log_probabilities(
        self, projector, features: torch.Tensor, question: str, answers: list[list[list[int]]]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """log p of every answer token given its clip: (float32 [N], int64 [N] index of the answer, counted over all rows).

        features: [B, T, P + 1, width]; answers: [row][answer][token], each with the token that closes it.
        """
        values = self._log_probabilities(self.body(projector, features, question), answers)
        lengths = torch.tensor([len(answer) for row in answers for answer in row])
        return values, torch.repeat_interleave(lengths)

    def chat_log_probabilities(self, projector, features: torch.Tensor, chats: list[list[list[Turn]]]) -> torch.Tensor:
        """log p of every answer token of chats, [row][chat][turn], float32 [N]. A row's chats share its VISUAL, unseen by each other."""
        tokens, predicted = [], []
        for row in chats:
            pieces = [self._pieces(chat) for chat in row]
            tokens.append([[id for ids, _ in chat for id in ids] for chat in pieces])
            predicted.append([[target for ids, target in chat for _ in ids] for chat in pieces])
        return self._log_probabilities(self.visual(projector, features), tokens, predicted)

    def _pieces(self, chat: list[Turn]) -> list[tuple[list[int], bool]]:
        """A chat behind VISUAL as token ids, and which of them are answers."""
        pieces: list[tuple[list[int], bool]] = []
        for index, turn in enumerate(chat):
            asked = self.prompt.again(turn.question) if index else self.suffix(turn.question).tolist()
            pieces += [(asked, False), (turn.answer, True)]
        return pieces

    def _log_probabilities(
        self, body: torch.Tensor, tokens: list[list[list[int]]], predicted: list[list[list[bool]]] | None = None
    ) -> torch.Tensor:
        """log p of the predicted ones of `tokens` behind `body` [B, L, hidden], float32 [N]."""
        packed = pack(tokens, self.prefix_length, body.shape[1], predicted)
        x = torch.cat([body, self.decoder.embed(packed.answers)], 1)
        hidden, _ = self.decoder.forward(x, packed.positions, packed.mask, self.prefix(len(tokens)))
        logits = self.decoder.logits(hidden[packed.rows, packed.columns])
        return -F.cross_entropy(logits, packed.targets.to(logits.device), reduction="none")

    def loss(self, projector, batch) -> torch.Tensor:
        """Mean cross-entropy per answer token of a batch (`training.parts.Plan`), in nats."""
        features = self.features(batch)
        if hasattr(batch, "chats"):
            return -self.chat_log_probabilities(projector, features, batch.chats).mean()
        values, _ = self.answer_log_probabilities(projector, features, batch.question, batch.answers)
        return -values.mean()


class ChatPrompt:
    """valley-nano's prompt: `training.prompt` with SmolLM2's tokenizer."""

    def __init__(self) -> None:
        self.tokenizer = load_tokenizer()

    def prefix(self) -> list[int]:
        return prefix_ids(self.tokenizer)

    def suffix(self, question: str) -> list[int]:
        return suffix_ids(self.tokenizer, question)

    def again(self, question: str) -> list[int]:
        return again_ids(self.tokenizer, question)

    def answer(self, text: str) -> list[int]:
        return answer_ids(self.tokenizer, text)


class Valley(Model):
    """valley-nano: SmolLM2, frozen or `trainable`, over the features cache of the image tower."""

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
