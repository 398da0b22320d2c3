import json
import math

import pytest

from training.sampling import FIXTURE, plan_indices, plan_timestamps, vectors


def test_fixture_is_what_the_rule_gives():
    assert json.loads(FIXTURE.read_text()) == json.loads(json.dumps(vectors()))


@pytest.mark.parametrize("row", json.loads(FIXTURE.read_text()), ids=lambda row: f"{row['duration']}s")
def test_timestamps_are_sorted_midpoints_inside_the_clip(row):
    duration = float(row["duration"])
    stamps = plan_timestamps(duration, row["framesPerSecond"], row["min"], row["max"], row["budget"])
    assert stamps == row["timestamps"]
    if not (math.isfinite(duration) and duration > 0):
        assert stamps == [0.0]
        return
    assert 1 <= len(stamps) <= max(1, min(row["max"], row["budget"]))
    edges = [0.0, *[(a + b) / 2 for a, b in zip(stamps, stamps[1:])], duration]
    for stamp, start, end in zip(stamps, edges, edges[1:]):
        assert start < stamp < end
        assert stamp == pytest.approx((start + end) / 2)


def test_indices_follow_the_same_rule():
    assert plan_indices(8, 8) == list(range(8))
    assert plan_indices(2, 1) == [1]
    assert plan_indices(2, 5) == [0, 0, 1, 1, 1]
    assert plan_indices(6, 4) == [0, 2, 3, 5]


@pytest.mark.parametrize(("frames", "count"), [(0, 1), (4, 0)])
def test_an_empty_plan_is_refused(frames, count):
    with pytest.raises(ValueError):
        plan_indices(frames, count)
