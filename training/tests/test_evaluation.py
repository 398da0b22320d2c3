"""Evaluation: folders and questions as they come, figures, and a pack's model against the reference results of its export."""

import base64
import json
import lzma
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from training.evaluation.answers import Asked, Decoding, answer, forced_logits, mean_log_probabilities
from training.evaluation.folders import MediaFolder, Sampling, load_folder
from training.evaluation.from_pack import OnnxEyes, PackStore, load_pack
from training.evaluation.model import Seen
from training.evaluation.notes import load_notes, ranks_of_own
from training.evaluation.questions import compared, load_questions, means, some_of_each_kind
from training.evaluation.records import Predictions
from training.evaluation.retrieval import ranks
from training.export_golden import features
from training.export_tiny import FOLDER, TOWER
from training.generate import greedy, penalised

SAMPLING = Sampling()
RED, GREEN, BLUE = (250, 0, 0), (0, 250, 0), (0, 0, 250)


def picture(path: Path, *colours: tuple[int, int, int]) -> None:
    """A strip of 8x8 squares."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (8 * len(colours), 8))
    for place, colour in enumerate(colours):
        image.paste(colour, (8 * place, 0, 8 * place + 8, 8))
    image.save(path)


def rows(path: Path, *content: dict) -> None:
    opener = lzma.open if path.suffix == ".xz" else open
    with opener(path, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in content)


def colours(frames: list[Image.Image]) -> list[tuple[int, int, int]]:
    return [frame.getpixel((4, 4)) for frame in frames]


def test_photos_of_an_archive_and_strips_of_a_folder(tmp_path):
    picture(tmp_path / "a.png", RED)
    with tarfile.open(tmp_path / "images.tar", "w") as archive:
        archive.add(tmp_path / "a.png", "deep/a.png")
    (tmp_path / "a.png").unlink()
    picture(tmp_path / "strips" / "b.png", RED, GREEN, BLUE, RED)
    rows(
        tmp_path / "captions.jsonl.xz",
        {"id": "a", "split": "val", "captions": ["A dog.", "A cat."]},
        {"id": "a", "split": "val", "caption": "A cow."},
        {"id": "b", "captions": ["Colours."]},
        {"id": "c", "split": "train", "captions": ["Missing."]},
    )
    photo, strip = load_folder(MediaFolder(tmp_path), "val")
    assert (photo.id, photo.captions, photo.is_photo) == ("a", ("A dog.", "A cat.", "A cow."), True)
    assert colours(photo.frames(SAMPLING, None)) == [RED]
    assert not strip.is_photo
    assert colours(strip.frames(SAMPLING, None)) == [RED, GREEN, BLUE, RED]
    assert colours(strip.frames(SAMPLING, 2)) == [GREEN, RED]
    rows(tmp_path / "captions.jsonl.xz", {"id": "a", "split": "val", "captions": ["A dog."]})
    with pytest.raises(ValueError, match='no rows of split "test"; it has: val'):
        load_folder(MediaFolder(tmp_path), "test")


def test_questions_of_dialogues_and_of_plain_rows(tmp_path):
    picture(tmp_path / "root" / "photos" / "p.png", RED)
    picture(tmp_path / "root" / "clips" / "c.png", RED, GREEN)
    turns, choice = [{"question": "Is it?", "answers": ["Yes."]}], {"right": "Yes, it is.", "wrong": "No, it is not."}
    (tmp_path / "set").mkdir()
    rows(
        tmp_path / "set" / "val.jsonl",
        {"id": "y", "type": "yesno", "frames": [["photos", "p", 0], ["photos", "p", 0]], "still": True, "turns": turns, "choice": choice},
        {"id": "o", "type": "order", "frames": [["clips", "c", 1], ["photos", "p", 0]], "still": False, "turns": turns, "choice": choice},
        {"id": "open", "type": "qa", "frames": [["photos", "p", 0]], "still": True, "turns": [{"question": "What?", "answers": ["A lamp."]}, *turns]},
    )
    questions, left_out = load_questions(tmp_path / "set", "val", tmp_path / "root")
    assert [(question.id, question.kind, colours(question.frames(SAMPLING))) for question in questions] == [
        ("y", "yesno", [RED]),
        ("o", "order", [GREEN, RED]),
        ("open.1", "qa", [RED]),
    ]
    assert (questions[2].right, questions[2].wrong, left_out) == ("Yes.", "No.", 1)

    photos = tmp_path / "root" / "photos"
    rows(
        photos / "qa.jsonl",
        {"id": "p", "qa": [{"q": "Is it red?", "a": "no"}, {"q": "What is it?", "a": "lamp"}, {"q": "Is it big?", "answer": True}]},
        {"id": 7, "image": "p.png", "question": "Cat or dog?", "answer": "a cat", "choices": ["a dog", "a cat"]},
    )
    questions, left_out = load_questions(photos, "val")
    assert [(question.kind, question.right, question.wrong) for question in questions] == [
        ("yesno", "no", "Yes."),
        ("yesno", "yes", "No."),
        ("choice", "a cat", "a dog"),
    ]
    assert left_out == 1
    assert [question.kind for question in some_of_each_kind(questions, 1)] == ["yesno", "choice"]
    assert some_of_each_kind(questions, None) == questions
    alike = [replace(questions[0], id=f"q{at}") for at in range(5)]
    assert [question.id for question in some_of_each_kind(alike, 3)] == ["q0", "q1", "q3"]


def test_what_an_answer_means():
    yes, no = "Yes, there is a dog.", "No, there is no dog."
    assert means("There is one, yes", yes, no)
    assert not means("No, but yes at the end.", yes, no)
    assert not means("", no, yes)
    assert means("The dog comes first.", "A brown dog runs on grass.", "A man climbs a rock.")
    assert not means("A bird.", "A brown dog runs on grass.", "A man climbs a rock.")
    assert compared(no, yes) == ("No", "Yes")
    assert compared("A dog.", "A man.") == ("A dog.", "A man.")


def test_ranks_count_what_is_before_the_best_own_candidate():
    scores = np.array([[0.1, 0.9, 0.5], [0.7, 0.7, 0.7]])
    own = np.array([[True, False, True], [False, False, True]])
    assert ranks(scores, own).tolist() == [2, 3]


def test_a_note_that_is_likely_everywhere_gains_nothing():
    # Note 1 is the likeliest given every clip; against its own mean it stands out nowhere but at its own clip.
    likelihoods = torch.tensor([[-3.0, -1.0, -4.0], [-4.0, -0.5, -4.0], [-4.0, -1.0, -3.5]])
    assert ranks_of_own(likelihoods) == [1, 1, 1]


def test_a_rank_counts_the_notes_before_the_own_one():
    likelihoods = torch.tensor([[-4.0, -2.0, -2.5], [-3.0, -3.0, -3.0], [-3.0, -3.0, -3.0]])
    assert ranks_of_own(likelihoods)[0] == 3


def test_notes_of_clips_that_browsers_refuse_are_left_out(tmp_path):
    for name in ("a.mp4", "b.avi"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "INDEX.tsv").write_text("file\tvcodec\tnote\na.mp4\th264\t A dog runs.\nb.avi\tmpeg4\tA cat sits.\n")
    assert [(clip.id, note) for clip, note in load_notes(MediaFolder(tmp_path))] == [("a.mp4", "A dog runs.")]


def test_predictions_go_on_and_refuse_other_settings(tmp_path):
    path = tmp_path / "p.jsonl"
    Predictions(path, {"beams": 1}).add({"id": "a", "answer": "A dog."})
    with path.open("a") as lines:
        lines.write('{"id": "b", "ans')
    second = Predictions(path, {"beams": 1})
    assert second["a"]["answer"] == "A dog." and "b" not in second
    second.add({"id": "b", "answer": "A cat."})
    assert "b" in Predictions(path, {"beams": 1})
    with pytest.raises(ValueError, match="other settings"):
        Predictions(path, {"beams": 3})
    assert "a" not in Predictions(path, {"beams": 3}, fresh=True)


def test_the_repetition_penalty_moves_what_was_said_towards_less_likely():
    logits = torch.tensor([[2.0, -1.0, 0.5], [2.0, -1.0, 0.5]])
    assert penalised(logits, [[0, 1, 0], []], 2.0).tolist() == [[1.0, -2.0, 0.5], [2.0, -1.0, 0.5]]
    assert logits[0, 0] == 2.0


def golden_decoder(pack: str) -> dict:
    golden = json.loads((FOLDER / "golden.json").read_text())
    return next(entry for entry in golden["decoder"] if entry["pack"] == pack)


@pytest.mark.parametrize("pack", ["tiny-delta", "tiny-mean"])
def test_a_pack_in_pytorch_gives_the_reference_answer(pack):
    """Pooling, projector, adapter, template and decoder, against transformers on the exported bytes."""
    entry = golden_decoder(pack)
    subject = load_pack(FOLDER / pack)
    patches, cls = features(entry["frames"], TOWER["grid"] ** 2, TOWER["width"])
    seen = Seen(torch.cat([patches, cls[:, None]], 1), None, [])
    expected = np.frombuffer(base64.b64decode(entry["visual"]["float32"]), "<f4").reshape(entry["visual"]["shape"])
    visual = subject.model.visual(subject.projector, seen.features[None])[0]
    np.testing.assert_allclose(visual.detach().numpy(), expected, atol=1e-4)
    turn = entry["turns"][0]
    asked = [Asked(name, seen, turn["question"]) for name in ("a", "b")]
    answers = answer(subject, asked, Decoding(max_new_tokens=len(turn["greedy"])))
    assert answers == {"a": turn["greedy"], "b": turn["greedy"]}

    forced = forced_logits(subject, asked[0], [turn["greedy"]])[0]
    assert forced.argmax(-1).tolist() == turn["greedy"]
    texts = [turn["greedy"][:1], turn["greedy"]]
    first = float(forced.log_softmax(-1)[0, turn["greedy"][0]])
    assert mean_log_probabilities(subject, asked[0], texts)[0] == pytest.approx(first, abs=1e-4)


def test_quotes_stand_between_the_clip_and_the_question():
    subject = load_pack(FOLDER / "tiny-mean")
    patches, cls = features(1, TOWER["grid"] ** 2, TOWER["width"])
    plain = Seen(torch.cat([patches, cls[:, None]], 1), None, [])
    quoted = Seen(plain.features, None, ["Two dogs.", "A ball."])
    subject.intro = "Similar scenes:"
    hint = subject.encode("\nSimilar scenes: Two dogs. A ball.")
    without, with_hint = (subject.body(seen, "What is happening?") for seen in (plain, quoted))
    length = 4 + TOWER["grid"] ** 2 + 1
    assert torch.equal(with_hint[:, :length], without[:, :length])
    assert torch.equal(with_hint[:, length + len(hint) :], without[:, length:])
    assert torch.equal(with_hint[0, length : length + len(hint)], subject.model.decoder.embed(torch.tensor(hint)))
    answers = answer(subject, [Asked("p", plain, "What?"), Asked("q", quoted, "What?")], Decoding(max_new_tokens=4))
    prefix = subject.model.prefix(1)
    assert answers["q"] == greedy(subject.model.decoder, prefix, subject.body(quoted, "What?"), subject.end, 4)[0]


def test_the_tower_sees_what_the_manifest_says():
    """A centre crop sees the middle only; a squash sees all."""
    manifests = {name: json.loads((FOLDER / name / "pack.json").read_text())["tower"] for name in ("tiny-mean", "tiny-importance")}
    wide = Image.new("RGB", (144, 36), RED)
    wide.paste(GREEN, (54, 0, 90, 36))
    middle = Image.new("RGB", (36, 36), GREEN)
    outputs = {}
    for name, tower in manifests.items():
        eyes = OnnxEyes(FOLDER / name, tower)
        outputs[name] = [eyes([image])[0] for image in (wide, middle)]
    assert torch.allclose(*outputs["tiny-importance"], atol=1e-4)
    assert not torch.allclose(*outputs["tiny-mean"], atol=1e-2)


def test_a_store_quotes_one_caption_a_picture_nearest_first(tmp_path):
    texts = ["3\tA dog.", "3\tA black dog.", "5\tA cat.", "8\tA cow."]
    vectors = np.array([[100, 0], [127, 0], [70, 70], [0, 127]], np.int8)
    (tmp_path / "t.txt").write_text("\n".join(texts) + "\n")
    (tmp_path / "v.bin").write_bytes(vectors.tobytes())
    entry = {"texts": {"path": "t.txt"}, "vectors": {"path": "v.bin"}, "count": 4, "size": 2, "scale": 1 / 127, "quotes": 2}
    store = PackStore(tmp_path, entry)
    assert store.nearest(np.array([[1.0, 0.0]], np.float32)) == ["A black dog.", "A cat."]
    # The mean of the two frames points between dog and cow, where the cat is; of dog and cow, as near, the earlier follows.
    assert store.nearest(np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)) == ["A cat.", "A black dog."]


def test_a_pack_s_store_can_be_asked_by_frames(tmp_path):
    (tmp_path / "t.txt").write_text("3\tA dog.\n5\tA cat.\n8\tBoth.\n")
    (tmp_path / "v.bin").write_bytes(np.array([[127, 0], [0, 127], [90, 90]], np.int8).tobytes())
    entry = {"texts": {"path": "t.txt"}, "vectors": {"path": "v.bin"}, "count": 3, "size": 2, "scale": 1 / 127, "quotes": 1}
    store = PackStore(tmp_path, entry)
    frames = np.array([[3.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0], [1.0, 0.0]], np.float32)
    assert store.nearest(frames) == ["Both."]
    store.by = "frames"
    assert store.nearest(frames) == ["A dog."]
