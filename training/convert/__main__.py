"""Convert a Valley or LLaVA checkpoint to packs that the app imports from a folder: `python -m training.convert SOURCE OUT`.

    python -m training.convert checkpoints/Valley2-7b packs
    python -m training.convert checkpoints/llava-v1.5-7b packs --tower checkpoints/clip-vit-large-patch14-336 --precision q4f16

OUT then holds a folder for each precision; choose one of them in the app under "import a pack from a folder".
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from training.convert.base import PRECISIONS
from training.convert.checkpoint import Checkpoint, ConversionError
from training.convert.pack import convert


def compare(source: Path, tower: Path | None, folder: Path, precision: str, tokens: int) -> str:
    """Greedy tokens of the pack beside PyTorch's with the checkpoint's weights, on frames of noise: a line to print."""
    from training.convert.check import PackRun, TorchRun, prompt_of

    flavour = next(iter(PRECISIONS[precision][1]))
    run = PackRun(folder, flavour)
    size = run.manifest["tower"]["inputSize"]
    pixels = np.random.default_rng(0).standard_normal((4, 3, size, size)).astype(np.float32)
    prompt = prompt_of(folder, run.manifest["prompt"]["describeVideo"])
    ours = run.greedy(prompt, pixels, tokens)
    theirs, _ = TorchRun(Checkpoint(source, tower)).greedy(prompt, pixels, tokens)
    same = next((index for index, (a, b) in enumerate(zip(ours, theirs)) if a != b), tokens)
    return f"{folder.name}, graph {flavour}: the first {same} of {tokens} greedy tokens are PyTorch's"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m training.convert", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="folder of the checkpoint: config.json, tokenizer, *.safetensors or pytorch_model*.bin")
    parser.add_argument("out", type=Path, help="where the pack folders are written")
    parser.add_argument("--tower", type=Path, default=None, help="folder of the CLIP that the checkpoint names but does not hold")
    parser.add_argument("--precision", nargs="+", choices=tuple(PRECISIONS), default=list(PRECISIONS))
    parser.add_argument("--name", default=None, help="of the packs; the source folder's by default")
    parser.add_argument("--licence", default="that of the checkpoint", help="written into the manifests and shown by the app")
    parser.add_argument("--check", type=int, default=0, metavar="TOKENS", help="afterwards compare so many greedy tokens with PyTorch's")
    options = parser.parse_args()
    try:
        folders = convert(options.source, options.out, tuple(options.precision), options.tower, options.name, options.licence)
    except ConversionError as reason:
        print(f"not converted: {reason}", file=sys.stderr)
        return 1
    for folder, precision in zip(folders, options.precision, strict=True):
        total = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(f"{folder}: {total / 1e6:.1f} MB")
        if options.check:
            print(compare(options.source, options.tower, folder, precision, options.check))
    return 0


if __name__ == "__main__":
    sys.exit(main())
