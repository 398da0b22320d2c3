"""Where it is, from the scene's label or from places that captions name."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

from . import phrasings
from .corpus import Scene
from .record import Turn
from .wording import sentence, with_article

PLACES = {
    "beach": "on a beach",
    "park": "in a park",
    "street": "on a street",
    "field": "in a field",
    "pool": "at a pool",
    "river": "by a river",
    "lake": "by a lake",
    "forest": "in a forest",
    "woods": "in the woods",
    "kitchen": "in a kitchen",
    "stage": "on a stage",
    "gym": "in a gym",
    "yard": "in a yard",
    "garden": "in a garden",
    "road": "on a road",
    "stadium": "in a stadium",
    "restaurant": "in a restaurant",
    "bedroom": "in a bedroom",
    "studio": "in a studio",
    "office": "in an office",
    "desert": "in the desert",
    "playground": "on a playground",
    "classroom": "in a classroom",
    "ocean": "at the ocean",
    "mountain": "in the mountains",
    "mountains": "in the mountains",
    "snow": "in the snow",
    "store": "in a store",
    "bar": "in a bar",
    "church": "in a church",
    "farm": "on a farm",
    "sidewalk": "on a sidewalk",
    "skatepark": "in a skate park",
    "bathroom": "in a bathroom",
    "cave": "in a cave",
    "airport": "at an airport",
}
OUTDOORS = set(
    """
    beach field park street road mountain mountains snow river lake forest woods trail yard sidewalk outside outdoors hill
    garden ocean desert playground surf sky stadium
    """.split()
)
INDOORS = set("kitchen indoors indoor office gym couch sofa bedroom restaurant classroom bathroom".split())
AT = re.compile(rf"\b(?:in|on|at|near|by|along|inside|through|across) (?:an?|the|his|her|their) (?:[a-z]+ )?({'|'.join(PLACES)})\b")


def places(scene: Scene, word: str, random: Random) -> list[Turn]:
    """Where it is: the label of the scene, or a place that two captions name; indoors or outdoors where all agree."""
    turns = []
    if scene.place:
        place = with_article(scene.place)
        turns.append(
            Turn(phrasings.ask(phrasings.PLACE, random, medium=word), (f"This is {place}.", f"It is {place}.", sentence(place)), "place")
        )
    text = " ".join(scene.captions).lower()
    named = Counter(AT.findall(text))
    if named and not scene.place:
        place, count = named.most_common(1)[0]
        if count >= 2 and len(named) <= 2:
            said = PLACES[place]
            turns.append(
                Turn(
                    phrasings.ask(phrasings.PLACE, random, medium=word),
                    (f"It is {said}.", sentence(said), f"This takes place {said}."),
                    "place",
                )
            )
    seen = set(re.findall(r"[a-z]+", text))
    if bool(seen & OUTDOORS) != bool(seen & INDOORS):
        where, other = ("outdoors", "outside") if seen & OUTDOORS else ("indoors", "inside")
        turns.append(
            Turn(phrasings.ask(phrasings.IN_OR_OUT, random, medium=word), (f"It is {where}.", sentence(where), f"It is {other}."), "place")
        )
    return turns
