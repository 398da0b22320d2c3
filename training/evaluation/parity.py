"""The PyTorch half of the comparison with the browser: greedy answers in float32 for `npm run evaluate -- --task parity`."""

from __future__ import annotations

from collections.abc import Sequence

from .answers import Decoding
from .captions import describe
from .folders import FolderItem
from .model import Subject
from .records import Predictions

# The first tokens are compared, whole answers scored; no penalty, so that one near-tie does not change what follows twice.
GREEDY = Decoding(beams=1, repetition_penalty=1.0, max_new_tokens=32)


def write_reference(subject: Subject, items: Sequence[FolderItem], predictions: Predictions, quotes: bool) -> dict[str, float]:
    """Adds {id, answer, frames, ids, quotes, margins} for every item; returns how many there are."""
    describe(subject, items, predictions, GREEDY, quotes, None, with_margins=True)
    return {"items": len(items), "tokens": sum(len(predictions[item.id]["ids"]) for item in items)}
