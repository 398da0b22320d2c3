"""Why: reasons and purposes that a caption states, and a few plain inferences of which the captions name both ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from .corpus import Corpus, Scene
from .inference_rules import INFERENCES
from .record import Record, Turn
from .wording import HEADS, frames_of, parse, sentence

BASE_VERBS = (
    "catch get reach grab see watch avoid take hit make keep fetch eat drink look play retrieve block win show save stop cross pick kick touch throw help escape find protect "
    "cool cook clean fix impress score celebrate tackle listen swim dive jump climb entertain demonstrate promote feed dry bite chase pose photograph read rest sell buy cut mix serve warm balance"
).split()
NO_PURPOSE = r"trying|going|attempting|preparing|getting|about|ready|learning|starting|beginning|pretending|wanting|next|how|supposed|able|used|continuing|happy|made|told|asked|having|has|talking|speaking|explaining|showing|close|instructions|ways|steps|way|recipe|listening"
PURPOSE = re.compile(rf"^(.{{4,60}}?) to ((?:{'|'.join(BASE_VERBS)})\b.*)$")
FINITE = {
    "jumps": "jump",
    "leaps": "leap",
    "reaches": "reach",
    "runs": "run",
    "dives": "dive",
    "stretches": "stretch",
    "pauses": "pause",
    "stops": "stop",
    "leans": "lean",
    "climbs": "climb",
    "bends": "bend",
    "kneels": "kneel",
    "stands": "stand",
    "stoops": "stoop",
    "lunges": "lunge",
    "slides": "slide",
    "swims": "swim",
    "crouches": "crouch",
    "races": "race",
}
FINITE_PURPOSE = re.compile(
    rf"^((?:An?|The) [a-z ,'-]{{2,60}}?) ({'|'.join(FINITE)}) (?:(up|down|over|out|high|in the air|into the air|high into the air|high in the air|forward|back) )?to ((?:{'|'.join(BASE_VERBS)})\b.*)$"
)
TRYING = re.compile(r"^(trying|attempting|preparing|getting ready|about) to ([a-z]+\b.*)$")
BECAUSE = re.compile(r"^(.{6,80}?),? (because|so that|due to|in order to) (.{5,80})$")
WHY = (
    "Why {be} the {head} {doing}?",
    "Why {be} the {head} {doing} here?",
    "For what reason {be} the {head} {doing}?",
    "What is the reason that the {head} {be} {doing}?",
    "Can you say why the {head} {be} {doing}?",
    "Why do you think the {head} {be} {doing}?",
    "What {be} the {head} {doing} for?",
    "What might be the reason the {head} {be} {doing}?",
)
INTEND = (
    "What {be} the {head} trying to do?",
    "What {do} the {head} want to do?",
    "What {be} the {head} about to do?",
    "What {do} the {head} aim at?",
    "What {do} the {head} seem to want?",
    "What {be} the {head} up to?",
    "What is the aim of the {head}?",
    "What will the {head} try to do?",
)


def purposes(scene: Scene, random: Random) -> list[Turn]:
    """What captions say was done in order to do something else, or because of it."""
    turns: dict[str, tuple[str, set[str]]] = {}

    def add(question: str, key: str, answer: str) -> None:
        turns.setdefault(key, (question, set()))[1].add(answer)

    for caption in scene.captions:
        text = caption.rstrip(".")
        clause = parse(caption)
        finite = FINITE_PURPOSE.match(text)
        if finite and not re.search(r"\b(two|group|men|women|dogs|and)\b", finite[1]):
            head = _head(finite[1])
            if head:
                more = f" {finite[3]}" if finite[3] else ""
                ask = random.choice(
                    ("Why does the {head} {verb}?", "Why might the {head} {verb}?", "For what reason does the {head} {verb}?")
                )
                add(ask.format(head=head, verb=f"{FINITE[finite[2]]}{more}"), f"{head} jumps", sentence(f"to {finite[4]}"))
        if not clause or "," in clause.doing:
            continue
        if match := TRYING.match(clause.doing):
            who = clause.pronoun
            be = "are" if who == "they" else "is"
            add(
                random.choice(INTEND).format(head=clause.head, be=clause.be, do="do" if clause.be == "are" else "does"),
                f"{clause.head} tries",
                sentence(f"{who} {be} {match[1]} to {match[2]}"),
            )
        elif match := BECAUSE.match(clause.doing):
            link = {"because": "because", "due to": "because of", "so that": "so that", "in order to": "to"}[match[2]]
            add(
                random.choice(WHY[:4]).format(head=clause.head, be=clause.be, doing=match[1]),
                f"{clause.head} {match[1]}",
                sentence(f"{link} {match[3]}"),
            )
        elif (match := PURPOSE.match(clause.doing)) and not re.search(rf"\b({NO_PURPOSE})\b", match[1]):
            add(
                random.choice(WHY).format(head=clause.head, be=clause.be, doing=match[1]),
                f"{clause.head} {match[1]}",
                sentence(f"to {match[2]}"),
            )
    return [Turn(question, tuple(sorted(answers)), "purpose") for question, answers in turns.values()]


def _head(subject: str) -> str:
    """The noun of "A brown dog with a collar"."""
    words = re.split(r" (?:in|with|on|wearing|of|at) ", subject.lower())[0].split()
    return words[-1] if words and words[-1] in HEADS and "," not in subject else ""


def inferences(scene: Scene, random: Random) -> list[Turn]:
    """The rules of INFERENCES that a scene's captions bear out."""
    captions = [set(re.findall(r"[a-z]+", caption.lower())) for caption in scene.captions]
    turns: list[Turn] = []
    explained: set[str] = set()
    for asked, reason, ways, answers in INFERENCES:
        if asked.split()[0] in explained:
            continue
        if all(sum(bool(words & set(names.split())) for words in captions) >= 2 for names in (asked, reason)):
            turns.append(Turn(random.choice(ways), answers, "inference"))
            explained.add(asked.split()[0])
    return turns[:2]


def causes(corpus: Corpus, random: Random) -> Iterator[Record]:
    """One record for each scene with a stated reason or a borne-out inference."""
    for scene in corpus.captioned("flickr8k", "msrvtt"):
        frames = frames_of(scene, random)
        turns = (*purposes(scene, random)[:3], *inferences(scene, random))
        if turns:
            yield Record(f"cause/{scene.source}/{scene.id}", "cause", frames, not scene.is_clip, turns)
