"""The ways to ask. {medium} is picture, photo, image, video or clip; the other fields are named by the rule that asks."""

from __future__ import annotations

from random import Random

from ..prompt import DESCRIBE_IMAGE, DESCRIBE_VIDEO, FIRST_QUESTIONS

CAPTION = (
    *FIRST_QUESTIONS, "Describe the {medium}.", "What does the {medium} show?", "What is in the {medium}?", "Say in one sentence what you see.",
    "Give the {medium} a caption.", "What is this {medium} about?", "Summarise the {medium} in one sentence.", "Write a short caption.",
)  # fmt: skip
DETAIL = (
    "Describe the {medium} in detail.", "Tell me everything you can see.", "Give a detailed description of the {medium}.", "Describe what you see in a few sentences.",
    "What can you see? Be thorough.", "Explain the {medium} to someone who can't see it.", "Please describe the whole scene.", "Write a detailed description.",
    "Tell me more about the {medium}.", "Describe the scene in two or three sentences.",
)  # fmt: skip
IS_THERE = (
    "Is there {thing} in the {medium}?", "Is there {thing}?", "Can you see {thing}?", "Do you see {thing} in the {medium}?", "Does the {medium} show {thing}?",
    "Is {thing} visible?", "Can {thing} be seen in the {medium}?", "Do you see {thing} anywhere?", "Does {thing} appear in the {medium}?", "Is there {thing} here?",
)  # fmt: skip
DOING = (
    "What {be} the {head} doing?", "What {be} the {head} doing in the {medium}?", "Can you tell me what the {head} {be} doing?", "What {do} the {head} do here?",
    "What {be} the {head} up to?", "Tell me what the {head} {be} doing.", "Describe what the {head} {be} doing.", "What activity {be} the {head} doing?",
)  # fmt: skip
HAPPENING = (
    "What is being done?", "What action is shown?", "What activity is this?", "What is going on?", "Which activity can you see?", "What kind of action is happening?",
    "What can be seen happening?", "What is someone doing here?", "Name the activity in the {medium}.",
)  # fmt: skip
COLOUR = (
    "What colour is the {noun}?", "What color is the {noun}?", "Which colour is the {noun}?", "What is the colour of the {noun}?", "Can you tell me the color of the {noun}?",
    "What color is the {noun} in the {medium}?", "Tell me the colour of the {noun}.", "What colour does the {noun} have?",
)  # fmt: skip
COUNT = (
    "How many {nouns} are there?", "How many {nouns} can you see?", "How many {nouns} are in the {medium}?", "Count the {nouns}.", "What is the number of {nouns}?",
    "Can you count the {nouns}?", "How many {nouns} does the {medium} show?", "Tell me how many {nouns} there are.",
)  # fmt: skip
PLACE = (
    "Where is this?", "Where does this take place?", "What kind of place is this?", "Where was the {medium} taken?", "What place does the {medium} show?",
    "Where are we?", "What is the setting?", "In what kind of place does this happen?",
)  # fmt: skip
IN_OR_OUT = (
    "Is it indoors or outdoors?", "Is this inside or outside?", "Was this filmed indoors or outdoors?", "Does this happen indoors or outdoors?", "Indoors or outdoors?",
    "Is the {medium} taken inside or outside?", "Are we inside or outside?", "Is this scene indoors or outdoors?",
)  # fmt: skip
OBJECTS = (
    "What objects can you see?", "Which objects are in the {medium}?", "List the things in the {medium}.", "What things are there?", "Name what you can see in the {medium}.",
    "What is in the {medium}?", "Which things does the {medium} show?", "What objects are visible?",
)  # fmt: skip
PRODUCT = (
    "What product is this?", "What is this?", "What is in the {medium}?", "Which food can you see?", "What kind of grocery is this?", "What item is shown?",
    "Can you name this product?", "What can you buy here?",
)  # fmt: skip
WHO = (
    "Who is in the {medium}?", "Who can you see?", "Who is there?", "Which people or animals can you see?", "Who appears in the {medium}?", "Who is shown?",
    "Who is this about?", "Who or what can be seen?",
)  # fmt: skip
EXERCISE = (
    "What exercise is this?", "Which exercise is shown?", "What is this exercise called?", "Name the exercise.", "What workout is the person doing?",
    "Which exercise does the person do?", "What movement is being trained?", "What exercise can you see in the {medium}?",
)  # fmt: skip
EQUIPMENT = (
    "What equipment is used?", "Which equipment does the person use?", "What is the exercise done with?", "What gear can you see?", "Which equipment is needed?",
    "What is the person training with?", "Is any equipment used?", "What do you need for this exercise?",
)  # fmt: skip
FIRST = (
    "What happens first?", "What happens at the beginning?", "What can be seen at the start?", "What does the {medium} show first?", "How does the {medium} begin?",
    "What comes first?", "What is shown at the start of the {medium}?", "Describe the first part.",
)  # fmt: skip
THEN = (
    "What happens then?", "What happens next?", "What comes after that?", "What does the {medium} show after the first scene?", "What is shown in the second part?",
    "What comes next in the {medium}?", "What follows?", "Describe what comes after the beginning.",
)  # fmt: skip
LAST = (
    "What happens at the end?", "What happens last?", "How does the {medium} end?", "What is shown at the end?", "What comes last?", "What can be seen in the last part?",
    "Describe the end of the {medium}.", "What does the {medium} end with?",
)  # fmt: skip
IN_ORDER = (
    "What happens, in order?", "Describe the {medium} from beginning to end.", "Tell me what happens step by step.", "What happens first, and what then?",
    "List the scenes in order.", "Go through the {medium} in order.", "What is shown, from start to end?", "Describe the sequence of events.",
)  # fmt: skip
WHICH_FIRST = (
    "Which comes first, {one} or {other}?", "What is shown first, {one} or {other}?", "What comes first in the {medium}: {one} or {other}?", "Do we see {one} or {other} first?",
    "Which appears first: {one} or {other}?", "What can be seen first, {one} or {other}?", "Which is at the beginning, {one} or {other}?", "What does the {medium} start with, {one} or {other}?",
)  # fmt: skip
WHICH_LAST = (
    "Which comes last, {one} or {other}?", "What is shown last, {one} or {other}?", "What comes at the end: {one} or {other}?", "Does the {medium} end with {one} or {other}?",
    "Which appears later, {one} or {other}?", "What can be seen later, {one} or {other}?", "Which is at the end, {one} or {other}?", "What is the last thing shown, {one} or {other}?",
)  # fmt: skip
WHICH_STEP = (
    "Which step comes first: {one}, or {other}?", "What is done first: {one}, or {other}?", "Which of these comes first: {one}, or {other}?", "What happens earlier: {one}, or {other}?",
    "What does the cook do first: {one}, or {other}?", "Which step is shown first: {one}, or {other}?", "In the video, what comes first: {one}, or {other}?", "Which is the earlier step: {one}, or {other}?",
)  # fmt: skip
THANKS = (
    "Thanks!",
    "Thank you.",
    "Great, thanks.",
    "OK, thank you!",
    "Thanks, that helps.",
    "Nice, thanks.",
    "Thank you very much.",
    "Perfect, thanks!",
)
WELCOME = ("You're welcome!", "You're welcome. Ask me anything else about it.", "Glad to help!", "Happy to help.", "Any time!")
BRIEFLY = {False: DESCRIBE_IMAGE, True: DESCRIBE_VIDEO}
DONE_TO = (
    "What is the {head} {verb}?", "What is the {head} {verb} here?", "Can you see what the {head} is {verb}?", "Tell me what the {head} is {verb}.", "Which thing is the {head} {verb}?",
    "Do you know what the {head} is {verb}?", "Say what the {head} is {verb}.", "What can you see the {head} {verb}?",
)  # fmt: skip
PRODUCT_KIND = (
    "Is it a fruit, a vegetable or a packaged product?", "What kind of product is it?", "Which kind of food is this?", "Is this fresh or packaged food?", "Which part of the shop is this from?",
    "What type of grocery is it?", "Fruit, vegetable or package?", "What sort of food is shown?",
)  # fmt: skip
STEP = (
    "What is the cook doing?", "What is being done?", "What happens in this step?", "Which step of the recipe is this?", "What does the cook do here?", "Describe this step.",
    "What is being prepared?", "Tell me what is done in this step.",
)  # fmt: skip
MOVEMENT = (
    "What is the person doing?", "What is happening?", "What kind of exercise is this?", "Which movement does the person make?", "What does the person do?", "Describe the movement.",
    "What type of movement is it?", "Tell me what the person is doing.",
)  # fmt: skip
GENRE = (
    "What kind of video is this?", "What type of video is it?", "What genre is this?", "How would you classify this video?", "What sort of clip is this?", "Which category fits the video?",
    "What is this: news, music, sports or something else?", "Name the kind of video.",
)  # fmt: skip
BEFORE = (
    "Does the video show {one} before {other}?", "Do we see {one} before {other}?", "Can {one} be seen before {other}?", "Do we see {other} after {one}?", "Does the video show {other} after {one}?",
    "Can you see {one} before {other}?", "Does the video begin with {one} and go on with {other}?", "Do we see first {one}, then {other}?",
)  # fmt: skip

DIRECTION = (
    "Which way does the camera move?", "In which direction does the camera move?", "Where does the camera move to?", "Which way is the camera moving?", "How does the camera move?",
    "What direction does the view move in?", "Tell me which way the camera goes.", "Which way does the view go?",
)  # fmt: skip
EITHER_WAY = (
    "Does the camera move {one} or {other}?", "Which way does the camera move, {one} or {other}?", "Is the camera moving {one} or {other}?", "Does the view go {one} or {other}?",
    "{one} or {other}: which way does the camera move?", "Does the camera go {one} or {other}?", "Is the movement {one} or {other}?", "In the {medium}, does the camera move {one} or {other}?",
)  # fmt: skip
MOVES = (
    "Does the camera move {way}?", "Is the camera moving {way}?", "Does the view go {way}?", "Can you see the camera move {way}?", "Does the camera go {way}?",
    "Is the view moving {way}?", "Would you say the camera moves {way}?", "Do we move {way}?",
)  # fmt: skip
ZOOM = (
    "Does the picture zoom {one} or {other}?", "Does the camera zoom {one} or {other}?", "Is the camera zooming {one} or {other}?", "Is it zooming {one} or {other}?",
    "Does the {medium} zoom {one} or {other}?", "Which is it, zooming {one} or {other}?", "Do we zoom {one} or {other}?", "Does the view zoom {one} or {other}?",
)  # fmt: skip
ZOOMS = (
    "Does the camera zoom {way}?", "Is the camera zooming {way}?", "Does the picture zoom {way}?", "Is it zooming {way}?", "Does the view zoom {way}?", "Do we zoom {way}?",
    "Can you see the camera zoom {way}?", "Would you say it zooms {way}?",
)  # fmt: skip
CHANGES = (
    "Does anything change?", "Does anything move?", "Is there any movement?", "Does the picture change?", "Is anything moving in the {medium}?", "Does the view change?",
    "Does the camera move at all?", "Can you see any change in the {medium}?",
)  # fmt: skip


def ask(ways: tuple[str, ...], random: Random, **fields: str) -> str:
    """One of the ways to ask, its fields filled in."""
    question = random.choice(ways).format(**fields)
    return f"{question[:1].upper()}{question[1:]}"
