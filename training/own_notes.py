"""Grounding over real clips: does the model find each clip's own one-line note likelier than the other clips' notes?

    python -m training.own_notes

score(d, clip) = mean over d's tokens of log p(d | clip), minus the same note's mean over the other clips; for every clip
all notes are ranked by it. Chance is one in as many as there are clips. The notes are read here and nowhere in training.
Needs ffmpeg and ffprobe. Clips whose codec browsers refuse (MPEG-4 Part 2) are left out.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from .adapter import load_adapter
from .clip.image_tower import load_image_tower
from .clip.trunk import run_stem
from .data import CHECKPOINTS, clean_caption, data_root, squash
from .features import IMAGENET
from .nano import open_store
from .packing import Branch, Row
from .projector import FoldedProjector
from .prompt import DESCRIBE_VIDEO, answer_ids, visual_length
from .sampling import plan_timestamps
from .tower import ImageTower, normalise
from .valley import Valley

REFUSED_CODECS = {"mpeg4"}
FRAMES_PER_SECOND, MIN_FRAMES, MAX_FRAMES = 1.0, 1, 16


@dataclass(frozen=True)
class Clip:
    path: Path
    note: str


def load_clips() -> list[Clip]:
    """The clips of videos/INDEX.tsv that browsers decode, in its order."""
    folder = data_root() / "videos"
    with open(folder / "INDEX.tsv", encoding="utf-8", newline="") as index:
        rows = list(csv.DictReader(index, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [Clip(folder / row["file"], row["note"]) for row in rows if row["vcodec"] not in REFUSED_CODECS]


def duration_of(path: Path) -> float:
    """Seconds, by ffprobe. Raises CalledProcessError for a file that it cannot read."""
    command = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(path)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def image_at(path: Path, seconds: float) -> Image.Image:
    """The frame shown at a time, RGB, turned upright. Raises ValueError where the clip shows none."""
    command = ["ffmpeg", "-v", "error", "-ss", f"{seconds:.6f}", "-i", str(path), "-frames:v", "1", "-f", "image2pipe"]
    command += ["-c:v", "ppm", "-"]
    shown = subprocess.run(command, check=True, capture_output=True).stdout
    if not shown:
        raise ValueError(f"{path.name} shows no frame at {seconds:.3f} s")
    return Image.open(BytesIO(shown)).convert("RGB")


@torch.inference_mode()
def encode_clip(trunk: ImageTower, tower: nn.Module, path: Path, budget: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(features float32 [T, 17, 1280], CLIP vectors [T, 256], or [T, 0] of a tower that has none) of the planned frames."""
    stamps = plan_timestamps(duration_of(path), FRAMES_PER_SECOND, MIN_FRAMES, MAX_FRAMES, budget)
    pixels = normalise(torch.from_numpy(np.stack([squash(image_at(path, stamp)) for stamp in stamps])))
    patches, cls, embeddings = tower(run_stem(trunk, pixels).contiguous())
    return torch.cat([patches, cls[:, None]], 1), embeddings


@torch.inference_mode()
def note_likelihoods(valley: Valley, projector, features: torch.Tensor, quotes: list[str], notes: list[list[int]]) -> torch.Tensor:
    """[notes]: mean log p per token of every note given one clip, without the <|im_end|> that closes it."""
    asked = Branch(valley.prompt.suffix(DESCRIBE_VIDEO), notes)
    row = Row(visual_length(len(features)), valley.prompt.quotes(quotes), [asked])
    values, owners = valley.answer_log_probabilities(projector, [features], [row])
    return torch.stack([values[owners == index][:-1].mean() for index in range(len(notes))])


def ranks_of_own(likelihoods: torch.Tensor) -> list[int]:
    """1-based rank of each clip's own note; likelihoods [clips, notes] with a clip's own note on the diagonal."""
    others = likelihoods.shape[0] - 1
    mean_elsewhere = (likelihoods.sum(0) - likelihoods) / others
    scores = likelihoods - mean_elsewhere
    return [1 + int((row > row[index]).sum()) for index, row in enumerate(scores)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default="phase1")
    parser.add_argument("--tower", default=IMAGENET, help="imagenet or a run of training.clip.contrastive")
    parser.add_argument("--quotes", action=argparse.BooleanOptionalAction, default=True, help="quote retrieved captions")
    parser.add_argument("--budget", type=int, default=MAX_FRAMES, help="most frames a clip")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    folder = CHECKPOINTS / arguments.run
    valley, trunk = Valley(torch.float32), ImageTower()
    tower = load_image_tower(None if arguments.tower == IMAGENET else arguments.tower)
    store = open_store(arguments.tower, arguments.quotes)
    projector = FoldedProjector.load(folder / "projector.pt")
    if (folder / "adapter.pt").is_file():
        valley.decoder.adapter = load_adapter(valley.decoder, folder / "adapter.pt")
    clips = load_clips()
    notes = [answer_ids(valley.tokenizer, clean_caption(clip.note)) for clip in clips]
    rows = []
    for clip in clips:
        features, embeddings = encode_clip(trunk, tower, clip.path, arguments.budget)
        quotes = store.nearest(embeddings.numpy()) if store else []
        rows.append(note_likelihoods(valley, projector, features, quotes, notes))
    ranks = ranks_of_own(torch.stack(rows))
    for clip, rank in zip(clips, ranks):
        print(f"{rank:3d}  {clip.path.name}: {clip.note}")
    figures = {
        "clips": len(clips),
        "top1": round(sum(rank == 1 for rank in ranks) / len(ranks), 4),
        "top5": round(sum(rank <= 5 for rank in ranks) / len(ranks), 4),
        "meanRank": round(sum(ranks) / len(ranks), 2),
        "chanceTop1": round(1 / len(ranks), 4),
        "budget": arguments.budget,
    }
    print(json.dumps(figures))
    (folder / "own-notes.json").write_text(json.dumps(figures | {"ranks": ranks}) + "\n")


if __name__ == "__main__":
    main()
