"""Writes the instruction data.

    python -m training.instructions.generate --seed 1 --out training/cache/instructions
    python -m training.instructions.generate --split val --seed 1 --out training/cache/instructions

The first writes train.jsonl from train items alone, the second val.jsonl: questions with a right and a wrong answer about val
items. The same seed and data give the same bytes. Takes about a minute on one core.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from ..data import CACHE
from ..evaluation.records import Progress
from .actions import activities, exercises
from .camera import camera, camera_choices
from .causes import causes
from .chats import text_only
from .conversations import conversations
from .corpus import Corpus, read_scenes
from .descriptions import captions, details
from .facts import questions
from .order import recipe_choices, recipes, sequence_choices, sequences, told_order
from .presence import Census, yes_no, yes_no_choices
from .record import Record, write_records
from .refusals import refusals

VAL_PER_THING, VAL_PER_SMALL_THING, VAL_PAIRS = 20, 10, 250


def train_rules(corpus: Corpus, seed: int) -> list[Iterator[Record]]:
    """Every record of the train split, type after type; each rule draws from its own stream, so that a change to one leaves
    the others as they were."""
    census = Census(corpus)

    def stream(name: str) -> Random:
        return Random(f"{seed}/{name}")

    return [
        captions(corpus, stream("captions")),
        details(corpus, stream("details")),
        questions(corpus, census, stream("questions")),
        yes_no(corpus, census, stream("yes-no")),
        activities(corpus, stream("activities")),
        exercises(corpus, stream("exercises")),
        causes(corpus, stream("causes")),
        sequences(corpus, stream("sequences")),
        told_order(corpus, stream("told-order")),
        recipes(corpus, stream("recipes")),
        camera(corpus, stream("camera")),
        refusals(corpus, census, stream("refusals")),
        conversations(corpus, census, stream("conversations")),
        text_only(stream("text")),
    ]


def val_rules(corpus: Corpus, seed: int) -> list[Iterator[Record]]:
    """Yes/no, order, step order and camera movement about val items, each with a right and a wrong answer."""
    return [
        yes_no_choices(Census(corpus), Random(f"{seed}/val/yes-no"), VAL_PER_THING, VAL_PER_SMALL_THING),
        sequence_choices(corpus, Random(f"{seed}/val/sequences"), VAL_PAIRS),
        recipe_choices(corpus, Random(f"{seed}/val/recipes")),
        camera_choices(corpus, Random(f"{seed}/val/camera")),
    ]


def follow(rules: Sequence[Iterator[Record]]) -> Iterator[Record]:
    """The rules' records one after another, with a word on how far it is now and then."""
    progress = Progress(len(rules), "rules")
    for rule in rules:
        yield from rule
        progress.step()


def count(records: Iterator[Record], tally: Counter[str]) -> Iterator[Record]:
    """The records, counted by type and by kind of turn as they pass."""
    for record in records:
        tally[record.type] += 1
        tally.update(f"{record.type}/{turn.kind or 'any'}" for turn in record.turns)
        yield record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=CACHE / "instructions")
    parser.add_argument("--split", choices=("train", "val"), default="train")
    arguments = parser.parse_args()
    started = time.monotonic()
    corpus = Corpus(arguments.split, read_scenes())
    print(f"read {sum(map(len, corpus.scenes.values()))} {arguments.split} items in {time.monotonic() - started:.0f} s", flush=True)
    rules = train_rules if arguments.split == "train" else val_rules
    tally: Counter[str] = Counter()
    path = arguments.out / f"{arguments.split}.jsonl"
    total = write_records(path, count(follow(rules(corpus, arguments.seed)), tally))
    counts = dict(sorted(tally.items()))
    (arguments.out / f"{arguments.split}-counts.json").write_text(
        json.dumps({"seed": arguments.seed, "records": total, "counts": counts}, indent=1) + "\n"
    )
    print(f"{path}: {total} records in {time.monotonic() - started:.0f} s", flush=True)
    for name, number in counts.items():
        print(f"  {name:32} {number}", flush=True)


if __name__ == "__main__":
    main()
