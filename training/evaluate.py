"""Figures of a trained model, in PyTorch; `npm run evaluate` gives the same of a pack in the browser.

    python -m training.evaluate --run phase1                        captions of both val splits by the features cache
    python -m training.evaluate --data FOLDER                       a pack (models/valley-nano) on any folder
    python -m training.evaluate --data FOLDER --run NAME --clip RUN a training run on any folder
    python -m training.evaluate --data FOLDER --task retrieval|qa|own-notes|parity|chinese|pooling
    python -m training.evaluate --cached SOURCE --run NAME --clip LAYER     a training run on frames of the features cache: no tower runs

FOLDER: captions.jsonl[.xz] with photos, strips of square frames or videos, loose or in a tar archive; questions in qa.jsonl or
the `qa` field; INDEX.tsv for own-notes. Captions are scored by pycocoevalcap (needs Java). Writes figures as JSON and the
predictions beside them as JSON lines; a run that was cut off goes on when started again.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from pathlib import Path

import torch

from .data import CHECKPOINTS, ROOT
from .evaluation.answers import Decoding
from .evaluation.cached import evaluate_cached
from .evaluation.captions import evaluate_captions
from .evaluation.chinese import evaluate_chinese, load_chinese
from .evaluation.folders import MediaFolder, load_folder
from .evaluation.from_cache import cached_items, cached_questions, see_cached
from .evaluation.from_pack import load_pack, take_towers, tell_order
from .evaluation.from_run import load_run
from .evaluation.model import Subject
from .evaluation.notes import evaluate_notes, load_notes
from .evaluation.parity import write_reference
from .evaluation.pooled import evaluate_pooling
from .evaluation.questions import evaluate_questions, some_of_each_kind, load_questions
from .evaluation.records import Predictions, write_figures
from .evaluation.retrieval import evaluate_retrieval
from .features import IMAGENET
from .retrieval import WAYS

TASKS = ("caption", "retrieval", "qa", "own-notes", "parity", "chinese", "pooling")
FIGURES = ROOT / "training" / "cache" / "evaluate"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder, or for qa a file of questions; without it the features cache")
    parser.add_argument("--cached", type=Path, metavar="SOURCE", help="with --run, in place of --data: a source of the features cache, for qa a file of questions")
    parser.add_argument("--split", default="val", help='rows of this split; "all"')
    parser.add_argument("--task", choices=TASKS, default="caption")
    parser.add_argument("--pack", type=Path, default=ROOT / "models" / "valley-nano")
    parser.add_argument("--run", help="a run under training/checkpoints, in place of a pack (phase1 by the features cache)")
    parser.add_argument("--clip", help="with --run: the contrastive run of its image tower, or the features layer")
    parser.add_argument("--towers", type=Path, metavar="PACK", help="with --run: this pack's towers and store, for runs on training.pack_features")
    parser.add_argument("--store", type=Path, help="with --run: a folder of captions to quote (default: that of --clip)")
    parser.add_argument("--limit", type=int, help="only the first N items; of questions N of each kind, evenly spread")
    parser.add_argument("--beams", type=int, help="1 is greedy (default: the pack's, or 1)")
    parser.add_argument("--repetition-penalty", type=float, help="(default: the pack's, or 1)")
    parser.add_argument("--frames", type=int, help="at most N frames a clip (default: the pack's, or 8)")
    parser.add_argument("--quotes", action=argparse.BooleanOptionalAction, default=True, help="quote captions of similar scenes")
    parser.add_argument("--quote-by", choices=WAYS, help="default: the pack's, or clip; captions nearest to the frames' mean, by the frames' votes, or of each part of the clip")
    parser.add_argument("--kind", action="append", help="qa: questions of this kind alone; repeat")
    parser.add_argument("--tell-order", type=Path, metavar="PACK", help="with --run: questions are told by this pack's text tower which of their phrases is seen first")
    parser.add_argument("--media", type=Path, help="qa: where the folders lie that questions name")
    parser.add_argument("--out", type=Path, help="figures, a .json file")
    parser.add_argument("--fresh", action="store_true", help="forget the predictions of an earlier run")
    parser.add_argument("--source", action="append", help="by the features cache: default flickr8k and msrvtt")
    parser.add_argument("--decoding", choices=("greedy", "beam"), action="append", help="by the features cache: default both")
    parser.add_argument("--dtype", choices=("bfloat16", "float32"), help="default: float32 for packs, bfloat16 for runs")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def load_subject(arguments: argparse.Namespace) -> tuple[Subject, str]:
    """The model and a name that changes with it."""
    if arguments.run:
        dtype = getattr(torch, arguments.dtype or "bfloat16")
        changed = (CHECKPOINTS / arguments.run / "projector.pt").stat().st_mtime_ns
        subject = load_run(arguments.run, arguments.clip, dtype, arguments.store)
        if arguments.towers:
            take_towers(subject, arguments.towers)
        if arguments.tell_order:
            tell_order(subject, arguments.tell_order)
        if arguments.cached:
            see_cached(subject, arguments.clip or IMAGENET)
        return subject, f"{arguments.run}-{changed:x}"
    digest = hashlib.sha256((arguments.pack / "pack.json").read_bytes()).hexdigest()[:8]
    return load_pack(arguments.pack, getattr(torch, arguments.dtype or "float32")), f"{arguments.pack.resolve().name}-{digest}"


def evaluate(arguments: argparse.Namespace) -> None:
    started = time.monotonic()
    subject, name = load_subject(arguments)
    if subject.store is not None and arguments.quote_by:
        subject.store.by = arguments.quote_by
    decoding = Decoding(
        arguments.beams or subject.beams,
        subject.length_penalty,
        arguments.repetition_penalty or subject.repetition_penalty,
        subject.max_new_tokens,
    )
    quotes = arguments.quotes and subject.store is not None
    by = subject.store.by if quotes and subject.store.by != "clip" else None
    changes = {"beams": arguments.beams, "penalty": arguments.repetition_penalty, "frames": arguments.frames, "quote-by-": by}
    variant = [f"{key}{value}" for key, value in changes.items() if value] + ([] if arguments.quotes else ["no-quotes"])
    stem = "-".join([arguments.data.stem, arguments.split, arguments.task, *variant])
    out = arguments.out or FIGURES / name / f"{stem}.json"
    settings = {"model": name, "data": arguments.data.name, "split": arguments.split, "task": arguments.task, "quotes": quotes}
    settings |= {"frames": arguments.frames, "dtype": subject.about["dtype"], **vars(decoding)}
    settings |= {"quoteBy": by} if by else {}
    settings |= {"orderTold": True} if subject.tell_order else {}

    def predictions(kind: str = "predictions") -> Predictions:
        return Predictions(out.with_suffix(f".{kind}.jsonl"), settings, arguments.fresh)

    rows = predictions()
    values = run_task(subject, arguments, rows, predictions, decoding, quotes)
    about = {
        "model": subject.about,
        "data": {"folder": arguments.data.name, "split": arguments.split, "limit": arguments.limit},
        "decoding": vars(decoding) | {"quotes": quotes} | ({"quoteBy": by} if by else {}),
        "engine": "PyTorch",
        "seconds": round(time.monotonic() - started),
    }
    content = write_figures(out, arguments.task, values, rows.path, about)
    for key, figure in content["figures"].items():
        print(f"{key:16} {figure['value']}", flush=True)
    print(f"figures in {out}, predictions in {rows.path}", flush=True)


def run_task(subject: Subject, arguments: argparse.Namespace, rows: Predictions, open_rows, decoding: Decoding, quotes: bool) -> dict[str, float]:
    data, limit = arguments.data, arguments.limit
    if arguments.task == "qa":
        questions, left_out = cached_questions(data) if arguments.cached else load_questions(data, arguments.split, arguments.media)
        print(f"{len(questions)} questions; {left_out} without two answers to choose from are left out", flush=True)
        if arguments.kind:
            questions = [question for question in questions if question.kind in arguments.kind]
        return evaluate_questions(subject, some_of_each_kind(questions, limit), rows, decoding, quotes)
    if arguments.cached and arguments.task == "own-notes":
        raise ValueError("notes belong to real clips, which the features cache does not hold: --data")
    if arguments.task == "own-notes":
        return evaluate_notes(subject, load_notes(MediaFolder(data))[:limit], rows, quotes, arguments.frames)
    items = cached_items(data.name, arguments.split) if arguments.cached else load_folder(MediaFolder(data), arguments.split)
    if arguments.task == "chinese":
        return evaluate_chinese(subject, load_chinese(items)[:limit], rows, decoding, quotes)
    items = items[:limit]
    if arguments.task == "pooling":
        return evaluate_pooling(subject, items, rows, arguments.frames)
    if arguments.task == "retrieval":
        return evaluate_retrieval(subject, items, open_rows("vectors"), rows, arguments.frames)
    if arguments.task == "parity":
        return write_reference(subject, items, rows, quotes)
    return evaluate_captions(subject, items, rows, decoding, quotes, arguments.frames)


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    if arguments.cached is not None:
        if arguments.data is not None or not arguments.run:
            raise ValueError("--cached goes with --run, in place of --data")
        arguments.data = arguments.cached
    if arguments.data is not None:
        evaluate(arguments)
        return
    dtype = getattr(torch, arguments.dtype or "bfloat16")
    evaluate_cached(arguments.run or "phase1", arguments.source, arguments.decoding, arguments.limit, dtype, arguments.clip, arguments.quotes, arguments.quote_by or "clip")


if __name__ == "__main__":
    main()
