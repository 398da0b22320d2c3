"""Phase 1 of Valley: tower and decoder frozen, the linear projector and the four markers learn to caption.

    python -m training.phase1 --budget-minutes 65

Needs the features cache (python -m training.features). What it writes and how it goes on after a break: `training.run`.
"""

from __future__ import annotations

import argparse

import torch

from .data import CHECKPOINTS
from .nano import MIXED_PRECISION, nano_parts
from .parts import Parts
from .pooling import take_pack_tensors
from .run import Run, accelerator_for, argument_parser, start


def build_parts(arguments: argparse.Namespace, trainable: bool = False) -> tuple[Parts, str]:
    """The parts that the arguments name and the precision that accelerate is to train them in."""
    parts, precision = nano_parts(arguments, trainable), MIXED_PRECISION
    if arguments.start_from:
        saved = torch.load(CHECKPOINTS / arguments.start_from / "projector.pt", weights_only=True, map_location="cpu")
        parts.projector.start_from(saved)
        take_pack_tensors(parts.model.pooling, saved)
    return parts, precision


def build(arguments: argparse.Namespace) -> Run:
    parts, precision = build_parts(arguments)
    return Run(arguments, parts, accelerator_for(precision, arguments.accumulate))


def main() -> None:
    start(argument_parser(__doc__, run="phase1", learning_rate=2e-3).parse_args(), build)


if __name__ == "__main__":
    main()
