"""A first set of questions with short answers, derived from human captions by rule: object, place, who, doing.

Phase 2 mixes them with captions so that the adapter learns to answer what was asked. The instruction data proper
(conversation, order, causes, refusals, hard negatives) is larger work than these four rules.
"""

from __future__ import annotations

import re
from collections import defaultdict

import numpy as np

# Salient things: where no caption of five to twenty mentions one, it is very likely not there.
OBJECTS = {
    "a dog": "dog dogs puppy", "a cat": "cat cats kitten", "a horse": "horse horses", "a car": "car cars truck van vehicle suv",
    "a bicycle": "bike bikes bicycle bicycles bicyclist cyclist biker bmx", "a baby": "baby babies infant toddler", "a guitar": "guitar guitars guitarist",
    "a boat": "boat boats kayak canoe ship", "a ball": "ball balls football basketball soccer baseball tennis volleyball",
    "a motorcycle": "motorcycle motorbike motorcyclist dirtbike", "a skateboard": "skateboard skateboarder skateboarding skateboards",
    "snow": "snow snowy ski skis skier skiing snowboard snowboarder sled", "water": "water pool lake ocean river sea swimming swim surf surfer wave waves beach",
    "a woman": "woman women lady girl girls female ladies she her", "a man": "man men guy guys male boy boys he his",
    "a child": "child children kid kids boy boys girl girls baby toddler",
    "food": "food cooking cook cooks eating eat eats meal dish recipe pan bowl kitchen vegetables meat cake ingredients",
}  # fmt: skip
OUTDOORS = set("beach ocean field grass grassy park street road mountain mountains snow snowy river lake sand forest woods trail yard sidewalk outside outdoors sky hill trees garden surf ski track".split())  # fmt: skip
INDOORS = set("kitchen room indoors indoor inside office gym stage studio couch sofa bed bedroom restaurant bar classroom".split())
SUBJECTS = ("man", "woman", "boy", "girl", "dog", "child", "person")
SUBJECT = re.compile(r"^((?:an?|the|two|three|four|several|some) [a-z ,'-]*?) (?:is|are) ", re.IGNORECASE)
SUBJECT_WORDS = 8
DOING = re.compile(rf"^(?:an?|the) (?:[a-z-]+ )?({'|'.join(SUBJECTS)}) is ([a-z]+ing\b[^.]*)", re.IGNORECASE)

Answers = list[tuple[int, list[str]]]


def words(captions: list[str]) -> set[str]:
    return {word for caption in captions for word in re.findall(r"[a-z]+", caption.lower())}


class QuestionTable:
    """question -> groups of (row, answers); a step draws its rows evenly from the groups, so yes and no are balanced."""

    def __init__(self, captions: list[list[str]]) -> None:
        self.groups: dict[str, list[Answers]] = {}
        self.kinds: dict[str, list[str]] = defaultdict(list)
        vocabulary = [words(texts) for texts in captions]
        for thing, names in OBJECTS.items():
            known = set(names.split())
            yes = [(row, [f"Yes, there is {thing}."]) for row, seen in enumerate(vocabulary) if seen & known]
            no = [(row, [f"No, I can't see {thing}."]) for row, seen in enumerate(vocabulary) if not seen & known]
            self._add("object", f"Is there {thing}?", yes, no)
            self._add("object", f"Can you see {thing}?", yes, no)
        outside = [row for row, seen in enumerate(vocabulary) if seen & OUTDOORS and not seen & INDOORS]
        inside = [row for row, seen in enumerate(vocabulary) if seen & INDOORS and not seen & OUTDOORS]
        for question, out, within in (
            ("Is it outdoors?", "Yes, it is outdoors.", "No, it is indoors."),
            ("Is this indoors?", "No, it is outdoors.", "Yes, it is indoors."),
            ("Where is this?", "It is outdoors.", "It is indoors."),
            ("Is it indoors or outdoors?", "It is outdoors.", "It is indoors."),
        ):
            self._add("place", question, [(row, [out]) for row in outside], [(row, [within]) for row in inside])
        who = [(row, unique(SUBJECT.match(text) for text in texts)) for row, texts in enumerate(captions)]
        for question in ("Who is in it?", "Who can you see?"):
            self._add("who", question, [entry for entry in who if entry[1]])
        for subject in SUBJECTS:
            doing = [(row, activities(texts, subject)) for row, texts in enumerate(captions)]
            self._add("doing", f"What is the {subject} doing?", [entry for entry in doing if entry[1]])

    def _add(self, kind: str, question: str, *groups: Answers) -> None:
        if all(len(group) >= 20 for group in groups):
            self.groups[question] = list(groups)
            self.kinds[kind].append(question)

    def draw(self, random: np.random.Generator, rows: int) -> tuple[str, Answers]:
        """A question, its kind drawn first, and `rows` rows with their answers."""
        kinds = sorted(self.kinds)
        questions = self.kinds[kinds[random.integers(len(kinds))]]
        question = questions[random.integers(len(questions))]
        groups = self.groups[question]
        order = random.permutation(rows) % len(groups)
        return question, [groups[group][random.integers(len(groups[group]))] for group in order]


def unique(matches) -> list[str]:
    """The matched noun phrases as sentences, each once."""
    return list(dict.fromkeys(match[1][:1].upper() + match[1][1:] + "." for match in matches if match and len(match[1].split()) <= SUBJECT_WORDS))


def activities(captions: list[str], subject: str) -> list[str]:
    """What captions say that the subject is doing."""
    matches = [match for match in map(DOING.match, captions) if match and match[1].lower() == subject]
    return list(dict.fromkeys(f"The {subject} is {match[2].strip()}." for match in matches))
