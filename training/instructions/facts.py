"""Questions with short answers that the captions, labels and object counts give: doing, object, colour, count, place, who."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from random import Random

from . import phrasings
from .corpus import Corpus, Scene
from .descriptions import kin
from .labels import asked, labelled, listed
from .places import places
from .presence import Census
from .record import Record, Turn
from .wording import (
    COLOURS,
    NUMBER_WORDS,
    NUMBERS,
    PERSONS,
    PREPOSITIONS,
    Clause,
    frames_of,
    head_of,
    medium,
    parse,
    sentence,
)

MOST_TURNS = 5
# Whom one caption calls a girl another calls a woman.
SAME = (
    {"girl", "woman"},
    {"girl", "lady"},
    {"boy", "man"},
    {"boy", "guy"},
    {"girls", "women"},
    {"boys", "men"},
    {"child", "boy"},
    {"child", "girl"},
)
SUBJECT_WORDS = 8
COLOURED = """
    dog cat horse bird cow car truck bus train boat motorcycle bicycle ball shirt jacket dress hat coat helmet umbrella
    couch bed building guitar frisbee kayak truck sweater flower toy bag
    """.split()
ADJECTIVE_NOUN = re.compile(
    rf"\b(a|an|the|his|her|two) (?:small |large |big |little |long |short |bright |dark |light |young |shiny )?((?:{'|'.join(COLOURS)})(?:(?:,| and|) (?:{'|'.join(COLOURS)}))?) ([a-z-]+)\b"
)
COUNTED = {
    "dogs": "dog",
    "cats": "cat",
    "horses": "horse",
    "birds": "bird",
    "cows": "cow",
    "men": "man",
    "women": "woman",
    "boys": "boy",
    "girls": "girl",
    "children": "child",
    "kids": "kid",
    "people": "person",
    "players": "player",
    "cars": "car",
    "boats": "boat",
    "bikes": "bike",
    "babies": "baby",
    "puppies": "puppy",
    "guys": "guy",
}
SINGULAR = {noun: plural for plural, noun in COUNTED.items()}
COUNT_OF = re.compile(rf"\b(an?|{'|'.join(NUMBERS)}) (?:[a-z-]+ )?({'|'.join([*COUNTED, *SINGULAR])})\b")
DOES_TO = re.compile(
    r"\b(holding|carrying|riding|eating|chasing|throwing|pushing|pulling|cutting|driving|fixing|folding|kicking|washing|reading|wearing|catching) "
    r"((?:an?|the|his|her|their|some|two) [a-z' -]+?)(?= (?:in|on|at|with|while|and|through|down|across|by|near|as|to|into|over|for|from|of|along|under|outside|around|off|that|out|behind|during|up|is|are)\b|[.,]|$)"
)


def doing(scene: Scene, word: str, random: Random) -> list[Turn]:
    """What the one subject of a kind does."""
    clauses: dict[str, list[Clause]] = defaultdict(list)
    for caption in scene.captions:
        clause = parse(caption)
        if clause and len(clause.doing.split()) >= 2 and not clause.doing.startswith("wearing"):
            clauses[clause.head].append(clause)
    turns: list[Turn] = []
    told: list[str] = []
    for head, found in sorted(clauses.items(), key=lambda entry: (-len(entry[1]), entry[0])):
        # The man whom another caption calls a boy is asked about once.
        if any(kin(head, other) or {head, other} in SAME for other in told):
            continue
        told.append(head)
        if len({clause.plural for clause in found}) > 1 or (len(found) < 2 and len(clauses) > 1):
            continue
        be = found[0].be
        question = phrasings.ask(phrasings.DOING, random, be=be, do="do" if be == "are" else "does", head=head, medium=word)
        answers = dict.fromkeys(sentence(f"The {head} {be} {clause.doing}") for clause in found)
        turns.append(Turn(question, tuple(answers)[:6], "action"))
    return turns


def done_to(scene: Scene, random: Random) -> list[Turn]:
    """What the only subject holds, rides, wears...: the captions that say so must speak of one subject."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    heads = set()
    for caption in scene.captions:
        clause = parse(caption)
        if not clause:
            continue
        heads.add(clause.head)
        for match in DOES_TO.finditer(clause.doing):
            if match.start() == 0 and 2 <= len(match[2].split()) <= 5 and not clause.plural:
                found[clause.head, match[1]].add(match[2])
    turns = []
    for (head, verb), objects in sorted(found.items()):
        # Two things that one man holds may both be right, but a question wants an answer that the captions agree on.
        if len({head_of(text) for text in objects}) == 1 and len(heads) <= 3:
            ask = random.choice(phrasings.DONE_TO)
            answers = [sentence(f"The {head} is {verb} {text}") for text in sorted(objects)] + [sentence(text) for text in sorted(objects)]
            turns.append(Turn(ask.format(head=head, verb=verb), tuple(answers), "object"))
    return turns


def colours(scene: Scene, word: str, random: Random) -> list[Turn]:
    """The colour of a thing of which there is one and of which all captions that colour it say the same."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for caption in scene.captions:
        for determiner, colour, noun in ADJECTIVE_NOUN.findall(caption.lower()):
            found[noun]["several" if determiner == "two" else re.sub(r", ?", " and ", colour)] += 1
    turns = []
    for noun, seen in sorted(found.items()):
        if (
            noun in COLOURED
            and len(seen) == 1
            and "several" not in seen
            and not re.search(rf"\b{noun}s\b", " ".join(scene.captions).lower())
        ):
            colour = next(iter(seen))
            question = phrasings.ask(phrasings.COLOUR, random, noun=noun, medium=word)
            turns.append(Turn(question, (f"The {noun} is {colour}.", f"It is {colour}.", sentence(colour)), "colour"))
    return turns


def counts(scene: Scene, word: str, random: Random) -> list[Turn]:
    """How many of a kind, where two captions count them alike and none otherwise; COCO's counts up to ten."""
    found: dict[str, Counter[int]] = defaultdict(Counter)
    for caption in scene.captions:
        for number, noun in COUNT_OF.findall(caption.lower()):
            found[SINGULAR.get(noun, noun)][NUMBERS.get(number, 1)] += 1
    turns = []
    for nouns, seen in sorted(found.items()):
        number, agreeing = seen.most_common(1)[0]
        bare = re.search(rf"(?<!two )(?<!three )(?<!four )\b{nouns}\b", " ".join(scene.captions).lower())
        if len(seen) == 1 and agreeing >= 2 and not (number == 1 and (bare or agreeing < 4 or random.random() < 0.8)):
            turns.append(_count(nouns, COUNTED[nouns], number, word, random))
    for name, number in sorted(scene.objects.items()):
        if number <= 10 and (number > 1 or random.random() < 0.3):
            plural = (
                "people"
                if name == "person"
                else f"{name}es"
                if name.endswith(("ch", "s", "sh"))
                else f"{name[:-1]}ves"
                if name == "knife"
                else f"{name}s"
            )
            turns.append(_count(plural.replace("knifves", "knives").replace("knives", "knives"), name, number, word, random))
    return turns


def _count(nouns: str, noun: str, number: int, word: str, random: Random) -> Turn:
    question = phrasings.ask(phrasings.COUNT, random, nouns=nouns, medium=word)
    said = NUMBER_WORDS[number]
    return Turn(question, (f"There is one {noun}." if number == 1 else f"There are {said} {nouns}.", sentence(said)), "count")


def who(scene: Scene, word: str, random: Random) -> list[Turn]:
    """The subjects that the captions begin with."""
    clauses = [clause for caption in scene.captions if (clause := parse(caption)) and 2 <= len(clause.subject.split()) <= SUBJECT_WORDS]
    subjects = [clause.subject for clause in clauses]
    heads = Counter(head_of(subject) for subject in subjects)
    often = {head for head, count in heads.items() if count >= 2 and head in PERSONS | set(COUNTED) | set(SINGULAR)}
    # Captions that begin with different subjects each name a part: no one of them is the whole answer.
    if any(not kin(one, other) and {one, other} not in SAME for one in often for other in often):
        return []
    # "A woman" in one caption and "two women" in another: somebody miscounted or looked at a part.
    if len({clause.plural for clause in clauses}) > 1:
        return []
    answers = dict.fromkeys(
        sentence(subject) for subject in subjects if head_of(subject) in often and subject.split()[-1] not in PREPOSITIONS
    )
    return [Turn(phrasings.ask(phrasings.WHO, random, medium=word), tuple(answers)[:5], "who")] if answers else []


def facts_of(scene: Scene, census: Census, word: str, random: Random) -> list[Turn]:
    """Every question that the rules find for a scene."""
    return [
        *doing(scene, word, random),
        *done_to(scene, random),
        *colours(scene, word, random),
        *counts(scene, word, random),
        *places(scene, word, random),
        *who(scene, word, random),
        *listed(scene, census, word, random),
        *labelled(scene, word, random),
        *asked(scene, random),
    ]


def questions(corpus: Corpus, census: Census, random: Random) -> Iterator[Record]:
    """One record a scene with up to five of its questions."""
    for source in ("flickr8k", "msrvtt", "photos"):
        for scene in corpus.scenes[source]:
            frames = frames_of(scene, random)
            turns = facts_of(scene, census, medium(frames, scene.is_clip, random), random)
            if turns:
                chosen = tuple(random.sample(turns, min(len(turns), MOST_TURNS)))
                yield Record(f"qa/{source}/{scene.id}", "qa", frames, not scene.is_clip, chosen)
