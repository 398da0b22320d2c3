"""What a pair reads: configurations, captions with pictures, the published conversations, and which batch sees what."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.data import ROOT
from training.packing import Branch
from training.pairs.config import TowerConfig, read_config
from training.pairs.frames import fit, sample_frames
from training.pairs.material import Material, Sample, open_picture, read_captions, read_material
from training.pairs.plan import MAX_CHAT_TOKENS, PicturePlan, branch_of
from training.pairs.prompt import TemplatePrompt

from .tiny_pair import COLOURS, save_data, save_pair, save_tokenizer, square

EXAMPLE = ROOT / "training" / "pairs" / "valley-7b.json"


def tower(fit: str, size: int = 16) -> TowerConfig:
    return TowerConfig("", -2, 2, size, (0, 0, 0), (1, 1, 1), fit)


def colour_of(picture: np.ndarray) -> str:
    mean = picture.reshape(-1, 3).mean(0)
    return min(COLOURS, key=lambda name: np.abs(mean - np.array(COLOURS[name])).sum())


def test_the_example_is_what_the_paper_pairs(tmp_path: Path) -> None:
    config = read_config(EXAMPLE)
    assert (config.tower.layer, config.tower.grid, config.tower.imageSize, config.pooling) == (-2, 16, 224, "mean")
    tokenizer = save_tokenizer(tmp_path)
    tokenizer.chat_template = config.decoder.chatTemplate
    prompt = TemplatePrompt(tokenizer, "Answer briefly.")
    decode = tokenizer.convert_ids_to_tokens
    assert decode(prompt.prefix())[0] == "<s>"
    assert decode(prompt.answer("Red."))[-1] == "</s>"
    assert decode(prompt.again("What is it?"))[-2:] == decode(prompt.suffix("What is it?"))[-2:]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"pooling": "max"}, "pooling: 'max' is none of mean, importance, delta"),
        ({"colour": 1}, "unknown ['colour']"),
        ({"maxFrames": 0}, "count from 1"),
        ({"decoder": {}}, "decoder: fields missing"),
    ],
)
def test_a_wrong_configuration_is_named(tmp_path: Path, change: dict, complaint: str) -> None:
    path = tmp_path / "pair.json"
    path.write_text(json.dumps(json.loads(EXAMPLE.read_text()) | change))
    with pytest.raises(ValueError) as error:
        read_config(path)
    assert complaint in str(error.value)


def test_models_beside_the_configuration_are_found(tmp_path: Path) -> None:
    config = read_config(save_pair(tmp_path))
    assert config.tower.model == str(tmp_path / "clip")
    assert read_config(EXAMPLE).decoder.model == "lmsys/vicuna-7b-v1.5"


def test_captions_in_a_folder_and_in_an_archive(tmp_path: Path) -> None:
    photos, clips, _ = save_data(tmp_path)
    material = read_captions(photos)
    assert [len(material.of(split)) for split in ("train", "val")] == [8, 4]
    first = material.samples[0]
    assert (first.kind, first.is_clip, first.captions) == ("photo", False, ("A red square.", "It is red."))
    assert colour_of(sample_frames(material, first, 1, tower("crop"))) == "red"
    strips = read_captions(clips)
    assert all(sample.is_clip for sample in strips.samples)
    frames = sample_frames(strips, strips.samples[0], 3, tower("squash"))
    assert [colour_of(frame) for frame in frames] == ["red", "red", "green"]
    assert strips.samples[0].captions == ("A red square, then a green square.",)
    with pytest.raises(FileNotFoundError, match="captions.jsonl"):
        read_captions(tmp_path)


def says(*words: str) -> list[dict[str, str]]:
    return [{"from": "gpt" if index % 2 else "human", "value": value} for index, value in enumerate(words)]


def test_published_conversations_and_what_is_left_out(tmp_path: Path) -> None:
    """The shapes themselves are tested in test_conversations; here what becomes of them."""
    square("red").save(tmp_path / "9.jpg")
    (tmp_path / "webvid").mkdir()
    (tmp_path / "webvid" / "1.mp4").write_bytes(b"")
    rows = [
        {"id": "9", "image": "9.jpg", "conversations": says("<image>\nWhat is on the plate?", "Fruit.", "Which?", "Figs.")},
        {"id": "1", "video": "1.mp4", "source": "webvid", "conversations": says("Describe it.\n<video>", "A boat sails.")},
        {"id": "4", "image": "gone.jpg", "conversations": says("<image>\nWhat?", "That.")},
        {"id": "5", "conversations": says("Who are you?", "Valley.")},
        {"id": "6", "image": "9.jpg", "conversations": says("<image>\nWhat?", "That.")[::-1]},
    ]
    path = tmp_path / "json" / "rows.json"
    path.parent.mkdir()
    path.write_text(json.dumps(rows))
    material = read_material([path], tmp_path)[0]
    photo, video = material.samples
    assert photo.chats == ((("What is on the plate?", "Fruit."), ("Which?", "Figs.")),)
    assert video.chats == ((("Describe it.", "A boat sails."),),)
    assert (photo.kind, photo.media) == ("photo", tmp_path / "9.jpg")
    assert (video.kind, video.media) == ("video", tmp_path / "webvid" / "1.mp4")
    assert material.left_out == {"missing-media": 1, "text-only": 1, "turn-order": 1}


def test_crop_keeps_the_middle_and_squash_the_whole() -> None:
    picture = Image.new("RGB", (300, 100), (0, 0, 0))
    picture.paste((255, 255, 255), (100, 0, 200, 100))
    # At its edges the filter sees a little of what is beside the box, as it does where CLIP resizes first.
    cropped = fit(picture, tower("crop"))
    assert cropped.min() > 230 and cropped[:, 2:-2].min() > 250
    squashed = fit(picture, tower("squash"))
    assert squashed.shape == (16, 16, 3) and squashed[:, :4].max() < 5 and squashed[:, 7:9].min() > 250


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
def test_a_video_gives_frames_in_time_order(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    halves = ["-f", "lavfi", "-i", "color=red:s=64x48:d=1:r=8", "-f", "lavfi", "-i", "color=blue:s=64x48:d=1:r=8"]
    joined = ["-filter_complex", "concat=n=2", "-pix_fmt", "yuv420p", str(path)]
    subprocess.run(["ffmpeg", "-v", "error", *halves, *joined], check=True)
    sample = Sample("clip", "video", path, "train")
    frames = sample_frames(Material([sample], open_picture), sample, 4, tower("crop"))
    assert [colour_of(frame) for frame in frames] == ["red", "red", "blue", "blue"]


class Words:
    """A prompt that is one id a word."""

    def prefix(self) -> list[int]:
        return [1]

    suffix = again = answer = staticmethod(lambda text: list(range(len(text.split()))))


class Marked:
    """A prompt whose ids tell a first question (1), a later one (2) and the words of an answer (from 10 on, then 3) apart."""

    def suffix(self, question: str) -> list[int]:
        return [1]

    def again(self, question: str) -> list[int]:
        return [2]

    def answer(self, text: str) -> list[int]:
        return [*range(10, 10 + len(text.split())), 3]


def test_a_chat_ends_before_the_answer_that_is_too_long() -> None:
    short, long = "two words", "word " * 600
    whole = branch_of(Marked(), (("a", short), ("b", short)))
    assert whole == Branch([1], [[10, 11, 3, 2, 10, 11, 3]], [[True] * 3 + [False] + [True] * 3])
    assert branch_of(Marked(), (("a", short), ("b", long), ("c", short))) == branch_of(Marked(), (("a", short),))
    cut = branch_of(Marked(), (("a", long), ("b", short)))
    assert cut == Branch([1], [list(range(10, 10 + MAX_CHAT_TOKENS))], [[True] * MAX_CHAT_TOKENS])


def test_rows_hold_chats_and_captions_behind_as_many_positions_as_their_frames_take(tmp_path: Path) -> None:
    photos, clips, chats = save_data(tmp_path)
    config = read_config(save_pair(tmp_path / "pair"))
    plan = PicturePlan(read_material([photos, clips, chats], None), Words(), config, 4, 1, "train")
    for _ in range(7):
        batch = plan.next()
        assert all(row.visual == 4 + 16 * 16 + batch.pictures.shape[1] and not row.quotes for row in batch.rows)
        assert all(1 <= len(row.branches) <= 5 for row in batch.rows)
    fixed = plan.fixed(2)
    # Photos have two captions each, clips one; frames of clips are limited by the configuration.
    assert [[len(row.branches) for row in batch.rows] for batch in fixed] == [[2, 2], [1, 1]]
    assert [batch.pictures.shape[1] for batch in fixed] == [1, 4]


def test_every_sample_comes_once_a_round_whatever_the_number_of_processes(tmp_path: Path) -> None:
    photos, clips, chats = save_data(tmp_path)
    config = read_config(save_pair(tmp_path / "pair"))
    materials = read_material([photos, clips, chats], None)
    alone = PicturePlan(materials, Words(), config, 4, 1, "train")
    steps = 28 // 4
    order = [alone.chosen(step) for step in range(2 * steps)]
    for start in (0, steps):
        assert sorted(sum((chosen for chosen, _ in order[start : start + steps]), [])) == list(range(28))
    for index in (0, 1):
        shared = PicturePlan(materials, Words(), config, 4, 1, "train")
        shared.share(index, 2)
        assert [shared.chosen(step) for step in range(steps)] == order[index::2]
    kinds = [{alone.samples[index][1].is_clip for index in chosen} for chosen, _ in order]
    assert all(len(kind) == 1 for kind in kinds)


def test_a_plan_goes_on_with_the_batch_it_would_have_given(tmp_path: Path) -> None:
    photos, clips, _ = save_data(tmp_path)
    config = read_config(save_pair(tmp_path / "pair"))
    materials = read_material([photos, clips], None)
    whole, resumed = (PicturePlan(materials, Words(), config, 2, 1, "train") for _ in range(2))
    batches = [whole.next() for _ in range(8)]
    resumed.restore({"step": 7})
    again = resumed.next()
    assert np.array_equal(again.pictures, batches[7].pictures) and again.rows == batches[7].rows
    assert {1} < {batch.pictures.shape[1] for batch in batches}
    assert whole.state() == resumed.state() == {"step": 8}


def test_a_file_that_cannot_be_read_leaves_its_batch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos, _, _ = save_data(tmp_path)
    config = read_config(save_pair(tmp_path / "pair"))
    (photos / "images" / "p3.png").write_bytes(b"no picture")
    plan = PicturePlan(read_material([photos], None), Words(), config, 8, 1, "train")
    batch = plan.next()
    assert batch.pictures.shape[0] == len(batch.rows) == 7
    assert "left out p3" in capsys.readouterr().err
    for path in (photos / "images").glob("p*.png"):
        path.write_bytes(b"no picture")
    with pytest.raises(ValueError, match="can be read"):
        PicturePlan(read_material([photos], None), Words(), config, 8, 1, "train").next()
