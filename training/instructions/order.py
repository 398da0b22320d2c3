"""What comes first, then and last: photos one after another, joined clips, recipes, and clips whose captions say "then"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from ..sampling import plan_indices
from . import phrasings
from .corpus import Corpus, Scene
from .descriptions import agreement
from .record import MAX_FRAMES, Choice, Frame, Record, Turn
from .wording import content_words, lower_first, parse, pronoun, sentence

SEQUENCES = 5200
JOINED_CLIPS = 1200
OPTION_WORDS = 11
ATTEMPTS = 100
LINKS = ("First", "Then", "After that", "Finally")


class Part(NamedTuple):
    """One scene of a sequence: five of its captions, the words of meaning in them, and a phrase that names it in a question."""

    scene: Scene
    captions: tuple[str, ...]
    words: frozenset[str]
    option: str


def option_of(captions: Sequence[str]) -> str:
    """ "a brown dog running on the grass": the shortest caption that reads as a clause; "" if none does."""
    found = []
    for caption in captions:
        clause = parse(caption)
        if clause:
            phrase = lower_first(f"{clause.subject} {clause.doing}")
            if 4 <= len(phrase.split()) <= OPTION_WORDS and "," not in phrase:
                found.append(phrase)
    return min(found, key=lambda phrase: (len(phrase), phrase)) if found else ""


def parts_of(scenes: Sequence[Scene]) -> list[Part]:
    """The scenes that can be named by a phrase, with the captions on which their captions agree most."""
    parts = []
    for scene in scenes:
        captions = tuple(agreement(scene)[:5])
        option = option_of(captions)
        if option:
            parts.append(Part(scene, captions, frozenset(content_words(" ".join(captions))), option))
    return parts


def draw_sequence(parts: Sequence[Part], length: int, random: Random) -> list[Part]:
    """`length` parts of which no two have a word of meaning in common. Raises ValueError where there seem to be none."""
    for _ in range(ATTEMPTS):
        chosen: list[Part] = []
        for part in (random.choice(parts) for _ in range(ATTEMPTS)):
            if all(not part.words & other.words for other in chosen):
                chosen.append(part)
            if len(chosen) == length:
                return chosen
    raise ValueError(f"no {length} of {len(parts)} scenes differ in every word")


def lay_out(sequence: Sequence[Part], count: int, random: Random) -> tuple[Frame, ...]:
    """`count` frames in order, each part at least one, cuts at random places; a clip's frames by the sampling plan."""
    cuts = sorted(random.sample(range(1, count), len(sequence) - 1))
    frames: list[Frame] = []
    for part, start, end in zip(sequence, [0, *cuts], [*cuts, count]):
        frames += [Frame(part.scene.source, part.scene.id, index) for index in plan_indices(part.scene.frames, end - start)]
    return tuple(frames)


def told(texts: Sequence[str]) -> str:
    """ "First, a dog runs. Then, a man climbs a rock." """
    links = LINKS if len(texts) > 2 else LINKS[:2]
    names = [*links[: len(texts) - 1], links[-1] if len(texts) > 2 else links[1]]
    return " ".join(f"{link}, {lower_first(text)}." for link, text in zip(names, texts))


def compare(first: str, last: str, random: Random, first_ways: tuple[str, ...] = phrasings.WHICH_FIRST) -> tuple[Turn, Turn]:
    """Which of two options comes first, and which last, named in the same order by both questions."""
    one, other = (first, last) if random.random() < 0.5 else (last, first)
    asked = [phrasings.ask(ways, random, one=one, other=other, medium="video") for ways in (first_ways, phrasings.WHICH_LAST)]
    says = (sentence(first),), (sentence(last),)
    return Turn(asked[0], says[0], "which", says[1]), Turn(asked[1], says[1], "which", says[0], mirror=True)


def before(first: str, last: str, random: Random) -> tuple[Turn, Turn]:
    """Does one come before the other, and the other before the one, in either order."""
    turns = []
    for right in random.sample((True, False), 2):
        one, other = (first, last) if right else (last, first)
        yes, no = ("Yes", "No") if right else ("No", "Yes")
        turns.append(
            Turn(
                random.choice(phrasings.BEFORE).format(one=one, other=other),
                (f"{yes}, first {first}, then {last}.", f"{yes}."),
                "before",
                (f"{no}, first {last}, then {first}.", f"{no}."),
                mirror=bool(turns),
            )
        )
    return turns[0], turns[1]


def ends(first: tuple[str, ...], last: tuple[str, ...], random: Random) -> tuple[Turn, Turn]:
    """What comes first, and what last."""
    return (
        Turn(phrasings.ask(phrasings.FIRST, random, medium="video"), first, "first", last),
        Turn(phrasings.ask(phrasings.LAST, random, medium="video"), last, "last", first, mirror=True),
    )


def in_order(sequence: Sequence[Part], random: Random) -> Turn:
    """All that is shown, told in order in two ways, and backwards."""
    question = phrasings.ask(phrasings.IN_ORDER, random, medium="video")
    ways = dict.fromkeys(tuple(random.choice(part.captions) for part in sequence) for _ in range(2))
    return Turn(question, tuple(map(told, ways)), "in-order", tuple(told(way[::-1]) for way in ways))


def turns_of(sequence: Sequence[Part], random: Random) -> tuple[Turn, ...]:
    """Questions about one sequence: its ends, two of its parts against each other, all in order or what comes second."""
    one, other = sorted(random.sample(range(len(sequence)), 2))
    asked = before(sequence[one].option, sequence[other].option, random) if random.random() < 0.2 else compare(sequence[0].option, sequence[-1].option, random)
    pool = [in_order(sequence, random)]
    if len(sequence) <= 3:
        pool.append(Turn(phrasings.ask(phrasings.THEN, random, medium="video"), sequence[1].captions, "then"))
    return (
        *ends(sequence[0].captions, sequence[-1].captions, random),
        *asked,
        random.choice(pool),
    )


def sequences(corpus: Corpus, random: Random) -> Iterator[Record]:
    """A-then-B (and C, D) on stills, and two clips joined by a cut."""
    stills = parts_of(corpus.captioned("flickr8k", "photos"))
    clips = parts_of([scene for scene in corpus.captioned("msrvtt") if scene.shots == 1])
    for number in range(SEQUENCES + JOINED_CLIPS):
        length = random.choices((2, 3, 4), (75, 20, 5))[0]
        sequence = draw_sequence(stills if number < SEQUENCES else clips, length, random)
        frames = lay_out(sequence, random.randint(length, MAX_FRAMES), random)
        yield Record(
            f"order/{'stills' if number < SEQUENCES else 'clips'}/{number:05d}", "order", frames, False, turns_of(sequence, random)
        )


def sequence_choices(corpus: Corpus, random: Random, pairs: int) -> Iterator[Record]:
    """A-then-B of val photos, T = 8. Each pair is shown in both orders under the same question, so that a liking for one
    wording gains nothing."""
    stills = parts_of(corpus.captioned("flickr8k"))
    for number in range(pairs):
        one, other = draw_sequence(stills, 2, random)
        seed = random.random()
        for name, first, last in (("ab", one, other), ("ba", other, one)):
            same = Random(seed)
            at_start, swap = same.random() < 0.5, same.random() < 0.5
            ways = phrasings.WHICH_FIRST if at_start else phrasings.WHICH_LAST
            options = (other.option, one.option) if swap else (one.option, other.option)
            question = phrasings.ask(ways, same, one=options[0], other=options[1], medium="video")
            right, wrong = (first, last) if at_start else (last, first)
            frames = lay_out((first, last), 8, same)
            turn = Turn(question, (sentence(right.option),), "which")
            yield Record(
                f"order/{number:04d}-{name}", "order", frames, False, (turn,), choice=Choice(sentence(right.option), sentence(wrong.option))
            )


def recipe_frames(scene: Scene, steps: Sequence[int], count: int, random: Random) -> tuple[Frame, ...]:
    """The frames of some steps of a recipe, held for `count` frames in all."""
    cuts = sorted(random.sample(range(1, count), len(steps) - 1))
    return tuple(
        Frame(scene.source, scene.id, step) for step, start, end in zip(steps, [0, *cuts], [*cuts, count]) for _ in range(end - start)
    )


def recipes(corpus: Corpus, random: Random) -> Iterator[Record]:
    """YouCook2: all three steps, and each pair of them."""
    for scene in corpus.scenes["youcook2"]:
        chosen = [tuple(range(scene.frames)), (0, 1), (0, 2), (1, 2)]
        for steps in chosen:
            texts = [scene.steps[step] for step in steps]
            if len(set(texts)) < len(texts):
                continue
            frames = recipe_frames(scene, steps, random.randint(len(steps), MAX_FRAMES), random)
            pool = [Turn(phrasings.ask(phrasings.IN_ORDER, random, medium="video"), (told(texts),), "in-order", (told(texts[::-1]),))]
            if len(texts) == 3:
                pool.append(Turn(phrasings.ask(phrasings.THEN, random, medium="video"), (sentence(texts[1]),), "then"))
            one, other = sorted(random.sample(range(len(texts)), 2))
            turns = (
                *compare(texts[one], texts[other], random, phrasings.WHICH_STEP),
                *ends((sentence(texts[0]),), (sentence(texts[-1]),), random),
                random.choice(pool),
            )
            yield Record(f"step_order/{scene.id}/{''.join(map(str, steps))}", "step_order", frames, False, turns)


def recipe_turn(first: str, last: str, swap: bool, random: Random) -> Turn:
    """Which of two steps comes first, the later one named first where `swap`."""
    one, other = (last, first) if swap else (first, last)
    question = phrasings.ask(phrasings.WHICH_STEP, random, one=one, other=other)
    return Turn(question, (sentence(first),), "which", (sentence(last),))


def recipe_choices(corpus: Corpus, random: Random) -> Iterator[Record]:
    """Held-out recipes: each pair of steps, named in either order; the whole strip is seen, T = 8."""
    for scene in corpus.scenes["youcook2"]:
        frames = tuple(Frame(scene.source, scene.id, index) for index in plan_indices(scene.frames, 8))
        for one, other in ((0, 1), (0, 2), (1, 2)):
            first, last = scene.steps[one], scene.steps[other]
            if first == last:
                continue
            for swap in (False, True):
                turn = recipe_turn(first, last, swap, random)
                choice = Choice(sentence(first), sentence(last))
                yield Record(
                    f"step_order/{scene.id}/{one}{other}{'b' if swap else 'a'}", "step_order", frames, False, (turn,), choice=choice
                )


THEN = re.compile(r"^(.{12,}?),? (?:and )?then ((?:[a-z]+s|is [a-z]+ing)\b.*)$")


def told_order(corpus: Corpus, random: Random) -> Iterator[Record]:
    """Clips of which a caption says "then": "a man talks and then sings"."""
    for scene in corpus.captioned("msrvtt"):
        if scene.frames < 4:
            continue
        for caption in scene.captions:
            match = THEN.match(caption.rstrip("."))
            if not match or len(match[2].split()) < 2:
                continue
            head = next(
                (
                    word
                    for word in ("man", "woman", "girl", "boy", "person", "dog", "cat", "guy", "lady")
                    if re.search(rf"\b{word}\b", match[1].lower())
                ),
                "",
            )
            if not head:
                continue
            frames = tuple(Frame(scene.source, scene.id, index) for index in plan_indices(scene.frames, random.randint(4, MAX_FRAMES)))
            who = pronoun(head) if head != "person" else "the person"
            turns = (
                Turn(phrasings.ask(phrasings.FIRST, random, medium="video"), (sentence(match[1]),), "first"),
                Turn(phrasings.ask(phrasings.THEN, random, medium="video"), (sentence(f"then {who} {match[2]}"),), "then"),
                Turn(
                    phrasings.ask(phrasings.IN_ORDER, random, medium="video"),
                    (f"First, {lower_first(match[1])}. Then {who} {match[2]}.",),
                    "in-order",
                ),
            )
            yield Record(f"order/then/{scene.id}", "order", frames, False, turns)
            break
