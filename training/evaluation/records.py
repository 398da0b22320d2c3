"""What a run of evaluation writes: predictions as JSON lines, by which it goes on after a break, and figures as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from ..data import ROOT


class Predictions:
    """Rows by id in a file of JSON lines whose first line holds the settings that they depend on."""

    def __init__(self, path: Path, settings: dict, fresh: bool = False) -> None:
        """Reads what an earlier run left. Raises ValueError where that was made under other settings."""
        self.path = path
        self.rows: dict[str, dict] = {}
        head = json.dumps({"settings": settings})
        if fresh or not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(head + "\n", encoding="utf-8")
            return
        # A line that a crash cut off has no line break yet.
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
        if lines[:1] != [head]:
            raise ValueError(f"{path} holds predictions made under other settings: --fresh starts anew, --out names another file")
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        self.rows = {row["id"]: row for row in map(json.loads, lines[1:])}

    def __contains__(self, key: str) -> bool:
        return key in self.rows

    def __getitem__(self, key: str) -> dict:
        return self.rows[key]

    def add(self, row: dict) -> None:
        with self.path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")
        self.rows[row["id"]] = row


def command_line() -> str:
    """The command that is running, as one would type it."""
    module = Path(sys.argv[0])
    name = ".".join(module.resolve().relative_to(ROOT).with_suffix("").parts) if module.resolve().is_relative_to(ROOT) else module.name
    return " ".join(["python -m", name, *sys.argv[1:]])


def current_commit() -> str:
    """Short hash, "-dirty" where tracked files differ from it, "unknown" outside a repository."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def write_figures(path: Path, task: str, values: dict[str, float], predictions: Path, about: dict) -> dict:
    """{task, ..., figures: {name: {value, command, commit, predictions}}}; the browser's evaluation writes the same."""
    shared = {"command": command_line(), "commit": current_commit(), "predictions": relative(predictions)}
    figures = {name: {"value": round(float(value), 6)} | shared for name, value in values.items()}
    content = {"task": task} | about | {"figures": figures}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return content


def relative(path: Path) -> str:
    """As seen from the repository, where it lies in it."""
    resolved = path.resolve()
    return str(resolved.relative_to(ROOT)) if resolved.is_relative_to(ROOT) else str(path)


class Progress:
    """Says how far a walk over `total` things is and how long it will take, every few seconds."""

    INTERVAL = 10.0

    def __init__(self, total: int, what: str) -> None:
        self.total, self.what = total, what
        self.done, self._started, self._said = 0, time.monotonic(), 0.0

    def step(self, count: int = 1) -> None:
        self.done += count
        now = time.monotonic()
        if now - self._said < self.INTERVAL and self.done < self.total:
            return
        self._said = now
        each = (now - self._started) / self.done
        print(f"{self.what}: {self.done}/{self.total}, {each:.2f} s each, {each * (self.total - self.done):.0f} s left", flush=True)
