"""Captioning figures of a trained projector on the val splits.

    python -m training.evaluate                      all of flickr8k val and msrvtt val, greedy and beam 3
    python -m training.evaluate --source flickr8k --limit 100 --decoding greedy

pycocoevalcap: PTB tokenizer, CIDEr-D with the split's own references, BLEU-4, METEOR, ROUGE-L (needs Java). Photos are
one frame, clips eight by the sampling plan. No repetition penalty. Writes results.json and the answers beside projector.pt.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch

from .adapter import load_adapter
from .data import CHECKPOINTS, SOURCES, Item, load_items
from .features import FeatureView
from .generate import beam_search, greedy
from .projector import FoldedProjector
from .sampling import plan_indices
from .valley import Valley, question_for, to_tensor

BATCH = 50
CLIP_FRAMES = 8
MAX_NEW_TOKENS = 32
BEAMS = 3


def describe(valley: Valley, projector, items: list[Item], view: FeatureView, decoding: str) -> dict[str, str]:
    """One caption an item."""
    end = valley.tokenizer.token_to_id("<|im_end|>")
    captions: dict[str, str] = {}
    for start in range(0, len(items), BATCH):
        chunk = items[start : start + BATCH]
        count = CLIP_FRAMES if chunk[0].is_clip else 1
        features = to_tensor([view.frames(item.id, plan_indices(item.frames, count)) for item in chunk])
        with torch.inference_mode():
            body = valley.body(projector, features, question_for(chunk[0].is_clip))
        prefix = valley.prefix(len(chunk))
        if decoding == "greedy":
            answers = greedy(valley.decoder, prefix, body, end, MAX_NEW_TOKENS)
        else:
            answers = beam_search(valley.decoder, prefix, body, end, MAX_NEW_TOKENS, BEAMS)
        captions |= {item.id: valley.tokenizer.decode(ids).strip() for item, ids in zip(chunk, answers)}
    return captions


def score(items: list[Item], captions: dict[str, str]) -> dict[str, float]:
    """pycocoevalcap figures of `captions` against every human caption of the items."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.meteor.meteor import Meteor
    from pycocoevalcap.rouge.rouge import Rouge
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    tokenizer = PTBTokenizer()
    references = tokenizer.tokenize({item.id: [{"caption": text} for text in item.captions] for item in items})
    answers = tokenizer.tokenize({item.id: [{"caption": captions[item.id]}] for item in items})
    bleu, _ = Bleu(4).compute_score(references, answers, verbose=0)
    return {
        "cider": round(float(Cider().compute_score(references, answers)[0]), 4),
        "bleu4": round(float(bleu[3]), 4),
        "meteor": round(float(Meteor().compute_score(references, answers)[0]), 4),
        "rougeL": round(float(Rouge().compute_score(references, answers)[0]), 4),
        "distinct": len({captions[item.id] for item in items}),
        "items": len(items),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default="phase1")
    parser.add_argument("--source", choices=sorted(SOURCES), action="append", help="default: both")
    parser.add_argument("--decoding", choices=("greedy", "beam"), action="append", help="default: both")
    parser.add_argument("--limit", type=int, help="only the first N items of a split")
    parser.add_argument("--dtype", choices=("bfloat16", "float32"), default="bfloat16")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    folder: Path = CHECKPOINTS / arguments.run
    valley = Valley(getattr(torch, arguments.dtype))
    projector = FoldedProjector.load(folder / "projector.pt")
    if (folder / "adapter.pt").is_file():
        valley.decoder.adapter = load_adapter(valley.decoder, folder / "adapter.pt")
    results: dict[str, dict] = {}
    for source in arguments.source or list(SOURCES):
        items = [item for item in load_items(source) if item.split == "val"][: arguments.limit]
        view = FeatureView(source)
        for decoding in arguments.decoding or ["greedy", "beam"]:
            started = time.monotonic()
            captions = describe(valley, projector, items, view, decoding)
            seconds = time.monotonic() - started
            name = f"{source}-{decoding}"
            results[name] = score(items, captions) | {"secondsToDecode": round(seconds, 1)}
            print(name, json.dumps(results[name]), flush=True)
            for item in items[:8]:
                print(f"    {captions[item.id]}   | {item.captions[0]}", flush=True)
            if arguments.limit is None:
                (folder / f"answers-{name}.json").write_text(json.dumps(captions, indent=1))
    if arguments.limit is None:
        path = folder / "results.json"
        known = json.loads(path.read_text()) if path.is_file() else {}
        path.write_text(json.dumps(known | results, indent=1) + "\n")


if __name__ == "__main__":
    main()
