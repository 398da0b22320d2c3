"""Answers of a model to questions about clips, in batches of prompts of equal length."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ..generate import beam_search, greedy
from ..packing import Branch, Row
from .model import Seen, Subject


@dataclass(frozen=True)
class Decoding:
    """How answers are made. beams 1 is greedy."""

    beams: int = 1
    length_penalty: float = 1.0
    repetition_penalty: float = 1.0
    max_new_tokens: int = 96


@dataclass(frozen=True)
class Asked:
    """A question about a clip, under a name."""

    id: str
    seen: Seen
    question: str


@torch.inference_mode()
def answer(subject: Subject, asked: Sequence[Asked], decoding: Decoding, together: int = 64) -> dict[str, list[int]]:
    """Token ids of every answer, without the one that ends it, by id. At most `together` prompts are decoded at once."""
    groups: dict[int, list[tuple[str, torch.Tensor]]] = defaultdict(list)
    for one in asked:
        body = subject.body(one.seen, one.question)
        groups[body.shape[1]].append((one.id, body))
    answers: dict[str, list[int]] = {}
    for members in groups.values():
        for start in range(0, len(members), together):
            keys, bodies = zip(*members[start : start + together], strict=True)
            answers |= zip(keys, decode(subject, torch.cat(bodies), decoding), strict=True)
    return answers


def decode(subject: Subject, bodies: torch.Tensor, decoding: Decoding) -> list[list[int]]:
    """Answers to prompts [B, L, hidden] behind the template's prefix."""
    decoder, prefix = subject.model.decoder, subject.model.prefix(len(bodies))
    if decoding.beams == 1:
        return greedy(decoder, prefix, bodies, subject.end, decoding.max_new_tokens, decoding.repetition_penalty)
    return beam_search(
        decoder, prefix, bodies, subject.end, decoding.max_new_tokens, decoding.beams, decoding.length_penalty, decoding.repetition_penalty
    )


@torch.inference_mode()
def forced_logits(subject: Subject, asked: Asked, texts: Sequence[Sequence[int]]) -> list[torch.Tensor]:
    """Logits float32 [N, vocab] at every position of each text as the answer; the texts do not see each other."""
    asking = Branch(subject.model.prompt.suffix(subject.asked(asked.seen, asked.question)), [list(text) for text in texts])
    row = Row(subject.model.visual_length(asked.seen.features), subject.hint(asked.seen.quotes), [asking])
    logits, _ = subject.model.answer_logits(subject.projector, [asked.seen.features], [row])
    return list(logits.split([len(text) for text in texts]))


def mean_log_probabilities(subject: Subject, asked: Asked, texts: Sequence[Sequence[int]]) -> list[float]:
    """Mean log p a token of each text, nats. Texts have at least one token."""
    means = []
    for logits, text in zip(forced_logits(subject, asked, texts), texts, strict=True):
        chosen = logits.log_softmax(-1).gather(1, torch.tensor(list(text))[:, None])
        means.append(float(chosen.mean()))
    return means
