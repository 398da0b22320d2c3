"""Phase 3, optional: captions are drawn from the model and what people would have said is rewarded.

    python -m training.caption_reward --run rewarded --start-from phase2 --tower clip --budget-minutes 20

Self-critical sequence training (arXiv 1612.00563) with the mean of the other samples as the baseline (arXiv 2003.09971):
of every photo or clip a few captions are sampled behind one visual prefix, each is held against the human captions by
CIDEr-D, and its log-probability is raised by how much better it is than its siblings. The steps between (two of
three by default) are ordinary batches of phase 2 (--share says of what), so that what the reward does not see (instructions, chat, wording) is kept.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
import torch
from accelerate import Accelerator

from .adapter import Adapter
from .batches import Batch, Captions
from .cider import CiderD
from .data import Item
from .generate import sample
from .packing import Branch, Row
from .parts import Parts
from .phase2 import build as build_phase2
from .prompt import IM_END
from .run import Run, start
from .trial import parser as trial_parser

SOURCES = {"flickr8k": 0.5, "msrvtt": 0.5}
QUOTED_SHARE = 0.85
MAX_TOKENS = 26
# Drawn at 1, captions of this decoder ramble and hardly meet the reward: samples nearer to what it would say teach more.
TEMPERATURE = 0.7


def advantages(rewards: torch.Tensor) -> torch.Tensor:
    """Rewards [B, K] less the mean of the row's other samples, in units of the batch's spread."""
    others = (rewards.sum(1, keepdim=True) - rewards) / (rewards.shape[1] - 1)
    gain = rewards - others
    return gain / gain.std().clamp(min=1e-3)


def rewarded(step: int, share: float) -> bool:
    """Whether a step is one of the share that is rewarded, spread evenly."""
    return int((step + 1) * share) > int(step * share)


class RewardedRun(Run):
    """A run of phase 2 that learns from its own captions in some of its batches."""

    def __init__(self, arguments: argparse.Namespace, parts: Parts, accelerator: Accelerator, adapter: Adapter | None) -> None:
        super().__init__(arguments, parts, accelerator, adapter)
        self.captions: dict[str, Captions] = {name: self.plan.sources[name][0] for name in SOURCES}
        self.metrics = {name: CiderD([item.captions for item in source.items], ends=True) for name, source in self.captions.items()}
        self.tokenizer = parts.model.tokenizer
        self.end = self.tokenizer.token_to_id(IM_END)
        self.mean_reward: dict[str, float] = {}

    def batch(self) -> Batch:
        if not rewarded(self.plan.step, self.arguments.rewarded_share):
            return super().batch()
        made = self.rewarded_batch(np.random.default_rng((self.arguments.seed, self.plan.step, self.accelerator.process_index)))
        self.plan.step += 1
        return made

    def rewarded_batch(self, random: np.random.Generator) -> Batch:
        """`--batch` photos and clips, each with its sampled captions weighted by their advantage."""
        drawn = [self._draw(random) for _ in range(self.arguments.batch)]
        features, rows = [one[2] for one in drawn], [one[3] for one in drawn]
        seed = int(random.integers(2**31))
        answers = self._sample(features, rows, seed)
        rewards = torch.tensor(
            [
                [self.metrics[source].score(self.tokenizer.decode(ids), item.captions, ids[-1] == self.end) for ids in group]
                for (source, item, _, _), group in zip(drawn, answers, strict=True)
            ]
        )
        self._note(drawn, rewards)
        sampled = [replace(row, branches=[Branch(row.branches[0].question, group)]) for row, group in zip(rows, answers, strict=True)]
        return Batch(features, sampled, advantages(rewards).flatten())

    @torch.no_grad()
    def _sample(self, features: list[torch.Tensor], rows: list[Row], seed: int) -> list[list[list[int]]]:
        """Token ids of `--samples` answers to the question of every row."""
        model, embed = self.parts.model, self.decoder.embed
        bodies = [
            torch.cat([clip, embed(torch.tensor([*row.quotes, *row.branches[0].question]))])
            for clip, row in zip(model.visual(self.projector, features), rows, strict=True)
        ]
        return sample(self.decoder, model.prefix(len(rows)), bodies, self.arguments.samples, self.end, MAX_TOKENS, TEMPERATURE, seed)

    def _draw(self, random: np.random.Generator) -> tuple[str, Item, torch.Tensor, Row]:
        names, shares = list(SOURCES), np.array(list(SOURCES.values()))
        assembler = self.plan.assembler
        while True:
            name = names[random.choice(len(names), p=shares / shares.sum())]
            source = self.captions[name]
            index = int(random.integers(len(source)))
            features, row = assembler.assemble(source.record(index, random), random.random() < QUOTED_SHARE)
            if row.branches:
                return name, source.items[index], features, row

    def _note(self, drawn: list[tuple[str, Item, torch.Tensor, Row]], rewards: torch.Tensor) -> None:
        """Keeps and records a running mean of the samples' CIDEr-D by source."""
        for name in SOURCES:
            own = [float(row.mean()) for (source, *_), row in zip(drawn, rewards, strict=True) if source == name]
            if own:
                before, now = self.mean_reward.get(name), sum(own) / len(own)
                self.mean_reward[name] = now if before is None else 0.97 * before + 0.03 * now
        if self.plan.step % 15 == 0:
            means = {name: round(value, 4) for name, value in self.mean_reward.items()}
            self.record(kind="reward", step=self.plan.step, **means)
            self.log(f"step {self.plan.step}: mean CIDEr-D of the samples {means}")


def build(arguments: argparse.Namespace) -> Run:
    return build_phase2(arguments, RewardedRun)


def main() -> None:
    parser = trial_parser()
    parser.description = __doc__
    parser.add_argument("--samples", type=int, default=5, help="captions drawn of each photo or clip")
    parser.add_argument("--rewarded-share", type=float, default=2 / 3, metavar="SHARE", help="of the steps; the others are ordinary")
    parser.set_defaults(run="rewarded", batch=10, learning_rate=1e-4, adapter_learning_rate=1.5e-4, dialogues=1.0)
    start(parser.parse_args(), build)


if __name__ == "__main__":
    main()
