"""Questions about camera movement: true to where the window goes, and not to be answered from photo or wording."""

import re

from training.motion import FRAMES, photo_of, windows

from .made_corpus import scenes, train, val  # noqa: F401  fixtures


def direction_of(frames):
    """Which way the window goes, from where it really is in the first and the last frame."""
    path = frames[0].item.rpartition("-")[2]
    places = windows(photo_of(frames[0].item), path)
    first, last = places[frames[0].index], places[frames[-1].index]
    if path == "closer":
        return "in" if last.side < first.side else "out"
    across, down = last.left - first.left, last.top - first.top
    return ("right" if across > 0 else "left") if abs(across) > abs(down) else ("down" if down > 0 else "up")


def test_the_camera_moves_as_the_answers_say(train, val):
    checked = {"motion": set(), "zoom": set()}
    for record in [*train, *val]:
        if record.type in checked:
            way = direction_of(record.frames)
            assert re.search(rf"\b{way}\b", record.turns[0].answers[0].lower()), record
            assert not record.choice or re.search(rf"\b{way}\b", record.choice.right) and not re.search(rf"\b{way}\b", record.choice.wrong)
            checked[record.type].add(way)
    assert checked == {"motion": {"left", "right", "up", "down"}, "zoom": {"in", "out"}}


def test_no_wording_and_no_photo_tells_which_way_the_camera_moves(train, val):
    for records in (train, val):
        answers = {}
        for record in records:
            if record.type in ("motion", "zoom", "change"):
                photo = photo_of(record.frames[0].item)
                for turn in record.turns:
                    if turn.kind != "direction":
                        answers.setdefault((photo, record.type, turn.question), []).append(turn.answers[0])
        assert len(answers) > 20
        for (_, _, question), said in answers.items():
            assert len(said) % 2 == 0 and len(set(said)) > 1, question
            if said[0].startswith(("Yes", "No")):
                assert sum(text.startswith("Yes") for text in said) * 2 == len(said)


def test_a_clip_that_stands_still_repeats_one_frame(train, val):
    for records in (train, val):
        said = {True: set(), False: set()}
        for record in records:
            if record.type == "change":
                said[len(set(record.frames)) == 1].add(record.turns[0].answers[0].split(",")[0])
        assert said == {True: {"No"}, False: {"Yes"}}
    assert {len(record.frames) for record in train if record.type == "motion"} >= {2, FRAMES, 16}
