"""Short captions, and detailed descriptions made of several captions of one scene."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from random import Random

from . import phrasings
from .corpus import Corpus, Scene
from .record import Frame, Record, Turn
from .wording import (
    COLOURS,
    FEMALE,
    MALE,
    NUMBERS,
    PEOPLE,
    PERSONS,
    STATE_OF,
    YOUNG,
    Clause,
    content_words,
    frames_of,
    medium,
    parse,
    sentence,
    stem,
)

MAX_CAPTIONS = 10
# Verbs under which annotators say the same of a talking or performing person.
VAGUE = (
    "talking",
    "speaking",
    "explaining",
    "describing",
    "showing",
    "discussing",
    "demonstrating",
    "reviewing",
    "teaching",
    "giving",
    "playing",
    "performing",
    "singing",
    "making",
    "doing",
    "comparing",
)
# How often a scene comes back, each time under another question and with other frames.
ROUNDS = {"flickr8k": 1, "msrvtt": 2, "photos": 2}
CLOTHES = """
    shirt t-shirt dress jacket coat hat cap helmet sweater suit uniform jersey vest shorts swimsuit bikini hoodie costume
    scarf skirt jeans
    """.split()
CLOTHING = re.compile(rf"\b(?:in|wearing) (?:an? |the )?((?:[a-z-]+ ){{0,3}}(?:{'|'.join(CLOTHES)}))\b")
SETTING = re.compile(
    r"\b((?:on|at|in|near|along|by) (?:a|an|the) (?:[a-z]+ )?(?:beach|park|street|field|pool|river|lake|ocean|forest|woods|mountain|kitchen|stage|"
    r"gym|yard|garden|road|sidewalk|track|court|stadium|restaurant|bedroom|studio|office|desert|playground|city|snow|grass|water|hill|sand))\b"
)


def captions(corpus: Corpus, random: Random) -> Iterator[Record]:
    """The bulk: a question that asks for one sentence, answered by what people wrote."""
    for scene in corpus.captioned(*ROUNDS):
        for number in range(ROUNDS[scene.source]):
            frames = frames_of(scene, random)
            word = medium(frames, scene.is_clip, random)
            question = phrasings.BRIEFLY[scene.is_clip] if random.random() < 0.5 else phrasings.ask(phrasings.CAPTION, random, medium=word)
            answers = scene.captions if len(scene.captions) <= MAX_CAPTIONS else tuple(random.sample(scene.captions, MAX_CAPTIONS))
            yield Record(f"caption/{scene.source}/{scene.id}/{number}", "caption", frames, not scene.is_clip, (Turn(question, answers),))
    for scene in corpus.scenes["youcook2"]:
        for index, step in enumerate(scene.steps):
            frame = Frame(scene.source, scene.id, index)
            question = random.choice(phrasings.STEP)
            turn = Turn(question, (sentence(step),), "step")
            yield Record(f"caption/youcook2/{scene.id}/{index}", "caption", (frame,) * random.randint(1, 3), True, (turn,))


def agreement(scene: Scene) -> list[str]:
    """A scene's captions, those first whose words the others use too, longer ones before shorter."""
    counts = Counter(word for caption in scene.captions for word in content_words(caption))

    def score(caption: str) -> float:
        words = content_words(caption)
        return sum(counts[word] - 1 for word in words) / (len(words) + 3)

    return sorted(scene.captions, key=lambda caption: (-score(caption), caption))


def kin(one: str, other: str) -> bool:
    """Whether two head nouns may be the same one: equal, or persons whose sex and age do not contradict each other."""
    if one == other:
        return True
    if one in PEOPLE or other in PEOPLE:
        return one in PEOPLE and other in PEOPLE and {one, other} & {"people", "players", "dancers", "friends"} != set()
    if not (one in PERSONS and other in PERSONS):
        return False
    return not (
        {one, other} & MALE
        and {one, other} & FEMALE
        or "baby" in (one, other)
        or (one in YOUNG) != (other in YOUNG)
        and {one, other} & {"man", "woman"}
    )


def contradicts(text: str, said: str) -> bool:
    """True where two sentences count differently or give colours that the other does not know."""
    numbers = [{word for word in re.findall(r"[a-z]+", part.lower()) if word in NUMBERS and word != "one"} for part in (text, said)]
    colours = [{word for word in re.findall(r"[a-z]+", part.lower()) if word in COLOURS} for part in (text, said)]
    return bool(numbers[0] - numbers[1] and numbers[1]) or bool(colours[0] - colours[1] and colours[1])


def describe(scene: Scene, random: Random) -> str:
    """Two to four sentences about a scene, each adding something; "" where the captions do not give two.

    The first is a caption that the others agree with; of the others only what the same subject does, wears and where it is
    is taken, said of "the man", so that one man does not become two.
    """
    ordered = [caption for caption in agreement(scene) if 6 <= len(caption.split()) <= 20]
    parsed = [(caption, clause) for caption in ordered if (clause := parse(caption))]
    if not parsed:
        return ""
    first, subject = parsed[0]
    parts, known = [sentence(f"{subject.subject} {subject.be} {subject.doing}")], content_words(first)
    verbs = {subject.doing.split()[0]}
    for caption, clause in parsed[1:]:
        if (
            len(parts) == 3
            or clause.plural != subject.plural
            or not kin(subject.head, clause.head)
            or contradicts(caption, " ".join(parts))
        ):
            continue
        news = content_words(clause.doing) - known
        verb = clause.doing.split()[0]
        if not excluded(verb, verbs) and len(news) >= (3 if scene.is_clip else 2) and len(news) * 5 >= len(content_words(clause.doing)) * 3:
            lead = f"The {subject.head}" if len(parts) == 1 or random.random() < 0.5 else subject.pronoun
            parts.append(sentence(f"{lead} {be_after(lead, subject)} {clause.doing}"))
            known |= content_words(clause.doing)
            verbs.add(verb)
    for text in (wearing(scene, subject, known), setting(scene, known, parts)):
        if text and len(parts) < 4:
            parts.append(text)
            known |= content_words(text)
    return " ".join(parts) if len(parts) > 1 else ""


def excluded(verb: str, said: set[str]) -> bool:
    """True if the verb was said already, or is a state that a said one excludes ("sitting" after "standing")."""
    same = {STATE_OF[stem(word)] for word in said if stem(word) in STATE_OF}
    return verb in said or bool(same and stem(verb) in STATE_OF) or bool({verb, *said} & set(VAGUE) and verb in VAGUE and said & set(VAGUE))


def be_after(lead: str, subject: Clause) -> str:
    return "are" if lead == "they" else subject.be


def wearing(scene: Scene, subject: Clause, known: set[str]) -> str:
    """What the only person wears, if two captions or the only one to speak of clothes agree."""
    if subject.plural or subject.head not in PERSONS:
        return ""
    found: Counter[str] = Counter()
    for caption in scene.captions:
        clause = parse(caption)
        if clause and not clause.plural and kin(subject.head, clause.head):
            found.update(match[1] for match in CLOTHING.finditer(clause.subject.lower()))
    for text, _ in sorted(found.items(), key=lambda entry: (-entry[1], entry[0])):
        noun = text.split()[-1]
        if len(content_words(text) - known) == len(content_words(text)) and not any(word in PERSONS for word in text.split()):
            article = "" if noun in ("shorts", "jeans") else "an " if text[0] in "aeiou" else "a "
            return sentence(f"The {subject.head} is wearing {article}{text}")
    return ""


def setting(scene: Scene, known: set[str], parts: list[str]) -> str:
    """Where it happens, if at least two captions agree on words that have not been said."""
    if any(SETTING.search(part) for part in parts):
        return ""
    found = Counter(match[1] for caption in scene.captions for match in SETTING.finditer(caption.lower()))
    for text, count in sorted(found.items(), key=lambda entry: (-entry[1], entry[0])):
        if count >= 2 and not content_words(text) & known:
            return sentence(f"It takes place {text}")
    return ""


HAS_VERB = re.compile(
    r"\b(is|are|has|have|hangs?|sits?|stands?|there's|looks?|contains?|covers?|shows?|can be|lead|leads|seems?|appears?|wears?|lies)\b",
    re.IGNORECASE,
)


def told(lines: tuple[str, ...]) -> str:
    """An ADE20K sequence as running text, without lines that are no sentences; "" if fewer than two are."""
    whole = [
        re.sub(r"^(There) (is) (\d+|two|three|four|five|six|several|many|some)\b", r"\1 are \3", line)
        for line in lines
        if HAS_VERB.search(line)
    ]
    whole = [sentence(line) for line in whole if 3 <= len(line.split()) <= 22]
    return " ".join(whole[:4]) if len(whole) >= 2 else ""


def details(corpus: Corpus, random: Random) -> Iterator[Record]:
    """Detailed descriptions: ADE20K's own, and those that `describe` makes."""
    for scene in corpus.scenes["photos"]:
        answers = tuple(filter(None, map(told, scene.sequences)))
        if answers:
            yield _detail(scene, answers, random)
    for scene in corpus.captioned("flickr8k", "msrvtt"):
        answer = describe(scene, random)
        if answer:
            yield _detail(scene, (answer,), random)


def _detail(scene: Scene, answers: tuple[str, ...], random: Random) -> Record:
    frames = frames_of(scene, random)
    question = phrasings.ask(phrasings.DETAIL, random, medium=medium(frames, scene.is_clip, random))
    return Record(f"detail/{scene.source}/{scene.id}", "detail", frames, not scene.is_clip, (Turn(question, answers),))
