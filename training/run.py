"""The training loop that both phases share, on Hugging Face accelerate: one process or as many as its launcher starts.

Writes under training/checkpoints/<run>/: state.pt (to go on from), projector.pt (folded, for evaluation and export), what
the phase adds, log.txt and loss.jsonl. The learning rate follows the budget, of minutes or of steps: warm-up, then a cosine
to zero at its end. A run that was cut off goes on from its last checkpoint when started again.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, broadcast
from torch import nn

from .adapter import Adapter
from .data import CHECKPOINTS
from .features import IMAGENET
from .parts import Parts
from .pooling import pack_tensors

WARM_UP = 0.02
CLIP_NORM = 1.0
REPORT_SECONDS = 20


def learning_rate(peak: float, progress: float) -> float:
    """Linear warm-up over the first 2 % of the budget, then a cosine to zero; progress in 0..1."""
    if progress < WARM_UP:
        return peak * max(progress / WARM_UP, 0.02)
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - WARM_UP) / (1 - WARM_UP))))


class Trainee(nn.Module):
    """A batch to its loss: the module that accelerate prepares. It holds the frozen parts too, so that they move with it."""

    def __init__(self, parts: Parts, adapter: Adapter | None) -> None:
        super().__init__()
        self.model = parts.model
        self.projector = parts.projector
        self.pooling = parts.model.pooling
        self.adapter = adapter
        self.decoder = parts.model.decoder

    def forward(self, batch) -> torch.Tensor:
        """Mean cross-entropy per answer token, in nats."""
        loss = self.model.loss(self.projector, batch)
        if not any(row.visual for row in batch.rows):
            # Text alone reaches no projector; the other processes wait for its gradients all the same.
            eyes = (*self.projector.parameters(), *self.pooling.parameters())
            loss = loss + 0 * torch.stack([parameter.sum() for parameter in eyes]).sum()
        return loss


def on_cpu(value):
    """The same nested dicts and lists with every tensor in CPU memory, so that any machine can read what is saved."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu()
    if isinstance(value, dict):
        return {key: on_cpu(part) for key, part in value.items()}
    return [on_cpu(part) for part in value] if isinstance(value, list) else value


class Run:
    """One training run and its files."""

    def __init__(self, arguments: argparse.Namespace, parts: Parts, accelerator: Accelerator, adapter: Adapter | None = None) -> None:
        self.arguments, self.accelerator = arguments, accelerator
        self.folder: Path = CHECKPOINTS / arguments.run
        self.folder.mkdir(parents=True, exist_ok=True)
        self.parts, self.plan, self.projector, self.adapter = parts, parts.plan, parts.projector, adapter
        self.decoder = parts.model.decoder
        self.decoder.adapter = adapter
        self.plan.share(accelerator.process_index, accelerator.num_processes)
        parts.model.move(accelerator.device)
        self.trainee = Trainee(parts, adapter)
        optimiser = torch.optim.AdamW(self.groups(), lr=0, betas=(0.9, 0.98), weight_decay=arguments.weight_decay)
        self.wrapped, self.optimiser = accelerator.prepare(self.trainee, optimiser)
        self.elapsed = 0.0

    def groups(self) -> list[dict]:
        """What is trained, with the peak of each one's learning rate. Each group's gradient norm is clipped on its own."""
        arguments = self.arguments
        eyes = [*self.projector.parameters(), *self.parts.model.pooling.parameters()]
        groups = [{"params": eyes, "peak": arguments.learning_rate}]
        if self.adapter is not None:
            groups.insert(0, {"params": list(self.adapter.parameters()), "peak": arguments.adapter_learning_rate})
        if self.decoder.trainable:
            groups.insert(0, {"params": list(self.decoder.parameters()), "peak": arguments.full_learning_rate})
        return groups

    def log(self, line: str) -> None:
        if self.accelerator.is_main_process:
            stamped = f"{time.strftime('%H:%M:%S')} {line}"
            print(stamped, flush=True)
            with open(self.folder / "log.txt", "a", encoding="utf-8") as log:
                log.write(stamped + "\n")

    def record(self, **values: float | int | str) -> None:
        if self.accelerator.is_main_process:
            with open(self.folder / "loss.jsonl", "a", encoding="utf-8") as log:
                log.write(json.dumps(values) + "\n")

    def state(self) -> dict:
        """What a run needs to go on where it was."""
        state = {
            "projector": self.projector.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "plan": self.plan.state(),
            "elapsed": self.elapsed,
        }
        if self.adapter is not None:
            state["adapter"] = self.adapter.state_dict()
        if self.decoder.trainable:
            state["decoder"] = dict(self.decoder.named_parameters())
        pooling = self.parts.model.pooling.state_dict()
        return state | ({"pooling": pooling} if pooling else {})

    def load_state(self, state: dict) -> None:
        self.projector.load_state_dict(state["projector"])
        if self.adapter is not None:
            self.adapter.load_state_dict(state["adapter"])
        if self.decoder.trainable:
            self.decoder.take(state["decoder"])
        self.parts.model.pooling.load_state_dict(state.get("pooling", {}))
        self.optimiser.load_state_dict(state["optimiser"])
        self.plan.restore(state["plan"])
        self.elapsed = state["elapsed"]

    def outputs(self) -> dict:
        """What evaluation and export read, by file name."""
        files = {"projector.pt": self.projector.folded() | pack_tensors(self.parts.model.pooling)}
        if self.adapter is not None:
            files["adapter.pt"] = self.adapter.checkpoint()
        if self.decoder.trainable:
            files["decoder.pt"] = {name: weight.data for name, weight in self.decoder.named_parameters()}
        return files

    def save(self) -> None:
        """Writes each file whole or not at all."""
        if not self.accelerator.is_main_process:
            return
        for name, content in ({"state.pt": self.state()} | self.outputs()).items():
            unfinished = self.folder / f"{name}.part"
            torch.save(on_cpu(content), unfinished)
            unfinished.rename(self.folder / name)

    def restore(self) -> bool:
        """Goes on from the last checkpoint where there is one; with --no-resume an earlier run of this name is forgotten."""
        path = self.folder / "state.pt"
        if not self.arguments.resume:
            if self.accelerator.is_main_process:
                for name in ("state.pt", "log.txt", "loss.jsonl"):
                    (self.folder / name).unlink(missing_ok=True)
            return False
        if not path.is_file():
            return False
        self.load_state(torch.load(path, weights_only=True, map_location="cpu"))
        return True

    def batch(self):
        """What the next forward pass is made of."""
        return self.plan.next()

    def step(self, progress: float) -> float:
        """One update of the weights, from `--accumulate` batches a process."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(group["peak"], progress)
        losses = []
        for _ in range(self.arguments.accumulate):
            with self.accelerator.accumulate(self.wrapped):
                loss = self.wrapped(self.batch())
                self.accelerator.backward(loss)
                if self.accelerator.sync_gradients:
                    for group in self.optimiser.param_groups:
                        self.accelerator.clip_grad_norm_(group["params"], CLIP_NORM)
                self.optimiser.step()
                self.optimiser.zero_grad()
                losses.append(loss.item())
        return sum(losses) / len(losses)

    @torch.no_grad()
    def validate(self) -> None:
        """Mean loss over each validation set's batches, on the main process."""
        if not self.accelerator.is_main_process:
            return
        losses = {
            name: round(sum(self.trainee(batch).item() for batch in batches) / len(batches), 4)
            for name, batches in self.parts.validation.items()
        }
        self.record(kind="validation", step=self.plan.step, seconds=round(self.elapsed), **losses)
        self.log(f"step {self.plan.step}: validation loss {losses}")

    def progress(self) -> float:
        """The part of the budget that is spent, 1 or more at its end."""
        if self.arguments.steps is not None:
            return self.plan.step / self.arguments.steps
        return self.elapsed / (self.arguments.budget_minutes * 60)

    def _seconds_since(self, started: float) -> float:
        """Every process must find the same end and the same checkpoints: the main process's clock counts."""
        seconds = time.monotonic() - started
        if self.accelerator.num_processes == 1:
            return seconds
        return broadcast(torch.tensor(seconds, device=self.accelerator.device)).item()

    def train(self) -> None:
        """Runs until the budget is spent. Time spent validating counts, so that the wall clock is kept."""
        resumed = self.restore()
        self.log(
            f"{'resumed' if resumed else 'started'}: step {self.plan.step}, {self.progress():.0%} of the budget spent,"
            f" {self.accelerator.num_processes} processes, {self.parts.data}"
        )
        started, before, spent_before = time.monotonic(), self.elapsed, self.progress()
        saved = reported = 0.0
        smoothed: float | None = None
        if not resumed and self.arguments.validate_first:
            self.validate()
        while (progress := self.progress()) < 1:
            loss = self.step(progress)
            smoothed = loss if smoothed is None else 0.95 * smoothed + 0.05 * loss
            self.record(kind="train", step=self.plan.step, seconds=round(self.elapsed), loss=round(loss, 4))
            now = self._seconds_since(started)
            self.elapsed = before + now
            if now - reported > REPORT_SECONDS:
                reported = now
                spent = self.progress()
                left = max(0.0, 1 - spent) / (spent - spent_before) * now / 60
                self.log(f"step {self.plan.step}: loss {smoothed:.3f}, {left:.1f} minutes left, {self.plan.state()}")
            # The last step's checkpoint is the one below.
            if now - saved > self.arguments.checkpoint_minutes * 60 and self.progress() < 1:
                saved = now
                self.validate()
                self.save()
        self.validate()
        self.save()
        self.log(f"finished: {self.plan.state()}")
        self.accelerator.wait_for_everyone()


def argument_parser(description: str | None, run: str, learning_rate: float) -> argparse.ArgumentParser:
    """What both phases let one choose."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default=run, help="folder under training/checkpoints")
    parser.add_argument("--resume", action=argparse.BooleanOptionalAction, default=True, help="go on from the run's last checkpoint")
    parser.add_argument("--budget-minutes", type=float, default=65)
    parser.add_argument("--steps", type=int, help="batches a process, instead of minutes")
    parser.add_argument("--checkpoint-minutes", type=float, default=4)
    parser.add_argument("--validate-first", action=argparse.BooleanOptionalAction, default=True, help="also before the first step")
    parser.add_argument("--learning-rate", type=float, default=learning_rate, help="the projector's, at its peak")
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--batch", type=int, default=4, help="visual prefixes a batch, several captions or questions behind each")
    parser.add_argument("--accumulate", type=int, default=1, help="batches a process for one update")
    parser.add_argument("--pooling", choices=("mean", "importance", "delta"), default="mean", help="of patches over time")
    parser.add_argument("--times", action=argparse.BooleanOptionalAction, default=False, help="tell a frame token when it was seen")
    parser.add_argument("--tower", default=IMAGENET, help="whose tokens of the features cache: imagenet or a run of training.clip.contrastive")
    parser.add_argument("--quotes", action=argparse.BooleanOptionalAction, default=True, help="quote retrieved captions")
    parser.add_argument("--dialogues", type=float, default=0, help="weight of the instruction data beside the captions, 1 as designed")
    parser.add_argument("--without", nargs="*", default=[], metavar="TYPE", help="types of instruction data to leave out")
    parser.add_argument("--compare", action=argparse.BooleanOptionalAction, default=False, help="hold right answers against wrong ones")
    parser.add_argument("--share", nargs=2, action="append", default=[], metavar=("SOURCE", "WEIGHT"), help="of a source or type, in place of its own")
    parser.add_argument("--input", choices=("channels", "whitened"), default="whitened", help="how the input is standardised")
    parser.add_argument("--start-from", metavar="RUN", help="take the projector of another run as the start")
    parser.add_argument("--pair", type=Path, metavar="JSON", help="train another image tower and language model (training/pairs)")
    parser.add_argument("--data", type=Path, action="append", help="of a pair: a folder with captions.jsonl or a published JSON; repeat")
    parser.add_argument("--media", type=Path, help="of a pair: where a published JSON's pictures and videos lie")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    return parser


def accelerator_for(mixed_precision: str, accumulate: int) -> Accelerator:
    """accelerate's view of the process it runs in. Buffers are constants, equal in every process: they need no broadcast."""
    handlers = [DistributedDataParallelKwargs(broadcast_buffers=False)]
    return Accelerator(mixed_precision=mixed_precision, gradient_accumulation_steps=accumulate, kwargs_handlers=handlers)


def start(arguments: argparse.Namespace, build: Callable[[argparse.Namespace], Run]) -> Run:
    """Trains to the end of the budget."""
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    run = build(arguments)
    run.train()
    run.accelerator.end_training()
    return run
