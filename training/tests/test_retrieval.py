"""The caption store: which captions a clip is quoted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.retrieval import CaptionStore, quantise, quotes_text


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
