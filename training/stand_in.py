"""A text in place of a picture: its CLIP vector, mapped to the tower's global vectors, stands in for the CLS token.

    python -m training.stand_in --tower clip                              fits the map with the text tower of that run
    python -m training.stand_in --tower shipped --pack models/valley-nano      with a pack's text tower
    python -m training.stand_in --tower shipped --pack models/valley-nano --every 8     every eighth pair and record, for a short try

The projector reads global vectors [1280]; a text tower gives CLIP vectors [256]. The map between them is linear, found by ridge
regression over captions and the frames that they describe, so that it also carries texts over to where pictures lie. What a
line can't predict it leaves out: a stand-in alone would lie nearer to the mean than any picture. The fit's own residuals,
drawn at random, are the noise that puts the rest back. There is nothing to stand in for the patches: VISUAL has none.

Writes training/checkpoints/<tower>/texts/: the map (stand-in.npz), the texts' vectors (vectors.npy) and what is asked about
them (records.jsonl, `training.texts`). Phase 2 trains on them with `python -m training.trial --text-only SHARE`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from .data import CHECKPOINTS, clean_caption, load_items
from .features import FeatureView
from .instructions.record import Frame, Record, write_records

TEXT = "text"
FITTED_ON = ("flickr8k", "msrvtt")
CAPTIONS_AN_ITEM = 2
RIDGE = 0.003
RESIDUALS = 4096
# How much of the residuals is put back: 1 gives stand-ins the spread of real global vectors.
NOISE = 1.0

Embed = Callable[[Sequence[str]], np.ndarray]


def noise(random: np.random.Generator) -> str:
    """A frame's view that names the noise it is seen through."""
    return f"noise-{random.integers(2**31)}"


class StandIn:
    """vectors [n, 256] @ weight + bias [1280], and residuals [R, 1280] of the fit."""

    def __init__(self, weight: np.ndarray, bias: np.ndarray, residuals: np.ndarray) -> None:
        self.weight, self.bias, self.residuals = weight, bias, residuals

    @classmethod
    def fit(cls, vectors: np.ndarray, targets: np.ndarray, ridge: float = RIDGE, kept: int = RESIDUALS) -> StandIn:
        """Of texts' CLIP vectors [n, E] and the global vectors [n, W] of what they describe."""
        x, y = vectors.astype(np.float64), targets.astype(np.float64)
        x_mean, y_mean = x.mean(0), y.mean(0)
        centred = x - x_mean
        # The damping is in units of the mean variance of a channel.
        damping = ridge * len(x) * centred.var() * np.eye(x.shape[1])
        weight = np.linalg.solve(centred.T @ centred + damping, centred.T @ (y - y_mean))
        bias = y_mean - x_mean @ weight
        rows = np.linspace(0, len(x) - 1, min(kept, len(x))).round().astype(int)
        return cls(weight.astype(np.float32), bias.astype(np.float32), (y - x @ weight - bias)[rows].astype(np.float16))

    def explained(self, vectors: np.ndarray, targets: np.ndarray) -> float:
        """The share of the targets' variance that the map reproduces."""
        wanted = targets.astype(np.float32)
        return float(1 - ((vectors @ self.weight + self.bias - wanted) ** 2).mean() / wanted.var(0).mean())

    def __call__(self, vectors: np.ndarray, drawn: Sequence[int | None]) -> np.ndarray:
        """float32 [n, W]: each vector mapped, with the residual that its number draws (None: without)."""
        result = vectors.astype(np.float32) @ self.weight + self.bias
        for row, number in enumerate(drawn):
            if number is not None:
                result[row] += NOISE * self.residuals[number % len(self.residuals)].astype(np.float32)
        return result

    def save(self, path: Path) -> None:
        np.savez(path, weight=self.weight, bias=self.bias, residuals=self.residuals)

    @classmethod
    def load(cls, path: Path) -> StandIn:
        saved = np.load(path)
        return cls(saved["weight"], saved["bias"], saved["residuals"])


class TextFeatures:
    """Features of texts in place of frames, for a tower."""

    def __init__(self, folder: Path) -> None:
        """Raises FileNotFoundError with the command that fills the folder."""
        if not (folder / "records.jsonl").is_file():
            raise FileNotFoundError(f"{folder} holds no texts: run python -m training.stand_in --tower {folder.parent.name}")
        self.stand_in = StandIn.load(folder / "stand-in.npz")
        self.vectors = np.load(folder / "vectors.npy", mmap_mode="r")

    def features(self, frames: Sequence[Frame]) -> torch.Tensor:
        """float32 [T, 1, 1280]: a global vector each and no patches; `item` is the text's row, `view` the noise."""
        drawn = [int(frame.view.removeprefix("noise-")) if frame.view.startswith("noise-") else None for frame in frames]
        return torch.from_numpy(self.stand_in(self.vectors[[int(frame.item) for frame in frames]], drawn))[:, None]


def texts_folder(tower: str) -> Path:
    return CHECKPOINTS / tower / "texts"


def pairs(tower: str) -> tuple[list[str], np.ndarray]:
    """(captions of train photos and clips, the global vector of the middle frame [n, 1280] that each describes)."""
    captions, targets = [], []
    for source in FITTED_ON:
        view = FeatureView(source, "plain", tower)
        for item in load_items(source):
            if item.split == "train":
                order = sorted(item.captions, key=lambda text: hashlib.sha256(f"{item.id}/{text}".encode()).digest())
                captions += [clean_caption(text) for text in order[:CAPTIONS_AN_ITEM]]
                targets += [view.frames(item.id, [item.frames // 2])[0, -1]] * len(order[:CAPTIONS_AN_ITEM])
    return captions, np.stack(targets)


def thinned(texts: Sequence[str], records: Sequence[Record], every: int) -> tuple[list[str], list[Record]]:
    """The first record and each `every`-th after it, and the texts that those see, numbered anew."""
    kept: dict[str, int] = {}
    chosen = []
    for record in records[::every]:
        frames = [frame._replace(item=str(kept.setdefault(frame.item, len(kept)))) for frame in record.frames]
        chosen.append(replace(record, frames=tuple(frames)))
    return [texts[int(item)] for item in kept], chosen


def embedder(tower: str, pack: Path | None) -> Embed:
    """The text tower of a contrastive run or, with `pack`, the one that a pack ships."""
    if pack is not None:
        from .evaluation.from_pack import OnnxTextTower
        from .export_files import read_json

        return OnnxTextTower(pack, read_json(pack / "pack.json")["textTower"])
    from .clip.text_tower import embed_texts, load_text_tower

    loaded = load_text_tower(tower)
    return lambda texts: embed_texts(loaded, list(texts))


def in_parts(embed: Embed, texts: Sequence[str], what: str) -> np.ndarray:
    """Vectors float16 [n, 256], with a word on progress now and then."""
    from .evaluation.records import Progress

    progress, parts = Progress(len(texts), what), []
    for start in range(0, len(texts), 1024):
        parts.append(embed(texts[start : start + 1024]).astype(np.float16))
        progress.step(len(parts[-1]))
    return np.concatenate(parts)


def main() -> None:
    from .texts import read_texts

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tower", required=True, help="layer of the features cache, and run whose text tower embeds")
    parser.add_argument("--pack", type=Path, help="embed with this pack's text tower instead")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every Nth pair and record alone")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    folder, embed = texts_folder(arguments.tower), embedder(arguments.tower, arguments.pack)
    folder.mkdir(parents=True, exist_ok=True)
    captions, targets = (found[:: arguments.every] for found in pairs(arguments.tower))
    vectors = in_parts(embed, captions, "captions of pictures")
    # Every tenth pair is kept out of the fit, to tell how well it carries over.
    held = np.arange(len(vectors)) % 10 == 0
    stand_in = StandIn.fit(vectors[~held], targets[~held])
    stand_in.save(folder / "stand-in.npz")
    texts, records = thinned(*read_texts(), arguments.every)
    np.save(folder / "vectors.npy", in_parts(embed, texts, "texts"))
    count = write_records(folder / "records.jsonl", records)
    explained = round(stand_in.explained(vectors[held], targets[held]), 4)
    print(json.dumps({"pairs": int((~held).sum()), "explained": explained, "texts": len(texts), "records": count}))


if __name__ == "__main__":
    main()
