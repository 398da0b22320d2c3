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
from .instructions.record import Record
from .packing import Branch, Row
from .parts import Parts
from .phase2 import build as build_phase2
from .prompt import IM_END
from .run import Run, start
from .trial import parser as trial_parser

# Source, item, its features [T, P + 1, width], the row and the record of it.
Drawn = tuple[str, Item, torch.Tensor, Row, Record]

SOURCES = {"flickr8k": 0.5, "msrvtt": 0.5}
QUOTED_SHARE = 0.85
MAX_TOKENS = 26
# Drawn at 1, captions of this decoder ramble and hardly meet the reward: samples nearer to what it would say teach more.
TEMPERATURE = 0.7


# What one of the cosines of the pack's CLIP counts for in `specificity`; its own training ended at a similar one.
SIMILARITY_SCALE = 20.0


def advantages(rewards: torch.Tensor) -> torch.Tensor:
    """Rewards [B, K] less the mean of the row's other samples, in units of the batch's spread."""
    others = (rewards.sum(1, keepdim=True) - rewards) / (rewards.shape[1] - 1)
    gain = rewards - others
    return gain / gain.std().clamp(min=1e-3)


def specificity(captions: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """log p of each caption's own picture among those of the batch by CLIP vectors of length 1: captions [B, K, E], pictures [B, E] -> [B, K].

    Discriminability as arXiv 1803.04376 rewards it: CIDEr-D alone is content with what is true of half of all clips.
    """
    similarities = SIMILARITY_SCALE * captions @ pictures.T
    largest = similarities.max(-1, keepdims=True)
    totals = np.log(np.exp(similarities - largest).sum(-1)) + largest[..., 0]
    return np.stack([similarities[place, :, place] for place in range(len(pictures))]) - totals


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors [..., E] at length 1."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True).clip(min=1e-12)


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
        if arguments.specific and self.plan.assembler.embed is None:
            raise ValueError("--specific asks a pack's text tower: name the pack by --tell-order")

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
                for (source, item, *_), group in zip(drawn, answers, strict=True)
            ]
        )
        self._note(drawn, rewards)
        sampled = [replace(row, branches=[Branch(row.branches[0].question, group)]) for row, group in zip(rows, answers, strict=True)]
        gains = advantages(rewards)
        if self.arguments.specific:
            specific = torch.from_numpy(self._specificity([one[4] for one in drawn], answers)).float()
            gains = gains + self.arguments.specific * advantages(specific)
        return Batch(features, sampled, gains.flatten())

    def _specificity(self, records: list[Record], answers: list[list[list[int]]]) -> np.ndarray:
        assembler = self.plan.assembler
        texts = [[self.tokenizer.decode(ids) for ids in group] for group in answers]
        distinct = list(dict.fromkeys(text for group in texts for text in group))
        vectors = dict(zip(distinct, unit(assembler.embed(distinct)), strict=True))
        pictures = unit(np.stack([unit(assembler.bank.embeddings(record.frames).astype(np.float32)).mean(0) for record in records]))
        return specificity(np.stack([[vectors[text] for text in group] for group in texts]), pictures)

    @torch.no_grad()
    def _sample(self, features: list[torch.Tensor], rows: list[Row], seed: int) -> list[list[list[int]]]:
        """Token ids of `--samples` answers to the question of every row."""
        model, embed = self.parts.model, self.decoder.embed
        bodies = [
            torch.cat([clip, embed(torch.tensor([*row.quotes, *row.branches[0].question]))])
            for clip, row in zip(model.visual(self.projector, features), rows, strict=True)
        ]
        return sample(self.decoder, model.prefix(len(rows)), bodies, self.arguments.samples, self.end, MAX_TOKENS, TEMPERATURE, seed)

    def _draw(self, random: np.random.Generator) -> Drawn:
        names, shares = list(SOURCES), np.array(list(SOURCES.values()))
        assembler = self.plan.assembler
        while True:
            name = names[random.choice(len(names), p=shares / shares.sum())]
            source = self.captions[name]
            index = int(random.integers(len(source)))
            record = source.record(index, random)
            features, row = assembler.assemble(record, random.random() < QUOTED_SHARE)
            if row.branches:
                return name, source.items[index], features, row, record

    def _note(self, drawn: list[Drawn], rewards: torch.Tensor) -> None:
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
    parser.add_argument(
        "--specific", type=float, default=0.0, metavar="WEIGHT", help="reward too what tells the picture from others, by the CLIP of --tell-order's pack"
    )
    parser.set_defaults(run="rewarded", batch=10, learning_rate=1e-4, adapter_learning_rate=1.5e-4, dialogues=1.0)
    start(parser.parse_args(), build)


if __name__ == "__main__":
    main()
