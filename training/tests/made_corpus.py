"""A small made-up corpus and the instruction data of it, as fixtures for the tests of the rules."""

import json
import lzma
from itertools import product

import pytest

from training.instructions import generate, order
from training.instructions.corpus import Corpus, read_scenes

SUBJECTS = (
    "A brown dog is chasing",
    "Two men are carrying",
    "A young woman is painting",
    "A small child is reading",
    "A white horse is pulling",
    "Three girls are holding",
)
OBJECTS = (
    "a red ball on a beach",
    "a guitar in a park",
    "a wooden boat near a lake",
    "a blue book in a kitchen",
    "an old car along a street",
    "a yellow umbrella in a garden",
)
SCENES = [
    (
        f"{subject} {thing}.",
        f"{subject} {thing.replace(' a ', ' the ')}.",
        f"There is {thing} and {subject.split(' is ')[0].split(' are ')[0].lower()}.",
    )
    for subject, thing in product(SUBJECTS, OBJECTS)
]
STEPS = ["cut the onion", "fry the onion in oil", "serve it on a plate"]


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    opener = lzma.open if path.suffix == ".xz" else open
    with opener(path, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    patch = pytest.MonkeyPatch()
    patch.setenv("VALLEY_DATA", str(root))
    patch.setattr(order, "SEQUENCES", 60)
    patch.setattr(order, "JOINED_CLIPS", 20)
    # Sevenths of a grid six wide: train and val both get every subject and every thing.
    rows = [
        {"id": f"photo{number}", "split": "val" if number % 7 in (0, 2) else "train", "captions": texts}
        for number, texts in enumerate(SCENES * 2)
    ]
    rows.append({"id": "cat", "split": "train", "captions": ["A grey cat is sitting high up to watch birds."]})
    write(root / "flickr8k/captions.jsonl", rows)
    clips = [
        row | {"id": row["id"].replace("photo", "clip"), "n_frames": 4, "category": "music", "frames": ["s0f1", "s0f5", "s0f8", "s0f9"]}
        for row in rows
    ]
    write(root / "msrvtt/captions.jsonl.xz", clips)
    recipes = [{"id": f"recipe{number}", "split": "train", "n_frames": 3, "steps": STEPS} for number in range(20)]
    write(root / "youcook2/captions.jsonl.xz", recipes)
    write(
        root / "exercises/captions.jsonl.xz",
        [{"id": "Curl", "split": "train", "n_frames": 2, "name": "Barbell Curl", "equipment": "barbell"}],
    )
    photos = [
        {"id": "coco_misc__1", "split": "train", "objects": {"person": 2, "dog": 1}},
        {
            "id": "daquar_nyu__1",
            "split": "train",
            "qa": [{"q": "what is on the floor ?", "a": "floor_mat"}, {"q": "how many chairs are there ?", "a": "4"}],
        },
        {
            "id": "ade__1",
            "split": "train",
            "scene": "bedroom",
            "sequences": [["A white horse is pulling a wooden boat.", "There is a red ball.", "The umbrella is near a lake."]],
        },
        {"id": "sun__1", "split": "train", "scene": "waterfall"},
    ]
    write(root / "photos/captions.jsonl.xz", photos)
    for name in (
        "flickr30k_multi30k_captions",
        "coco_val2017_captions",
        "msrvtt_captions",
        "msvd_video_captions",
        "activitynet_captions",
        "charades_descriptions",
    ):
        write(root / f"text/{name}.jsonl.xz", rows)
    write(root / "text/youcook2_captions.jsonl.xz", [row | {"captions": row["steps"]} for row in recipes])
    yield read_scenes()
    patch.undo()


@pytest.fixture(scope="module")
def train(scenes):
    return list(generate.follow(generate.train_rules(Corpus("train", scenes), 1)))


@pytest.fixture(scope="module")
def val(scenes):
    return list(generate.follow(generate.val_rules(Corpus("val", scenes), 1)))
