"""Clips made of photos: where the window goes, and that they read like any other source."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training import data, motion
from training.data import MOTION, load_items
from training.features import archive_order, iterate_frames, plan_items

PHOTOS = 6


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Photos that get redder to the right and greener downwards, two of them val."""
    root = tmp_path / "data" / "flickr8k"
    root.mkdir(parents=True)
    ramp = np.linspace(0, 255, 224).astype(np.uint8)
    pixels = np.stack([np.tile(ramp, (224, 1)), np.tile(ramp[:, None], (1, 224)), np.zeros((224, 224), np.uint8)], 2)
    with tarfile.open(root / "images.tar", "w") as archive:
        for number in range(PHOTOS):
            content = io.BytesIO()
            Image.fromarray(pixels).save(content, "PNG")
            member = tarfile.TarInfo(f"p{number}.png")
            member.size = content.tell()
            content.seek(0)
            archive.addfile(member, content)
    rows = [{"id": f"p{number}", "split": "val" if number < 2 else "train", "captions": ["A ramp."]} for number in range(PHOTOS)]
    (root / "captions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setenv("VALLEY_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(data, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(motion, "COUNTS", {"train": 3, "val": 1})
    return tmp_path / "cache"


def test_windows_stay_inside_and_go_where_their_path_says() -> None:
    for photo in map(str, range(50)):
        for path in motion.PATHS:
            places = motion.windows(photo, path)
            assert len(places) == motion.FRAMES
            assert all(0 <= left and 0 <= top and max(left, top) + side <= 1 + 1e-9 for left, top, side in places)
        across, down, closer = (motion.windows(photo, path) for path in motion.PATHS)
        assert across[-1].left - across[0].left > 0.25 and len({place.top for place in across}) == 1
        assert down[-1].top - down[0].top > 0.25 and len({place.left for place in down}) == 1
        assert closer[0].side / closer[-1].side > 1.6
        assert all(len({place.side for place in places}) == 1 for places in (across, down))


def test_strips_show_what_their_names_say(cache: Path) -> None:
    items = {item.id: item for item in plan_items(MOTION, "plain")}
    ordered = archive_order(MOTION, items)
    assert len(ordered) == len(items) == (3 + 1) * len(motion.PATHS)
    assert {motion.photo_of(item.id): item.split for item in ordered}.keys() <= {f"p{number}" for number in range(PHOTOS)}
    assert sum(item.split == "val" for item in ordered) == len(motion.PATHS)
    frames = np.stack(list(iterate_frames(MOTION, "plain", items, 0))).reshape(len(ordered), motion.FRAMES, 224, 224, 3)
    for item, strip in zip(ordered, frames.astype(np.float32)):
        red, green = strip[:, :, :, 0].mean((1, 2)), strip[:, :, :, 1].mean((1, 2))
        if item.id.endswith("-across"):
            assert (np.diff(red) > 4).all() and np.ptp(green) < 4
        elif item.id.endswith("-down"):
            assert (np.diff(green) > 4).all() and np.ptp(red) < 4
        else:
            spread = np.ptp(strip[:, 112, :, 0], axis=1)
            assert (np.diff(spread) < 0).all() and spread[-1] < 0.7 * spread[0]


def test_the_same_photos_give_the_same_bytes_once(cache: Path) -> None:
    folder = cache / MOTION
    assert motion.make(folder) == 12
    first = (folder / "strips.tar").read_bytes()
    assert motion.make(folder) == 0
    # A crash between archive and captions: all is made anew.
    (folder / "captions.jsonl").unlink()
    assert motion.make(folder) == 12 and (folder / "strips.tar").read_bytes() == first


def test_an_augmented_view_never_mirrors_a_pan(cache: Path) -> None:
    motion.make(cache / MOTION)
    assert all(item.names_a_side == item.id.endswith("-across") for item in load_items(MOTION))
    assert {item.split for item in plan_items(MOTION, "augmented-1")} == {"train"}
