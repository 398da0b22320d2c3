import json
import lzma
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.data import Item, clean_caption, held_out, item_texts, load_items, split_strip, squash
from training.features import apply_view, augmentation


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("A dog runs .", "A dog runs."),
        ("a man is singing", "A man is singing."),
        ("Two dogs , one brown , play ", "Two dogs, one brown, play."),
        ('" A girl " jumps !', 'A girl " jumps.'),
        (" . ", ""),
    ],
)
def test_captions_get_one_spelling(raw, clean):
    assert clean_caption(raw) == clean


@pytest.mark.parametrize(
    ("row", "texts"),
    [
        ({"captions": ["A dog runs ."], "name": "dog"}, ["A dog runs ."]),
        ({"captions": ["A pan ."], "sequences": [["oil is hot", "fish fries ."]]}, ["A pan .", "Oil is hot. Fish fries."]),
        ({"steps": ["cut the onion", "stir"], "label": "soup"}, ["cut the onion", "stir"]),
        ({"label": "push_up"}, ["push up"]),
        ({"scene": "living_room", "objects": ["sofa"]}, ["living room"]),
        ({"objects": ["cup", "saucer"]}, ["cup and saucer"]),
        ({"id": "x"}, []),
    ],
)
def test_what_a_record_says_of_its_pictures(row: dict, texts: list[str]):
    assert item_texts(row) == texts


def test_items_of_every_kind_of_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VALLEY_DATA", str(tmp_path))
    rows = {
        "photos": [{"id": "p", "split": "train", "name": "red panda"}],
        "youcook2": [{"id": str(number), "split": "train", "n_frames": 2, "steps": ["cut", "stir"]} for number in range(400)],
    }
    for source, content in rows.items():
        (tmp_path / source).mkdir()
        with lzma.open(tmp_path / source / "captions.jsonl.xz", "wt", encoding="utf-8") as lines:
            lines.writelines(json.dumps(row) + "\n" for row in content)
    assert load_items("photos") == [Item("photos", "p", "train", 1, ("red panda",), False)]
    recipes = load_items("youcook2")
    assert recipes[7] == Item("youcook2", "7", "train", 2, ("cut", "stir"), True)
    # A fifth of the recipes, the same every time; of no other source any.
    kept = [item.id for item in recipes if held_out(item)]
    assert 50 < len(kept) < 110 and kept == [item.id for item in load_items("youcook2") if held_out(item)]
    assert not any(held_out(Item("photos", item.id, "train", 1, (), False)) for item in recipes)


def test_a_strip_is_cut_in_time_order():
    strip = np.zeros((4, 12, 3), np.uint8)
    for index in range(3):
        strip[:, index * 4 : index * 4 + 4] = 50 * (index + 1)
    frames = split_strip(Image.fromarray(strip))
    assert [int(np.asarray(frame).mean()) for frame in frames] == [50, 100, 150]
    with pytest.raises(ValueError):
        split_strip(Image.fromarray(strip[:, :10]))


def test_squash_keeps_the_whole_picture():
    picture = np.zeros((100, 300, 3), np.uint8)
    picture[:, 150:] = 200
    squashed = squash(Image.fromarray(picture))
    assert squashed.shape == (224, 224, 3)
    assert squashed[:, :108].max() == 0 and squashed[:, 116:].min() == 200


def item(*captions: str, id: str = "x") -> Item:
    return Item("flickr8k", id, "train", 1, captions, False)


def test_augmentation_is_repeatable_and_stays_inside_the_frame():
    boxes = set()
    for index in range(200):
        box, _ = augmentation(item("A dog.", id=str(index)), "augmented-1")
        assert (box, _) == augmentation(item("A dog.", id=str(index)), "augmented-1")
        left, top, right, bottom = box
        assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1
        assert (right - left) * (bottom - top) > 0.5
        boxes.add(box)
    assert len(boxes) == 200


def test_captions_that_name_a_side_are_never_mirrored():
    mirrored = [augmentation(item("A dog on the left.", id=str(index)), "augmented-1")[1] for index in range(100)]
    assert not any(mirrored)
    assert any(augmentation(item("A dog.", id=str(index)), "augmented-1")[1] for index in range(100))


def test_plain_view_changes_nothing():
    picture = np.random.default_rng(0).integers(0, 255, (224, 224, 3), np.uint8)
    assert np.array_equal(apply_view(Image.fromarray(picture), item("A dog."), "plain"), picture)
    assert apply_view(Image.fromarray(picture), item("A dog."), "augmented-1").shape == (224, 224, 3)
