"""EfficientNet-Lite2 cut in two: a frozen stem, whose output is cached, and a tail that contrastive training fine-tunes.

The cut lies where the grid is still 14x14x120, before block 15: everything after it costs a fifth of the trunk and holds
most of its weights. In the tail only the pointwise convolutions learn; as linear layers over the last axis they run and
differentiate in bfloat16 at the speed of a matrix product. The depthwise kernels stay as they are: their gradients cost
more on a CPU than all the rest.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from training.tower import WIDTH, ImageTower

CUT = 15
STEM_SIDE, STEM_CHANNELS = 14, 120
TAIL_SIDE = 7


class Depthwise(torch.autograd.Function):
    """Depthwise convolution of [B, C, H, W] with a fixed kernel; its input gradient is one more depthwise convolution."""

    @staticmethod
    def forward(ctx, x, weight, bias, stride, padding):
        ctx.save_for_backward(weight)
        ctx.stride, ctx.padding, ctx.size = stride, padding, x.shape[2:]
        return F.conv2d(F.pad(x, padding), weight, bias, stride, groups=x.shape[1])

    @staticmethod
    def backward(ctx, gradient):
        (weight,) = ctx.saved_tensors
        if ctx.stride > 1:
            spread = gradient.new_zeros(*gradient.shape[:2], *((side - 1) * ctx.stride + 1 for side in gradient.shape[2:]))
            spread = spread.contiguous(memory_format=torch.channels_last)
            spread[:, :, :: ctx.stride, :: ctx.stride] = gradient
            gradient = spread
        kernel, (left, _, top, _) = weight.shape[-1], ctx.padding
        height, width = ctx.size
        first_x, first_y = kernel - 1 - left, kernel - 1 - top
        last_x = width + kernel - 1 - gradient.shape[3] - first_x
        last_y = height + kernel - 1 - gradient.shape[2] - first_y
        padded = F.pad(gradient, (first_x, last_x, first_y, last_y))
        return F.conv2d(padded, weight.flip(2, 3), groups=weight.shape[0]), None, None, None, None


class TailBlock(nn.Module):
    """One inverted bottleneck: expand, depthwise, project; residual where the shapes allow it."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.expand = nn.Parameter(block._expand_conv.weight[:, :, 0, 0].detach().clone())
        self.expand_bias = nn.Parameter(block._expand_conv.bias.detach().clone())
        self.project = nn.Parameter(block._project_conv.weight[:, :, 0, 0].detach().clone())
        self.project_bias = nn.Parameter(block._project_conv.bias.detach().clone())
        depthwise = block._depthwise_conv
        self.register_buffer("kernel", depthwise.weight.detach().clone(), persistent=False)
        self.register_buffer("kernel_bias", depthwise.bias.detach().clone(), persistent=False)
        self.stride = depthwise.stride[0]
        self.padding = tuple(getattr(depthwise.static_padding, "padding", (0, 0, 0, 0)))
        self.residual = self.stride == 1 and self.project.shape[0] == self.expand.shape[1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu6(F.linear(x, self.expand.to(x.dtype), self.expand_bias.to(x.dtype))).permute(0, 3, 1, 2)
        y = Depthwise.apply(y, self.kernel.to(x.dtype), self.kernel_bias.to(x.dtype), self.stride, self.padding)
        y = F.relu6(y).permute(0, 2, 3, 1)
        y = F.linear(y, self.project.to(x.dtype), self.project_bias.to(x.dtype))
        return x + y if self.residual else y


class Tail(nn.Module):
    """From the stem's grid [B, 14, 14, 120] to the last stage [B, 7, 7, 1280], channels last."""

    def __init__(self, tower: ImageTower) -> None:
        super().__init__()
        network = tower.network
        self.blocks = nn.ModuleList(TailBlock(block) for block in network._blocks[CUT:])
        self.head = nn.Parameter(network._conv_head.weight[:, :, 0, 0].detach().clone())
        self.head_bias = nn.Parameter(network._conv_head.bias.detach().clone())

    def forward(self, grid: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            grid = block(grid)
        return F.relu6(F.linear(grid, self.head.to(grid.dtype), self.head_bias.to(grid.dtype)))

    @torch.no_grad()
    def write_into(self, tower: ImageTower) -> None:
        """Puts the learnt weights back into the whole network, for export."""
        network = tower.network
        pairs = [(network._conv_head, self.head, self.head_bias)]
        for mine, block in zip(self.blocks, network._blocks[CUT:]):
            pairs.append((block._expand_conv, mine.expand, mine.expand_bias))
            pairs.append((block._project_conv, mine.project, mine.project_bias))
        for convolution, weight, bias in pairs:
            convolution.weight.copy_(weight[:, :, None, None])
            convolution.bias.copy_(bias)


def run_stem(tower: ImageTower, pixels: torch.Tensor) -> torch.Tensor:
    """Normalised pixels [B, 3, 224, 224] to the grid at the cut, [B, 14, 14, 120]."""
    network = tower.network
    x = network._swish(network._conv_stem(pixels))
    for block in network._blocks[:CUT]:
        x = block(x)
    return x.permute(0, 2, 3, 1)


def grid_tokens(stage: torch.Tensor, grid: int = 4) -> torch.Tensor:
    """Last stage [B, 7, 7, 1280] average-pooled to patch tokens [B, grid * grid, 1280], row-major."""
    return F.adaptive_avg_pool2d(stage.permute(0, 3, 1, 2), grid).flatten(2).transpose(1, 2)


__all__ = ["STEM_CHANNELS", "STEM_SIDE", "TAIL_SIDE", "WIDTH", "Depthwise", "Tail", "grid_tokens", "run_stem"]
