"""One process of phase 2, as test_pairs launches it: trains, then writes what it saw and the weights that it ended with."""

from __future__ import annotations

import json

import torch

from training.phase2 import build, parser
from training.run import start

if __name__ == "__main__":
    run = start(parser().parse_args(), build)
    index = run.accelerator.process_index
    steps = range(run.plan.step)
    (run.folder / f"seen-{index}.json").write_text(json.dumps([run.plan.chosen(step)[0] for step in steps]))
    weights = {name: weight.detach() for name, weight in run.trainee.named_parameters() if weight.requires_grad}
    torch.save(weights, run.folder / f"weights-{index}.pt")
