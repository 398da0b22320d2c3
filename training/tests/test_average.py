"""The mean of two runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.average import average, average_runs


def test_every_weight_by_itself_and_settings_as_they_are(tmp_path: Path) -> None:
    for run, value in (("one", 1.0), ("other", 3.0)):
        (tmp_path / run).mkdir()
        torch.save({"weight": torch.full((2, 2), value)}, tmp_path / run / "projector.pt")
        torch.save({"rank": 4, "modules": {"q": (torch.full((3,), value), torch.full((1,), value))}}, tmp_path / run / "adapter.pt")
    average_runs(tmp_path / "one", tmp_path / "other", 0.75, tmp_path / "mean")
    assert torch.load(tmp_path / "mean" / "projector.pt")["weight"].tolist() == [[2.5, 2.5], [2.5, 2.5]]
    adapter = torch.load(tmp_path / "mean" / "adapter.pt")
    assert adapter["rank"] == 4
    assert [part.tolist() for part in adapter["modules"]["q"]] == [[2.5, 2.5, 2.5], [2.5]]


@pytest.mark.parametrize(
    "other",
    [{"rank": 8, "a": torch.zeros(2)}, {"rank": 4, "a": torch.zeros(3)}, {"rank": 4, "b": torch.zeros(2)}, {"rank": 4, "a": [0.0]}],
    ids=["another rank", "another shape", "another name", "another kind"],
)
def test_runs_that_do_not_match_are_refused(other: dict) -> None:
    with pytest.raises(ValueError, match="the runs"):
        average({"rank": 4, "a": torch.zeros(2)}, other, 0.5)
