"""Phase 2 with what is being tried and no recipe uses yet. Everything of `training.phase2` can be said too.

    python -m training.trial --run texts --tower clip --start-from nano --dialogues 1 --text-only 0.1 --budget-minutes 10
    python -m training.trial --run frames --tower clip --start-from nano --dialogues 1 --full-frames --budget-minutes 10
    python -m training.trial --run votes --tower clip --start-from nano --dialogues 1 --quote-by frames --budget-minutes 10
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .phase2 import build
from .phase2 import parser as phase2_parser
from .retrieval import WAYS
from .run import start


def share(text: str) -> float:
    """A number from 0 to less than 1."""
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text} is no share from 0 to less than 1")
    return value


def parser() -> argparse.ArgumentParser:
    parser = phase2_parser()
    parser.description = __doc__
    parser.set_defaults(run="trial")
    parser.add_argument("--text-only", type=share, default=0.0, metavar="SHARE", help="rows with a text in place of the picture (training.stand_in)")
    parser.add_argument("--full-frames", action="store_true", help="patches of every frame instead of pooled ones; not exportable")
    parser.add_argument("--quote-by", choices=WAYS, default="clip", help="captions nearest to the frames' mean, by the frames' votes, or of each part of the clip")
    parser.add_argument("--consensus", type=float, default=0.0, help="draw captions sooner on which people agree (training.batches.Captions)")
    parser.add_argument("--tell-order", type=Path, metavar="PACK", help="tell which phrase of a question is seen first, by this pack's text tower")
    return parser


def main() -> None:
    start(parser().parse_args(), build)


if __name__ == "__main__":
    main()
