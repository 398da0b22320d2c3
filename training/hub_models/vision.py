"""Image towers with their projectors as the graph `vision_encoder`: pixels in, `image_features` in the text's width out."""

from __future__ import annotations

import torch
from torch import nn


class SmolVlmVision(nn.Module):
    """pixel_values [B, N, 3, H, W], pixel_attention_mask bool [B, N, H, W] -> [B * N, tokens, hidden].

    As `SmolVLMModel.get_image_features`, but for images that are all zero, which are not left out: the app pads with none.
    """

    inputs = ("pixel_values", "pixel_attention_mask")
    axes = {
        "pixel_values": {0: "batch_size", 1: "num_images", 3: "height", 4: "width"},
        "pixel_attention_mask": {0: "batch_size", 1: "num_images", 2: "height", 3: "width"},
        "image_features": {0: "num_images"},
    }

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.tower, self.connector = model.model.vision_model, model.model.connector
        self.patch = model.config.vision_config.patch_size

    def places(self, mask: torch.Tensor) -> torch.Tensor:
        """Position ids [B, rows * columns] of patches that are seen (mask [B, rows, columns]): their share of the image's side."""
        side = self.tower.embeddings.num_patches_per_side
        edges = torch.arange(1 / side, 1.0, 1 / side)

        def buckets(seen: torch.Tensor, count: int) -> torch.Tensor:
            share = torch.clamp(torch.arange(count)[None, :] * (1.0 / seen.sum(1).float())[:, None], max=1.0 - 1e-6)
            return (share[:, :, None] >= edges).long().sum(-1)

        rows, columns = buckets(mask[:, :, 0], mask.shape[1]), buckets(mask[:, 0, :], mask.shape[2])
        return ((rows[:, :, None] * side + columns[:, None, :]) * mask.long()).flatten(1)

    def forward(self, pixel_values: torch.Tensor, pixel_attention_mask: torch.Tensor) -> torch.Tensor:
        pixels = pixel_values.flatten(0, 1)
        mask = nn.functional.max_pool2d(pixel_attention_mask.flatten(0, 1)[:, None].float(), self.patch)[:, 0] > 0
        embeddings = self.tower.embeddings
        hidden = embeddings.patch_embedding(pixels).flatten(2).transpose(1, 2) + embeddings.position_embedding(self.places(mask))
        bias = torch.where(mask.flatten(1)[:, None, None, :], 0.0, torch.finfo(torch.float32).min)
        hidden = self.tower.encoder(inputs_embeds=hidden, attention_mask=bias).last_hidden_state
        return self.connector(self.tower.post_layernorm(hidden))


class OnevisionVision(nn.Module):
    """pixel_values [B, 3, H, W] -> [B, patches, hidden]: every patch of the last layer, projected. The clip's own way pools after it."""

    inputs = ("pixel_values",)
    axes = {"pixel_values": {0: "batch_size"}, "image_features": {0: "batch_size"}}

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.tower, self.projector = model.model.vision_tower, model.model.multi_modal_projector

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        return self.projector(self.tower(pixel_values).last_hidden_state)


class FastVlmVision(nn.Module):
    """pixel_values [B, 3, H, W] -> [B, cells, hidden]."""

    inputs = ("pixel_values",)
    axes = {"pixel_values": {0: "batch_size"}, "image_features": {0: "batch_size"}}

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.tower, self.projector = model.model.vision_tower, model.model.multi_modal_projector

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        cells = self.tower(pixel_values).last_hidden_state
        return self.projector(cells.flatten(2).permute(0, 2, 1))


def resampling(length: torch.Tensor, size: int, count: int) -> torch.Tensor:
    """[B, count, size]: rows that stretch `size` positions to length[b], as torch's antialiased bilinear interpolation does.

    Row i < length[b] has the weights of output i (a triangle around its place, widened where there are fewer than `size`); later
    rows are of no meaning.
    """
    scale = size / length.float()[:, None]
    width = torch.clamp(scale, min=1.0)
    centres = (torch.arange(count)[None, :] + 0.5) * scale - 0.5
    distances = (torch.arange(size)[None, None, :] - centres[:, :, None]).abs() / width[:, :, None]
    weights = torch.clamp(1 - distances, min=0.0)
    return weights / torch.clamp(weights.sum(-1, keepdim=True), min=1e-6)


class Lfm2VlVision(nn.Module):
    """pixel_values [B, N, 3 * patch²], pixel_attention_mask int64 [B, N], spatial_shapes int64 [B, 2] -> [tokens of all, hidden].

    The same numbers as `Lfm2VlModel.get_image_features` without its loop over images: positions are stretched by two matrices an
    image, and pixel unshuffling gathers the four patches of each token.
    """

    inputs = ("pixel_values", "pixel_attention_mask", "spatial_shapes")
    axes = {
        "pixel_values": {0: "batch_size", 1: "max_num_patches"},
        "pixel_attention_mask": {0: "batch_size", 1: "max_num_patches"},
        "spatial_shapes": {0: "batch_size"},
        "image_features": {0: "num_image_tokens"},
    }

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        tower = model.model.vision_tower
        self.tower = getattr(tower, "vision_model", tower)
        self.projector = model.model.multi_modal_projector
        self.factor = model.config.downsample_factor

    def positions(self, shapes: torch.Tensor, count: int) -> torch.Tensor:
        """Position embeddings [B, count, width] of images of these shapes, row by row."""
        embeddings = self.tower.embeddings
        side = embeddings.position_embedding_size
        grid = embeddings.position_embedding.weight.reshape(side, side, -1)
        places = torch.arange(count)[None, :]
        columns = shapes[:, 1:]
        take = lambda rows, index: rows.gather(1, index[:, :, None].expand(-1, -1, side))
        down = take(resampling(shapes[:, 0], side, count), places // columns)
        across = take(resampling(shapes[:, 1], side, count), places % columns)
        weights = (down[:, :, :, None] * across[:, :, None, :]).flatten(2)
        return weights @ grid.flatten(0, 1)

    def forward(self, pixel_values: torch.Tensor, pixel_attention_mask: torch.Tensor, spatial_shapes: torch.Tensor) -> torch.Tensor:
        count = pixel_values.shape[1]
        hidden = self.tower.embeddings.patch_embedding(pixel_values) + self.positions(spatial_shapes, count)
        bias = torch.where(pixel_attention_mask[:, None, None, :] > 0, 0.0, torch.finfo(torch.float32).min)
        hidden = self.tower.encoder(inputs_embeds=hidden, attention_mask=bias).last_hidden_state
        hidden = self.tower.post_layernorm(hidden)
        columns = spatial_shapes[:, 1:] // self.factor
        token = torch.arange(count // self.factor**2)[None, :]
        first = (token // columns) * self.factor * spatial_shapes[:, 1:] + (token % columns) * self.factor
        patches = []
        for row in range(self.factor):
            for column in range(self.factor):
                index = (first + row * spatial_shapes[:, 1:] + column).clamp(0, count - 1)
                patches.append(hidden.gather(1, index[:, :, None].expand(-1, -1, hidden.shape[2])))
        features = torch.cat(patches, dim=-1)
        features = features[token < (spatial_shapes.prod(-1, keepdim=True) // self.factor**2)]
        if self.projector.use_layer_norm:
            features = self.projector.layer_norm(features)
        return self.projector.linear_2(self.projector.act(self.projector.linear_1(features)))


VISION_GRAPHS = {"smolvlm": SmolVlmVision, "llava-onevision": OnevisionVision, "fastvlm": FastVlmVision, "lfm2-vl": Lfm2VlVision}
