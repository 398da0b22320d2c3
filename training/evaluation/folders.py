"""Folders of photos or clips with captions, as evaluation takes them (the browser side reads the same: tests/tools/evaluate/data).

captions.jsonl or captions.jsonl.xz beside pictures or videos that lie loose, in a subfolder or in a tar archive. A picture is
a strip of square frames, in time order, where its row has `n_frames` or its archive or folder is named strips.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ..data import read_json_lines, split_strip
from ..sampling import plan_indices, plan_timestamps
from ..videos import duration_of, image_at

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".bmp"}
VIDEOS = {".mp4", ".m4v", ".mov", ".webm", ".mkv", ".ogv", ".ogg", ".avi", ".ts"}


@dataclass(frozen=True)
class Sampling:
    """A pack's sampling plan (docs/pack-format.md)."""

    frames_per_second: float = 1.0
    minimum: int = 1
    maximum: int = 16
    default: int = 8


@dataclass(frozen=True)
class Media:
    """A picture or video; `holder` is the archive or subfolder that has it, "" for the folder itself."""

    name: str
    holder: str
    read: Callable[[], bytes]

    @property
    def is_video(self) -> bool:
        return Path(self.name).suffix.lower() in VIDEOS

    def image(self) -> Image.Image:
        """The picture, RGB."""
        return Image.open(io.BytesIO(self.read())).convert("RGB")


class MediaFolder:
    """Every picture and video of a folder, by file name or by that without its extension."""

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise FileNotFoundError(f"there is no folder {path}")
        self.path = path
        self._by_name: dict[str, Media] = {}
        for entry in sorted(path.iterdir()):
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                for inner in sorted(entry.iterdir()):
                    self._add(inner.name, entry.name, inner.read_bytes)
            elif entry.suffix == ".tar":
                self._scan(entry)
            else:
                self._add(entry.name, "", entry.read_bytes)

    def _scan(self, archive: Path) -> None:
        with tarfile.open(archive) as opened:
            for member in opened:
                if member.isfile():
                    self._add(Path(member.name).name, archive.name, _span(archive, member.offset_data, member.size))

    def _add(self, name: str, holder: str, read: Callable[[], bytes]) -> None:
        if Path(name).suffix.lower() in PICTURES | VIDEOS and not name.startswith("."):
            media = Media(name, holder, read)
            self._by_name[name] = media
            self._by_name[Path(name).stem] = media

    def find(self, name: str) -> Media | None:
        """Whatever stands before the last slash is ignored."""
        plain = Path(name).name
        known = Path(plain).suffix.lower() in PICTURES | VIDEOS
        return self._by_name.get(plain) or (self._by_name.get(Path(plain).stem) if known else None)


def _span(path: Path, offset: int, size: int) -> Callable[[], bytes]:
    def read() -> bytes:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size)

    return read


@dataclass(frozen=True)
class FolderItem:
    """One photo or clip with its human captions. Photos are asked about as pictures, all else as videos."""

    id: str
    media: Media
    is_strip: bool
    captions: tuple[str, ...] = ()

    @property
    def is_photo(self) -> bool:
        return not (self.is_strip or self.media.is_video)

    def frames(self, sampling: Sampling, budget: int | None) -> list[Image.Image]:
        """The frames that the browser would sample, in time order; at most `budget`, the plan's default where None."""
        most = min(budget or sampling.default, sampling.maximum)
        if self.is_photo:
            return [self.media.image()]
        if self.is_strip:
            squares = split_strip(self.media.image())
            return [squares[index] for index in plan_indices(len(squares), max(1, min(len(squares), most)))]
        return video_frames(self.media, sampling, most)


def video_frames(media: Media, sampling: Sampling, budget: int) -> list[Image.Image]:
    """Frames of a video at the plan's moments, by ffmpeg. Raises CalledProcessError for a file that it cannot read."""
    with tempfile.NamedTemporaryFile(suffix=Path(media.name).suffix) as file:
        file.write(media.read())
        file.flush()
        path = Path(file.name)
        plan = plan_timestamps(duration_of(path), sampling.frames_per_second, sampling.minimum, sampling.maximum, budget)
        return [image_at(path, seconds) for seconds in plan]


def captions_file(folder: Path) -> Path:
    """Raises FileNotFoundError where there is none."""
    for name in ("captions.jsonl", "captions.jsonl.xz"):
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"{folder} holds neither captions.jsonl nor captions.jsonl.xz")


def in_split(row: dict, split: str) -> bool:
    """A row that names no split belongs to every one."""
    return split == "all" or row.get("split") in (None, split)


def id_of(row: dict) -> str:
    """Raises ValueError for a row without any name."""
    for key in ("id", "image", "video", "file", "clip"):
        if isinstance(row.get(key), str | int):
            return str(row[key])
    raise ValueError(f"a row without id: {str(row)[:80]}")


def locate(folder: MediaFolder, row: dict, item_id: str) -> FolderItem:
    """A row's photo, strip or video, without captions. Raises FileNotFoundError where it is missing."""
    named = next((row[key] for key in ("file", "image", "video", "clip") if isinstance(row.get(key), str)), item_id)
    media = folder.find(named) or folder.find(item_id)
    if media is None:
        raise FileNotFoundError(f'{folder.path} has no picture or video for "{item_id}"')
    is_strip = not media.is_video and ("n_frames" in row or media.holder.lower().split(".")[0] in ("strip", "strips"))
    return FolderItem(item_id, media, is_strip)


def load_folder(folder: MediaFolder, split: str) -> list[FolderItem]:
    """The items of one split ("all": of every), rows of one id joined. Raises ValueError where there are none."""
    path = captions_file(folder.path)
    rows = read_json_lines(path)
    items: dict[str, FolderItem] = {}
    for row in rows:
        if in_split(row, split):
            item_id = id_of(row)
            item = items.get(item_id) or locate(folder, row, item_id)
            items[item_id] = FolderItem(item.id, item.media, item.is_strip, item.captions + captions_of(row))
    if not items:
        known = ", ".join(sorted({str(row.get("split")) for row in rows}))
        raise ValueError(f'{path} has no rows of split "{split}"; it has: {known}')
    return list(items.values())


def captions_of(row: dict) -> tuple[str, ...]:
    found = row.get("captions", row.get("caption", ()))
    found = [found] if isinstance(found, str) else found
    return tuple(text for text in found if isinstance(text, str) and text.strip())
