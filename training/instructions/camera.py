"""Which way the camera moves, whether it zooms in or out, and whether anything changes: clips that `training.motion` makes of photos.

Every clip is shown both ways (or moving and held still) under the same questions, so that neither a photo nor a wording tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from ..data import MOTION
from ..motion import FRAMES, PHOTOS, chosen, strip_id
from ..sampling import plan_indices
from . import phrasings
from .corpus import Corpus
from .record import MAX_FRAMES, Choice, Frame, Record, Turn

VAL_FRAMES = 8


class Way(NamedTuple):
    """How a strip plays in one direction. `short`: "to the left", `question`: "left", `says`: whole sentences."""

    name: str
    short: str
    question: str
    says: str


# By path: forwards, backwards.
PANS = {
    "across": (
        Way("right", "to the right", "right", "The camera moves to the right."),
        Way("left", "to the left", "left", "The camera moves to the left."),
    ),
    "down": (Way("down", "down", "down", "The camera moves down."), Way("up", "up", "up", "The camera moves up.")),
}
ZOOMS = (Way("in", "in", "in", "The camera zooms in."), Way("out", "out", "out", "The camera zooms out."))
WAYS = PANS | {"closer": ZOOMS}
STILL = ("No, the picture stays the same.", "No, nothing moves.", "No.")


def played(photo: str, path: str, forwards: bool, count: int) -> tuple[Frame, ...]:
    """`count` frames of a strip by the sampling plan, forwards or backwards."""
    indices = plan_indices(FRAMES, count)
    return tuple(Frame(MOTION, strip_id(photo, path), index) for index in (indices if forwards else reversed(indices)))


def held(photo: str, path: str, count: int, random: Random) -> tuple[Frame, ...]:
    """One frame of a strip, `count` times."""
    return (Frame(MOTION, strip_id(photo, path), random.randrange(FRAMES)),) * count


def said(way: Way) -> tuple[str, str]:
    """The whole sentence, and the short answer."""
    return way.says, f"{way.short[0].upper()}{way.short[1:]}."


def either(ways: tuple[Way, Way], shown: Way, templates: tuple[str, ...], random: Random) -> tuple[Turn, Choice]:
    """Which of the two, named in either order."""
    one, other = ways if random.random() < 0.5 else ways[::-1]
    question = phrasings.ask(templates, random, one=one.question, other=other.question, medium="video")
    wrong = next(way for way in ways if way is not shown)
    return Turn(question, said(shown), "which", said(wrong)), Choice(shown.says, wrong.says)


def whether(ways: tuple[Way, Way], shown: Way, templates: tuple[str, ...], random: Random) -> Turn:
    """Does it move one of the two ways? The same draw for both directions gives yes to one and no to the other."""
    asked = random.choice(ways)
    question = phrasings.ask(templates, random, way=asked.short)
    sentences = {way: f"{way.says[0].lower()}{way.says[1:]}" for way in ways}
    wrong = next(way for way in ways if way is not shown)
    yes = asked is shown
    right_answers = (f"{'Yes' if yes else 'No'}, {sentences[shown]}", "Yes." if yes else "No.")
    wrong_answers = (f"{'No' if yes else 'Yes'}, {sentences[wrong]}", "No." if yes else "Yes.")
    return Turn(question, right_answers, "whether", wrong_answers)


def pan_turns(path: str, shown: Way, random: Random) -> tuple[Turn, ...]:
    wrong = next(way for way in PANS[path] if way is not shown)
    open_question = Turn(phrasings.ask(phrasings.DIRECTION, random), said(shown), "direction", said(wrong))
    return open_question, either(PANS[path], shown, phrasings.EITHER_WAY, random)[0], whether(PANS[path], shown, phrasings.MOVES, random)


def zoom_turns(shown: Way, random: Random) -> tuple[Turn, ...]:
    return either(ZOOMS, shown, phrasings.ZOOM, random)[0], whether(ZOOMS, shown, phrasings.ZOOMS, random)


def change_turns(shown: Way | None, random: Random) -> tuple[Turn, ...]:
    """Of a clip that moves, or of one that stands still where nothing is shown to move."""
    question = phrasings.ask(phrasings.CHANGES, random, medium="video")
    if shown is not None:
        return (Turn(question, (f"Yes, {shown.says[0].lower()}{shown.says[1:]}", "Yes."), "change"),)
    direction = phrasings.ask(phrasings.DIRECTION, random)
    return Turn(question, STILL, "change"), Turn(direction, ("The camera does not move.", "It stays still."), "direction")


def camera(corpus: Corpus, random: Random) -> Iterator[Record]:
    """Train records: each strip both ways, and each photo once moving and once held, T = 2..16."""
    for photo in chosen((scene.id for scene in corpus.scenes[PHOTOS]), "train"):
        for path, ways in WAYS.items():
            count, seed = random.randint(2, MAX_FRAMES), random.random()
            for forwards, shown in zip((True, False), ways):
                kind = "motion" if path in PANS else "zoom"
                turns = pan_turns(path, shown, Random(seed)) if path in PANS else zoom_turns(shown, Random(seed))
                yield Record(f"{kind}/{photo}/{shown.name}", kind, played(photo, path, forwards, count), False, turns)
        path, forwards, count, seed = random.choice(tuple(WAYS)), random.random() < 0.5, random.randint(2, MAX_FRAMES), random.random()
        shown = WAYS[path][0 if forwards else 1]
        yield Record(f"change/{photo}/{shown.name}", "change", played(photo, path, forwards, count), False, change_turns(shown, Random(seed)))
        yield Record(f"change/{photo}/still", "change", held(photo, path, count, random), False, change_turns(None, Random(seed)))


def camera_choices(corpus: Corpus, random: Random) -> Iterator[Record]:
    """Val: one question a clip with a right and a wrong answer, T = 8. Chance is exactly one in two for each type."""
    for photo in chosen((scene.id for scene in corpus.scenes[PHOTOS]), "val"):
        for path, ways in WAYS.items():
            kind, templates = ("motion", phrasings.EITHER_WAY) if path in PANS else ("zoom", phrasings.ZOOM)
            seed = random.random()
            for forwards, shown in zip((True, False), ways):
                turn, choice = either(ways, shown, templates, Random(seed))
                frames = played(photo, path, forwards, VAL_FRAMES)
                yield Record(f"{kind}/{photo}/{shown.name}", kind, frames, False, (turn,), choice=choice)
        path, forwards = random.choice(tuple(WAYS)), random.random() < 0.5
        shown = WAYS[path][0 if forwards else 1]
        question = phrasings.ask(phrasings.CHANGES, random, medium="video")
        moving, still = f"Yes, {shown.says[0].lower()}{shown.says[1:]}", STILL[0]
        for name, frames, right, wrong in (
            (shown.name, played(photo, path, forwards, VAL_FRAMES), moving, still),
            ("still", held(photo, path, VAL_FRAMES, random), still, moving),
        ):
            yield Record(f"change/{photo}/{name}", "change", frames, False, (Turn(question, (right,), "change"),), choice=Choice(right, wrong))
