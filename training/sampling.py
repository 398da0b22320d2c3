"""The sampling plan: which moments of a clip the model sees. The browser follows the same rule.

    python -m training.sampling     rewrites tests/fixtures/sampling-plan.json, the vectors both sides are tested with
"""

from __future__ import annotations

import json
import math
from pathlib import Path

FIXTURE = Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "sampling-plan.json"


def frame_count(duration: float, frames_per_second: float, minimum: int, maximum: int, budget: int) -> int:
    """T = clamp(ceil(duration * frames_per_second), minimum, maximum), then at most `budget`, never below 1.

    A duration that is not a positive finite number (a still image, an unknown length) gives 1.
    """
    if not (math.isfinite(duration) and duration > 0):
        return 1
    wanted = min(max(math.ceil(duration * frames_per_second), minimum), maximum)
    return max(1, min(wanted, budget))


def plan_timestamps(duration: float, frames_per_second: float, minimum: int, maximum: int, budget: int) -> list[float]:
    """Sorted presentation timestamps in seconds: the midpoints (i + 0.5) / T * duration. [0] for no usable duration."""
    if not (math.isfinite(duration) and duration > 0):
        return [0.0]
    count = frame_count(duration, frames_per_second, minimum, maximum, budget)
    return [(index + 0.5) / count * duration for index in range(count)]


def plan_indices(frames: int, count: int) -> list[int]:
    """The same rule on a strip of `frames` frames: floor((i + 0.5) / T * frames) for T = `count`."""
    if frames < 1 or count < 1:
        raise ValueError(f"a plan needs frames and a count of at least 1, not {frames} and {count}")
    return [math.floor((index + 0.5) / count * frames) for index in range(count)]


def vectors() -> list[dict]:
    """The shared test vectors."""
    cases = [
        (0.0, 1.0, 1, 16, 16),
        (math.nan, 1.0, 1, 16, 16),
        (math.inf, 1.0, 1, 16, 16),
        (-3.0, 1.0, 1, 16, 16),
        (0.04, 1.0, 1, 16, 16),
        (1.0, 1.0, 1, 16, 16),
        (1.001, 1.0, 1, 16, 16),
        (9.79, 1.0, 1, 16, 16),
        (10.0, 1.0, 1, 16, 16),
        (10.0, 0.5, 1, 16, 16),
        (10.0, 2.0, 1, 16, 16),
        (10.0, 1.0, 1, 16, 8),
        (600.0, 1.0, 1, 16, 16),
        (3600.0, 1.0, 1, 16, 4),
        (2.0, 1.0, 8, 16, 16),
        (2.0, 1.0, 8, 16, 3),
        (5.0, 1.0, 1, 16, 0),
        (33.0, 1.0, 1, 64, 33),
    ]
    keys = ("duration", "framesPerSecond", "min", "max", "budget")
    rows = []
    for case in cases:
        # JSON has no NaN or Infinity: they are written as strings that `Number(...)` and `float(...)` both read.
        duration = case[0] if math.isfinite(case[0]) else {"nan": "NaN", "inf": "Infinity"}[str(case[0])]
        rows.append(dict(zip(keys, (duration, *case[1:]))) | {"timestamps": plan_timestamps(*case)})
    return rows


def main() -> None:
    FIXTURE.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(f"  {json.dumps(row)}" for row in vectors())
    FIXTURE.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
