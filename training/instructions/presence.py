"""What a scene shows and what it does not, and yes/no questions with hard negatives about it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from . import phrasings
from .corpus import Corpus, Scene, words_of
from .lexicon import COMPOUNDS, MISLEADING, NO_ARTICLE, THINGS
from .record import Choice, Record, Turn
from .wording import frames_at, frames_of, medium

COMPOUND = re.compile(rf"\b({'|'.join(sorted(COMPOUNDS, key=len, reverse=True))})\b")
PRETENDED = re.compile(r"\b(toy|stuffed|inflatable|fake|pretend|plush|picture of an?|statue of an?|painting of an?|drawing of an?) (\w+)")
NAMES: dict[str, list[str]] = defaultdict(list)
for _name, _thing in THINGS.items():
    for _word in sorted(_thing.names):
        NAMES[_word].append(_name)
# COCO's names that are not ours.
COCO_NAMES = {
    "dining table": "table",
    "potted plant": "",
    "tv": "television",
    "cell phone": "phone",
    "laptop": "computer",
    "sports ball": "ball",
    "person": "",
}
COCO_COMPLETE = set(
    """
    dog cat horse bird cow sheep elephant bear car truck bus train boat airplane motorcycle bicycle frisbee skateboard
    surfboard snowboard umbrella pizza cake bed couch toilet television refrigerator bottle bowl chair bench book
    """.split()
)
HARDNESS = 3


class Presence(NamedTuple):
    """named: thing -> how many captions name it; open: things that may be there unnamed."""

    named: dict[str, int]
    open: frozenset[str]


def tokens(caption: str) -> set[str]:
    """The words and joined word pairs of a caption, compounds replaced, pretended things ("toy dog") marked."""
    text = COMPOUND.sub(lambda match: COMPOUNDS[match[1]], " ".join(words_of(caption)))
    text = PRETENDED.sub(r"\1 pretended-\2", text)
    words = words_of(text)
    words = [word.removesuffix("'s") for word in words]
    return {*words, *(f"{one}_{two}" for one, two in zip(words, words[1:]))}


def presence(scene: Scene) -> Presence:
    """What a scene's captions name. COCO's object lists and the scene's label count as captions that all agree on."""
    named: Counter[str] = Counter()
    every: set[str] = set()
    texts = [
        *scene.captions,
        *(" ".join(lines) for lines in scene.sequences),
        *(f"{q} {a.replace('_', ' ')}" for q, a in scene.qa),
        scene.place,
        scene.label,
    ]
    for text in filter(None, texts):
        seen = tokens(text)
        every |= seen
        # Sorted: the order of a set differs from process to process, and draws follow the order of this one.
        named.update(sorted({name for word in seen for name in NAMES.get(word, ())}))
    for (first, second), words in MISLEADING.items():
        if first in named and second in named and not every & (THINGS[second].names - words):
            del named[second]
    for name in scene.objects:
        ours = COCO_NAMES.get(name, name)
        if ours in THINGS:
            named[ours] += 2
    # "pretended-dog" leaves it open whether there is a dog.
    plain = every | {word.removeprefix("pretended-") for word in every}
    doubtful = {name for name, thing in THINGS.items() if plain & (thing.doubts | thing.names) and name not in named}
    if scene.objects:
        doubtful -= COCO_COMPLETE
        doubtful |= set(THINGS) - COCO_COMPLETE - set(named)
    return Presence(dict(named), frozenset(doubtful))


class Census:
    """Presence of all captioned scenes of a corpus, and how likely one thing is where another is named."""

    def __init__(self, corpus: Corpus) -> None:
        chosen = [
            *corpus.captioned("flickr8k", "msrvtt"),
            *(scene for scene in corpus.scenes["photos"] if scene.captions or scene.objects or len(scene.sequences) > 1),
        ]
        self.scenes = chosen
        self.presence = {(scene.source, scene.id): presence(scene) for scene in chosen}
        single: Counter[str] = Counter()
        both: dict[str, Counter[str]] = defaultdict(Counter)
        for seen in self.presence.values():
            single.update(seen.named)
            for name in seen.named:
                both[name].update(seen.named)
        self.together = {name: {other: count / single[name] for other, count in counts.items()} for name, counts in both.items()}
        self.share = {name: count / len(chosen) for name, count in single.items()}

    def of(self, scene: Scene) -> Presence:
        return self.presence[scene.source, scene.id]

    def agreed(self, scene: Scene) -> list[str]:
        """The things that at least two captions name (a tenth of a clip's)."""
        needed = max(2, len(scene.captions) // 8)
        return sorted(name for name, count in self.of(scene).named.items() if count >= needed)

    def temptation(self, name: str, scene: Scene) -> float:
        """How much a scene suggests a thing that it does not name: the mean over its things of p(name | thing), lifted by rarity."""
        named = self.of(scene).named
        if not named:
            return 0.0
        return sum(self.together[other].get(name, 0.0) for other in named) / len(named) / (self.share.get(name, 1.0) ** 0.5)

    def absent(self, scene: Scene) -> list[str]:
        """The things that are surely not there."""
        seen = self.of(scene)
        return sorted(name for name in THINGS if name not in seen.named and name not in seen.open and name in self.share)

    def tempting(self, scene: Scene, random: Random) -> str:
        """A salient absent thing, drawn from the five that the scene suggests most; "" if nothing is surely absent."""
        absent = sorted(
            (name for name in self.absent(scene) if THINGS[name].salient), key=lambda name: (-self.temptation(name, scene), name)
        )
        return random.choice(absent[:5]) if absent else ""


def origin(scene: Scene) -> str:
    """Where a scene comes from, as far as its look can tell: the source, of labelled photos also the set that they are of."""
    return f"{scene.source}/{scene.id.partition('__')[0]}" if scene.source == "photos" else scene.source


def balanced(census: Census, random: Random, most: int, less_salient: int) -> list[tuple[Scene, str, bool]]:
    """(scene, thing, whether it is there), for each thing as often there as not among the scenes of each origin, so that
    neither the thing's name nor clip or photo tells; about `most` (or `less_salient`) of either kind a thing.

    The negatives of a thing are drawn from the third of the scenes without it that suggest it most.
    """
    origins: dict[str, list[Scene]] = defaultdict(list)
    for scene in census.scenes:
        origins[origin(scene)].append(scene)
    agreed = {(scene.source, scene.id): set(census.agreed(scene)) for scene in census.scenes}
    result = []
    for name, thing in THINGS.items():
        drawn: list[tuple[list[Scene], list[Scene], int]] = []
        for scenes in origins.values():
            there = [scene for scene in scenes if name in agreed[scene.source, scene.id]]
            gone = tempted(census, name, scenes, len(there))
            drawn.append((there, gone, min(len(there), len(gone))))
        enough = sum(count for *_, count in drawn)
        kept = min(1.0, (most if thing.salient else less_salient) / enough) if enough else 0.0
        for there, gone, count in drawn:
            result += [(scene, name, True) for scene in random.sample(there, round(kept * count))]
            result += [(scene, name, False) for scene in random.sample(gone, round(kept * count))]
    return result


def tempted(census: Census, name: str, scenes: Sequence[Scene], there: int) -> list[Scene]:
    """The third of the scenes without a thing (or twice as many as have it, `there`) that suggest it most."""
    gone = [scene for scene in scenes if name not in census.of(scene).named and name not in census.of(scene).open]
    temptation = {(scene.source, scene.id): census.temptation(name, scene) for scene in gone}
    gone.sort(key=lambda scene: (-temptation[scene.source, scene.id], scene.source, scene.id))
    return [scene for scene in gone[: max(len(gone) // HARDNESS, 2 * there)] if temptation[scene.source, scene.id] > 0]


def answers(name: str, there: bool) -> tuple[str, ...]:
    """The right answers, the fullest first."""
    phrase = THINGS[name].phrase
    bare = phrase.removeprefix("a ").removeprefix("an ")
    if there:
        return (f"Yes, there {verb_of(name)} {phrase}.", "Yes.") if bare in NO_ARTICLE else (f"Yes, there is {phrase}.", "Yes.")
    return (f"No, there {verb_of(name)} no {bare}.", f"No, I can't see {any_of(name)}.")


def verb_of(name: str) -> str:
    return "are" if name in ("sunglasses", "sheep") else "is"


def any_of(name: str) -> str:
    return f"any {name}" if name in NO_ARTICLE else THINGS[name].phrase


def question_of(name: str, word: str, random: Random) -> str:
    thing = f"any {name}" if name in NO_ARTICLE else THINGS[name].phrase
    question = phrasings.ask(phrasings.IS_THERE, random, thing=thing, medium=word)
    return re.sub(r"^Is there any (sunglasses|sheep)", r"Are there any \1", question) if name in NO_ARTICLE else question


def yes_no(corpus: Corpus, census: Census, random: Random, most: int = 450, less_salient: int = 80, together: int = 5) -> Iterator[Record]:
    """Object questions, up to `together` about a scene behind one prefix."""
    asked: dict[tuple[str, str], list[tuple[str, bool]]] = defaultdict(list)
    for scene, name, there in balanced(census, random, most, less_salient):
        asked[scene.source, scene.id].append((name, there))
    for scene in census.scenes:
        entries = asked[scene.source, scene.id]
        random.shuffle(entries)
        for number, start in enumerate(range(0, len(entries), together)):
            frames = frames_of(scene, random)
            word = medium(frames, scene.is_clip, random)
            turns = tuple(_turn(name, there, word, random) for name, there in entries[start : start + together])
            yield Record(f"yesno/{scene.source}/{scene.id}/{number}", "yesno", frames, not scene.is_clip, turns)


def _turn(name: str, there: bool, word: str, random: Random) -> Turn:
    kind = "object" if THINGS[name].salient else "small-object"
    return Turn(question_of(name, word, random), answers(name, there), kind, answers(name, not there))


def yes_no_choices(census: Census, random: Random, most: int, less_salient: int) -> Iterator[Record]:
    """The same questions one by one with the right and the wrong answer, T = 1 for photos and 8 for clips."""
    drawn: Sequence[tuple[Scene, str, bool]] = balanced(census, random, most, less_salient)
    for number, (scene, name, there) in enumerate(drawn):
        frames = frames_at(scene, 8 if scene.is_clip else 1)
        turn = _turn(name, there, "video" if scene.is_clip else "picture", random)
        choice = Choice(answers(name, there)[0], answers(name, not there)[0])
        yield Record(f"yesno/{number:05d}", "yesno", frames, not scene.is_clip, (turn,), choice=choice)
