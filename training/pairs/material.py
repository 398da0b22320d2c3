"""What a pair is trained on: pictures with captions or conversations, read where they lie.

Two shapes: a folder with captions.jsonl and its pictures in an archive or a folder, and the JSON in which Valley-702k,
Valley-Instruct-73k and LLaVA are published (`training.conversations`).
"""

from __future__ import annotations

import io
import json
import tarfile
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from ..conversations import PublishedError, read_row
from ..data import clean_caption, read_json_lines

TRAIN, VALIDATION = "train", "val"


@dataclass(frozen=True)
class Sample:
    """A photo, a strip (one picture of square frames side by side in time order) or a video.

    `captions` each answer a describing question; of `chats`, each [turn] = (question, answer), every one stands on its own.
    """

    id: str
    kind: str
    media: Path | str
    split: str
    captions: tuple[str, ...] = ()
    chats: tuple[tuple[tuple[str, str], ...], ...] = ()

    @property
    def is_clip(self) -> bool:
        return self.kind != "photo"


@dataclass(frozen=True)
class Material:
    """Samples and how their pictures are opened, RGB. `left_out`: how many records are not among them, by why."""

    samples: list[Sample]
    open: Callable[[Path | str], Image.Image]
    left_out: Counter[str] = field(default_factory=Counter)

    def of(self, split: str) -> list[Sample]:
        return [sample for sample in self.samples if sample.split == split]


def open_picture(path: Path | str) -> Image.Image:
    """A picture file, RGB."""
    with Image.open(path) as picture:
        return picture.convert("RGB")


class Archive:
    """Pictures of a tar archive by their names without ending, in any order and from any thread."""

    def __init__(self, path: Path) -> None:
        self._archive = tarfile.open(path)
        self.members = {Path(member.name).stem: member for member in self._archive if member.isfile()}
        self._lock = threading.Lock()

    def open(self, name: Path | str) -> Image.Image:
        with self._lock:
            stored = self._archive.extractfile(self.members[str(name)])
            assert stored is not None
            raw = stored.read()
        return open_picture(io.BytesIO(raw))


def read_captions(folder: Path) -> Material:
    """captions.jsonl or .jsonl.xz ({id, split, captions}) with images.tar, strips.tar, or a folder images, strips or videos.

    Raises FileNotFoundError where either is missing.
    """
    listed = next((folder / name for name in ("captions.jsonl", "captions.jsonl.xz") if (folder / name).is_file()), None)
    places = {"images": "photo", "strips": "strip", "videos": "video"}
    place = next((name for name in places if (folder / f"{name}.tar").is_file() or (folder / name).is_dir()), None)
    if listed is None or place is None:
        raise FileNotFoundError(f"{folder}: no captions.jsonl, or no images, strips or videos beside it")
    if (folder / f"{place}.tar").is_file():
        archive = Archive(folder / f"{place}.tar")
        opener: Callable[[Path | str], Image.Image] = archive.open
        media: dict[str, Path | str] = {name: name for name in archive.members}
    else:
        opener = open_picture
        media = {path.stem: path for path in sorted((folder / place).iterdir()) if path.is_file()}
    rows = read_json_lines(listed)
    samples = [
        Sample(row["id"], places[place], media[row["id"]], row.get("split", TRAIN), captions)
        for row in rows
        if row["id"] in media and (captions := tuple(dict.fromkeys(filter(None, map(clean_caption, row["captions"])))))
    ]
    missing = len(rows) - len(samples)
    return Material(samples, opener, Counter({"no-media-or-caption": missing} if missing else {}))


def read_conversations(path: Path, media: Path) -> Material:
    """A published .json or .jsonl by `training.conversations`, media under `media`; rows that it refuses are left out."""
    text = path.read_text(encoding="utf-8")
    rows = map(json.loads, text.splitlines()) if path.suffix == ".jsonl" else json.loads(text)
    samples, left_out = [], Counter[str]()
    for row in rows:
        try:
            published = read_row(row, media)
        except PublishedError as error:
            left_out[error.code] += 1
            continue
        if published.media is None:
            left_out["text-only"] += 1
            continue
        kind = "video" if published.media.kind == "video" else "photo"
        chat = tuple((turn.question, turn.answers[0]) for turn in published.turns)
        samples.append(Sample(published.id, kind, published.media.path, row.get("split", TRAIN), (), (chat,)))
    return Material(samples, open_picture, left_out)


def read_material(paths: list[Path], media: Path | None) -> list[Material]:
    """Each of `paths`: a folder with captions.jsonl, or a published JSON (its media under `media`, else beside it)."""
    return [read_captions(path) if path.is_dir() else read_conversations(path, media or path.parent) for path in paths]
