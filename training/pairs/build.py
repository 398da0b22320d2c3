"""The parts of a run that trains a pair: the counterpart of `training.nano`."""

from __future__ import annotations

import argparse
from collections import Counter

import torch
from torch import nn

from ..initialise import embedding_statistics, standardise
from ..parts import Parts
from ..pooling import make_pooling
from ..projector import Projector
from ..valley import Model
from .config import PairConfig
from .decoder import CausalDecoder
from .material import TRAIN, VALIDATION, read_material
from .plan import PictureBatch, PicturePlan
from .prompt import TemplatePrompt
from .tower import ClipTower

VALIDATION_ITEMS = 24
STATISTICS_BATCHES = 16


class PairModel(Model):
    """A model whose tower runs in the step: a batch brings pictures instead of cached features."""

    def __init__(self, tower: ClipTower, decoder: CausalDecoder, prompt: TemplatePrompt, pooling: nn.Module) -> None:
        super().__init__(decoder, prompt, tower.grid**2, pooling)
        self.tower = tower

    def move(self, device: torch.device) -> None:
        super().move(device)
        self.tower.to(device)

    def features(self, batch: PictureBatch) -> list[torch.Tensor]:
        """float32 [T, P + 1, width] of each row."""
        patches, cls = self.tower(batch.pictures.flatten(0, 1))
        return list(torch.cat([patches, cls[:, None]], 1).unflatten(0, batch.pictures.shape[:2]))


def load_pair(config: PairConfig, trainable: bool) -> PairModel:
    """Tower, decoder and tokenizer as configured, from folders or the Hugging Face hub."""
    tower = ClipTower.load(config.tower, config.decoder.dtype)
    pooling = make_pooling(config.pooling, tower.grid**2, tower.width)
    return PairModel(tower, CausalDecoder.load(config.decoder, trainable), TemplatePrompt.load(config.decoder), pooling)


def pair_parts(arguments: argparse.Namespace, config: PairConfig, trainable: bool, device: torch.device) -> Parts:
    """The parts of `--pair` on `--data`, the model on `device`; `trainable`: the decoder's own weights are to be trained.

    Raises ValueError or FileNotFoundError where the data are not usable, saying what is wrong.
    """
    materials = read_material(arguments.data, arguments.media)
    model = load_pair(config, trainable)
    model.move(device)
    options = (materials, model.prompt, config, arguments.batch, arguments.seed)
    plan = PicturePlan(*options, TRAIN)
    held_out = any(material.of(VALIDATION) for material in materials)
    validation = {"val": PicturePlan(*options, VALIDATION).fixed(VALIDATION_ITEMS)} if held_out else {}
    projector = _new_projector(model, config, plan, arguments)
    left_out = dict(sum((material.left_out for material in materials), Counter()))
    data = f"{len(plan.samples)} samples, left out {left_out}"
    return Parts(model, projector, plan, validation, data)


@torch.no_grad()
def _new_projector(model: PairModel, config: PairConfig, plan: PicturePlan, arguments: argparse.Namespace) -> Projector:
    """Scaled by the statistics of the first batches, the same in every process."""
    batches = [plan.next() for _ in range(STATISTICS_BATCHES)]
    plan.restore({"step": 0})
    answers = [answer for batch in batches for row in batch.rows for branch in row.branches for answer in branch.answers]
    shift, scale = embedding_statistics(model.decoder.embedding.float().cpu(), answers)
    rows = torch.cat([clip.flatten(0, 1).cpu() for batch in batches for clip in model.features(batch)])
    projector = Projector(*standardise(rows, arguments.input == "whitened"), shift, scale, arguments.seed)
    for index, text in enumerate(config.decoder.markers or ()):
        start = model.decoder.embed(torch.tensor(model.prompt.encode(text))).mean(0).cpu()
        projector.marker_offsets[index] = (start - shift) / scale
    return projector
