"""valley-nano's parts for a run: SmolLM2, the features cache of an image tower, captions and instruction data."""

from __future__ import annotations

import argparse

import torch

from .batches import CAPTION_SHARES, DIALOGUE_SHARES, Assembler, BatchPlan, Captions, FeatureBank, read_dialogues, validation_batches
from .data import CACHE, clean_caption
from .features import IMAGENET
from .initialise import embedding_statistics, standardise, train_rows
from .parts import Parts
from .pooling import make_pooling
from .projector import Projector
from .retrieval import CaptionStore, store_folder
from .tower import GRID_TOKENS, WIDTH
from .valley import Valley

VALIDATION_ITEMS = 24
INSTRUCTIONS = CACHE / "instructions" / "train.jsonl"
# The decoder holds its matrices in bfloat16 and everything else in float32 by itself: accelerate's autocast would also
# take the projector and the losses to bfloat16.
MIXED_PRECISION = "no"


def open_store(tower: str, wanted: bool) -> CaptionStore | None:
    """The captions to quote, embedded by the tower's own text side; none for the ImageNet trunk, which has no such side."""
    return CaptionStore.load(store_folder(tower)) if wanted and tower != IMAGENET else None


def nano_parts(arguments: argparse.Namespace, trainable: bool) -> Parts:
    """Reads everything; `trainable`: the decoder's own weights are to be trained. Raises FileNotFoundError without data."""
    pooling = make_pooling(arguments.pooling, GRID_TOKENS, WIDTH)
    valley = Valley(trainable=trainable, pooling=pooling)
    bank = FeatureBank(arguments.tower)
    assembler = Assembler(valley.prompt, bank, open_store(arguments.tower, arguments.quotes))
    captions = {name: Captions(name, "train", bank) for name in CAPTION_SHARES}
    shares = CAPTION_SHARES | {kind: share * arguments.dialogues for kind, share in DIALOGUE_SHARES.items()}
    shares |= {name: float(weight) for name, weight in arguments.share}
    sources = {name: (source, shares[name]) for name, source in captions.items()}
    dialogues = read_dialogues(INSTRUCTIONS) if arguments.dialogues else {}
    sources |= {kind: (source, shares[kind]) for kind, source in dialogues.items() if kind not in arguments.without}
    validation = {}
    for name in ("flickr8k", "msrvtt"):
        validation[name] = validation_batches(name, VALIDATION_ITEMS, arguments.batch, assembler, quoted=False)
        if assembler.store:
            validation[f"{name}-quoted"] = validation_batches(name, VALIDATION_ITEMS, arguments.batch, assembler, quoted=True)
    plan = BatchPlan(sources, assembler, arguments.batch, arguments.seed)
    counts = {name: len(source) for name, (source, _) in sources.items()}
    return Parts(valley, _new_projector(valley, captions, bank, arguments), plan, validation, f"tower {arguments.tower}, records {counts}")


def _new_projector(valley: Valley, captions: dict[str, Captions], bank: FeatureBank, arguments: argparse.Namespace) -> Projector:
    texts = [clean_caption(text) for source in captions.values() for item in source.items for text in item.captions[:2]]
    with torch.no_grad():
        shift, scale = embedding_statistics(valley.decoder.embedding, [valley.prompt.answer(text) for text in texts])
    mean, basis = standardise(train_rows(bank, list(captions.values())), arguments.input == "whitened")
    return Projector(mean, basis, shift, scale, arguments.seed)
