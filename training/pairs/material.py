"""What a pair is trained on: pictures with captions or conversations, read where they lie.

Two shapes: a folder with captions.jsonl and its pictures in an archive or a folder, and the JSON in which Valley-702k,
Valley-Instruct-73k and LLaVA are published, a list of {id, image or video, conversations}.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ..data import clean_caption, read_json_lines

# Behind a video's or an image's name as it is published: nothing, a missing ending, COCO's own prefix.
_SPELLINGS = ("{}", "{}.mp4", "COCO_train2014_{}")
_MARKER = re.compile(r"\s*<(?:image|video)>\s*")
_TRAIN, _VALIDATION = "train", "val"


@dataclass(frozen=True)
class Sample:
    """A photo (`media` one picture), a strip (one picture of square frames side by side), pictures in time order, or a video.

    `captions` each answer a describing question; of `chats`, each [turn] = (question, answer), every one stands on its own.
    """

    id: str
    kind: str
    media: tuple[Path | str, ...]
    split: str
    captions: tuple[str, ...] = ()
    chats: tuple[tuple[tuple[str, str], ...], ...] = ()

    @property
    def is_clip(self) -> bool:
        return self.kind != "photo"


@dataclass(frozen=True)
class Material:
    """Samples and how their pictures are opened, RGB. `left_out`: records whose media are not there or that have none."""

    samples: list[Sample]
    open: Callable[[Path | str], Image.Image]
    left_out: int = 0

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
        Sample(row["id"], places[place], (media[row["id"]],), row.get("split", _TRAIN), captions)
        for row in rows
        if row["id"] in media and (captions := tuple(dict.fromkeys(filter(None, map(clean_caption, row["captions"])))))
    ]
    return Material(samples, opener, len(rows) - len(samples))


def read_conversations(path: Path, media: Path) -> Material:
    """The published JSON. Media names are looked up under `media`, a video's also under its `source`.

    `<image>` and `<video>` mark where the media stood in a message and are taken out: here it always comes first. A record
    with neither, or without media on this machine, is left out. Raises ValueError for one that does not alternate.
    """
    rows = json.loads(path.read_text(encoding="utf-8"))
    samples = []
    for row in rows:
        names = row.get("image", row.get("video"))
        names = names if isinstance(names, list) else [names] if names else []
        folders = [media / row["source"], media] if "source" in row else [media]
        found = [_find(folders, name) for name in names]
        if not found or None in found:
            continue
        kind = "video" if "image" not in row else "photo" if len(found) == 1 else "pictures"
        chat = _chat(row["conversations"], str(row.get("id", path.name)))
        samples.append(Sample(str(row.get("id", len(samples))), kind, tuple(found), row.get("split", _TRAIN), (), (chat,)))
    return Material(samples, open_picture, len(rows) - len(samples))


def _find(folders: list[Path], name: str) -> Path | None:
    """The file of a published name, or None."""
    below = Path(name)
    candidates = (folder / below.parent / spelling.format(below.name) for folder in folders for spelling in _SPELLINGS)
    return next((path for path in candidates if path.is_file()), None)


def _chat(conversations: list[dict[str, str]], id: str) -> tuple[tuple[str, str], ...]:
    """Questions and answers in turn; a last question without an answer is dropped."""
    said = [message["from"] for message in conversations]
    if said != ["human", "gpt"] * (len(said) // 2) + ["human"] * (len(said) % 2) or len(said) < 2:
        raise ValueError(f"{id}: the messages are from {', '.join(said)}, not from human and gpt in turn")
    words = [_MARKER.sub("\n", message["value"]).strip() for message in conversations]
    return tuple(zip(words[0::2], words[1::2]))


def read_material(paths: list[Path], media: Path | None) -> list[Material]:
    """Each of `paths`: a folder with captions.jsonl, or a published JSON (its media under `media`, else beside it)."""
    return [read_captions(path) if path.is_dir() else read_conversations(path, media or path.parent) for path in paths]
