"""Contrastive image-text training of the pack's two towers (CLIP, arXiv 2103.00020).

    python -m training.clip.contrastive --budget-minutes 45                              the trunk's last stages learn too
    python -m training.clip.contrastive --run clip-frozen --freeze-trunk --budget-minutes 8    heads and text side only
    python -m training.clip.contrastive --run short --steps 60                           so many steps, however long they take

Needs the stem layer of the features cache (python -m training.features --tower stem). Symmetric InfoNCE over pictures and
one text of each, equal texts never each other's negatives; beside it every picture's global vector and mean patch predict
the words that people used of it, so that what the language model is shown is linearly readable. The weights that ship are
an exponential moving average. A run that was cut off continues when started again; --no-resume begins anew. Writes under
training/checkpoints/<run>/: state.pt, image_tower.pt, text_tower.pt, log.txt, loss.jsonl.
"""

from __future__ import annotations

import argparse
import json
import math
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from training.data import CHECKPOINTS
from training.run import learning_rate
from training.tower import WIDTH, ImageTower

from .image_tower import ClipImageTower
from .material import SHARES, Material, UnitStream, WordTargets
from .retrieval import evaluate
from .text_tower import TextTower, TokenStates

MAX_SCALE = math.log(100)
WORD_WEIGHT = 0.01


class Towers(nn.Module):
    """Everything that learns."""

    def __init__(self, words: int, seed: int) -> None:
        super().__init__()
        self.image = ClipImageTower(ImageTower(), seed)
        self.text = TextTower()
        self.scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        self.words = nn.Linear(WIDTH, words)
        nn.init.constant_(self.words.bias, -5.0)
        nn.init.normal_(self.words.weight, std=0.01)


def contrastive_loss(images: torch.Tensor, texts: torch.Tensor, scale: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Symmetric InfoNCE of L2-normalised [B, E] pairs; pairs with the same text id [B] are not negatives of each other."""
    logits = images @ texts.T * scale
    same = (ids[:, None] == ids[None]) & ~torch.eye(len(ids), dtype=torch.bool)
    logits = logits.masked_fill(same, -1e9)
    target = torch.arange(len(ids))
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


class Run:
    """One contrastive run and its files."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.folder = CHECKPOINTS / arguments.run
        self.folder.mkdir(parents=True, exist_ok=True)
        self.material = Material("train", arguments.source)
        self.targets = WordTargets(self.material)
        self.towers = Towers(len(self.targets.words), arguments.seed)
        self.average = Towers(len(self.targets.words), arguments.seed)
        self.average.load_state_dict(self.towers.state_dict())
        if arguments.freeze_trunk:
            self.towers.image.tail.requires_grad_(False)
        self.states = TokenStates(self.material.texts, "-".join([*(arguments.source or ()), "train"]), self.towers.text)
        self.stream = UnitStream(self.material, arguments.batch, arguments.seed)
        self.optimiser = torch.optim.AdamW(self._groups(), lr=0, betas=(0.9, 0.98), weight_decay=0.05)
        self.elapsed = 0.0
        self.log(f"{sum(map(len, self.material.units.values()))} units, {len(self.material.texts)} texts, {len(self.targets.words)} words")

    def _groups(self) -> list[dict]:
        image, text = self.towers.image, self.towers.text
        trunk = [p for p in image.tail.parameters() if p.requires_grad]
        language = [p for p in text.bert.parameters() if p.requires_grad]
        slow = {id(p) for p in [*trunk, *language]}
        heads = [p for p in self.towers.parameters() if p.requires_grad and id(p) not in slow]
        arguments = self.arguments
        groups = [(trunk, arguments.trunk_rate), (language, arguments.text_rate), (heads, arguments.learning_rate)]
        return [{"params": params, "peak": peak} for params, peak in groups if params]

    def log(self, line: str) -> None:
        stamped = f"{time.strftime('%H:%M:%S')} {line}"
        print(stamped, flush=True)
        with open(self.folder / "log.txt", "a", encoding="utf-8") as log:
            log.write(stamped + "\n")

    def record(self, **values: float | int | str) -> None:
        with open(self.folder / "loss.jsonl", "a", encoding="utf-8") as log:
            log.write(json.dumps(values) + "\n")

    def embed_texts(self, texts: np.ndarray) -> torch.Tensor:
        """CLIP vectors of some of the texts, in four batches by length: a few long descriptions do not pad everything."""
        order = self.states.lengths(texts).argsort(kind="stable")
        parts = [self.towers.text.embed(*self.states.batch(texts[chunk])) for chunk in np.array_split(order, 4)]
        return torch.cat(parts)[torch.from_numpy(order.argsort())]

    def step(self, progress: float) -> tuple[float, float]:
        """One update: (contrastive loss, word loss)."""
        units, texts, random = self.stream.next()
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(group["peak"], progress)
        with torch.set_grad_enabled(not self.arguments.freeze_trunk):
            stage = self.towers.image.tail(self.material.grids(units, random)).flatten(1, 2)
        cls, seen = self.towers.image.pool(stage)
        with torch.autocast("cpu", torch.bfloat16):
            text = self.embed_texts(texts)
            words = self.towers.words(torch.cat([cls, stage.mean(1)]))
        contrastive = contrastive_loss(
            self.towers.image.embed(seen), text, self.towers.scale.clamp(max=MAX_SCALE).exp(), torch.from_numpy(texts)
        )
        target = self.targets.of(units)
        word = F.binary_cross_entropy_with_logits(words.float(), torch.cat([target, target]), reduction="none").sum(1).mean()
        self.optimiser.zero_grad(set_to_none=True)
        (contrastive + WORD_WEIGHT * word).backward()
        for group in self.optimiser.param_groups:
            nn.utils.clip_grad_norm_(group["params"], 1.0)
        self.optimiser.step()
        self._follow()
        return contrastive.item(), word.item()

    @torch.no_grad()
    def _follow(self) -> None:
        """Moves the average; early on it follows closely."""
        decay = min(self.arguments.average, (1 + self.stream.step) / (10 + self.stream.step))
        for average, current in zip(self.average.parameters(), self.towers.parameters()):
            if current.requires_grad:
                average.lerp_(current, 1 - decay)

    def validate(self) -> None:
        figures = evaluate(self.average.image, self.average.text, sources=self.material.units)
        self.record(kind="validation", step=self.stream.step, seconds=round(self.elapsed), **figures)
        self.log(f"step {self.stream.step}: {figures}")

    def save(self) -> None:
        state = {
            "towers": self.towers.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.stream.step,
            "elapsed": self.elapsed,
        }
        files = {"state.pt": state, "image_tower.pt": self.average.image.state_dict(), "text_tower.pt": self.average.text.state_dict()}
        for name, content in files.items():
            unfinished = self.folder / f"{name}.part"
            torch.save(content, unfinished)
            unfinished.rename(self.folder / name)

    def restore(self) -> bool:
        path = self.folder / "state.pt"
        if not self.arguments.resume or not path.is_file():
            return False
        state = torch.load(path, weights_only=True)
        self.towers.load_state_dict(state["towers"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.stream.step, self.elapsed = state["step"], state["elapsed"]
        return True

    def progress(self) -> float:
        """The part of the budget, of steps or of minutes, that is spent; 1 or more at its end."""
        if self.arguments.steps is not None:
            return self.stream.step / self.arguments.steps
        return self.elapsed / (self.arguments.budget_minutes * 60)

    def train(self) -> None:
        """Runs until the budget is spent."""
        self.log(f"{'resumed' if self.restore() else 'started'} at step {self.stream.step}, {self.progress():.0%} of the budget spent")
        started, before, spent_before = time.monotonic(), self.elapsed, self.progress()
        reported = validated = started
        while (progress := self.progress()) < 1:
            contrastive, word = self.step(progress)
            now = time.monotonic()
            self.elapsed = before + now - started
            self.record(kind="train", step=self.stream.step, seconds=round(self.elapsed), loss=round(contrastive, 4), words=round(word, 3))
            if now - reported > 20:
                reported = now
                scale = self.towers.scale.exp().item()
                spent = self.progress()
                left = max(0.0, 1 - spent) / (spent - spent_before) * (now - started) / 60
                self.log(f"step {self.stream.step}: loss {contrastive:.3f}, words {word:.2f}, scale {scale:.1f}, {left:.1f} minutes left")
            # The last step's checkpoint is the one below.
            if now - validated > self.arguments.checkpoint_minutes * 60 and self.progress() < 1:
                validated = now
                self.validate()
                self.save()
        self.validate()
        self.save()


def argument_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default="clip", help="folder under training/checkpoints")
    parser.add_argument("--budget-minutes", type=float, default=45)
    parser.add_argument("--steps", type=int, help="batches, instead of minutes")
    parser.add_argument("--checkpoint-minutes", type=float, default=5)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--source", choices=list(SHARES), action="append", help="pictures of this one; repeat (default: all)")
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="of the new heads")
    parser.add_argument("--trunk-rate", type=float, default=2e-4)
    parser.add_argument("--text-rate", type=float, default=1e-4)
    parser.add_argument("--average", type=float, default=0.98, help="decay of the moving average")
    parser.add_argument("--freeze-trunk", action="store_true", help="leave EfficientNet as it is")
    parser.add_argument("--resume", action=argparse.BooleanOptionalAction, default=True, help="go on from the run's last checkpoint")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    return parser


def main() -> None:
    arguments = argument_parser().parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    Run(arguments).train()


if __name__ == "__main__":
    main()
