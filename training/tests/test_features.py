"""The features cache goes on by default and begins anew only where it is told to."""

import sys
from pathlib import Path

import numpy as np
import pytest

from training import features


@pytest.mark.parametrize(
    ("options", "kept"),
    [([], {"stem", "imagenet"}), (["--no-resume"], {"stem"}), (["--no-resume", "--tower", "stem"], {"imagenet"})],
)
def test_no_resume_forgets_the_layer_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], kept: set[str]
) -> None:
    for layer in ("stem", "imagenet"):
        for view in ("plain", "augmented-1"):
            folder = tmp_path / layer / "flickr8k" / view
            folder.mkdir(parents=True)
            np.save(folder / "shard-0000.npy", np.zeros(1))
            (folder / "index.json").write_text("{}")
    found: dict[str, int] = {}
    monkeypatch.setattr(features, "CACHE", tmp_path)

    def count(source: str, view: str) -> None:
        found["stem"] = features.shards_done(tmp_path / "stem" / source / view)

    monkeypatch.setattr(features, "build_stem", count)
    monkeypatch.setattr(features, "build_tokens", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["features", "--source", "flickr8k", *options])
    features.main()
    assert {layer for layer in ("stem", "imagenet") if (tmp_path / layer / "flickr8k" / "plain" / "index.json").is_file()} == kept
    assert found == {"stem": int("stem" in kept)}
    assert (tmp_path / "imagenet" / "flickr8k" / "augmented-1" / "shard-0000.npy").is_file()
