"""SVG plots of docs/plots: the loss curves of the runs on this machine, and one bar chart an experiment."""

from __future__ import annotations

import json
import re
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402  the backend is chosen first

from ..data import CHECKPOINTS, ROOT  # noqa: E402

PLOTS = ROOT / "docs" / "plots"
SMOOTHING = 50
# The same figures give the same bytes: ids are not random, no date is written.
matplotlib.rcParams.update({"svg.hashsalt": "valley", "figure.figsize": (7, 4), "axes.grid": True, "grid.alpha": 0.3})
METADATA = {"Date": None, "Creator": None}


def draw_all(experiments: dict, checkpoints: Path = CHECKPOINTS, folder: Path = PLOTS) -> list[Path]:
    """Draws whatever there is to draw; returns every plot of the folder, those of earlier runs on other machines included."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(checkpoints.glob("*/loss.jsonl")):
        # The short runs of experiments are many, and told by their tables.
        if not path.parent.name.startswith("exp-"):
            draw_losses(path, folder / f"loss-{path.parent.name}.svg")
    for name, rows in experiments.items():
        draw_experiment(name, rows, folder / f"experiment-{file_name(name)}.svg")
    return sorted(folder.glob("*.svg"))


def file_name(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def smooth(values: list[float], window: int) -> list[float]:
    """Mean of each value and those up to `window` - 1 before it."""
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value)
    return [(sums[end] - sums[max(0, end - window)]) / (end - max(0, end - window)) for end in range(1, len(sums))]


def draw_losses(source: Path, target: Path) -> None:
    """Training loss, smoothed, and the validation losses of a run, by step."""
    rows = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    train = [row for row in rows if row["kind"] == "train"]
    validation = [row for row in rows if row["kind"] == "validation"]
    figure, axes = plt.subplots()
    if train:
        axes.plot([row["step"] for row in train], smooth([row["loss"] for row in train], SMOOTHING), label="training", linewidth=1)
    names = list(dict.fromkeys(name for row in validation for name in row if name not in ("kind", "step", "seconds")))
    recalls = [name for name in names if re.search(r"_r\d+$", name)]
    for name in (name for name in names if name not in recalls):
        axes.plot(*points(validation, name), marker="o", markersize=3, label=name)
    if recalls:
        # Of several depths the deepest says enough.
        other = axes.twinx()
        for name in (name for name in recalls if name.endswith("_r10")):
            other.plot(*points(validation, name), linestyle="--", marker="o", markersize=3, label=name)
        other.set(ylabel="recall", ylim=(0, 1))
        other.grid(False)
        other.legend(loc="lower right", fontsize=8)
    axes.set(xlabel="step", ylabel="loss", title=source.parent.name)
    axes.legend()
    save(figure, target)


def points(rows: list[dict], name: str) -> tuple[list[int], list[float]]:
    """Steps and values of those rows that have a figure."""
    return [row["step"] for row in rows if name in row], [row[name] for row in rows if name in row]


def draw_experiment(name: str, rows: list[dict], target: Path) -> None:
    """Bars of every figure between 0 and 2 (counts would dwarf them), grouped by figure."""
    columns = [
        column
        for column in dict.fromkeys(column for row in rows for column in row["figures"])
        if all(-1 <= row["figures"].get(column, 0) <= 2 for row in rows) and not column.endswith("failed")
    ]
    if not columns:
        return
    figure, axes = plt.subplots(figsize=(max(7, 0.9 * len(columns)), 4))
    width = 0.8 / len(rows)
    for number, row in enumerate(rows):
        places = [place + (number - (len(rows) - 1) / 2) * width for place in range(len(columns))]
        axes.bar(places, [row["figures"].get(column, 0) for column in columns], width, label=row["label"])
    axes.set_xticks(range(len(columns)), columns, rotation=30, ha="right", fontsize=8)
    axes.set(title=name)
    axes.legend(fontsize=8)
    save(figure, target)


def save(figure, target: Path) -> None:
    figure.tight_layout()
    figure.savefig(target, format="svg", metadata=METADATA)
    plt.close(figure)
