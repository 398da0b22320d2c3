"""What phase 1 trains: one linear projector, the four marker embeddings around the visual tokens, and when a frame was seen."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

TIME_KNOTS = 5


def time_embeddings(knots: torch.Tensor, frames: int) -> torch.Tensor:
    """What is added to the tokens of T frames, [T, hidden]: the first frame gets the first knot, the last the last, the others
    what lies between by linear interpolation of knots [K, hidden]. One frame alone has no time: zeros.

    Not in the paper, whose frame tokens differ in their position alone; docs/training.md says what it gains.
    """
    if frames == 1:
        return torch.zeros_like(knots[:1])
    places = torch.linspace(0, len(knots) - 1, frames, device=knots.device)
    below = places.long().clamp(max=len(knots) - 2)
    share = (places - below)[:, None]
    return knots[below] * (1 - share) + knots[below + 1] * share


class Projector(nn.Module):
    """token = x @ weight + bias, markers [4, 576] and, where `times` is not None, time knots [5, 576] for the frame tokens.

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
        self.times: nn.Parameter | None = None

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Tower vectors [..., 1280] to visual tokens [..., 576], float32."""
        standardised = (features.float() - self.input_mean) @ self.input_basis
        return (standardised @ self.weight + self.bias) * self.output_scale + self.output_shift

    def markers(self) -> torch.Tensor:
        """Marker embeddings [4, 576]: image start, image end, video start, video end."""
        return self.marker_offsets * self.output_scale + self.output_shift

    @torch.no_grad()
    def start_times(self, knots: torch.Tensor) -> None:
        """Gives frame tokens a time, learnt from here on; knots: [5, 576] as `time_knots` gives them."""
        self.times = nn.Parameter(knots.float() / self.output_scale)

    def time_knots(self) -> torch.Tensor | None:
        """What `time_embeddings` interpolates, [5, 576]."""
        return None if self.times is None else self.times * self.output_scale

    @torch.no_grad()
    def folded(self) -> dict[str, torch.Tensor]:
        """{weight [1280, 576], bias [576], markers [4, 576], perhaps times [5, 576]} with the constants folded in;
        token = x @ weight + bias."""
        weight = self.input_basis.double() @ self.weight.double() * self.output_scale.double()
        shift = self.bias.double() * self.output_scale.double() + self.output_shift.double()
        bias = shift - self.input_mean.double() @ weight
        times = self.time_knots()
        return {"weight": weight.float(), "bias": bias.float(), "markers": self.markers().clone()} | (
            {} if times is None else {"times": times.clone()}
        )

    @torch.no_grad()
    def start_from(self, folded: dict[str, torch.Tensor]) -> None:
        """Takes over what another projector learnt, whatever input basis that one was trained in; inverts `folded`."""
        scale, shift = self.output_scale.double(), self.output_shift.double()
        weight, mean = folded["weight"].double(), self.input_mean.double()
        self.weight.copy_(torch.linalg.solve(self.input_basis.double(), weight) / scale)
        self.bias.copy_((folded["bias"].double() + mean @ weight - shift) / scale)
        self.marker_offsets.copy_((folded["markers"].double() - shift) / scale)
        if "times" in folded:
            self.start_times(folded["times"])


class FoldedProjector:
    """The exported form: weight, bias, markers and perhaps times as plain tensors."""

    def __init__(self, tensors: dict[str, torch.Tensor]) -> None:
        self.weight, self.bias, self._markers = tensors["weight"], tensors["bias"], tensors["markers"]
        self._times = tensors.get("times")

    @classmethod
    def load(cls, path: Path) -> FoldedProjector:
        """Reads projector.pt as `python -m training.phase1` writes it."""
        return cls(torch.load(path, weights_only=True))

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        return features.float() @ self.weight + self.bias

    def markers(self) -> torch.Tensor:
        return self._markers

    def time_knots(self) -> torch.Tensor | None:
        return self._times
