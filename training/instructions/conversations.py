"""Chats of several turns about one scene, later turns speaking of "it" and "they"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from . import phrasings
from .corpus import Corpus, Scene
from .descriptions import agreement
from .facts import facts_of
from .lexicon import THINGS
from .presence import Census, answers, question_of, tokens
from .record import Record, Turn
from .refusals import LIVING, absent_thing, refusal
from .wording import PERSONS, Clause, frames_of, medium, parse, pronoun

SHARE = {"flickr8k": 0.6, "msrvtt": 0.6, "photos": 0.8}


def with_pronoun(turn: Turn, subject: Clause | None) -> Turn:
    """The turn's question with "he", "it"... for the subject that the chat has named."""
    if not subject or subject.head in ("person", "someone", "child", "baby"):
        return turn
    word = "they" if subject.plural else pronoun(subject.head)
    if word == "they" and not subject.plural:
        return turn
    return Turn(re.sub(rf"\bthe {re.escape(subject.head)}\b(?!')", word, turn.question), turn.answers, turn.kind)


def presence_turn(scene: Scene, census: Census, said: list[Turn], word: str, random: Random) -> Turn | None:
    """A yes/no question in the chat, its answer yes or no by the toss of a coin; not about what was just named.

    Asked only where either answer could be given: a chat that has named all there is would always be answered no.
    """
    seen = tokens(" ".join(f"{turn.question} {answer}" for turn in said for answer in turn.answers))
    there = [name for name in census.agreed(scene) if not seen & THINGS[name].names]
    gone = census.tempting(scene, random)
    if not there or not gone:
        return None
    is_there = random.random() < 0.5
    name = random.choice(there) if is_there else gone
    return Turn(question_of(name, word, random), answers(name, is_there), "object")


def chat(scene: Scene, census: Census, word: str, random: Random) -> list[Turn]:
    """Two to six turns: a description or a direct question, what follows from it, perhaps a refusal, perhaps thanks."""
    best = agreement(scene)[0] if scene.captions else ""
    subject = parse(best) if best else None
    pool = facts_of(scene, census, word, random)
    random.shuffle(pool)
    turns: list[Turn] = []
    if best and random.random() < 0.75:
        turns.append(Turn(phrasings.ask(phrasings.CAPTION, random, medium=word), (best,), "caption"))
        pool = [with_pronoun(turn, subject) for turn in pool if turn.kind != "who"]
    pool = [turn for turn in pool if not any(set(turn.answers) & set(said.answers) for said in turns)]
    turns += pool[: random.randint(1, 3)]
    extra = [presence_turn(scene, census, turns, word, random) if scene.captions or scene.objects else None]
    if random.random() < 0.3:
        extra.append(refusal(subject.head if subject and not subject.plural and subject.head in PERSONS | LIVING else "", word, random))
    elif random.random() < 0.3 and (scene.captions or scene.objects):
        extra.append(absent_thing(scene, census, word, random))
    turns += [turn for turn in extra if turn and all(turn.question != said.question for said in turns)]
    if random.random() < 0.12:
        turns.append(Turn(random.choice(phrasings.THANKS), (random.choice(phrasings.WELCOME),), "thanks"))
    return turns


def conversations(corpus: Corpus, census: Census, random: Random) -> Iterator[Record]:
    """One chat for a share of the scenes."""
    for source, share in SHARE.items():
        for scene in corpus.scenes[source]:
            known = (scene.source, scene.id) in census.presence
            if random.random() >= share or not known:
                continue
            frames = frames_of(scene, random)
            turns = chat(scene, census, medium(frames, scene.is_clip, random), random)
            # A chat without a single sentence in it teaches no more than the questions alone.
            if len(turns) >= 3 or len(turns) == 2 and turns[0].kind in ("caption", "action"):
                yield Record(
                    f"conversation/{source}/{scene.id}", "conversation", frames, not scene.is_clip, tuple(turns), independent=False
                )
