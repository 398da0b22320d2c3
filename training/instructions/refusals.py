"""Questions that the pictures cannot answer, and questions about what is not there."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from .corpus import Corpus, Scene
from .facts import COLOURED
from .lexicon import NO_ARTICLE, THINGS, plural_of
from .presence import Census
from .record import Record, Turn
from .wording import PERSONS, Clause, frames_of, medium, parse

SHARE = 0.4
UNSEEN = (
    (
        "name",
        (
            "What is the {head}'s name?",
            "What is the {head} called?",
            "Do you know who the {head} is?",
            "Can you tell me the name of the {head}?",
            "Who is the {head}?",
            "What are their names?",
            "Which famous person is this?",
            "What is the name of the person who filmed this?",
        ),
    ),
    (
        "sound",
        (
            "What can be heard?",
            "What song is playing?",
            "What is being said?",
            "What does it sound like?",
            "What language is spoken?",
            "Is there music?",
            "How loud is it?",
            "What did the {head} say?",
            "Is anyone laughing out loud?",
        ),
    ),
    (
        "price",
        (
            "How much does it cost?",
            "What is the price?",
            "How much was paid for this?",
            "What is it worth?",
            "How expensive is it?",
            "What did the {head} pay?",
            "Where can I buy this?",
            "Is it on sale?",
        ),
    ),
    (
        "time",
        (
            "What year is it?",
            "What day of the week is it?",
            "On which date was this taken?",
            "What time is it exactly?",
            "When was this recorded?",
            "How old is this recording?",
            "In which month was this?",
            "Is it a Monday?",
        ),
    ),
    (
        "place",
        (
            "In which city is this?",
            "What is the address?",
            "Which country is this?",
            "What is the name of this place?",
            "How far away is the next town?",
            "What is the postcode?",
            "Who owns this place?",
            "Which street is this?",
        ),
    ),
    (
        "elsewhere",
        (
            "What will happen tomorrow?",
            "What did the {head} do yesterday?",
            "What will the {head} do afterwards?",
            "What happened the day before?",
            "Where does the {head} live?",
            "Who is standing behind the camera?",
            "What did the {head} have for breakfast?",
            "Where did they come from?",
        ),
    ),
    (
        "mind",
        (
            "What is the {head} thinking?",
            "What does the {head} dream of?",
            "What is the {head}'s favourite colour?",
            "How old is the {head} exactly?",
            "What is the {head}'s job?",
            "Is the {head} married?",
            "How much does the {head} weigh?",
            "What is the {head}'s phone number?",
        ),
    ),
)
REASONS = {
    "name": "The {medium} does not tell names.",
    "sound": "I can only see pictures, I can't hear.",
    "price": "The {medium} does not show a price.",
    "time": "The {medium} does not show a date.",
    "place": "The {medium} does not say where it was taken.",
    "elsewhere": "I only know what the {medium} shows.",
    "mind": "That can't be seen from outside.",
}
ABSENT_COLOUR = (
    "What colour is the {noun}?",
    "What color is the {noun}?",
    "Which colour does the {noun} have?",
    "Tell me the color of the {noun}.",
)
ABSENT_DOING = (
    "What is the {noun} doing?",
    "What is the {noun} up to?",
    "Can you tell me what the {noun} is doing?",
    "Describe what the {noun} is doing.",
)
ABSENT_WHERE = (
    "Where is the {noun}?",
    "What does the {noun} look like?",
    "How many {nouns} can you count?",
    "What is next to the {noun}?",
    "Describe the {noun}.",
)
ABSENT_THING = (
    "How big is the {noun}?",
    "Tell me about the {noun}.",
    "Is the {noun} large or small?",
    "What can you say about the {noun}?",
)
LIVING = {"dog", "cat", "horse", "bird", "cow", "monkey", "elephant", "man", "woman", "boy", "girl", "baby", "child"}


def refusal(head: str, word: str, random: Random) -> Turn:
    """A question that no picture answers, about a person or animal `head` where it needs one."""
    kind, ways = random.choice(UNSEEN)
    if not head:
        kind, ways = random.choice(
            [(kind, fitting) for kind, ways in UNSEEN if (fitting := tuple(way for way in ways if "{head}" not in way))]
        )
    question = random.choice(ways).format(head=head)
    plain, other = f"I can't see that in the {word}.", f"I can't tell that from the {word}."
    reason = REASONS[kind].format(medium=word)
    return Turn(question, (plain, f"{plain} {reason}", other, f"{other} {reason}"), f"unseen-{kind}")


def absent_thing(scene: Scene, census: Census, word: str, random: Random) -> Turn | None:
    """A question about a thing that the scene suggests but does not show; None where nothing is surely absent."""
    name = census.tempting(scene, random)
    if not name or name in NO_ARTICLE:
        return None
    ways = [*ABSENT_WHERE, *(ABSENT_DOING if name in LIVING else ABSENT_THING), *(ABSENT_COLOUR if name in COLOURED else ())]
    question = random.choice(ways).format(noun=name, nouns=plural_of(name))
    phrase = THINGS[name].phrase
    return Turn(
        question,
        (f"I can't see {phrase} in the {word}.", f"There is no {name} in the {word}.", f"I see no {name} in the {word}."),
        "absent",
    )


def subject_of(scene: Scene) -> Clause | None:
    """The clause of the first caption that has one person or animal as its subject."""
    clauses = (clause for caption in scene.captions if (clause := parse(caption)) and not clause.plural)
    return next((clause for clause in clauses if clause.head in PERSONS | LIVING), None)


def refusals(corpus: Corpus, census: Census, random: Random) -> Iterator[Record]:
    """Two or three refusals for a share of the scenes."""
    for scene in corpus.captioned("flickr8k", "msrvtt", "photos"):
        if random.random() >= SHARE:
            continue
        frames = frames_of(scene, random)
        word = medium(frames, scene.is_clip, random)
        subject = subject_of(scene)
        turns = [refusal(subject.head if subject else "", word, random)]
        for _ in range(random.choice((1, 1, 2))):
            turn = absent_thing(scene, census, word, random)
            if turn and all(turn.answers != other.answers for other in turns):
                turns.append(turn)
        yield Record(f"refusal/{scene.source}/{scene.id}", "refusal", frames, not scene.is_clip, tuple(turns))
