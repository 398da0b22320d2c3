"""The image tower of a pair: a CLIP vision transformer, frozen."""

from __future__ import annotations

import torch
from torch import nn
from transformers import CLIPVisionModel

from .config import DTYPES, TowerConfig


class ClipTower(nn.Module):
    """Input: uint8 [N, size, size, 3] RGB. Output: (patches float32 [N, grid * grid, width] row-major, cls float32 [N, width]).

    Both from the output of layer `layer`, as the paper takes them (the last but one), before any norm.
    """

    def __init__(self, model: CLIPVisionModel, config: TowerConfig) -> None:
        """Raises ValueError where the model has no such layer, image size or grid."""
        super().__init__()
        layers = model.encoder.layers
        own = model.config.image_size // model.config.patch_size
        if len(layers) + 1 + config.layer < 0:
            raise ValueError(f"layer {config.layer} of a tower with {len(layers)} layers")
        if config.imageSize != model.config.image_size or config.grid > own:
            raise ValueError(f"a grid of {config.grid} at {config.imageSize} pixels: the tower has {own} at {model.config.image_size}")
        # What comes behind the layer that is read need not be computed.
        model.encoder.layers = layers[: len(layers) + 1 + config.layer]
        self.model = model.eval().requires_grad_(False)
        self.own_grid, self.grid = own, config.grid
        self.width = model.config.hidden_size
        self.register_buffer("mean", torch.tensor(config.mean), persistent=False)
        self.register_buffer("std", torch.tensor(config.std), persistent=False)

    @classmethod
    def load(cls, config: TowerConfig, dtype: str) -> ClipTower:
        """Reads the weights from a folder or from the Hugging Face hub."""
        return cls(CLIPVisionModel.from_pretrained(config.model, dtype=DTYPES[dtype]), config)

    @torch.no_grad()
    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        pixels = (pictures.to(self.mean.device).float() / 255 - self.mean) / self.std
        hidden = self.model(pixel_values=pixels.permute(0, 3, 1, 2).to(self.model.dtype)).last_hidden_state.float()
        patches = hidden[:, 1:].transpose(1, 2).unflatten(2, (self.own_grid, self.own_grid))
        return nn.functional.adaptive_avg_pool2d(patches, self.grid).flatten(2).transpose(1, 2), hidden[:, 0]
