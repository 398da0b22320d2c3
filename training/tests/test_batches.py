"""Which items a step sees: each once before any a second time, of several processes each its share."""

from __future__ import annotations

import numpy as np
import pytest

from training.batches import Batch, BatchPlan


class Numbered:
    """A source of `count` items whose features and only caption are the item's number."""

    def __init__(self, count: int, is_clip: bool) -> None:
        self.items, self.is_clip = list(range(count)), is_clip
        self.answers = [[[index, 2]] for index in range(count)]

    def features(self, index: int, count: int, random: np.random.Generator | None) -> np.ndarray:
        return np.full((count, 1, 1), index, np.float16)


def plan(seed: int = 1, index: int = 0, processes: int = 1) -> BatchPlan:
    result = BatchPlan({"photos": (Numbered(8, False), 0.5), "clips": (Numbered(8, True), 0.5)}, 2, seed)
    result.share(index, processes)
    return result


def items(batch: Batch) -> list[int]:
    return [row[0][0] for row in batch.answers]


def seen(plan: BatchPlan, steps: int) -> dict[str, list[int]]:
    result: dict[str, list[int]] = {"photos": [], "clips": []}
    for _ in range(steps):
        before = dict(plan.drawn)
        batch = plan.next()
        name = next(name for name in before if plan.drawn[name] != before[name])
        result[name] += items(batch)
        assert batch.features[:, 0, 0, 0].tolist() == items(batch)
    return result


def test_every_item_once_before_any_twice() -> None:
    for numbers in seen(plan(), 40).values():
        rounds = len(numbers) // 8
        assert rounds >= 2
        for start in range(0, rounds * 8, 8):
            assert sorted(numbers[start : start + 8]) == list(range(8))


def test_processes_share_the_items_of_a_round_and_the_shape_of_a_step() -> None:
    plans = [plan(index=index, processes=2) for index in (0, 1)]
    batches = [[plan.next() for _ in range(30)] for plan in plans]
    assert all(ours.features.shape == theirs.features.shape for ours, theirs in zip(*batches))
    shares = [seen(plan(index=index, processes=2), 30) for index in (0, 1)]
    for name in ("photos", "clips"):
        first, second = (share[name] for share in shares)
        assert len(first) == len(second) >= 4
        for start in range(0, len(first) - 3, 4):
            assert sorted(first[start : start + 4] + second[start : start + 4]) == list(range(8))


@pytest.mark.parametrize("processes", [1, 2])
def test_a_plan_goes_on_where_it_was(processes: int) -> None:
    whole = plan(processes=processes)
    batches = [whole.next() for _ in range(6)]
    resumed = plan(processes=processes)
    for _ in range(4):
        resumed.next()
    again = plan(processes=processes)
    again.restore(resumed.state())
    assert [items(again.next()) for _ in range(2)] == [items(batch) for batch in batches[4:]]
