import numpy as np
import pytest
from PIL import Image

from training.data import Item, clean_caption, split_strip, squash
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
