"""Captions of a training run on the val splits by the features cache: quick, for use between training runs."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Sequence

import torch

from ..batches import FeatureBank
from ..data import CHECKPOINTS, SOURCES, Item, load_items
from ..features import IMAGENET
from ..generate import beam_search, greedy
from ..instructions.record import Frame
from ..nano import open_store
from ..prompt import IM_END
from ..retrieval import By, CaptionStore
from ..sampling import plan_indices
from ..valley import Valley, question_for
from .from_run import load_valley
from .scoring import caption_figures

BATCH = 50
CLIP_FRAMES = 8
MAX_NEW_TOKENS = 32
BEAMS = 3
CAPTIONED = ("flickr8k", "msrvtt")


def describe(
    valley: Valley, projector, items: Sequence[Item], bank: FeatureBank, store: CaptionStore | None, decoding: str, limit: int = MAX_NEW_TOKENS
) -> dict[str, str]:
    """One caption an item: photos are one frame, clips eight by the sampling plan. `store`: captions to quote."""
    end = valley.tokenizer.token_to_id(IM_END)
    groups: dict[int, list[tuple[Item, tuple[Frame, ...], list[int]]]] = defaultdict(list)
    for item in items:
        indices = plan_indices(item.frames, CLIP_FRAMES if item.is_clip else 1)
        frames = tuple(Frame(item.source, item.id, index) for index in indices)
        quotes = valley.prompt.quotes(store.nearest(bank.embeddings(frames))) if store else []
        groups[len(quotes)].append((item, frames, quotes))
    captions: dict[str, str] = {}
    for group in groups.values():
        for start in range(0, len(group), BATCH):
            chunk = group[start : start + BATCH]
            features = [bank.features(frames) for _, frames, _ in chunk]
            with torch.inference_mode():
                body = valley.body(projector, features, question_for(chunk[0][0].is_clip), [quotes for _, _, quotes in chunk])
            prefix = valley.prefix(len(chunk))
            if decoding == "greedy":
                answers = greedy(valley.decoder, prefix, body, end, limit)
            else:
                answers = beam_search(valley.decoder, prefix, body, end, limit, BEAMS)
            captions |= {item.id: valley.tokenizer.decode(ids).strip() for (item, _, _), ids in zip(chunk, answers, strict=True)}
    return captions


def evaluate_cached(
    run: str,
    sources: Sequence[str] | None,
    decodings: Sequence[str] | None,
    limit: int | None,
    dtype: torch.dtype,
    layer: str | None,
    quotes: bool,
    by: By = "clip",
) -> None:
    """Prints figures; without `limit` writes results.json and the answers beside projector.pt."""
    folder = CHECKPOINTS / run
    valley, projector = load_valley(folder, dtype)
    bank, store = FeatureBank(layer or IMAGENET), open_store(layer or IMAGENET, quotes, by)
    results: dict[str, dict] = {}
    for source in sources or CAPTIONED:
        if source not in SOURCES:
            raise ValueError(f"there is no source {source}: {', '.join(SOURCES)}")
        items = [item for item in load_items(source) if item.split == "val"][:limit]
        for decoding in decodings or ("greedy", "beam"):
            started = time.monotonic()
            captions = describe(valley, projector, items, bank, store, decoding)
            seconds = time.monotonic() - started
            name = f"{source}-{decoding}" + ("-quoted" if store else "") + ("-by-frames" if store and by == "frames" else "")
            figures = caption_figures({item.id: item.captions for item in items}, captions)
            results[name] = {key: round(value, 4) for key, value in figures.items()} | {"secondsToDecode": round(seconds, 1)}
            print(name, json.dumps(results[name]), flush=True)
            for item in items[:8]:
                print(f"    {captions[item.id]}   | {item.captions[0]}", flush=True)
            if limit is None:
                (folder / f"answers-{name}.json").write_text(json.dumps(captions, indent=1))
    if limit is None:
        path = folder / "results.json"
        known = json.loads(path.read_text()) if path.is_file() else {}
        path.write_text(json.dumps(known | results, indent=1) + "\n")
