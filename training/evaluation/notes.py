"""Grounding over real clips: does the model find each clip's own one-line note likelier than the other clips' notes?

score(note, clip) = mean over the note's tokens of log p(note | clip), minus the same note's mean over the other clips; for
every clip all notes are ranked by it. Chance is one in as many as there are clips. No note is ever trained on.
"""

from __future__ import annotations

import csv
import subprocess

import torch

from .answers import Asked, mean_log_probabilities
from .folders import FolderItem, MediaFolder
from .model import Subject
from .records import Predictions, Progress

# MPEG-4 Part 2, which browsers refuse.
REFUSED_CODECS = {"mpeg4"}


def ranks_of_own(likelihoods: torch.Tensor) -> list[int]:
    """1-based rank of each clip's own note; likelihoods [clips, notes] with a clip's own note on the diagonal."""
    others = likelihoods.shape[0] - 1
    mean_elsewhere = (likelihoods.sum(0) - likelihoods) / others
    scores = likelihoods - mean_elsewhere
    return [1 + int((row > row[index]).sum()) for index, row in enumerate(scores)]


def load_notes(folder: MediaFolder) -> list[tuple[FolderItem, str]]:
    """The rows of INDEX.tsv (columns file and note) that browsers decode. Raises FileNotFoundError where it is missing."""
    with open(folder.path / "INDEX.tsv", encoding="utf-8", newline="") as index:
        rows = list(csv.DictReader(index, delimiter="\t", quoting=csv.QUOTE_NONE))
    found = []
    for row in rows:
        media = folder.find(row["file"])
        if media is None:
            raise FileNotFoundError(f"{folder.path} has no file {row['file']}")
        if row.get("vcodec") not in REFUSED_CODECS:
            found.append((FolderItem(row["file"], media, is_strip=False), row["note"].strip()))
    return found


def evaluate_notes(
    subject: Subject, clips: list[tuple[FolderItem, str]], predictions: Predictions, quotes: bool, frames: int | None
) -> dict[str, float]:
    """Share of clips whose own note ranks first, and its mean rank. A file that ffmpeg cannot read is left out and counted."""
    texts = [subject.encode(note) for _, note in clips]
    todo = [clip for clip, _ in clips if clip.id not in predictions]
    progress = Progress(len(todo), "clips")
    for clip in todo:
        try:
            seen = subject.look(clip.frames(subject.sampling, frames), quotes)
            values = mean_log_probabilities(subject, Asked(clip.id, seen, subject.describe_video), texts)
            predictions.add({"id": clip.id, "logP": values})
        except (subprocess.CalledProcessError, ValueError) as error:
            predictions.add({"id": clip.id, "logP": [], "error": str(error)})
        progress.step()
    opened = [number for number, (clip, _) in enumerate(clips) if "error" not in predictions[clip.id]]
    likelihoods = torch.tensor([[predictions[clips[row][0].id]["logP"][column] for column in opened] for row in opened])
    placed = ranks_of_own(likelihoods)
    return {
        "own_note_top1": sum(rank == 1 for rank in placed) / len(placed),
        "own_note_mean_rank": sum(placed) / len(placed),
        "items": len(placed),
        "failed": len(clips) - len(placed),
    }
