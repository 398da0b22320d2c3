"""Reads dialogues that others published: the JSON shapes of LLaVA, Valley-702k and Valley-Instruct-73k.

All are a list of {"id", "conversations": [{"from": "human" | "gpt", "value"}, ...]} with a media path:
LLaVA has `image` ("train2017/000000033471.jpg") and `<image>` in the first question, Valley `video` ("v_abc.mp4", or a bare id)
and `<video>`, and `source` ("VATEX", "jukinmedia"), the folder that the media lies in. `media_of` finds the file, `read_published`
gives the same records that `training.instructions` writes; their frames are filled in once the file's frames are cached.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .instructions.record import Frame, Record, Turn
from .sampling import plan_indices

MARKERS = {"image": "<image>", "video": "<video>"}
SUFFIXES = {"image": ("", ".jpg", ".png", ".webp"), "video": ("", ".mp4", ".webm", ".mkv", ".avi")}
SPEAKERS = {"human": "question", "user": "question", "gpt": "answer", "assistant": "answer"}


class PublishedError(ValueError):
    """A row that cannot be read. `code`: what is wrong; `row`: the row's id."""

    def __init__(self, code: str, row: str, detail: str) -> None:
        super().__init__(f"{code} in {row}: {detail}")
        self.code, self.row = code, row


class Media(NamedTuple):
    """A photo or video file."""

    kind: str
    path: Path
    source: str


@dataclass(frozen=True)
class Published:
    """A published dialogue: its media (None for text alone) and its turns with the markers taken out."""

    id: str
    media: Media | None
    turns: tuple[Turn, ...]

    def record(self, frames: int, count: int) -> Record:
        """The dialogue as a record that sees T = `count` of the media's `frames` cached frames by the sampling plan.

        The record's source is the media's kind and source ("video/VATEX"), its item the file's name without suffix.
        """
        if not self.media:
            return Record(self.id, "text", (), False, self.turns, independent=False)
        source = f"{self.media.kind}/{self.media.source}" if self.media.source else self.media.kind
        chosen = tuple(Frame(source, self.media.path.stem, index) for index in plan_indices(frames, count))
        return Record(self.id, "conversation", chosen, self.media.kind == "image", self.turns, independent=False)


def media_of(row: dict, root: Path, name: str) -> Media | None:
    """The file of a row under `root`, its `source` folder tried first. Raises PublishedError("missing-media") if it is not there."""
    kind = next((kind for kind in MARKERS if row.get(kind)), None)
    if kind is None:
        return None
    source, path = str(row.get("source", "")), str(row[kind])
    places = [*([root / source / path] if source else []), root / path]
    for place in places:
        for suffix in SUFFIXES[kind]:
            file = place.with_name(place.name + suffix)
            if not file.resolve().is_relative_to(root.resolve()):
                raise PublishedError("media-outside", name, f"{path} leads out of {root}")
            if file.is_file():
                return Media(kind, file, source)
    raise PublishedError("missing-media", name, f"no file {path} under {root}")


def turns_of(conversation: Sequence[dict], name: str) -> tuple[Turn, ...]:
    """Questions and answers in turn. Raises PublishedError("turn-order") where they do not alternate, human first."""
    texts: list[str] = []
    for entry in conversation:
        role = SPEAKERS.get(str(entry.get("from")))
        if role != ("question" if len(texts) % 2 == 0 else "answer"):
            raise PublishedError("turn-order", name, f"turn {len(texts)} is from {entry.get('from')!r}")
        texts.append(str(entry.get("value", "")))
    if not texts or len(texts) % 2:
        raise PublishedError("turn-order", name, f"{len(texts)} turns do not pair up")
    return tuple(Turn(question, (answer,), "published") for question, answer in zip(texts[::2], texts[1::2]))


def without_marker(turns: tuple[Turn, ...], media: Media | None, name: str) -> tuple[Turn, ...]:
    """The turns with the media's marker, which stands once and in the first question, taken out.

    Raises PublishedError("missing-marker"), or ("unexpected-marker") for one elsewhere or without media.
    """
    marker = MARKERS[media.kind] if media else None
    cleaned = []
    for number, turn in enumerate(turns):
        question = turn.question
        if number == 0 and marker:
            if marker not in question:
                raise PublishedError("missing-marker", name, f"the first question has no {marker}")
            question = question.replace(marker, "", 1).strip()
        text = question + "".join(turn.answers)
        if any(other in text for other in MARKERS.values()):
            raise PublishedError("unexpected-marker", name, f"a marker in turn {number} that no media belongs to")
        cleaned.append(Turn(question, tuple(answer.strip() for answer in turn.answers), turn.kind))
    return tuple(cleaned)


def read_row(row: dict, root: Path) -> Published:
    """One published dialogue. Raises PublishedError."""
    name = str(row.get("id", row.get("video", row.get("image", "a row without id"))))
    media = media_of(row, root, name)
    return Published(name, media, without_marker(turns_of(row.get("conversations", ()), name), media, name))


def read_published(path: Path, root: Path) -> Iterator[Published]:
    """The dialogues of a .json (one list) or .jsonl file (one a line), their media under `root`. Raises PublishedError."""
    text = path.read_text(encoding="utf-8")
    rows = map(json.loads, text.splitlines()) if path.suffix == ".jsonl" else json.loads(text)
    for row in rows:
        yield read_row(row, root)
