"""One dialogue about one clip, photo or sequence of photos, and its JSON line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

MAX_FRAMES = 16
TYPES = (
    "caption", "detail", "conversation", "qa", "yesno", "action", "cause", "order", "step_order", "motion", "zoom", "change", "refusal", "text",
)  # fmt: skip


class Frame(NamedTuple):
    """A cached frame: frame `index` of the strip of item `item` in `source` (0 for a photo), as `view` shows it."""

    source: str
    item: str
    index: int
    view: str = "plain"


@dataclass(frozen=True)
class Turn:
    """A question and its answers, any of which is right. `kind` names the rule that made it (colour, count...).

    `wrong`: answers that another order, presence or movement would have made right; training holds the right ones against them.
    Where there are as many as answers, they go in pairs. `mirror`: the turn before asked the opposite of the same clip ("first",
    "last"), so that the two are held against each other together and a liking for one of the texts cancels.
    """

    question: str
    answers: tuple[str, ...]
    kind: str = ""
    wrong: tuple[str, ...] = ()
    mirror: bool = False


@dataclass(frozen=True)
class Choice:
    """The two answers that an evaluation tells apart."""

    right: str
    wrong: str


@dataclass(frozen=True)
class Record:
    """A dialogue. `frames`: 1..16 in time order, none for text alone.

    `still`: every frame shows one and the same photo. `independent`: no turn refers to an earlier one, so that all of them
    may stand behind one visual prefix; else the turns are one chat, in order.
    """

    id: str
    type: str
    frames: tuple[Frame, ...]
    still: bool
    turns: tuple[Turn, ...]
    independent: bool = True
    choice: Choice | None = field(default=None)

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise ValueError(f"{self.id}: no such type as {self.type}")
        if len(self.frames) > MAX_FRAMES or (not self.frames) != (self.type == "text"):
            raise ValueError(f"{self.id}: {len(self.frames)} frames in a record of type {self.type}")
        if not self.turns or any(not turn.question or not turn.answers or not all(turn.answers) for turn in self.turns):
            raise ValueError(f"{self.id}: a turn without question or answer")


def to_json(record: Record) -> str:
    """One line, the same bytes for the same record. `view` is left out where it is plain."""
    frames = [list(frame[:3]) if frame.view == "plain" else list(frame) for frame in record.frames]
    turns = [
        {"question": turn.question, "answers": list(turn.answers)}
        | ({"kind": turn.kind} if turn.kind else {})
        | ({"wrong": list(turn.wrong)} if turn.wrong else {})
        | ({"mirror": True} if turn.mirror else {})
        for turn in record.turns
    ]
    row: dict = {"id": record.id, "type": record.type, "frames": frames, "still": record.still, "turns": turns}
    row["independent"] = record.independent
    if record.choice:
        row["choice"] = {"right": record.choice.right, "wrong": record.choice.wrong}
    return json.dumps(row, ensure_ascii=False)


def from_json(line: str) -> Record:
    """The record of one line. Raises ValueError or KeyError where it is none."""
    row = json.loads(line)
    frames = tuple(Frame(*frame) for frame in row["frames"])
    turns = tuple(
        Turn(turn["question"], tuple(turn["answers"]), turn.get("kind", ""), tuple(turn.get("wrong", ())), turn.get("mirror", False))
        for turn in row["turns"]
    )
    choice = Choice(**row["choice"]) if "choice" in row else None
    return Record(row["id"], row["type"], frames, row["still"], turns, row["independent"], choice)


def write_records(path: Path, records: Iterable[Record]) -> int:
    """Writes JSON lines through a second name, so that a file is whole or absent. Returns their number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished, count = path.with_suffix(".unfinished"), 0
    with unfinished.open("w", encoding="utf-8") as lines:
        for record in records:
            lines.write(to_json(record) + "\n")
            count += 1
    unfinished.rename(path)
    return count


def read_records(path: Path) -> Iterator[Record]:
    """The records of a file, one at a time."""
    with path.open(encoding="utf-8") as lines:
        yield from map(from_json, lines)
