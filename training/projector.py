"""What phase 1 trains: one linear projector and the four marker embeddings around the visual tokens."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn


class Projector(nn.Module):
    """token = x @ weight + bias, and markers [4, 576].

    Trained in a scaled form, so that one learning rate suits it: the input is standardised by fixed statistics of the
    train features (mean and a matrix that divides by the spread, of channels or of principal components) and the output
    is scaled and shifted to the spread of the decoder's embeddings. Those constants fold into weight and bias (`folded`):
    what is exported is one linear layer.
    """

    def __init__(
        self, input_mean: torch.Tensor, input_basis: torch.Tensor, output_shift: torch.Tensor, output_scale: float, seed: int = 0
    ) -> None:
        """input_mean: [1280]; input_basis: [1280, 1280], standardised = (x - mean) @ basis; output_shift: [576]."""
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        width, hidden = input_mean.numel(), output_shift.numel()
        self.register_buffer("input_mean", input_mean.float())
        self.register_buffer("input_basis", input_basis.float())
        self.register_buffer("output_shift", output_shift.float())
        self.register_buffer("output_scale", torch.tensor(float(output_scale)))
        self.weight = nn.Parameter(torch.randn(width, hidden, generator=generator) / width**0.5)
        self.bias = nn.Parameter(torch.zeros(hidden))
        self.marker_offsets = nn.Parameter(torch.randn(4, hidden, generator=generator))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Tower vectors [..., 1280] to visual tokens [..., 576], float32."""
        standardised = (features.float() - self.input_mean) @ self.input_basis
        return (standardised @ self.weight + self.bias) * self.output_scale + self.output_shift

    def markers(self) -> torch.Tensor:
        """Marker embeddings [4, 576]: image start, image end, video start, video end."""
        return self.marker_offsets * self.output_scale + self.output_shift

    @torch.no_grad()
    def folded(self) -> dict[str, torch.Tensor]:
        """{weight [1280, 576], bias [576], markers [4, 576]} with the constants folded in; token = x @ weight + bias."""
        weight = self.input_basis.double() @ self.weight.double() * self.output_scale.double()
        shift = self.bias.double() * self.output_scale.double() + self.output_shift.double()
        bias = shift - self.input_mean.double() @ weight
        return {"weight": weight.float(), "bias": bias.float(), "markers": self.markers().clone()}


    @torch.no_grad()
    def start_from(self, folded: dict[str, torch.Tensor]) -> None:
        """Takes over what another projector learnt, whatever input basis that one was trained in; inverts `folded`."""
        scale, shift = self.output_scale.double(), self.output_shift.double()
        weight, mean = folded["weight"].double(), self.input_mean.double()
        self.weight.copy_(torch.linalg.solve(self.input_basis.double(), weight) / scale)
        self.bias.copy_((folded["bias"].double() + mean @ weight - shift) / scale)
        self.marker_offsets.copy_((folded["markers"].double() - shift) / scale)


class FoldedProjector:
    """The exported form: weight, bias and markers as plain tensors."""

    def __init__(self, tensors: dict[str, torch.Tensor]) -> None:
        self.weight, self.bias, self._markers = tensors["weight"], tensors["bias"], tensors["markers"]

    @classmethod
    def load(cls, path: Path) -> FoldedProjector:
        """Reads projector.pt as `python -m training.phase1` writes it."""
        return cls(torch.load(path, weights_only=True))

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        return features.float() @ self.weight + self.bias

    def markers(self) -> torch.Tensor:
        return self._markers
