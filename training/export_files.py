"""Writing release files under content-hashed names, and describing them for the manifests."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TypedDict

REPOSITORY = Path(__file__).resolve().parent.parent
MODELS = REPOSITORY / "models"


class FileEntry(TypedDict):
    """One file as the manifests list it: path relative to the manifest, size and SHA-256."""

    path: str
    bytes: int
    sha256: str


def sha256_of(data: bytes | memoryview) -> str:
    """Hex SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def describe(path: Path, root: Path) -> FileEntry:
    """Manifest entry of the file at `path`, its path relative to `root`."""
    data = path.read_bytes()
    return {"path": path.relative_to(root).as_posix(), "bytes": len(data), "sha256": sha256_of(data)}


def write_hashed(folder: Path, stem: str, suffix: str, data: bytes) -> FileEntry:
    """Write `data` as `<stem>-<sha8><suffix>` in `folder`, removing earlier versions of the same stem."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}-{sha256_of(data)[:8]}{suffix}"
    for old in superseded(folder, stem, suffix, keep=path.name):
        old.unlink()
    path.write_bytes(data)
    return describe(path, folder)


def superseded(folder: Path, stem: str, suffix: str, keep: str | None) -> list[Path]:
    """Files named `<stem>-<8 hex><suffix>` in `folder` other than `keep`."""
    pattern = f"{stem}-{'[0-9a-f]' * 8}{suffix}"
    return [path for path in sorted(folder.glob(pattern)) if path.name != keep]


def write_json(path: Path, value: object) -> None:
    """Write a manifest as indented UTF-8 JSON with a final newline."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict:
    """Read a JSON manifest."""
    return json.loads(path.read_text(encoding="utf-8"))
