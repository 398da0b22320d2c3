"""Smoothing: the same model in float32, less lost in int8, on the tiny packs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from training.calibrate import Activations, activations, calibrate, lost, rounded_product, search
from training.derive import derive
from training.export_adapter import read_adapter
from training.export_files import write_json
from training.export_pack import smoothing_entry
from training.export_reference import llama, logits
from training.export_tiny import ARCHITECTURE
from training.gguf_base import Base
from training.smoothing import Smoothing, base_sites, read_smoothing, smoothed, smoothing_of
from training.tests.test_export import TINY, decoder_session, run_in_chunks

PACK = TINY / "tiny-delta"


@pytest.fixture(scope="module")
def base() -> Base:
    return Base(TINY / "tiny-base")


def examples(seed: int) -> list[tuple[torch.Tensor, int]]:
    generator = torch.Generator().manual_seed(seed)
    return [(torch.randn(20, 64, generator=generator) * 0.3, 5) for _ in range(4)]


def test_a_smoothed_model_is_the_same_in_float32(base: Base, tmp_path: Path) -> None:
    adapter, smoothing = read_adapter(PACK), read_smoothing(PACK, base.manifest["architecture"])
    assert smoothing is not None and len(smoothing.inputs) == 2 * 7 + 1 and len(smoothing.outputs) == 2 * 4 + 1
    plain, other = derive(base, "f32", adapter), derive(base, "f32", adapter, smoothing)
    assert np.abs(plain.view("<f4") - other.view("<f4")).max() > 0.1
    embeddings = np.random.default_rng(4).standard_normal((21, 64)).astype(np.float32) * 0.3
    expected = logits(llama(base, adapter), torch.from_numpy(embeddings)).numpy()
    session = decoder_session(base, "f32", adapter, tmp_path, smoothing)
    actual = run_in_chunks(session, base, embeddings, [4, 11, 1, 1, 4], np.float32)
    assert np.abs(actual - expected).max() < 1e-4


def test_query_heads_of_a_group_share_the_factors_of_their_values(base: Base) -> None:
    site = list(base_sites(base))[1]
    factors = np.arange(1, site.size + 1, dtype=np.float32)
    smoothing = smoothing_of({site: factors}, base.manifest["architecture"])
    assert smoothing.inputs["blk.0.attn_output.weight"].reshape(4, 16)[:, 0].tolist() == [1, 1, 17, 17]
    np.testing.assert_array_equal(smoothed(np.ones((32, 64), np.float32), "blk.0.attn_v.weight", smoothing)[:, 0], (1 / factors).astype(np.float32))
    np.testing.assert_array_equal(smoothed(np.ones(64, np.float32), "blk.0.attn_norm.weight", smoothing), np.ones(64))


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.inf])
def test_factors_that_are_not_positive_are_refused(base: Base, wrong: float) -> None:
    site = next(base_sites(base))
    factors = np.ones(site.size)
    factors[3] = wrong
    with pytest.raises(ValueError, match="positive factors"):
        smoothing_of({site: factors}, base.manifest["architecture"])


def test_the_product_is_that_of_the_int8_operator() -> None:
    """Halves of a step are the most that a rounded activation can be off; whole codes are exact."""
    codes = torch.tensor([[127.0, -3.0, 64.0, -128.0]])
    weights = torch.tensor([[127.0, 1.0, -5.0, 2.0], [0.5, 0.0, 0.0, -1.0]])
    expected = codes @ torch.from_numpy(np.array([[127, 1, -5, 2], [64, 0, 0, -127]], np.float32) * np.array([[1], [1 / 127]], np.float32)).T
    np.testing.assert_allclose(rounded_product(codes, weights), expected, rtol=1e-5)
    x = torch.randn(50, 64, generator=torch.Generator().manual_seed(1))
    exact = rounded_product(x, torch.eye(64) * 127) / 127
    assert ((exact - x).abs() <= x.abs().amax(1, keepdim=True) / 255 * 1.001).all()


def test_the_search_makes_outliers_cheap() -> None:
    generator = torch.Generator().manual_seed(2)
    x, weights = torch.randn(48, 64, generator=generator), torch.randn(96, 64, generator=generator)
    x[:, [3, 40]] *= 60
    shared = torch.arange(32).repeat_interleave(2)
    given, plain = Activations(x, x[:0]), torch.ones(64)
    one = search(given, weights, lambda values: values, 64)
    assert lost(x, weights, one) < 0.2 * lost(x, weights, plain)
    assert one[[3, 40]].min() > 3 * one.median()
    assert one.log().mean().abs() < 1e-4
    # A quiet channel beside a loud one takes its factor too.
    both = search(given, weights, lambda values: values[shared], 32)[shared]
    assert lost(x, weights, one) < lost(x, weights, both) < 0.3 * lost(x, weights, plain)


def test_the_sink_is_not_forgotten() -> None:
    """A channel that only the first token uses is worth no factor to the other rows."""
    generator = torch.Generator().manual_seed(3)
    x, weights = torch.randn(48, 64, generator=generator), torch.randn(96, 64, generator=generator)
    sink = torch.randn(1, 64, generator=generator) * 0.01
    sink[0, 5], x[:, 5] = 1000, 0.001
    alone = search(Activations(x, x[:0]), weights, lambda values: values, 64)
    given = search(Activations(x, sink), weights, lambda values: values, 64)
    assert lost(sink, weights, given) < 0.1 * lost(sink, weights, alone)
    assert lost(x, weights, given) < 2 * lost(x, weights, alone)


def test_activations_are_those_of_the_matrices(base: Base) -> None:
    model, sites = llama(base), list(base_sites(base))
    rows = activations(model, examples(3), sites)
    assert [(len(x.rows), len(x.sink)) for x in rows.values()] == [(4 * 12, 1)] * 8 + [(4 * 5, 0)]
    assert [x.rows.shape[1] for x in rows.values()] == [64, 64, 64, 128, 64, 64, 64, 128, 64]
    first = torch.cat([x for x, _ in examples(3)])
    norm = torch.nn.functional.rms_norm(first, (64,), torch.from_numpy(base.tensor("blk.0.attn_norm.weight")), 1e-5)
    distances = torch.cdist(rows[sites[0]].rows, norm, compute_mode="donot_use_mm_for_euclid_dist").amin(1)
    assert distances.max() < 1e-4
    assert (rows[sites[0]].sink - norm[0]).abs().max() < 1e-4
    assert not model.model.layers[0].self_attn.q_proj._forward_pre_hooks


class LoudBase(Base):
    """The same model with a few channels a hundred times as large as others, which the tiny random one has none of."""

    def tensor(self, name: str) -> np.ndarray:
        factors = {site: np.where(np.arange(site.size) % 31 == 5, 0.01, 1) for site in base_sites(self)}
        return smoothed(super().tensor(name), name, smoothing_of(factors, self.manifest["architecture"]))


def test_what_calibration_writes_the_export_ships_and_int8_is_nearer_to_float32(tmp_path: Path) -> None:
    base, architecture = LoudBase(TINY / "tiny-base"), ARCHITECTURE
    torch.save(calibrate(base, None, examples(5)), tmp_path / "smoothing.pt")
    entry = smoothing_entry(tmp_path, tmp_path / "smoothing.pt", base)
    assert entry is not None and len(entry["sites"]) == 9
    write_json(tmp_path / "pack.json", {"smoothing": entry})
    embeddings = np.random.default_rng(6).standard_normal((21, 64)).astype(np.float32) * 0.3
    expected = logits(llama(base), torch.from_numpy(embeddings)).numpy()

    def error(smoothing: Smoothing | None) -> float:
        session = decoder_session(base, "int8", None, tmp_path, smoothing)
        return float(np.square(run_in_chunks(session, base, embeddings, [4, 17], np.float32) - expected).mean())

    assert error(read_smoothing(tmp_path, architecture)) < 0.3 * error(None)


def test_the_export_takes_factors_of_its_base_alone(base: Base, tmp_path: Path) -> None:
    torch.save({"blk.7.attn_norm.weight": torch.ones(64)}, tmp_path / "smoothing.pt")
    with pytest.raises(ValueError, match="does not have"):
        smoothing_entry(tmp_path, tmp_path / "smoothing.pt", base)
    (tmp_path / "smoothing-0123abcd.bin").touch()
    assert smoothing_entry(tmp_path, None, base) is None and not list(tmp_path.glob("smoothing-*.bin"))
