"""valley-nano's parts for a run: SmolLM2, the features cache of an image tower, captions and instruction data."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields
from pathlib import Path

import torch

from .batches import (
    CAPTION_SHARES,
    DIALOGUE_SHARES,
    Assembler,
    BatchPlan,
    Captions,
    Dialogues,
    FeatureBank,
    Texts,
    read_dialogues,
    validation_batches,
)
from .data import CACHE, clean_caption
from .features import IMAGENET
from .initialise import embedding_statistics, standardise, train_rows
from .instructions.record import read_records
from .parts import Parts
from .pooling import make_pooling
from .projector import Projector
from .retrieval import By, CaptionStore, store_folder
from .stand_in import TextFeatures, embedder, texts_folder
from .tower import GRID_TOKENS, WIDTH
from .valley import Valley

VALIDATION_ITEMS = 24
INSTRUCTIONS = CACHE / "instructions" / "train.jsonl"
# The decoder holds its matrices in bfloat16 and everything else in float32 by itself: accelerate's autocast would also
# take the projector and the losses to bfloat16.
MIXED_PRECISION = "no"
# One token each.
TIME_WORDS = ((" first", " start", " beginning", " before"), (" then", " next", " middle"), (" last", " end", " finally", " after"))


@dataclass(frozen=True)
class Trial:
    """What is being tried beside the recipe (`training.trial`); arguments of a parser that lacks these keep the recipe's.

    text_only: share of the rows in which a text stands in for the picture; full_frames: no pooling over time; quote_by: whether
    captions are found for the mean of the frames or by their votes; consensus: how much sooner captions are drawn on which people agree;
    tell_order: the pack whose text tower finds which phrase of a question is seen first (`training.phrase_order`).
    """

    text_only: float = 0.0
    full_frames: bool = False
    quote_by: By = "clip"
    consensus: float = 0.0
    tell_order: Path | None = None

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Trial:
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in vars(arguments).items() if name in names})


def open_store(tower: str, wanted: bool, by: By = "clip") -> CaptionStore | None:
    """The captions to quote, embedded by the tower's own text side; none for the ImageNet trunk, which has no such side."""
    if not wanted or tower == IMAGENET:
        return None
    store = CaptionStore.load(store_folder(tower))
    store.by = by
    return store


def check_cached(dialogues: dict[str, Dialogues], bank: FeatureBank) -> None:
    """Raises FileNotFoundError where dialogues show a source that the cache lacks: better now than in the middle of a run."""
    for kind, source in dialogues.items():
        for name in sorted({frame.source for record in source.records for frame in record.frames}):
            if "plain" not in bank.views(name):
                raise FileNotFoundError(
                    f"dialogues of type {kind} show {name}, which {bank.cache / bank.layer} lacks: fill it as the other sources were"
                    f" (--source {name}), or leave the type out with --without {kind}"
                )


def nano_parts(arguments: argparse.Namespace, trainable: bool) -> Parts:
    """Reads everything; `trainable`: the decoder's own weights are to be trained. Raises FileNotFoundError without data."""
    trial = Trial.of(arguments)
    pooling = make_pooling("frames" if trial.full_frames else arguments.pooling, GRID_TOKENS, WIDTH)
    valley = Valley(trainable=trainable, pooling=pooling)
    bank = FeatureBank(arguments.tower, texts=TextFeatures(texts_folder(arguments.tower)) if trial.text_only else None)
    store = open_store(arguments.tower, arguments.quotes, trial.quote_by)
    embed = embedder(arguments.tower, trial.tell_order) if trial.tell_order else None
    assembler = Assembler(valley.prompt, bank, store, trial.full_frames, embed)
    captions = {name: Captions(name, "train", bank, trial.consensus) for name in CAPTION_SHARES}
    shares = CAPTION_SHARES | {kind: share * arguments.dialogues for kind, share in DIALOGUE_SHARES.items()}
    shares |= {name: float(weight) for name, weight in arguments.share}
    sources: dict[str, tuple[Captions | Dialogues | Texts, float]] = {name: (source, shares[name]) for name, source in captions.items()}
    dialogues = read_dialogues(INSTRUCTIONS, arguments.compare) if arguments.dialogues else {}
    dialogues = {kind: source for kind, source in dialogues.items() if kind not in arguments.without}
    check_cached(dialogues, bank)
    sources |= {kind: (source, shares[kind]) for kind, source in dialogues.items()}
    if trial.text_only:
        others = sum(share for _, share in sources.values())
        records = list(read_records(texts_folder(arguments.tower) / "records.jsonl"))
        sources["texts"] = (Texts(records), others * trial.text_only / (1 - trial.text_only))
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
    projector = Projector(mean, basis, shift, scale, arguments.seed)
    if arguments.times:
        projector.start_times(time_words(valley))
    return projector


@torch.no_grad()
def time_words(valley: Valley) -> torch.Tensor:
    """Where time knots [5, 576] start: the decoder's embeddings of words for the beginning, the middle and the end, less what
    they have in common: directions that the decoder knows, in the hope that it takes them up sooner than random ones."""
    means = [
        valley.decoder.embed(torch.tensor([valley.tokenizer.encode(word).ids[0] for word in words])).mean(0) for words in TIME_WORDS
    ]
    start, middle, end = torch.stack(means) - torch.stack(means).mean(0)
    return torch.stack([start, (start + middle) / 2, middle, (middle + end) / 2, end])
