"""The parts that a model and its training are put together from, as interfaces: the loop knows no more than this.

valley-nano fills them with `training.language_model`, `training.batches` and the features cache, any CLIP and causal
language model of transformers with `training.pairs`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import torch

if TYPE_CHECKING:
    from .packing import Row
    from .projector import Projector
    from .valley import Model

# Per layer: keys, rotated where the decoder rotates, and values, [B, kvHeads, P, headDim].
PastKeysAndValues = list[tuple[torch.Tensor, torch.Tensor]]
# A [rank, in] and B [out, rank], scaled: what LoRA adds to one matrix.
Factors = tuple[torch.Tensor, torch.Tensor]


class Site(NamedTuple):
    """One matrix that an adapter adds to: the modules it holds, the rows of each, its columns."""

    names: tuple[str, ...]
    rows: tuple[int, ...]
    columns: int


class Decoder(Protocol):
    """A causal language model (a torch module). `adapter` is a training.adapter.Adapter that `forward` applies, or None."""

    adapter: Any
    # Whether its own weights are being trained, so that nothing computed from them may be kept over a step.
    trainable: bool

    @property
    def width(self) -> int:
        """Channels of an embedding."""

    def sites(self) -> list[Site]:
        """Every linear layer that an adapter adds to, in a fixed order."""

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """Token ids [...] to float32 embeddings [..., width]."""

    def forward(
        self, x: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor, past: PastKeysAndValues | None = None
    ) -> tuple[torch.Tensor, PastKeysAndValues]:
        """x [B, S, width], positions int64 [B, S], additive mask [B or 1, 1, S, P + S], keys and values of P positions.

        Returns the normed last hidden state [B, S, width] and, per layer, the keys and values of all P + S positions.
        """

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Normed hidden states [..., width] to float32 logits [..., vocabulary]."""

    def take(self, weights: dict[str, torch.Tensor]) -> None:
        """Takes the weights that full fine-tuning wrote, by parameter name."""


class Prompt(Protocol):
    """The decoder's chat template around VISUAL, as token ids."""

    def prefix(self) -> list[int]:
        """Ids before VISUAL, the same for every question."""

    def suffix(self, question: str) -> list[int]:
        """Ids between VISUAL and the answer."""

    def again(self, question: str) -> list[int]:
        """Ids between an answer and the next one: a later question."""

    def answer(self, text: str) -> list[int]:
        """Ids of an answer with the token that closes it."""


class Batch(Protocol):
    """What `Model.features` makes vectors of, row by row, and what is asked and answered about each row."""

    @property
    def rows(self) -> list[Row]: ...

    @property
    def weights(self) -> torch.Tensor | None:
        """Of each answer over all rows, how much its log-probability is worth; None where all count alike."""


class Plan(Protocol):
    """An endless, resumable stream of batches (`Batch`). Of several processes each sees other batches."""

    step: int

    def share(self, index: int, processes: int) -> None:
        """Says which of how many processes this is."""

    def next(self) -> Any: ...

    def state(self) -> dict: ...

    def restore(self, state: dict) -> None: ...


@dataclass(frozen=True)
class Parts:
    """What a run trains with: the model, the projector as it starts, the batches; `data` describes them for the log."""

    model: Model
    projector: Projector
    plan: Plan
    validation: dict[str, list]
    data: str
