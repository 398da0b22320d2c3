"""Which of two phrases of a question is seen first, by the pack's CLIP, and how the prompt says so; the browser does the same
(src/moments/phrase-order.ts), which tests/fixtures/phrase-order.json holds both to.

"Which comes first, a dog running or a man on a bike?" names two things to look for. Each is looked for in every frame, and what
was found is told behind the question: "First: A dog running." The frame tokens hold the same order, but a small decoder hardly
learns to read it there (docs/training.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

Embed = Callable[[Sequence[str]], np.ndarray]
"""Texts to L2-normalised CLIP vectors, float32 [n, E]."""

# The cosine by which a frame counts e times as much for where a phrase is seen. Chosen on train questions.
SHARPNESS = 0.05

_WHEN = r"first|last|earlier|later|before|after|then|next|start|starts|started|begin|begins|began|beginning|end|ends|ended|order"
_ASKS_WHEN = re.compile(rf"\b(?:{_WHEN})\b", re.I)
_TELLS = r"(?:comes?|came|happens?|happened|appears?|appeared|is|are|was|were)"
_TAIL = re.compile(
    rf",?\s(?:(?:that|which|who)\s)?(?:{_TELLS}\s)?(?:shown\s|seen\s|done\s)?(?:first|last|earlier|later|at the (?:start|beginning|end)(?: of (?:it|the \w+))?)$", re.I
)
_LEAD_LIST = re.compile(rf"^[^,]*\b(?:{_WHEN})\b[^,]*,\s", re.I)
_LEAD_WITH = re.compile(r"^.*\b(?:start|begin|open|end|close|finish)(?:s|ed)?\s(?:with|on)\s", re.I)
_LEAD_VERB = re.compile(
    r"^(?:do|does|did|is|are|was|were|can|could|will)\s(?:(?:we|you|i|it|there|(?:the|this)\s(?:video|clip|film|camera))\s)?(?:(?:see|show|hear|have)\s)?(?:first\s)?", re.I
)
_ONE_THEN_OTHER = re.compile(r"\b(?:first,?|(?:start|begin|open)s?\swith)\s(.+?),?\s(?:(?:and\s)?then|and\sgo(?:es)?\son\swith)\s(.+)$", re.I)
_FIRST = re.compile(r"\b(?:first|earlier|start(?:s|ed)?|beg[ia]ns?|beginning)\b", re.I)
_LAST = re.compile(r"\b(?:last|later|end(?:s|ed)?)\b", re.I)
_ASKING_WORD = re.compile(r"^(?:what|who|which|where|when|why|how)\b", re.I)


def phrases_of(question: str) -> tuple[str, str] | None:
    """The two things whose order a question asks for: "X or Y", "X before Y", "first X, then Y"; None where it asks nothing of the kind."""
    text = " ".join(question.split()).rstrip("?.! ")
    if not _ASKS_WHEN.search(text):
        return None
    pair = _either(text) or _one_before_other(text)
    if pair is None:
        return None
    one, other = (phrase.strip(" ,.:;") for phrase in pair)
    if not one or not other or one.lower() == other.lower():
        return None
    return one, other


def _either(text: str) -> tuple[str, str] | None:
    if re.search(r"\bbefore or after\b", text, re.I):
        return None
    before, found, other = text.rpartition(", or ")
    if not found:
        before, found, other = text.rpartition(" or ")
    return (_without_lead(before), _TAIL.sub("", other)) if found else None


def _without_lead(text: str) -> str:
    if ":" in text:
        return text.rpartition(":")[2]
    for lead in (_LEAD_LIST, _LEAD_WITH, _LEAD_VERB):
        match = lead.search(text)
        if match:
            return text[match.end() :]
    return text


def _one_before_other(text: str) -> tuple[str, str] | None:
    match = _ONE_THEN_OTHER.search(text)
    if match:
        return match[1], match[2]
    lead = _LEAD_VERB.match(text)
    # "What happens after X?" names one thing alone.
    parts = re.split(r"\s(?:before or after|before|after)\s", text[lead.end() :], maxsplit=1, flags=re.I) if lead else []
    return (parts[0], parts[1]) if len(parts) == 2 and not _ASKING_WORD.match(parts[0]) else None


def in_time(phrases: tuple[str, str], texts: np.ndarray, frames: np.ndarray) -> tuple[str, str] | None:
    """The phrases in the order in which frames show them: each at the mean place of the frames, weighted by the softmax of its
    similarities. texts: [2, E] of length 1; frames: CLIP vectors [T, E] in time order. None where the frames tell no difference."""
    if len(frames) < 2:
        return None
    frames = frames.astype(np.float64)
    frames /= np.maximum(np.linalg.norm(frames, axis=1, keepdims=True), 1e-12)
    similarities = texts.astype(np.float64) @ frames.T
    weights = np.exp((similarities - similarities.max(1, keepdims=True)) / SHARPNESS)
    one, other = (weights * np.arange(len(frames))).sum(1) / weights.sum(1)
    if abs(one - other) < 1e-6:
        return None
    return phrases if one < other else phrases[::-1]


def told(question: str, ordered: tuple[str, str]) -> str:
    """ "First: A dog running." where the question asks for that end alone, else "First: A dog running. Last: A man on a bike." """
    first, last = (f"{phrase[0].upper()}{phrase[1:]}." for phrase in ordered)
    asked = " ".join(question.split())
    for phrase in ordered:
        asked = asked.replace(phrase, "", 1)
    asks_first, asks_last = (bool(end.search(asked)) for end in (_FIRST, _LAST))
    if asks_first == asks_last:
        return f"First: {first} Last: {last}"
    return f"First: {first}" if asks_first else f"Last: {last}"


def with_order(question: str, frames: np.ndarray | None, embed: Embed | None) -> str:
    """The question as the prompt holds it: with what the frames say of its order, where it asks for one and they can tell."""
    phrases = phrases_of(question) if embed is not None and frames is not None and len(frames) > 1 else None
    if phrases is None:
        return question
    ordered = in_time(phrases, embed(phrases), frames)
    return f"{question} {told(question, ordered)}" if ordered else question
