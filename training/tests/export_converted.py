"""Write tests/fixtures/converted: a tiny Valley converted in both precisions, with what PyTorch answers and what is derived.

    python -m training.tests.export_converted

The checkpoint is seeded noise under the published names (tiny_checkpoints.py). reference.json is what the TypeScript tests and
the browser compare with.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch

from training.convert.base import PRECISIONS
from training.convert.check import TorchRun, prompt_of
from training.convert.checkpoint import Checkpoint
from training.convert.pack import convert
from training.derive import derive
from training.export_files import REPOSITORY, sha256_of, write_json
from training.gguf_base import Base
from training.hub_models.reference import packed
from training.tests.tiny_checkpoints import write_checkpoint

FOLDER = REPOSITORY / "tests" / "fixtures" / "converted"
KINDS = {"valley-importance": ("q8", "q4f16"), "llava-hf": ("q4f16",)}
QUESTION = "What happens in the video?"
TOKENS = 10


def reference(checkpoint: Checkpoint, folder: Path, precision: str) -> dict:
    """Hashes of every graph's derived weights, and PyTorch's visual tokens and greedy tokens for a clip and an image."""
    base = Base(folder / "base")
    torch_run = TorchRun(checkpoint, base)
    prompt = prompt_of(folder, QUESTION)
    cases = []
    for frames in (4, 1):
        pixels = np.random.default_rng(frames).standard_normal((frames, 3, 32, 32)).astype(np.float32)
        tokens, margin = torch_run.greedy(prompt, pixels, TOKENS)
        visual = torch_run.visual(pixels).numpy().astype("<f4")
        cases.append({"pixels": packed(pixels), "visual": packed(visual), "tokens": tokens, "margin": round(margin, 4)})
    return {
        "question": QUESTION,
        "before": prompt.before,
        "after": prompt.after,
        "derived": {flavour: sha256_of(derive(base, flavour).tobytes()) for flavour in PRECISIONS[precision][1]},
        "cases": cases,
    }


def main() -> None:
    torch.set_num_threads(1)
    shutil.rmtree(FOLDER, ignore_errors=True)
    for kind, precisions in KINDS.items():
        with tempfile.TemporaryDirectory() as scratch:
            source = write_checkpoint(kind, Path(scratch) / kind)
            checkpoint = Checkpoint(source)
            for precision, folder in zip(precisions, convert(source, FOLDER, precisions, name=f"tiny-{kind}"), strict=True):
                write_json(folder / "reference.json", reference(checkpoint, folder, precision))
                print(folder, sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))


if __name__ == "__main__":
    main()
