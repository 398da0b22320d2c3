"""Write tests/fixtures/hub: `python -m training.hub_models [FAMILY …]`; `--search` finds the seed that SEEDS should name."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import transformers

from training.export_files import REPOSITORY
from training.hub_models.build import build
from training.hub_models.frames import made_frames
from training.hub_models.more_families import FAMILIES
from training.hub_models.reference import cases, faults
from training.hub_models.repository import SEEDS, tokenizer_of, write

FOLDER = REPOSITORY / "tests" / "fixtures" / "hub"


def search(name: str, first: int, tries: int) -> int | None:
    """The first seed whose answers are apart, printed and moved by pictures (`reference.faults`)."""
    family = FAMILIES[name]
    tokenizer = tokenizer_of(family)
    frames = made_frames(family.image_size, family.image_size)
    for seed in range(first, first + tries):
        _, answered = cases(family, build(family, tokenizer, seed), tokenizer, frames)
        if not faults(tokenizer, answered):
            return seed
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"of {', '.join(FAMILIES)}; all by default")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--search", type=int, default=None, metavar="FIRST", help="print a seed from FIRST on, write nothing")
    options = parser.parse_args()
    # Sums in one order, whatever the machine.
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    for name in options.families or FAMILIES:
        if options.search is not None:
            print(name, search(name, options.search, 2000))
            continue
        total = write(FAMILIES[name], SEEDS[name], options.out / name)
        print(f"{options.out / name}: seed {SEEDS[name]}, {total} bytes")


if __name__ == "__main__":
    main()
