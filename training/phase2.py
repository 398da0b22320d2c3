"""Phase 2 of Valley: the projector and a LoRA adapter on every linear layer of the decoder learn together.

    python -m training.phase2 --start-from phase1 --budget-minutes 25
    accelerate launch -m training.phase2 --pair training/pairs/valley-7b.json --data DATA --start-from phase1 --steps 20000

--start-from takes the projector of another run and, where it has one, its adapter. With --full there is no adapter: every
weight of the decoder is trained, for comparison. Writes what `training.run` says and adapter.pt, or with --full decoder.pt,
beside it.
"""

from __future__ import annotations

import argparse

import torch

from .adapter import Adapter
from .data import CHECKPOINTS
from .phase1 import build_parts
from .run import Run, argument_parser, start


def build(arguments: argparse.Namespace, kind: type[Run] = Run) -> Run:
    parts, accelerator = build_parts(arguments, trainable=arguments.full)
    rank = arguments.rank
    adapter = None if arguments.full else Adapter(parts.model.decoder, rank, 2 * rank, arguments.seed)
    start = CHECKPOINTS / arguments.start_from / "adapter.pt" if arguments.start_from else None
    if adapter is not None and start is not None and start.is_file():
        adapter.restore(torch.load(start, weights_only=True, map_location="cpu"))
    return kind(arguments, parts, accelerator, adapter)


def parser() -> argparse.ArgumentParser:
    parser = argument_parser(__doc__, run="phase2", learning_rate=3e-4)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--adapter-learning-rate", type=float, default=5e-4)
    parser.add_argument("--full", action="store_true", help="train all of the decoder instead of an adapter")
    parser.add_argument("--full-learning-rate", type=float, default=2e-5)
    return parser


def main() -> None:
    start(parser().parse_args(), build)


if __name__ == "__main__":
    main()
