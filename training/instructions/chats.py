"""Dialogues without pictures, so that plain chat survives: the hand-written chats, small sums and facts, recipe order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

from ..data import data_root, read_json_lines
from .corpus import is_held_out
from .order import recipe_turn
from .record import Record, Turn

HAND = Path(__file__).resolve().parent.parent / "hand"
HAND_ROUNDS = 8
SUMS = 500
FACT_ROUNDS = 3
RECIPE_PAIRS = 2
# One in so many of the recipe questions is kept: with all of them plain chat was a tenth of the text, and was forgotten.
RECIPE_STRIDE = 7
SUM_WAYS = (
    "What is {sum}?",
    "How much is {sum}?",
    "{sum} = ?",
    "Can you work out {sum}?",
    "What does {sum} make?",
    "Calculate {sum}.",
    "Please tell me what {sum} is.",
    "What do you get for {sum}?",
)


def hand_written() -> list[tuple[Turn, ...]]:
    """The chats of training/hand/chats.jsonl."""
    rows = [json.loads(line) for line in (HAND / "chats.jsonl").read_text(encoding="utf-8").splitlines()]
    return [tuple(Turn(turn["question"], tuple(turn["answers"]), "chat") for turn in row["turns"]) for row in rows]


def facts() -> list[dict]:
    """The tables of training/hand/facts.json: ways to ask, and rows of (field, answer)."""
    return json.loads((HAND / "facts.json").read_text(encoding="utf-8"))


def sums(random: Random) -> Turn:
    """A sum, difference or product of small numbers."""
    one, other = random.randint(0, 12), random.randint(0, 12)
    sign, result = random.choice((("+", one + other), ("+", one + other), ("-", one - other), ("*", one * other)))
    if result < 0:
        one, other, result = other, one, -result
    written = random.choice(
        (f"{one} {sign} {other}", f"{one}{sign}{other}", f"{one} {'plus' if sign == '+' else 'minus' if sign == '-' else 'times'} {other}")
    )
    return Turn(random.choice(SUM_WAYS).format(sum=written), (f"{written} is {result}.", f"{result}."), "sum")


def text_only(random: Random) -> Iterator[Record]:
    """All text-only records of the train split."""
    for round_number in range(HAND_ROUNDS):
        for number, turns in enumerate(hand_written()):
            yield Record(f"text/chat/{number:03d}-{round_number}", "text", (), False, turns, independent=False)
    for number in range(SUMS):
        yield Record(f"text/sum/{number:03d}", "text", (), False, (sums(random),))
    for table in facts():
        for number, (asked, answer) in enumerate(table["rows"]):
            for round_number in range(FACT_ROUNDS):
                turn = Turn(
                    random.choice(table["ways"]).format(asked),
                    (table["answer"].format(asked, answer), f"{answer[:1].upper()}{answer[1:]}."),
                    table["kind"],
                )
                yield Record(f"text/{table['kind']}/{number:03d}-{round_number}", "text", (), False, (turn,))
    yield from recipe_order(random)


def recipe_order(random: Random) -> Iterator[Record]:
    """Which of two steps of a recipe comes first, from YouCook2's text; recipes held out for validation are left out."""
    count = 0
    for row in read_json_lines(data_root() / "text" / "youcook2_captions.jsonl.xz"):
        steps = row["captions"]
        if is_held_out(row["id"]) or len(steps) < 2:
            continue
        for number in range(RECIPE_PAIRS):
            one, other = sorted(random.sample(range(len(steps)), 2))
            if steps[one] == steps[other]:
                continue
            turn = recipe_turn(steps[one], steps[other], random.random() < 0.5, random)
            count += 1
            if count % RECIPE_STRIDE == 0:
                yield Record(f"text/recipe/{row['id']}/{number}", "text", (), False, (turn,))
