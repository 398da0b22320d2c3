"""The caption store: which captions a clip is quoted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.data import Item
from training.evaluation.quotes import compare
from training.retrieval import CaptionStore, quantise, quotes_text, scenes


def make_store(count: int = 200, seed: int = 1) -> CaptionStore:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((count, 256)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    quantised, scale = quantise(vectors)
    return CaptionStore([f"Caption {i}." for i in range(count)], np.arange(count) // 5, quantised, scale)


def by_definition(store: CaptionStore, frames: np.ndarray, count: int) -> list[str]:
    query = frames.mean(0) / np.linalg.norm(frames.mean(0))
    similarity = (store.vectors.astype(np.float32) * store.scale) @ query.astype(np.float32)
    chosen, used = [], set()
    for index in sorted(range(len(similarity)), key=lambda i: (-similarity[i], i)):
        if store.pictures[index] not in used and len(chosen) < count:
            used.add(store.pictures[index])
            chosen.append(store.captions[index])
    return chosen


def test_nearest_one_a_picture() -> None:
    store, random = make_store(), np.random.default_rng(2)
    for _ in range(20):
        frames = random.standard_normal((4, 256)).astype(np.float32)
        frames /= np.linalg.norm(frames, axis=1, keepdims=True)
        assert store.nearest(frames) == by_definition(store, frames, 3)


def test_own_picture_is_left_out() -> None:
    store = make_store()
    frames = store.vectors[7:8].astype(np.float32) * store.scale
    assert store.nearest(frames)[0] == "Caption 7."
    assert not {f"Caption {i}." for i in range(5, 10)} & set(store.nearest(frames, exclude={1}))


def test_a_store_reads_back_as_written(tmp_path: Path) -> None:
    store = make_store(30)
    store.save(tmp_path)
    again = CaptionStore.load(tmp_path)
    assert again.captions == store.captions and again.scale == store.scale
    np.testing.assert_array_equal(again.vectors, store.vectors)
    np.testing.assert_array_equal(again.pictures, store.pictures)


def test_rounding_keeps_directions() -> None:
    vectors = np.random.default_rng(3).standard_normal((50, 256)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    quantised, scale = quantise(vectors)
    rounded = quantised * scale
    assert ((rounded * vectors).sum(1) / np.linalg.norm(rounded, axis=1) > 0.999).all()


def test_nothing_is_quoted_without_captions() -> None:
    assert quotes_text([]) == ""
    assert quotes_text(["A dog runs.", "A cat sits."]) == "\nSimilar scenes: A dog runs. A cat sits."


def unit(*values: float) -> np.ndarray:
    vector = np.zeros(256, np.float32)
    vector[: len(values)] = values
    return vector / np.linalg.norm(vector)


def test_frames_vote_for_what_most_of_them_show() -> None:
    # Two frames of a dog, one of a cat; a picture of both lies nearest to their mean.
    vectors = np.stack([unit(1), unit(0.96, 0.28), unit(0, 1), unit(0, 0.9, 0.43), unit(0.92, 0.39)])
    store = CaptionStore(["Dog.", "Big dog.", "Cat.", "Old cat.", "Both."], np.array([1, 2, 3, 4, 5]), *quantise(vectors))
    frames = np.stack([unit(1, 0.02), unit(1, 0.01), unit(0.3, 1)])
    assert store.nearest(frames, count=1) == ["Both."]
    store.by = "frames"
    assert store.nearest(frames, count=1) == ["Dog."]
    assert store.nearest(frames, count=1, exclude={1}) == ["Big dog."]
    assert store.nearest(frames[:1]) == CaptionStore.nearest(CaptionStore(store.captions, store.pictures, store.vectors, store.scale), frames[:1])


def test_a_picture_is_quoted_once_by_its_nearest_caption() -> None:
    vectors = np.stack([unit(1), unit(0.9, 0.1), unit(0, 1), unit(0, 0, 1)])
    store = CaptionStore(["One.", "One again.", "Two.", "Three."], np.array([1, 1, 2, 3]), *quantise(vectors))
    store.by = "frames"
    assert store.nearest(np.stack([unit(1, 0, 0.1), unit(0.05, 1)]), count=2) == ["One.", "Two."]


def test_quotes_are_compared_by_how_they_fit(tmp_path: Path) -> None:
    class Bank:
        def embeddings(self, frames):
            return np.stack([unit(1, 0.02), unit(1, 0.01), unit(0.3, 1)])

    vectors = np.stack([unit(1), unit(0, 1), unit(0.92, 0.39)])
    store = CaptionStore(["A dog runs on grass.", "A cat sleeps.", "Two pets meet."], np.array([1, 2, 3]), *quantise(vectors))
    items = [
        Item("msrvtt", "a", "val", 3, ("A dog runs on grass.", "A dog runs."), True),
        Item("msrvtt", "b", "val", 3, ("A bus stops.",), True),
    ]
    figures = compare(store, Bank(), items, 3)  # type: ignore[arg-type]
    assert figures["frames"]["first"] > figures["clip"]["first"] == 0
    assert figures["clip"]["best"] == figures["frames"]["best"] > figures["clip"]["mean"]
    assert (figures["clip"]["differs"], figures["frames"]["differs"]) == (0, 0)


def test_a_clip_is_cut_where_its_frames_change() -> None:
    one, other, third = unit(1, 0.02), unit(0, 1), unit(0, 0, 1)
    assert scenes(np.stack([one, one, one, other, third, third]), 3) == [(0, 3), (3, 4), (4, 6)]
    assert scenes(np.stack([one, one, one, one, other]), 2) == [(0, 4), (4, 5)]
    assert scenes(np.stack([one, other]), 3) == [(0, 1), (1, 2)]
    assert scenes(np.stack([one]), 3) == [(0, 1)]
    # Where all frames are alike any cut is as good: the earliest ones.
    assert scenes(np.stack([one] * 5), 3) == [(0, 1), (1, 2), (2, 5)]


def test_the_best_of_all_ways_to_cut() -> None:
    random = np.random.default_rng(5)
    for total in (4, 7):
        frames = np.stack([unit(*row) for row in random.normal(size=(total, 4))])

        def spread(start: int, end: int) -> float:
            return float(np.square(frames[start:end] - frames[start:end].mean(0)).sum())

        ways = [[(0, a), (a, b), (b, total)] for a in range(1, total) for b in range(a + 1, total)]
        best = min(ways, key=lambda way: sum(spread(*part) for part in way))
        assert scenes(frames, 3) == best


def test_quotes_say_what_comes_first_and_last() -> None:
    vectors = np.stack([unit(1), unit(0.98, 0.2), unit(0, 1), unit(0, 0, 1)])
    store = CaptionStore(["Dog.", "Big dog.", "Cat.", "Horse."], np.array([1, 2, 3, 4]), *quantise(vectors))
    store.by = "time"
    dog, cat, horse = unit(1, 0.01), unit(0, 1), unit(0, 0, 1)
    assert store.nearest(np.stack([dog, dog, cat, horse])) == ["First: Dog.", "Then: Cat.", "Last: Horse."]
    assert store.nearest(np.stack([horse, cat, dog, dog])) == ["First: Horse.", "Then: Cat.", "Last: Dog."]
    assert store.nearest(np.stack([cat, dog]), exclude={1}) == ["First: Cat.", "Last: Big dog."]
    # The ends choose first: what lies between them takes another picture of the same.
    assert store.nearest(np.stack([dog, dog, dog, cat]))[0] == "First: Dog."
    # One frame has no order.
    assert store.nearest(dog[None]) == ["Dog.", "Big dog.", "Cat."]
