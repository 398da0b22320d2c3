"""Reading captions as clauses, and saying things in plain sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from ..sampling import plan_indices
from .corpus import Scene, words_of
from .lexicon import THINGS
from .record import MAX_FRAMES, Frame

NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
NUMBER_WORDS = {value: word for word, value in NUMBERS.items()}
COLOURS = "black white brown red blue green yellow orange pink purple grey gray tan blond blonde golden".split()
STOP = set(
    "a an the is are was were be been being of in on at to and or with by for from as that this it its his her their he she they them him some "
    "there while who which into onto over under up down out off near next through around after before very another other one two three while "
    "has have had do does doing not no can will about along across behind beside between front".split()
)
PREPOSITIONS = set(
    """
    in on at with of near by wearing holding carrying from to into onto over under behind beside between and while who that
    as through along across against around during for outside inside up down off
    """.split()
)
# Words in -ing that are no verbs.
NOT_VERBS = set(
    """
    sing bring fling cling sling building ceiling wedding king ring string swing thing something nothing anything everything
    evening morning railing clothing spring wing being dining living swimming boxing wrestling bowling racing parking
    shopping painting drawing sibling siblings during rolling sewing cooking baking frying wing skiing
    """.split()
)
MALE = set("man boy guy gentleman father dad son brother male chef cowboy policeman".split())
FEMALE = set("woman girl lady mother mom daughter sister female actress".split())
YOUNG = set("boy girl child kid baby toddler infant".split())
PEOPLE = {"people", "men", "women", "boys", "girls", "children", "kids", "guys", "ladies", "players", "teams", "friends", "dancers"}
PERSONS = (
    MALE
    | FEMALE
    | YOUNG
    | set(
        """
    person player rider biker cyclist skier surfer skater skateboarder snowboarder singer dancer athlete cook driver worker
    performer climber runner swimmer someone teenager musician guitarist
    """.split()
    )
)
# Whom and what clauses are read about. Any other last word of a subject is most often an adjective or a slip of the pen.
HEADS = PERSONS | PEOPLE | {name for thing in THINGS.values() if thing.salient for name in thing.names if "_" not in name} - {"water", "snow"} | {
    "animal", "animals", "squirrel", "deer", "dolphin", "turtle", "camel", "character", "characters", "cartoon", "band", "crowd", "family", "couple", "team", "chef", "male", "female", "adult",
    "teen", "teenager", "teens", "vehicle", "machine", "robot", "hand", "hands", "soldier", "soldiers", "students", "riders", "bikers", "cyclists", "skiers", "surfers", "skaters", "climbers", "runners", "hikers", "swimmers", "workers",
}  # fmt: skip
CLAUSE = re.compile(
    r"^(An?|The|One|Two|Three|Four|Five|Six|Several|Some|Many|Someone|People|Men|Women|Children|Kids)\b([^.,]*?)(?: (is|are))? ([a-z]+ing)\b(.*)$"
)


# Being in one of these states excludes being in another.
STATES = (
    "sit",
    "stand",
    "kneel",
    "lie",
    "crouch squat",
    "walk hik stroll",
    "run jog sprint rac",
    "jump leap div",
    "swim",
    "fly",
    "climb",
    "rid bik cycl",
    "sleep",
    "danc",
    "fall",
)
STATE_OF = {stem: number for number, stems in enumerate(STATES) for stem in stems.split()}


class Clause(NamedTuple):
    """ "A girl in a pink dress is climbing the stairs." -> subject "A girl in a pink dress", head "girl", doing "climbing the stairs"."""

    subject: str
    head: str
    plural: bool
    doing: str

    @property
    def be(self) -> str:
        return "are" if self.plural else "is"

    @property
    def pronoun(self) -> str:
        return "they" if self.plural or self.head in ("person", "someone") else pronoun(self.head)


def pronoun(head: str) -> str:
    """he, she, it or they for a head noun; "they" for a person whose sex it leaves open."""
    if head in MALE:
        return "he"
    if head in FEMALE:
        return "she"
    return "they" if head in PERSONS or head in PEOPLE else "it"


def head_of(subject: str) -> str:
    """The noun that a noun phrase is about: "a group of young men in suits" -> men."""
    words = words_of(re.sub(r"^(an?|the) (group|pair|couple|bunch|team|crowd|number|lot) of ", "", subject.lower()))
    for position, word in enumerate(words):
        if position and word in PREPOSITIONS:
            words = words[:position]
            break
    return words[-1] if words else ""


def joined(subject: str) -> str:
    """ "people" for two persons joined by "and", "no pair" where "and" joins colours, clothes or the like, "" for other pairs."""
    match = re.match(
        r"^(?:an?|the|one|two|some)? ?((?:[a-z-]+ )*?)([a-z]+) and (?:an? |the |two |his |her )?((?:[a-z-]+ )*)([a-z]+)",
        re.split(r" (?:in|on|at|with|wearing|holding) ", subject.lower())[0],
    )
    if not match or match[2] in COLOURS or match[2] not in HEADS:
        return "no pair"
    return "people" if {match[2], match[4]} <= PERSONS | PEOPLE else ""


def parse(caption: str) -> Clause | None:
    """The first clause of a caption that says what somebody is doing; None where its shape is not plain."""
    match = CLAUSE.match(caption)
    if not match:
        return None
    determiner, middle, be, verb, rest = match.groups()
    if verb in NOT_VERBS or re.search(r",| (is|are)\b", middle):
        return None
    if verb in ("wearing", "holding", "carrying", "standing", "sitting", "dressed") and be is None:
        inner = re.match(r"^(.*?) (is|are) ([a-z]+ing)\b(.*)$", rest)
        if inner:
            middle, be, verb, rest = f"{middle} {verb}{inner[1]}", inner[2], inner[3], inner[4]
        elif verb in ("wearing", "holding", "carrying"):
            # "A man wearing a hat talks": the verb that counts comes later.
            return None
    if re.search(r" (is|are|was|were) |\band (a|an|the) [a-z ]+? [a-z]+ing\b", rest):
        return None
    subject = f"{determiner}{middle}".strip()
    head = head_of(subject)
    if re.search(r"\band\b", subject) and (pair := joined(subject)) != "no pair":
        # "A man and a woman are dancing": the people are.
        if not pair or be == "is":
            return None
        head = pair
    many = determiner.lower() in {*NUMBERS, "several", "some", "many", "people", "men", "women", "children", "kids"} - {"one"}
    group = re.match(r"^(An?|The) (group|pair|couple|bunch|crowd|number|lot) of ", subject)
    plural = bool(many or group or be == "are" or head in PEOPLE)
    if head in ("someone", "somebody"):
        head = "person"
    if head not in HEADS or (be == "is" and plural and not group) or len(subject.split()) > 9:
        return None
    doing = f"{verb}{rest}".rstrip(". ")
    if len(doing.split()) > 16 or verb in ("being", "having"):
        return None
    return Clause(subject, head, plural, doing)


def sentence(text: str) -> str:
    """Capital first, full stop last."""
    text = re.sub(r"\s+", " ", text).strip().rstrip(".,; ")
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def lower_first(text: str) -> str:
    """A caption as a phrase inside a sentence: no full stop, small first letter."""
    text = text.rstrip(". ")
    return text if re.match(r"^(I|TV|[A-Z]{2,})\b", text) else f"{text[:1].lower()}{text[1:]}"


def with_article(noun: str) -> str:
    """ "floor mat" -> "a floor mat"; plurals and masses stay bare."""
    last = noun.split()[-1]
    if (
        last.endswith("s")
        and not last.endswith(("ss", "us", "glass"))
        or last in {"water", "food", "bread", "furniture", "rice", "paper", "soap", "milk", "juice", "meat"}
    ):
        return noun
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def join_list(parts: Sequence[str]) -> str:
    """ "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def content_words(text: str) -> set[str]:
    """The words that carry meaning, each cut to a rough stem so that "runs" and "running" agree."""
    return {stem(word) for word in words_of(text) if word not in STOP}


def stem(word: str) -> str:
    """A rough stem: enough to tell new words from said ones."""
    for ending in ("ing", "ies", "es", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word.rstrip("e")


def frames_at(scene: Scene, count: int) -> tuple[Frame, ...]:
    """T = `count` frames of a scene by the sampling plan; a photo is held."""
    return tuple(Frame(scene.source, scene.id, index) for index in plan_indices(scene.frames, count))


def frames_of(scene: Scene, random: Random) -> tuple[Frame, ...]:
    """A scene's frames, T drawn from 1..16 for a clip; a photo stands alone seven times in ten and is else held still."""
    if scene.is_clip:
        return frames_at(scene, random.randint(1, MAX_FRAMES))
    return frames_at(scene, 1 if random.random() < 0.7 else random.randint(2, MAX_FRAMES))


def medium(frames: Sequence[Frame], scene_is_clip: bool, random: Random) -> str:
    """What to call what is seen: one frame of a photo is a picture, anything that lasts is a video."""
    if scene_is_clip:
        return random.choice(("video", "video", "clip"))
    return random.choice(("picture", "photo", "image")) if len(frames) == 1 else random.choice(("video", "clip", "picture"))
