"""Does training in English change answers to Chinese questions? Sixty questions about Flickr8k val photos, in both languages.

The questions are `training/hand/chinese_questions.jsonl`, short answers beside them. Compared between runs: how often a Chinese
question is answered in Chinese, how much of the written answer is in it, and how likely the written answer is.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..data import ROOT
from .answers import Asked, Decoding, answer, mean_log_probabilities
from .folders import FolderItem
from .model import Subject
from .records import Predictions, Progress

QUESTIONS = ROOT / "training" / "hand" / "chinese_questions.jsonl"
LANGUAGES = {"en": "en", "zh": "zh-CN"}
MAX_NEW_TOKENS = 48
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")


@dataclass(frozen=True)
class Bilingual:
    """A question about one photo and its short answer, by language."""

    id: str
    item: FolderItem
    question: dict[str, str]
    answer: dict[str, str]


def load_chinese(items: Sequence[FolderItem]) -> list[Bilingual]:
    """Raises KeyError where the photos of a question are not among `items`."""
    by_id = {item.id: item for item in items}
    rows = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    return [Bilingual(row["id"], by_id[row["item"]], row["question"], row["answer"]) for row in rows]


def is_chinese(text: str) -> bool:
    """Whether at least half of the letters are Chinese characters."""
    letters = [letter for letter in text if letter.isalpha()]
    return bool(letters) and sum(bool(HAN.match(letter)) for letter in letters) * 2 >= len(letters)


def units(text: str) -> Counter[str]:
    """Words in lower case; of Chinese, characters."""
    return Counter(re.findall(rf"{HAN.pattern}|[a-z0-9]+", text.lower()))


def overlap(given: str, wanted: str) -> float:
    """F1 of the units that both have."""
    one, other = units(given), units(wanted)
    common = sum((one & other).values())
    return 2 * common / (sum(one.values()) + sum(other.values())) if common else 0.0


def evaluate_chinese(
    subject: Subject, questions: Sequence[Bilingual], predictions: Predictions, decoding: Decoding, quotes: bool
) -> dict[str, float]:
    """Figures by language (`en_`, `zh_`): f1 and logp of the written answer, in_chinese, and how many answers are empty."""
    decoding = replace(decoding, max_new_tokens=MAX_NEW_TOKENS)
    todo = [question for question in questions if f"{question.id}.zh" not in predictions]
    progress = Progress(len(todo), "questions in two languages")
    for one in todo:
        seen = subject.look(one.item.frames(subject.sampling, None), quotes)
        asked = {short: Asked(f"{one.id}.{short}", seen, one.question[name]) for short, name in LANGUAGES.items()}
        answers = answer(subject, list(asked.values()), decoding)
        for short, name in LANGUAGES.items():
            [log_p] = mean_log_probabilities(subject, asked[short], [subject.encode(one.answer[name])])
            text = subject.decode(answers[asked[short].id])
            predictions.add({"id": asked[short].id, "question": one.question[name], "wanted": one.answer[name], "answer": text, "logP": log_p})
        progress.step()
    figures: dict[str, float] = {}
    for short in LANGUAGES:
        rows = [predictions[f"{question.id}.{short}"] for question in questions]
        figures |= {
            f"{short}_f1": sum(overlap(row["answer"], row["wanted"]) for row in rows) / len(rows),
            f"{short}_logp": sum(row["logP"] for row in rows) / len(rows),
            f"{short}_in_chinese": sum(is_chinese(row["answer"]) for row in rows) / len(rows),
            f"{short}_empty": sum(not row["answer"].strip() for row in rows) / len(rows),
        }
    return figures | {"items": len(questions)}
