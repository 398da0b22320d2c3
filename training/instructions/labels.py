"""Questions that labels, object lists and DAQUAR's own questions answer."""

from __future__ import annotations

import re
from random import Random

from . import phrasings
from .corpus import Scene
from .lexicon import NO_ARTICLE, THINGS, plural_of
from .presence import Census
from .record import Turn
from .wording import COLOURS, NUMBER_WORDS, join_list, sentence, with_article

MOST_ASKED = 5
# A person whom captions name in two ways, and things of which one is the other, are listed once.
PERSON_PAIRS = (
    ("child", "boy"),
    ("child", "girl"),
    ("child", "baby"),
    ("boy", "man"),
    ("girl", "woman"),
    ("baby", "boy"),
    ("baby", "girl"),
    ("swimming pool", "water"),
    ("hat", "helmet"),
)


def listed(scene: Scene, census: Census, word: str, random: Random) -> list[Turn]:
    """The things in it: COCO's list, or those of our lexicon that at least two captions name."""
    if scene.objects:
        names = [
            f"{NUMBER_WORDS[count]} {'people' if name == 'person' else name + ('es' if name.endswith(('ch', 's')) else 's')}"
            if 1 < count <= 10
            else with_article(name)
            if count == 1
            else f"many {name}s"
            for name, count in sorted(scene.objects.items())
        ]
        names = [name.replace("many persons", "many people").replace("knifes", "knives") for name in names][:5]
    elif len(scene.captions) > 1 and scene.source in ("flickr8k", "photos"):
        names = listed_names(scene, census)[:5]
    else:
        names = []
    if len(names) < 2:
        return []
    return [
        Turn(
            phrasings.ask(phrasings.OBJECTS, random, medium=word), (f"I can see {join_list(names)}.", sentence(join_list(names))), "object"
        )
    ]


def listed_names(scene: Scene, census: Census) -> list[str]:
    """The agreed things as phrases, in the plural where most captions use it; nobody twice, as a boy and as a child."""
    agreed = census.agreed(scene)
    text = " ".join(scene.captions).lower()
    named = census.of(scene).named
    for one, other in PERSON_PAIRS:
        if one in agreed and other in agreed:
            agreed.remove(one if named[one] < named[other] or one == "child" else other)
    phrases = []
    for name in agreed:
        one, many = (len(re.findall(rf"\b{word}\b", text)) for word in (name, plural_of(name)))
        several = many > one or re.search(rf"\b(another {name}|{name} and (?:an?|the) (?:[a-z-]+ )*{name})\b", text)
        phrases.append(plural_of(name) if several and name not in NO_ARTICLE else THINGS[name].phrase)
    return phrases


def labelled(scene: Scene, word: str, random: Random) -> list[Turn]:
    """Groceries by their coarse name and kind."""
    if not scene.label:
        return []
    name, kind = (
        scene.label.lower(),
        {"Fruit": "a fruit", "Vegetables": "a vegetable", "Packages": "a packaged product"}.get(scene.kind, "a product"),
    )
    turns = [Turn(phrasings.ask(phrasings.PRODUCT, random, medium=word), (f"It is {name}.", sentence(name), f"This is {name}."), "object")]
    ask = random.choice(phrasings.PRODUCT_KIND)
    return [*turns, Turn(ask, (f"It is {kind}.", sentence(kind)), "object")]


def asked(scene: Scene, random: Random) -> list[Turn]:
    """DAQUAR's questions with their answers as sentences; those about more than four things or odd counts are left out."""
    turns = []
    for question, answer in dict(scene.qa).items():
        parts = [part.strip().replace("_", " ") for part in answer.split(",")]
        text = re.sub(r"\s+([?.,])", r"\1", question).strip()
        if len(parts) > 4 or not text.endswith("?") or text.endswith(" the?") or len(text.split()) > 14:
            continue
        said, kind = _daquar_answer(text, parts)
        if said:
            turns.append(Turn(f"{text[:1].upper()}{text[1:]}", (said,), kind))
    return random.sample(turns, min(len(turns), MOST_ASKED))


def _daquar_answer(question: str, parts: list[str]) -> tuple[str, str]:
    if question.startswith("how many"):
        number = parts[0]
        return (sentence(NUMBER_WORDS.get(int(number), number)), "count") if number.isdigit() and int(number) <= 12 else ("", "")
    if re.match(r"what (is|are) the colou?rs?|what colou?r", question):
        return (
            (sentence(join_list(parts)), "colour")
            if set(" ".join(parts).split()) <= {*COLOURS, "silver", "beige", "dark", "light"}
            else ("", "")
        )
    if any(part.isdigit() or part in COLOURS for part in parts):
        return "", ""
    return sentence(join_list([with_article(part) for part in parts])), "object"
