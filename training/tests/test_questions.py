"""Questions by rule: what captions say is answered, what they leave open is not asked."""

import numpy as np

from training.questions import QuestionTable, activities

DOG = ["A dog runs on the grass.", "A brown dog is running across a field."]
MAN = ["A man is playing a guitar in a room.", "The young man is playing a guitar."]


def test_answers_come_from_the_captions():
    table = QuestionTable([DOG] * 25 + [MAN] * 25)
    yes, no = table.groups["Is there a dog?"]
    assert {row for row, _ in yes} == set(range(25)) and {row for row, _ in no} == set(range(25, 50))
    outside, inside = table.groups["Is it outdoors?"]
    assert outside[0] == (0, ["Yes, it is outdoors."]) and inside[0] == (25, ["No, it is indoors."])
    assert table.groups["What is the man doing?"][0][0] == (25, ["The man is playing a guitar in a room.", "The man is playing a guitar."])


def test_rare_questions_are_left_out():
    assert "Is there a dog?" not in QuestionTable([DOG] * 3 + [MAN] * 50).groups


def test_yes_and_no_are_balanced():
    table = QuestionTable([DOG] * 20 + [MAN] * 200)
    random = np.random.default_rng(0)
    drawn = [table.draw(random, 4) for _ in range(400)]
    answers = [answers[0] for question, rows in drawn if question.startswith("Is there") for _, answers in rows]
    assert 0.45 < np.mean([answer.startswith("Yes") for answer in answers]) < 0.55


def test_activities_are_of_the_subject_asked_for():
    assert activities(["A girl is singing.", "The man is cooking rice."], "man") == ["The man is cooking rice."]
