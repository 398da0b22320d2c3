"""Phase 1 of Valley: tower and decoder frozen, the linear projector and the four markers learn to caption.

    python -m training.phase1 --budget-minutes 65

Needs the features cache (python -m training.features). The learning rate follows the time spent: warm-up, then a cosine
to zero at the end of the budget. A run that was cut off continues from its last checkpoint when started again.
Writes under training/checkpoints/<run>/: state.pt (to continue), projector.pt (folded, for evaluation and export),
log.txt and loss.jsonl.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import torch

from .batches import Batch, BatchPlan, Source, open_sources, validation_batches
from .data import CHECKPOINTS
from .initialise import embedding_statistics, standardise, train_rows
from .projector import Projector
from .valley import Valley

VALIDATION_ITEMS = 24
WARM_UP = 0.02


def learning_rate(peak: float, progress: float) -> float:
    """Linear warm-up over the first 2 % of the budget, then a cosine to zero; progress in 0..1."""
    if progress < WARM_UP:
        return peak * max(progress / WARM_UP, 0.02)
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - WARM_UP) / (1 - WARM_UP))))


def loss_of(valley: Valley, projector: Projector, batch: Batch) -> torch.Tensor:
    """Mean cross-entropy per answer token, in nats."""
    log_probabilities, _ = valley.answer_log_probabilities(projector, batch.features, batch.question, batch.answers)
    return -log_probabilities.mean()


@torch.no_grad()
def validate(valley: Valley, projector: Projector, batches: list[Batch]) -> float:
    """Mean over batches of the loss."""
    return sum(loss_of(valley, projector, batch).item() for batch in batches) / len(batches)


class Run:
    """One training run and its files."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.folder: Path = CHECKPOINTS / arguments.run
        self.folder.mkdir(parents=True, exist_ok=True)
        self.valley = Valley()
        train = open_sources("train", tokenizer=self.valley.tokenizer)
        self.validation = {
            name: validation_batches([source], VALIDATION_ITEMS, arguments.batch)
            for name, source in open_sources("val", use_augmented=False, tokenizer=self.valley.tokenizer).items()
        }
        shares = {"flickr8k": arguments.photos, "msrvtt": 1 - arguments.photos}
        self.plan = BatchPlan({name: (train[name], shares[name]) for name in shares}, arguments.batch, arguments.seed, arguments.questions)
        self.projector = self._new_projector(list(train.values()))
        self.optimiser = torch.optim.AdamW(
            [{"params": list(self.projector.parameters()), "peak": arguments.learning_rate}],
            lr=0,
            betas=(0.9, 0.98),
            weight_decay=arguments.weight_decay,
        )
        self.elapsed = 0.0
        self.views = {name: sorted(source.views) for name, source in train.items()}

    def _new_projector(self, sources: list[Source]) -> Projector:
        answers = [answer for source in sources for item in source.answers for answer in item]
        shift, scale = embedding_statistics(self.valley.decoder.embedding, answers)
        mean, basis = standardise(train_rows(sources), self.arguments.input == "whitened")
        projector = Projector(mean, basis, shift, scale, self.arguments.seed)
        if self.arguments.start_from:
            projector.start_from(torch.load(CHECKPOINTS / self.arguments.start_from / "projector.pt", weights_only=True))
        return projector

    def log(self, line: str) -> None:
        stamped = f"{time.strftime('%H:%M:%S')} {line}"
        print(stamped, flush=True)
        with open(self.folder / "log.txt", "a", encoding="utf-8") as log:
            log.write(stamped + "\n")

    def record(self, **values: float | int | str) -> None:
        with open(self.folder / "loss.jsonl", "a", encoding="utf-8") as log:
            log.write(json.dumps(values) + "\n")

    def state(self) -> dict:
        """What a run needs to go on where it was."""
        return {
            "projector": self.projector.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "plan": self.plan.state(),
            "elapsed": self.elapsed,
        }

    def load_state(self, state: dict) -> None:
        self.projector.load_state_dict(state["projector"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.plan.restore(state["plan"])
        self.elapsed = state["elapsed"]

    def outputs(self) -> dict:
        """What evaluation and export read, by file name."""
        return {"projector.pt": self.projector.folded()}

    def save(self) -> None:
        """Writes each file whole or not at all."""
        for name, content in ({"state.pt": self.state()} | self.outputs()).items():
            unfinished = self.folder / f"{name}.part"
            torch.save(content, unfinished)
            unfinished.rename(self.folder / name)

    def restore(self) -> bool:
        path = self.folder / "state.pt"
        if not path.is_file():
            return False
        self.load_state(torch.load(path, weights_only=True))
        return True

    def step(self, progress: float) -> float:
        batch = self.plan.next()
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(group["peak"], progress)
        loss = loss_of(self.valley, self.projector, batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        for group in self.optimiser.param_groups:
            torch.nn.utils.clip_grad_norm_(group["params"], 1.0)
        self.optimiser.step()
        return loss.item()

    def validate(self) -> None:
        losses = {name: round(validate(self.valley, self.projector, batches), 4) for name, batches in self.validation.items()}
        self.record(kind="validation", step=self.plan.step, seconds=round(self.elapsed), **losses)
        self.log(f"step {self.plan.step}: validation loss {losses}")

    def train(self) -> None:
        """Runs until the budget is spent. Time spent validating counts, so that the wall clock is kept."""
        budget = self.arguments.budget_minutes * 60
        resumed = self.restore()
        self.log(f"{'resumed' if resumed else 'started'}: step {self.plan.step}, {self.elapsed:.0f} of {budget:.0f} s, views {self.views}")
        started, before = time.monotonic(), self.elapsed
        saved = reported = started
        smoothed: float | None = None
        if not resumed:
            self.validate()
        while self.elapsed < budget:
            loss = self.step(self.elapsed / budget)
            smoothed = loss if smoothed is None else 0.95 * smoothed + 0.05 * loss
            self.record(kind="train", step=self.plan.step, seconds=round(self.elapsed), loss=round(loss, 4))
            now = time.monotonic()
            self.elapsed = before + now - started
            if now - reported > 20:
                reported = now
                left = max(0.0, budget - self.elapsed) / 60
                self.log(f"step {self.plan.step}: loss {smoothed:.3f}, {left:.1f} minutes left, drawn {self.plan.drawn}")
            if now - saved > self.arguments.checkpoint_minutes * 60:
                saved = now
                self.validate()
                self.save()
        self.validate()
        self.save()
        self.log(f"finished: step {self.plan.step}, drawn {self.plan.drawn}")


def argument_parser(description: str | None, run: str, learning_rate: float) -> argparse.ArgumentParser:
    """What both phases let one choose."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default=run, help="folder under training/checkpoints")
    parser.add_argument("--budget-minutes", type=float, default=65)
    parser.add_argument("--checkpoint-minutes", type=float, default=4)
    parser.add_argument("--learning-rate", type=float, default=learning_rate, help="the projector's, at its peak")
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--batch", type=int, default=4, help="visual prefixes a step, five captions behind each")
    parser.add_argument("--photos", type=float, default=0.65, help="share of steps on photos; the rest on clips")
    parser.add_argument("--questions", type=float, default=0, help="share of steps on questions derived from captions")
    parser.add_argument("--input", choices=("channels", "whitened"), default="whitened", help="how the input is standardised")
    parser.add_argument("--start-from", metavar="RUN", help="take the projector of another run as the start")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    return parser


def start(run: type[Run], arguments: argparse.Namespace) -> None:
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    run(arguments).train()


def main() -> None:
    start(Run, argument_parser(__doc__, run="phase1", learning_rate=2e-3).parse_args())


if __name__ == "__main__":
    main()
