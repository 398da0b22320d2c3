"""The order of a question's phrases: the same cases that the browser is held to."""

from __future__ import annotations

import json

import numpy as np
import pytest

from training.data import ROOT
from training.phrase_order import in_time, phrases_of, told, with_order

CASES = json.loads((ROOT / "tests" / "fixtures" / "phrase-order.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES["questions"], ids=lambda case: case["asked"])
def test_phrases(case):
    assert phrases_of(case["asked"]) == (tuple(case["phrases"]) if case["phrases"] else None)


@pytest.mark.parametrize("case", CASES["clips"], ids=lambda case: case["why"])
def test_in_time(case):
    names = ("one", "other")
    found = in_time(names, np.array(CASES["texts"], np.float32), np.array(case["frames"], np.float32))
    assert found == (tuple(names[at] for at in case["order"]) if case["order"] else None)


@pytest.mark.parametrize("case", CASES["told"], ids=lambda case: case["asked"])
def test_told(case):
    assert told(case["asked"], tuple(case["order"])) == case["text"]


def test_with_order_leaves_alone_what_asks_for_none_and_what_cannot_be_told():
    texts = np.array(CASES["texts"], np.float32)
    frames = np.array([[0.9, 0.1], [0.1, 0.9]], np.float32)
    asked = "Which comes first, b or a?"
    assert with_order(asked, frames, lambda _: texts[::-1]) == f"{asked} First: A."
    assert with_order(asked, frames[:1], lambda _: texts) == asked
    assert with_order(asked, None, None) == asked

    def embed(_):
        raise AssertionError("nothing to look for")

    assert with_order("What happens?", frames, embed) == "What happens?"
