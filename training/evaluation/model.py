"""A model under evaluation: image tower, projector, decoder, and the caption store and text tower where it has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from PIL import Image

from ..phrase_order import with_order
from ..retrieval import By
from ..valley import Model
from .folders import Sampling


class Eyes(Protocol):
    """The image tower."""

    def __call__(self, frames: Sequence[Image.Image]) -> tuple[torch.Tensor, torch.Tensor | None]:
        """T pictures of any size to (float32 [T, P + 1, width]: patches, then the global vector; CLIP vectors [T, E] or None)."""


class Store(Protocol):
    """Captions to quote, found for the mean of a clip's frames or by their votes (`training.retrieval.CaptionStore.by`)."""

    by: By

    def nearest(self, frame_embeddings: np.ndarray) -> list[str]:
        """The captions nearest to a clip, best first, from its frames' CLIP vectors [T, E]."""


class TextTower(Protocol):
    """The text half of the CLIP."""

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """L2-normalised vectors, float32 [n, E]."""


@dataclass
class Subject:
    """What is evaluated. `about` says what it is, for the figures' file."""

    model: Model
    projector: object
    tokenizer: object
    eyes: Eyes
    about: dict
    describe_image: str
    describe_video: str
    end: int
    max_new_tokens: int = 96
    repetition_penalty: float = 1.0
    beams: int = 1
    length_penalty: float = 1.0
    sampling: Sampling = field(default_factory=Sampling)
    store: Store | None = None
    intro: str = ""
    text_tower: TextTower | None = None
    tell_order: bool = False

    def question(self, is_photo: bool) -> str:
        return self.describe_image if is_photo else self.describe_video

    def encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text).ids

    def decode(self, ids: Sequence[int]) -> str:
        return self.tokenizer.decode(list(ids)).strip()

    @torch.inference_mode()
    def look(self, frames: Sequence[Image.Image], quotes: bool = True) -> Seen:
        """A clip's frames as the prompt holds them."""
        features, embeddings = self.eyes(frames)
        vectors = None if embeddings is None else embeddings.float().numpy()
        quoted = self.store.nearest(vectors) if quotes and self.store is not None and vectors is not None else []
        return Seen(features, vectors, quoted)

    @torch.inference_mode()
    def body(self, seen: Seen, question: str) -> torch.Tensor:
        """VISUAL, the quoted captions and the question as embeddings [1, L, hidden]."""
        return self.model.body(self.projector, [seen.features], self.asked(seen, question), [self.hint(seen.quotes)])

    def asked(self, seen: Seen, question: str) -> str:
        """The question as the prompt holds it: with what the frames say of its order where the model was trained so."""
        return with_order(question, seen.vectors, self.text_tower) if self.tell_order else question

    def hint(self, quotes: Sequence[str]) -> list[int]:
        """Ids that quote captions of similar scenes; none where there are none."""
        return self.encode(f"\n{self.intro} {' '.join(quotes)}") if quotes else []


@dataclass(frozen=True)
class Seen:
    """A clip through the image tower: features float32 [T, P + 1, width], CLIP vectors [T, E], captions to quote."""

    features: torch.Tensor
    vectors: np.ndarray | None
    quotes: list[str]

    def direction(self) -> np.ndarray:
        """The clip's CLIP vector [E]: the normalised mean of its frames'. Raises ValueError where the tower has none."""
        if self.vectors is None:
            raise ValueError("this image tower gives no CLIP vectors")
        mean = self.vectors.mean(0)
        return mean / max(float(np.linalg.norm(mean)), 1e-12)
