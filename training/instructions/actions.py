"""Which activity, sport or exercise it is, and what kind of video."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from random import Random

from . import phrasings
from .corpus import Corpus, Scene
from .record import Record, Turn
from .wording import frames_of, medium, sentence

# name | words that mean it | a sentence; a scene counts where two captions (an eighth of a clip's) use one of the words
ACTIVITIES = """
soccer | soccer | They are playing soccer.
baseball | baseball | They are playing baseball.
basketball | basketball | They are playing basketball.
football | football quarterback touchdown | They are playing football.
tennis | tennis | They are playing tennis.
volleyball | volleyball | They are playing volleyball.
hockey | hockey | They are playing hockey.
golf | golf golfing golfer | Someone is playing golf.
rugby | rugby | They are playing rugby.
table tennis | ping-pong pingpong | They are playing table tennis.
cricket | cricket | They are playing cricket.
swimming | swim swims swimming swimmer swimmers | Someone is swimming.
surfing | surf surfs surfing surfer surfers surfboard | Someone is surfing.
skateboarding | skateboard skateboards skateboarding skateboarder skateboarders | Someone is skateboarding.
snowboarding | snowboard snowboards snowboarding snowboarder snowboarders | Someone is snowboarding.
skiing | ski skis skiing skier skiers | Someone is skiing.
sledding | sled sledding sleds | Someone is sledding.
wrestling | wrestling wrestle wrestles wrestlers wrestler | They are wrestling.
boxing | boxing boxer boxers | They are boxing.
dancing | dance dances dancing dancer dancers | Someone is dancing.
singing | sing sings singing singer | Someone is singing.
cooking | cook cooks cooking recipe chef | Someone is cooking.
cycling | bicycle bicyclist bicyclists cyclist cyclists biking bmx | Someone is riding a bicycle.
motocross | motocross motorcycle motorcyclist motorbike dirtbike | Someone is riding a motorcycle.
running | runs running runner runners jogging jogger | It is running.
rock climbing | climber climbers rappelling climbs | Someone is climbing.
fishing | fishing fisherman | Someone is fishing.
gymnastics | gymnast gymnastics | Someone is doing gymnastics.
kayaking | kayak kayaking kayaker kayaks canoe canoeing rafting | Someone is paddling a boat.
horse riding | horseback rodeo jockey jockeys | Someone is riding a horse.
playing the guitar | guitar guitarist guitars | Someone is playing the guitar.
playing the piano | piano pianist | Someone is playing the piano.
playing the drums | drums drummer drumming | Someone is playing the drums.
playing a video game | minecraft gameplay videogame | Someone is playing a video game.
driving | driving drives | Someone is driving.
painting | paints painter | Someone is painting.
folding paper | origami folding folds | Someone is folding paper.
putting on make-up | makeup make-up eyeliner lipstick eyeshadow mascara | Someone is putting on make-up.
doing hair | hairstyle braid braiding braids | Someone is doing hair.
swinging | swinging swings | Someone is swinging.
a speech or interview | interview interviewed interviewing speech podium | Someone is giving a talk or an interview.
racing | race races racing | It is a race.
"""
TABLE = [tuple(part.strip() for part in line.split("|")) for line in ACTIVITIES.strip().splitlines()]
# Words that may mean another activity than their row says.
AMBIGUOUS = {
    "swinging": {"bat", "ball", "golf", "racket", "sword"},
    "running": {"running water", "runs down", "running shoes", "running a"},
}
GENRES = {
    "music": "a music video",
    "cooking": "a cooking video",
    "food/drink": "a video about food",
    "sports/actions": "a sports video",
    "gaming": "a video game clip",
    "animals/pets": "an animal video",
    "animation": "a cartoon",
    "howto": "a how-to video",
    "news/events/politics": "a news video",
    "beauty/fashion": "a video about beauty or fashion",
    "vehicles/autos": "a video about cars or other vehicles",
    "travel": "a travel video",
    "kids/family": "a family video",
}
# What an exercise is in plain words, by the last of these that its name holds.
MOVEMENTS = {
    "curl": "a curl",
    "press": "a press",
    "squat": "a squat",
    "deadlift": "a deadlift",
    "row": "a row",
    "stretch": "a stretch",
    "push-up": "a push-up",
    "pushup": "a push-up",
    "pushups": "push-ups",
    "push-ups": "push-ups",
    "pull-up": "a pull-up",
    "pullup": "a pull-up",
    "pullups": "pull-ups",
    "chin-up": "a chin-up",
    "lunge": "a lunge",
    "lunges": "lunges",
    "jump": "a jump",
    "raise": "a raise",
    "raises": "raises",
    "crunch": "a crunch",
    "crunches": "crunches",
    "sit-up": "a sit-up",
    "plank": "a plank",
    "shrug": "a shrug",
    "fly": "a fly",
    "flyes": "flyes",
    "extension": "an extension",
    "extensions": "extensions",
    "kickback": "a kickback",
    "pulldown": "a pulldown",
    "dip": "a dip",
    "dips": "dips",
    "snatch": "a snatch",
    "clean": "a clean",
    "swing": "a swing",
    "twist": "a twist",
    "bridge": "a bridge",
    "rotation": "a rotation",
    "circles": "circles",
    "hop": "a hop",
    "throw": "a throw",
}
TOOLS = {
    "barbell": "a barbell",
    "dumbbell": "a dumbbell",
    "cable": "a cable machine",
    "machine": "a machine",
    "kettlebells": "a kettlebell",
    "bands": "a band",
    "medicine ball": "a medicine ball",
    "exercise ball": "an exercise ball",
    "foam roll": "a foam roller",
    "e-z curl bar": "a curl bar",
}


def activity_of(scene: Scene) -> tuple[str, str]:
    """(name, sentence) of the one activity that the captions agree on; ("", "") if none or several are named as often."""
    found: Counter[int] = Counter()
    for caption in scene.captions:
        words = set(re.findall(r"[a-z]+(?:-[a-z]+)*", caption.lower()))
        for row, (name, names, _) in enumerate(TABLE):
            if words & set(names.split()) and not any(phrase in caption.lower() for phrase in AMBIGUOUS.get(name, ())):
                found[row] += 1
    best = found.most_common(2)
    if not best or best[0][1] < max(2, len(scene.captions) // 4) or len(best) == 2 and best[1][1] * 2 > best[0][1]:
        return "", ""
    name, _, said = TABLE[best[0][0]]
    return (name, said) if name != "running" else (name, f"{subject_running(scene)} is running.")


def subject_running(scene: Scene) -> str:
    text = " ".join(scene.captions).lower()
    return "A dog" if re.search(r"\bdog", text) else "A horse" if re.search(r"\bhorse", text) else "Someone"


def genre_of(category: str) -> str:
    return GENRES.get(category, "")


def activities(corpus: Corpus, random: Random) -> Iterator[Record]:
    """Activities of captioned scenes, and the kind of video that MSR-VTT's annotators chose."""
    for scene in corpus.captioned("flickr8k", "msrvtt"):
        name, said = activity_of(scene)
        frames = frames_of(scene, random)
        word = medium(frames, scene.is_clip, random)
        turns = []
        if name:
            turns.append(Turn(phrasings.ask(phrasings.HAPPENING, random, medium=word), (said, sentence(name)), "activity"))
        if genre := genre_of(scene.kind):
            ask = random.choice(phrasings.GENRE)
            turns.append(Turn(ask, (f"It is {genre}.", sentence(genre)), "genre"))
        if turns:
            yield Record(f"action/{scene.source}/{scene.id}", "action", frames, not scene.is_clip, tuple(turns))


def exercises(corpus: Corpus, random: Random) -> Iterator[Record]:
    """Name, movement and equipment of an exercise from its start and end pose."""
    for scene in corpus.scenes["exercises"]:
        frames = frames_of(scene, random)
        words = re.findall(r"[a-z]+(?:-[a-z]+)*", scene.name.lower())
        movement = next((MOVEMENTS[word] for word in reversed(words) if word in MOVEMENTS), "")
        turns = [
            Turn(
                phrasings.ask(phrasings.EXERCISE, random, medium="video"),
                (f"This exercise is called {scene.name}.", sentence(scene.name)),
                "exercise",
            )
        ]
        if movement:
            tool = f" with {TOOLS[scene.equipment]}" if scene.equipment in TOOLS else ""
            ask = random.choice(phrasings.MOVEMENT)
            turns.append(Turn(ask, (f"The person is doing {movement}{tool}.", sentence(movement)), "movement"))
        if scene.equipment in TOOLS or scene.equipment == "body only":
            said = (
                ("No equipment, only the body.",)
                if scene.equipment == "body only"
                else (sentence(TOOLS[scene.equipment]), f"The person uses {TOOLS[scene.equipment]}.")
            )
            turns.append(Turn(phrasings.ask(phrasings.EQUIPMENT, random, medium="video"), said, "equipment"))
        yield Record(f"action/exercises/{scene.id}", "action", frames, False, tuple(turns))
