"""The mean of two runs of phase 2 that began at the same weights, each weight by itself (model soups, Wortsman et al., arXiv 2203.05482).

    python -m training.average nano6 nano9 --share 0.7 --out between

`--share` is that of the second run. Writes projector.pt and adapter.pt, from which a run may start or a pack be exported. The
factors of LoRA are averaged, not their product: between a run and one that went on from it both are nearly the same.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from .data import CHECKPOINTS

FILES = ("projector.pt", "adapter.pt")


def average(one, other, share: float):
    """Nested dicts, lists and tuples of tensors and settings; the settings must be equal. Raises ValueError where the two do not match."""
    if isinstance(one, torch.Tensor):
        if not isinstance(other, torch.Tensor) or one.shape != other.shape:
            raise ValueError("the runs' weights have other shapes")
        return torch.lerp(one.float(), other.float(), share).to(one.dtype)
    if type(one) is not type(other) or (isinstance(one, (dict, list, tuple)) and len(one) != len(other)):
        raise ValueError("the runs hold other things")
    if isinstance(one, dict):
        if one.keys() != other.keys():
            raise ValueError(f"the runs hold other things: {sorted(one.keys() ^ other.keys())}")
        return {name: average(part, other[name], share) for name, part in one.items()}
    if isinstance(one, (list, tuple)):
        return type(one)(average(*parts, share) for parts in zip(one, other, strict=True))
    if one != other:
        raise ValueError(f"the runs were made otherwise: {one} and {other}")
    return one


def average_runs(one: Path, other: Path, share: float, out: Path) -> None:
    """Raises FileNotFoundError where a run lacks its weights."""
    out.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        first, second = (torch.load(run / name, weights_only=True, map_location="cpu") for run in (one, other))
        torch.save(average(first, second, share), out / name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs=2, metavar="RUN", help="folders under training/checkpoints")
    parser.add_argument("--share", type=float, default=0.5, help="of the second run, 0 to 1")
    parser.add_argument("--out", required=True, metavar="RUN", help="folder under training/checkpoints to write")
    arguments = parser.parse_args()
    if not 0 <= arguments.share <= 1:
        parser.error("--share lies between 0 and 1")
    one, other = (CHECKPOINTS / run for run in arguments.runs)
    average_runs(one, other, arguments.share, CHECKPOINTS / arguments.out)


if __name__ == "__main__":
    main()
