"""A training run as a model under evaluation: its checkpoints, and the image tower whose features it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from ..adapter import load_adapter
from ..clip.image_tower import load_image_tower
from ..clip.text_tower import TextTower, embed_texts, load_text_tower
from ..clip.trunk import run_stem
from ..data import CHECKPOINTS, squash
from ..pooling import make_pooling, pooling_kind, take_pack_tensors
from ..projector import FoldedProjector
from ..prompt import DESCRIBE_IMAGE, DESCRIBE_VIDEO, IM_END
from ..retrieval import INTRO, CaptionStore, store_folder
from ..tower import GRID_TOKENS, WIDTH, ImageTower, normalise
from ..valley import Valley
from .model import Subject


def load_valley(folder: Path, dtype: torch.dtype) -> tuple[Valley, FoldedProjector]:
    """The decoder with what a run of phase 1 or 2 learnt (adapter.pt or decoder.pt, pooling), and its projector."""
    tensors = torch.load(folder / "projector.pt", weights_only=True, map_location="cpu")
    kind = pooling_kind(tensors)
    pooling = make_pooling(kind, GRID_TOKENS, WIDTH).eval()
    if kind != "mean":
        take_pack_tensors(pooling, tensors)
    valley = Valley(dtype, pooling=pooling)
    if (folder / "decoder.pt").is_file():
        valley.decoder.take(torch.load(folder / "decoder.pt", weights_only=True, map_location="cpu"))
    if (folder / "adapter.pt").is_file():
        valley.decoder.adapter = load_adapter(valley.decoder, folder / "adapter.pt")
    return valley, FoldedProjector(tensors)


def load_run(run: str, clip: str | None, dtype: torch.dtype, store: Path | None = None) -> Subject:
    """`clip`: the contrastive run of the image tower, None for the ImageNet trunk; `store`: a folder of captions to quote, by
    default the one that `training.retrieval` made for `clip`, where it did.

    Raises FileNotFoundError where a checkpoint is missing.
    """
    valley, projector = load_valley(CHECKPOINTS / run, dtype)
    about = {"run": run, "clip": clip, "dtype": str(dtype).removeprefix("torch.")}
    subject = Subject(
        valley, projector, valley.tokenizer, TorchEyes(clip), about, DESCRIBE_IMAGE, DESCRIBE_VIDEO, valley.tokenizer.token_to_id(IM_END)
    )
    if clip is not None:
        subject.text_tower = TorchTextTower(clip)
        store = store or (store_folder(clip) if store_folder(clip).is_dir() else None)
    if store is not None:
        subject.store, subject.intro = CaptionStore.load(store), INTRO
    return subject


class TorchTextTower:
    """The text tower of a contrastive run, loaded when it is first needed (`training.evaluation.model.TextTower`)."""

    def __init__(self, clip: str) -> None:
        self.clip = clip

    @cached_property
    def _tower(self) -> TextTower:
        return load_text_tower(self.clip)

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        return embed_texts(self._tower, list(texts))


class TorchEyes:
    """The image tower of a contrastive run, or the ImageNet trunk, in float32, loaded when it is first needed
    (`training.evaluation.model.Eyes`)."""

    def __init__(self, clip: str | None) -> None:
        self.clip = clip

    @cached_property
    def _trunk(self) -> ImageTower:
        return ImageTower()

    @cached_property
    def _tower(self) -> nn.Module:
        return load_image_tower(self.clip)

    def __call__(self, frames: Sequence[Image.Image]) -> tuple[torch.Tensor, torch.Tensor | None]:
        pixels = normalise(torch.from_numpy(np.stack([squash(frame.convert("RGB")) for frame in frames])))
        patches, cls, vectors = self._tower(run_stem(self._trunk, pixels))
        return torch.cat([patches, cls[:, None]], 1), vectors if vectors.shape[1] else None
