"""A pack back as a run: what is exported reads back equal, and a projector carried over makes the same tokens."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from training import from_pack
from training.adapter import Adapter, load_adapter
from training.clip import image_tower
from training.data import Item
from training.export_files import write_hashed, write_json
from training.export_pack import adapter_entry, checkpoint_tensors, projector_file
from training.language_model import causal_mask
from training.projector import FoldedProjector, Projector

from .tiny import ARCHITECTURE, HIDDEN, tiny_decoder

WIDTH, ITEMS = 8, 150


def random_adapter(folder: Path) -> Adapter:
    """Factors that float16 holds, saved as phase 2 does."""
    adapter = Adapter(tiny_decoder(), rank=2, alpha=6, seed=3)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for a, b in zip(adapter.a, adapter.b):
            a.copy_(a.half())
            b.normal_(generator=generator).copy_(b.half())
    torch.save(adapter.checkpoint(), folder / "adapter.pt")
    return adapter


def save_pack(root: Path, projector: Projector, adapter: Path | None) -> Path:
    """A pack of projector and adapter alone, by the functions that write the shipped one."""
    pack, architecture = root / "models" / "pack", {"heads": ARCHITECTURE.heads, "kvHeads": ARCHITECTURE.kv_heads}
    torch.save(projector.folded(), root / "folded.pt")
    data, table = projector_file(checkpoint_tensors(root / "folded.pt"), WIDTH, HIDDEN)
    entry = {"file": write_hashed(pack, "projector", ".bin", data), "tensors": table}
    write_json(root / "models" / "base" / "base.json", {"architecture": architecture})
    manifest = {"base": "../base/base.json", "projector": entry, "adapter": adapter_entry(pack, adapter, architecture)}
    write_json(pack / "pack.json", manifest)
    return pack


def read_back(root: Path, pack: Path, monkeypatch: pytest.MonkeyPatch, run: str) -> Path:
    monkeypatch.setattr(from_pack, "CHECKPOINTS", root / "checkpoints")
    monkeypatch.setattr(sys, "argv", ["from_pack", str(pack), "--run", run])
    from_pack.main()
    return root / "checkpoints" / run


def new_projector() -> Projector:
    generator = torch.Generator().manual_seed(5)
    return Projector(torch.randn(WIDTH, generator=generator), torch.eye(WIDTH), torch.randn(HIDDEN, generator=generator), 0.3, seed=1)


@torch.no_grad()
def test_an_exported_run_reads_back_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter, projector = random_adapter(tmp_path), new_projector()
    folder = read_back(tmp_path, save_pack(tmp_path, projector, tmp_path / "adapter.pt"), monkeypatch, "shipped")
    ours, theirs = (torch.load(path / "adapter.pt", weights_only=True) for path in (tmp_path, folder))
    assert (ours["rank"], ours["alpha"], set(ours["modules"])) == (theirs["rank"], theirs["alpha"], set(theirs["modules"]))
    for name, factors in ours["modules"].items():
        assert all(torch.equal(*pair) for pair in zip(factors, theirs["modules"][name], strict=True)), name
    features = torch.randn(3, WIDTH, generator=torch.Generator().manual_seed(6))
    again = FoldedProjector.load(folder / "projector.pt")
    torch.testing.assert_close(again(features), projector(features), rtol=1e-4, atol=1e-5)
    assert torch.equal(again.markers(), projector.folded()["markers"])

    inputs = (torch.randn(1, 4, HIDDEN, generator=torch.Generator().manual_seed(7)), torch.arange(4)[None], causal_mask(4, 0))
    answers = []
    for one in (adapter, load_adapter(tiny_decoder(), folder / "adapter.pt"), None):
        decoder = tiny_decoder()
        decoder.adapter = one
        answers.append(decoder.forward(*inputs)[0])
    assert torch.equal(answers[0], answers[1]) and not torch.allclose(answers[0], answers[2], atol=1e-2)


def test_a_pack_without_adapter_gives_a_run_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = read_back(tmp_path, save_pack(tmp_path, new_projector(), None), monkeypatch, "plain")
    assert [path.name for path in folder.iterdir()] == ["projector.pt"]


class Cache:
    """Stands for the features cache, stem and tokens: random vectors by item, those of the other tower mixed and shifted."""

    def __init__(self, *_: str) -> None:
        generator = torch.Generator().manual_seed(8)
        vectors = torch.randn(ITEMS, 17, WIDTH, generator=generator).bfloat16().float()
        self.vectors = dict(zip(map(str, range(ITEMS)), vectors))
        # Turned: a mix that nearly loses a direction is not what the ridge lets one find again.
        self.mix = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=generator)).Q
        self.shift = torch.randn(WIDTH, generator=generator)
        self.items = [Item("flickr8k", id_, "train", 1, (), False) for id_ in self.vectors]

    def frames(self, item: str, indices: list[int]) -> np.ndarray:
        assert indices == [0]
        return self.vectors[item][None].numpy()

    def features(self, frames) -> torch.Tensor:
        return torch.stack([self.vectors[frame.item] for frame in frames]) @ self.mix + self.shift


def test_a_projector_carried_over_makes_the_same_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Captions", "FeatureBank", "FeatureView"):
        monkeypatch.setattr(from_pack, name, Cache)
    monkeypatch.setattr(image_tower, "load_image_tower", lambda _: lambda x: (x.float()[:, :16], x.float()[:, 16], None))
    projector = new_projector().folded()
    carried, explained = from_pack.carry_over(projector, "clip")
    cache = Cache()
    vectors = torch.stack(list(cache.vectors.values()))
    wanted = vectors @ projector["weight"] + projector["bias"]
    made = (vectors @ cache.mix + cache.shift) @ carried["weight"] + carried["bias"]
    assert explained > 0.99
    assert (made - wanted).square().mean() < 0.01 * wanted.var(0).mean()
    assert torch.equal(carried["markers"], projector["markers"])
