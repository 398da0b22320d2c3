"""A shipped pack's projector and adapter back as a training run, the inverse of training.export_pack.

    python -m training.from_pack models/valley-nano --run shipped                 to evaluate or to go on training
    python -m training.from_pack models/valley-nano --run carried --tower clip    carried over to another tower's vectors

Carrying over: the pack's projector maps the ImageNet trunk's vectors to visual tokens that its adapter knows how to read.
For the vectors of another tower the linear map that comes nearest to the same tokens, over frames of the training
material, is found by ridge regression; training then starts from there instead of from noise.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from .batches import Captions, FeatureBank
from .data import CHECKPOINTS
from .derive import Adapter
from .evaluation.records import Progress
from .export_adapter import MODULES, read_adapter, transformers_row_order
from .export_files import read_json
from .export_pack import read_projector
from .features import STEM, FeatureView
from .instructions.record import Frame

FRAMES_A_SOURCE = 5000
BATCH = 100
RIDGE = 0.003


def checkpoint_of(adapter: Adapter, architecture: dict) -> dict:
    """A pack's adapter as adapter.pt holds it, {rank, alpha, modules: {transformers name: (A, B)}}, float32."""
    names = {gguf: module for module, gguf in MODULES.items()}
    modules = {}
    for name, (a, b) in adapter.factors.items():
        _, layer, gguf, _ = name.split(".")
        if gguf in ("attn_q", "attn_k"):
            b = transformers_row_order(b, architecture["heads" if gguf == "attn_q" else "kvHeads"])
        modules[f"model.layers.{layer}.{names[gguf]}"] = tuple(torch.from_numpy(part.astype(np.float32)) for part in (a, b))
    return {"rank": adapter.rank, "alpha": adapter.alpha, "modules": modules}


@torch.inference_mode()
def carry_over(projector: dict[str, torch.Tensor], tower: str) -> tuple[dict[str, torch.Tensor], float]:
    """(the projector for `tower`'s vectors, the share of the tokens' variance that it reproduces)."""
    from .clip.image_tower import load_image_tower

    old_tower, bank = load_image_tower(None), FeatureBank(tower)
    width = projector["weight"].shape[0] + 1
    moment, cross = torch.zeros(width, width, dtype=torch.float64), None
    total, square, squares = torch.zeros(projector["bias"].shape, dtype=torch.float64), 0.0, 0
    parts = []
    for name in ("flickr8k", "msrvtt"):
        items, stem = Captions(name, "train", bank).items[:FRAMES_A_SOURCE], FeatureView(name, "plain", STEM)
        progress = Progress(len(items), f"frames of {name}")
        for start in range(0, len(items), BATCH):
            frames = tuple(Frame(name, item.id, item.frames // 2) for item in items[start : start + BATCH])
            grids = torch.from_numpy(np.concatenate([stem.frames(frame.item, [frame.index]) for frame in frames]))
            patches, cls, _ = old_tower(grids.to(torch.bfloat16))
            wanted = (torch.cat([patches, cls[:, None]], 1) @ projector["weight"] + projector["bias"]).flatten(0, 1).double()
            given = bank.features(frames).flatten(0, 1).double()
            x = torch.cat([given, torch.ones(len(given), 1, dtype=torch.float64)], 1)
            moment += x.T @ x
            cross = x.T @ wanted if cross is None else cross + x.T @ wanted
            total, square, squares = total + wanted.sum(0), square + wanted.square().sum().item(), squares + len(wanted)
            if start == 0:
                parts.append((x, wanted))
            progress.step(len(frames))
    damping = torch.diag(moment.diagonal()) * RIDGE
    damping[-1, -1] = 0
    solution = torch.linalg.solve(moment + damping, cross)
    error = torch.cat([(x @ solution - wanted) for x, wanted in parts]).square().mean()
    spread = (square - (total.square() / squares).sum().item()) / squares / len(total)
    carried = {"weight": solution[:-1].float(), "bias": solution[-1].float(), "markers": projector["markers"]}
    return carried, 1 - error.item() / spread


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--run", required=True, help="folder under training/checkpoints to write")
    parser.add_argument("--tower", help="carry the projector over to this tower's vectors; the pack must use the ImageNet trunk")
    parser.add_argument("--projector-alone", action="store_true", help="without the adapter: where phase 2 would begin")
    arguments = parser.parse_args()
    manifest = read_json(arguments.pack / "pack.json")
    folder = CHECKPOINTS / arguments.run
    folder.mkdir(parents=True, exist_ok=True)
    projector = {name: torch.from_numpy(value) for name, value in read_projector(arguments.pack).items()}
    if arguments.tower:
        projector, explained = carry_over(projector, arguments.tower)
        print(json.dumps({"tower": arguments.tower, "variance reproduced": round(explained, 4)}))
    torch.save(projector, folder / "projector.pt")
    adapter = None if arguments.projector_alone else read_adapter(arguments.pack)
    if adapter is not None:
        architecture = read_json(arguments.pack / manifest["base"])["architecture"]
        torch.save(checkpoint_of(adapter, architecture), folder / "adapter.pt")
    print(f"{folder}: {', '.join(sorted(path.name for path in folder.glob('*.pt')))}")


if __name__ == "__main__":
    main()
