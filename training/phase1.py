"""Phase 1 of Valley: tower and decoder frozen, the linear projector and the four markers learn to caption.

    python -m training.phase1 --budget-minutes 65
    accelerate launch -m training.phase1 --pair training/pairs/valley-7b.json --data DATA --steps 20000

valley-nano needs the features cache (python -m training.features), another pair its pictures. What it writes and how it
goes on after a break: `training.run`.
"""

from __future__ import annotations

import argparse

import torch
from accelerate import Accelerator

from .data import CHECKPOINTS
from .nano import MIXED_PRECISION, nano_parts
from .parts import Parts
from .pooling import pooling_kind, start_as_mean, take_pack_tensors
from .run import Run, accelerator_for, argument_parser, start


def build_parts(arguments: argparse.Namespace, trainable: bool = False) -> tuple[Parts, Accelerator]:
    """The parts that the arguments name, and accelerate in the precision that suits them.

    `trainable`: the decoder's own weights are to be trained. Raises ValueError where a pair has no data to train on.
    """
    if bool(arguments.pair) != bool(arguments.data):
        raise ValueError("--pair and --data go together")
    if arguments.pair:
        # Only here: valley-nano trains without loading transformers.
        from .pairs.build import pair_parts
        from .pairs.config import MIXED_PRECISION as PRECISIONS, read_config

        config = read_config(arguments.pair)
        accelerator = accelerator_for(PRECISIONS[config.decoder.dtype], arguments.accumulate)
        parts = pair_parts(arguments, config, trainable, accelerator.device)
    else:
        accelerator = accelerator_for(MIXED_PRECISION, arguments.accumulate)
        parts = nano_parts(arguments, trainable)
    if arguments.start_from:
        saved = torch.load(CHECKPOINTS / arguments.start_from / "projector.pt", weights_only=True, map_location="cpu")
        parts.projector.start_from(saved)
        if pooling_kind(saved) == "mean":
            start_as_mean(parts.model.pooling)
        else:
            take_pack_tensors(parts.model.pooling, saved)
    return parts, accelerator


def build(arguments: argparse.Namespace) -> Run:
    return Run(arguments, *build_parts(arguments))


def main() -> None:
    start(argument_parser(__doc__, run="phase1", learning_rate=2e-3).parse_args(), build)


if __name__ == "__main__":
    main()
