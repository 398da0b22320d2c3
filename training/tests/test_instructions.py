"""Instruction data from a small made-up corpus: reproducible, train and val apart, balanced, and true to captions and order."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from random import Random

import pytest

from training.data import MOTION, ROOT
from training.instructions import generate, order
from training.instructions.conversations import presence_turn
from training.instructions.corpus import Corpus, is_held_out, tidy
from training.instructions.lexicon import THINGS
from training.instructions.presence import Census, balanced, tokens
from training.instructions.record import Record, Turn, from_json, read_records, to_json
from training.motion import PHOTOS, photo_of

from .made_corpus import STEPS, scenes, train, val  # noqa: F401  fixtures


def turns_of(records, type_, *kinds):
    return [(record, turn) for record in records if record.type == type_ for turn in record.turns if not kinds or turn.kind in kinds]


def captions_of(scenes):
    return {(scene.source, scene.id): scene.captions for rows in scenes.values() for scene in rows}


def test_the_same_seed_gives_the_same_lines_and_another_seed_others(scenes, train):
    again = list(map(to_json, generate.follow(generate.train_rules(Corpus("train", scenes), 1))))
    assert again == list(map(to_json, train))
    assert again != list(map(to_json, generate.follow(generate.train_rules(Corpus("train", scenes), 2))))


def test_what_a_scene_shows_is_listed_in_the_same_order_in_every_process():
    """Draws follow the order of dicts; sets of strings have another one in each process."""
    program = (
        "from training.instructions.corpus import Scene\n"
        "from training.instructions.presence import presence\n"
        "caption = 'A dog, a cat, a horse, a car, a bus, a tree, a ball and an umbrella by a bench.'\n"
        "print(list(presence(Scene('flickr8k', 'one', 'train', 1, False, (caption,))).named))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1 and "umbrella" in said.pop()


def test_no_val_item_is_trained_on_and_no_train_item_evaluated(scenes, train, val):
    splits = {(scene.source, scene.id): scene.split for rows in scenes.values() for scene in rows}

    def split_of(frame):
        return splits[(PHOTOS, photo_of(frame.item)) if frame.source == MOTION else (frame.source, frame.item)]

    assert {split_of(frame) for record in train for frame in record.frames} == {"train"}
    assert {split_of(frame) for record in val for frame in record.frames} == {"val"}
    held_out = {f"recipe{number}" for number in range(20) if is_held_out(f"recipe{number}")}
    assert held_out and not any(recipe in record.id.split("/") for record in train for recipe in held_out)
    assert {record.frames[0].item for record in val if record.type == "step_order"} == held_out


def test_ids_are_unique_and_every_type_is_there(train):
    assert len({record.id for record in train}) == len(train)
    assert {record.type for record in train} == {
        "caption",
        "detail",
        "conversation",
        "qa",
        "yesno",
        "action",
        "cause",
        "order",
        "step_order",
        "motion",
        "zoom",
        "change",
        "refusal",
        "text",
    }


def thing_of(turn):
    return next(
        name for name in sorted(THINGS, key=lambda name: -len(name)) if tokens(turn.question) & {name.replace(" ", "_")}
    )


def test_yes_and_no_are_balanced_for_each_thing_and_source(train, val):
    for records in (train, val):
        answers = {}
        for record, turn in turns_of(records, "yesno"):
            answers.setdefault((thing_of(turn), record.frames[0].source), []).append(turn.answers[0].startswith("Yes"))
        assert len(answers) > 3 and {source for _, source in answers} == {"flickr8k", "msrvtt"}
        assert all(sum(said) * 2 == len(said) for said in answers.values())


def test_a_thing_of_one_source_alone_is_not_asked_about(scenes):
    # Were it asked about, "clip" would answer the question: here no clip has a ball.
    clips = [replace(scene, captions=tuple(text for text in scene.captions if "ball" not in text)) for scene in scenes["msrvtt"]]
    census = Census(Corpus("train", scenes | {"msrvtt": clips}))
    drawn = {(name, scene.source) for scene, name, _ in balanced(census, Random(1), 50, 50)}
    assert ("ball", "flickr8k") in drawn and ("ball", "msrvtt") not in drawn


def test_a_chat_asks_about_presence_only_where_both_answers_are_possible(scenes):
    census = Census(Corpus("train", scenes))
    scene = next(scene for scene in census.scenes if scene.captions and census.agreed(scene))
    said = [presence_turn(scene, census, [], "picture", Random(seed)).answers[0].split(",")[0] for seed in range(200)]
    assert 70 < said.count("Yes") < 130 and said.count("Yes") + said.count("No") == 200
    everything = [Turn("What is there?", (" ".join(name for thing in THINGS.values() for name in thing.names),))]
    assert presence_turn(scene, census, everything, "picture", Random(1)) is None


def test_what_is_said_to_be_absent_is_in_no_caption(scenes, train):
    captions = captions_of(scenes)
    said_absent = [
        (record, name)
        for record, turn in [
            *turns_of(train, "yesno"),
            *turns_of(train, "refusal", "absent"),
            *turns_of(train, "conversation", "object", "absent"),
        ]
        for name in THINGS
        if turn.answers[0]
        in (
            f"No, there is no {name}.",
            f"I can't see {THINGS[name].phrase} in the video.",
            f"I can't see {THINGS[name].phrase} in the picture.",
        )
    ]
    assert len(said_absent) > 50
    for record, name in said_absent:
        seen = tokens(" ".join(captions.get((record.frames[0].source, record.frames[0].item), ())))
        assert not seen & (THINGS[name].names | THINGS[name].doubts), (record.id, name)


def test_synonyms_and_what_makes_doubtful_are_no_negatives(scenes):
    census = Census(Corpus("train", scenes))
    (scene,) = [scene for scene in census.scenes if scene.id == "coco_misc__1"]
    assert "dog" in census.agreed(scene) and "man" not in census.absent(scene)
    beach = next(scene for scene in census.scenes if "beach" in scene.captions[0])
    assert "beach" in census.agreed(beach) and "water" not in census.absent(beach)


def test_order_answers_agree_with_the_frames(scenes, train):
    captions = captions_of(scenes)
    checked = 0
    for record, turn in turns_of(train, "order", "first", "last"):
        frame = record.frames[0 if turn.kind == "first" else -1]
        assert set(turn.answers) <= set(captions[frame.source, frame.item])
        checked += 1
    for record, turn in turns_of(train, "step_order", "first", "last"):
        assert turn.answers == (f"{STEPS[record.frames[0 if turn.kind == 'first' else -1].index].capitalize()}.",)
        checked += 1
    assert checked > 60


def test_wrong_answers_are_right_of_the_other_end_or_say_the_opposite(scenes, train):
    captions = captions_of(scenes)
    for record, turn in turns_of(train, "order", "first", "last"):
        frame = record.frames[-1 if turn.kind == "first" else 0]
        assert not turn.wrong or set(turn.wrong) <= set(captions[frame.source, frame.item])
    compared = [turn for record in train for turn in record.turns if turn.wrong]
    assert {"first", "last", "which", "before", "in-order", "object", "whether"} <= {turn.kind for turn in compared}
    for turn in compared:
        assert not set(turn.wrong) & set(turn.answers)
        if turn.kind in ("before", "whether", "object", "small-object"):
            assert len(turn.wrong) == len(turn.answers)
            assert all(one.split(",")[0].split(".")[0] != other.split(",")[0].split(".")[0] for one, other in zip(turn.answers, turn.wrong))


def test_val_order_cancels_any_liking_for_a_wording(val):
    pairs = {}
    for record in val:
        if record.type == "order":
            pairs.setdefault(record.id.split("-")[0], []).append(record)
    assert pairs
    for one, other in pairs.values():
        assert one.turns[0].question == other.turns[0].question and one.frames != other.frames
        assert (one.choice.right, one.choice.wrong) == (other.choice.wrong, other.choice.right)
        assert one.turns[0].answers[0] == one.choice.right


def test_frames_are_sixteen_at_most_in_order_and_stills_stand_still(train):
    for record in train:
        assert len(record.frames) <= 16
        if record.still:
            assert len(set(record.frames)) == 1
        elif record.type in ("caption", "step_order"):
            assert list(record.frames) == sorted(record.frames, key=lambda frame: frame.index)
    assert {len(record.frames) for record in train if record.type == "caption" and not record.still} > {1, 8, 16}


def test_lines_read_back_and_bad_records_are_refused(tmp_path, train):
    path = tmp_path / "records.jsonl"
    path.write_text("".join(to_json(record) + "\n" for record in train[:50]))
    assert list(read_records(path)) == train[:50]
    line = json.loads(to_json(train[0]))
    with pytest.raises(ValueError, match="no such type"):
        from_json(json.dumps(line | {"type": "song"}))
    with pytest.raises(ValueError, match="without question or answer"):
        Record("x", "text", (), False, (Turn("What?", ()),))


def test_captions_are_told_in_one_spelling():
    assert tidy('the "lady s" eyebrows , she doesn t need') == "The lady's eyebrows, she doesn't need."
    assert tidy("a man in a green t-shirt") == "A man in a green t-shirt."


def test_a_sequence_shows_every_part_in_order(scenes):
    parts = order.parts_of(Corpus("train", scenes).captioned("flickr8k"))
    for seed in range(20):
        sequence = order.draw_sequence(parts, 3, Random(seed))
        frames = order.lay_out(sequence, 7, Random(seed))
        assert len(frames) == 7 and list(dict.fromkeys(frame.item for frame in frames)) == [part.scene.id for part in sequence]
        assert all(not one.words & other.words for one in sequence for other in sequence if one is not other)
