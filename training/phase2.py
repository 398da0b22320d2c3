"""A first, short phase 2 of Valley: projector and a LoRA adapter on every linear layer of the decoder learn together.

    python -m training.phase2 --start-from phase1 --budget-minutes 25

The same data, batches and schedule as phase 1; the full phase 2 on instruction data comes on top of this. Writes under
training/checkpoints/<run>/: state.pt, projector.pt (folded), adapter.pt, log.txt and loss.jsonl.
"""

from __future__ import annotations

import argparse

import torch

from . import phase1
from .adapter import Adapter


class Run(phase1.Run):
    """Phase 1's run with an adapter in the decoder."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        super().__init__(arguments)
        self.adapter = Adapter(self.valley.decoder, arguments.rank, 2 * arguments.rank, arguments.seed)
        self.valley.decoder.adapter = self.adapter
        groups = [
            {"params": list(self.adapter.parameters()), "peak": arguments.adapter_learning_rate},
            {"params": list(self.projector.parameters()), "peak": arguments.learning_rate},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=0, betas=(0.9, 0.98), weight_decay=arguments.weight_decay)

    def state(self) -> dict:
        return super().state() | {"adapter": self.adapter.state_dict()}

    def load_state(self, state: dict) -> None:
        super().load_state(state)
        self.adapter.load_state_dict(state["adapter"])

    def outputs(self) -> dict:
        return super().outputs() | {"adapter.pt": self.adapter.checkpoint()}


def main() -> None:
    parser = phase1.argument_parser(__doc__, run="phase2", learning_rate=3e-4)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--adapter-learning-rate", type=float, default=5e-4)
    phase1.start(Run, parser.parse_args())


if __name__ == "__main__":
    main()
