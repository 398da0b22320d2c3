"""Evaluation by the features cache, of answers in Chinese, and of pooling over time."""

import json
import lzma

import numpy as np
import pytest
import torch

from training.batches import FeatureBank
from training.evaluation.chinese import QUESTIONS, is_chinese, overlap
from training.evaluation.folders import Sampling
from training.evaluation.from_cache import BankEyes, cached_items, cached_questions
from training.evaluation.from_pack import load_pack
from training.evaluation.pooled import evaluate_pooling
from training.evaluation.records import Predictions
from training.export_golden import features
from training.export_tiny import FOLDER, TOWER
from training.pooling import make_pooling

SAMPLING = Sampling()


def rows(path, *content: dict) -> None:
    with (lzma.open if path.suffix == ".xz" else open)(path, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in content)


def cached_source(tmp_path, monkeypatch) -> FeatureBank:
    """A clip of three frames and a photo in a cache of layer clip; the frame's number is in its vectors."""
    data = tmp_path / "data"
    for source, file, id_, frames in (("msrvtt", "captions.jsonl.xz", "c", 3), ("flickr8k", "captions.jsonl", "p", 1)):
        (data / source).mkdir(parents=True)
        rows(data / source / file, {"id": id_, "split": "val", "n_frames": frames, "captions": ["A dog runs."]})
        folder = tmp_path / "cache" / "clip" / source / "plain"
        folder.mkdir(parents=True)
        numbers = np.arange(frames, dtype=np.float16)
        np.save(folder / "shard-0000.npy", np.tile(numbers[:, None, None], (1, 17, 4)))
        np.save(folder / "embedding-0000.npy", np.tile(numbers[:, None], (1, 2)))
        (folder / "index.json").write_text(json.dumps({"items": [[id_, 0, frames]]}))
    monkeypatch.setenv("VALLEY_DATA", str(data))
    return FeatureBank("clip", tmp_path / "cache")


def test_cached_frames_are_those_that_a_folder_would_show(tmp_path, monkeypatch):
    eyes = BankEyes(cached_source(tmp_path, monkeypatch))
    [clip], [photo] = cached_items("msrvtt", "val"), cached_items("flickr8k", "val")
    assert (clip.is_photo, photo.is_photo, clip.captions) == (False, True, ("A dog runs.",))
    features, vectors = eyes(clip.frames(SAMPLING, 2))
    assert features[:, 0, 0].tolist() == vectors[:, 0].tolist() == [0, 2]
    assert len(clip.frames(SAMPLING, None)) == 3 and len(photo.frames(SAMPLING, None)) == 1
    with pytest.raises(ValueError, match="no items of split"):
        cached_items("msrvtt", "test")


def test_questions_about_cached_frames_keep_their_order(tmp_path, monkeypatch):
    eyes = BankEyes(cached_source(tmp_path, monkeypatch))
    turn = {"question": "Which way?", "answers": ["To the left."]}
    shared = {"type": "motion", "still": False, "turns": [turn], "choice": {"right": "Left.", "wrong": "Right."}}
    rows(
        tmp_path / "val.jsonl",
        shared | {"id": "a", "frames": [["msrvtt", "c", 2], ["msrvtt", "c", 0]]},
        shared | {"id": "b", "frames": [["flickr8k", "p", 0]] * 5, "still": True},
        {"id": "t", "type": "text", "still": False, "frames": [], "turns": [turn]},
    )
    (one, other), left_out = cached_questions(tmp_path / "val.jsonl")
    assert eyes(one.frames(SAMPLING))[0][:, 0, 0].tolist() == [2, 0] and (one.right, one.wrong) == ("Left.", "Right.")
    assert len(other.frames(SAMPLING)) == 1 and left_out == 1


def test_chinese_answers_are_told_from_english_ones():
    assert is_chinese("一个橙色的球。") and is_chinese("他在打 ball 球类运动") and not is_chinese("An orange ball 球") and not is_chinese("?!")
    assert overlap("橙色的球", "一个橙色的球。") == pytest.approx(2 * 4 / (4 + 6))
    assert overlap("An Orange ball.", "orange") == pytest.approx(2 / 4) and overlap("A cat.", "球") == 0
    ids = [json.loads(line)["id"] for line in QUESTIONS.read_text().splitlines()]
    assert len(ids) == len(set(ids)) >= 50


def test_pooling_is_told_by_what_stillness_and_order_do_to_it(tmp_path):
    subject = load_pack(FOLDER / "tiny-mean")
    sizes = TOWER["grid"] ** 2, TOWER["width"]
    shown = {name: features(frames, *sizes) for name, frames in (("c", 4), ("p", 1))}
    clips = {name: torch.cat([patches, cls[:, None]], 1) for name, (patches, cls) in shown.items()}

    class Item:
        def __init__(self, name):
            self.id = name

        def frames(self, *_):
            return [self.id]

    subject.eyes = lambda frames: (clips[frames[0]], None)
    patches = sizes[0]
    found = {}
    for kind in ("mean", "frames"):
        subject.model.pooling = make_pooling(kind, *sizes)
        found[kind] = evaluate_pooling(subject, [Item("c"), Item("p")], Predictions(tmp_path / f"{kind}.jsonl", {}), None)
    assert (found["mean"]["clip_tokens"], found["frames"]["clip_tokens"]) == (4 + patches + 4, 4 + 4 * patches + 4)
    assert found["mean"]["image_tokens"] == found["frames"]["image_tokens"] == 4 + patches + 1
    assert found["mean"]["held"] == pytest.approx(1, abs=1e-4) and found["frames"]["held"] == pytest.approx(1, abs=1e-4)
    assert found["mean"]["backwards"] == pytest.approx(1, abs=1e-4) and found["frames"]["backwards"] < 0.999
