"""valley-nano's parts for a run: SmolLM2, the features cache of the image tower, Flickr8k and MSR-VTT."""

from __future__ import annotations

import argparse

import torch

from .batches import BatchPlan, Source, open_sources, validation_batches
from .initialise import embedding_statistics, standardise, train_rows
from .parts import Parts
from .pooling import make_pooling
from .projector import Projector
from .tower import GRID_TOKENS, WIDTH
from .valley import Valley

VALIDATION_ITEMS = 24
# The decoder holds its matrices in bfloat16 and everything else in float32 by itself: accelerate's autocast would also
# take the projector and the losses to bfloat16.
MIXED_PRECISION = "no"


def nano_parts(arguments: argparse.Namespace, trainable: bool) -> Parts:
    """Reads everything; `trainable`: the decoder's own weights are to be trained. Raises FileNotFoundError without data."""
    pooling = make_pooling(arguments.pooling, GRID_TOKENS, WIDTH)
    valley = Valley(trainable=trainable, pooling=pooling)
    train = open_sources("train", tokenizer=valley.tokenizer, tower=arguments.tower)
    validation = {
        name: validation_batches([source], VALIDATION_ITEMS, arguments.batch)
        for name, source in open_sources("val", False, valley.tokenizer, arguments.tower).items()
    }
    shares = {"flickr8k": arguments.photos, "msrvtt": 1 - arguments.photos}
    sources = {name: (train[name], shares[name]) for name in shares}
    plan = BatchPlan(sources, arguments.batch, arguments.seed, arguments.questions)
    projector = _new_projector(valley, list(train.values()), arguments)
    views = {name: sorted(source.views) for name, source in train.items()}
    return Parts(valley, projector, plan, validation, f"features of {arguments.tower}, views {views}")


def _new_projector(valley: Valley, sources: list[Source], arguments: argparse.Namespace) -> Projector:
    answers = [answer for source in sources for item in source.answers for answer in item]
    with torch.no_grad():
        shift, scale = embedding_statistics(valley.decoder.embedding, answers)
    mean, basis = standardise(train_rows(sources), arguments.input == "whitened")
    return Projector(mean, basis, shift, scale, arguments.seed)
