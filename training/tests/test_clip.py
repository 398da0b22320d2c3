"""The contrastive towers: the cut trunk, its gradients, the loss, the figures."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from training.clip import retrieval
from training.clip.contrastive import Run, argument_parser, contrastive_loss
from training.clip.image_tower import AttentionPool, ClipImageTower
from training.clip.material import Unit, UnitStream, shift, words_of
from training.clip.retrieval import ranks, recalls
from training.clip.text_tower import TextTower, pad
from training.clip.trunk import Depthwise, Tail, grid_tokens, run_stem
from training.tower import ImageTower


@pytest.fixture(scope="module")
def trunk() -> ImageTower:
    return ImageTower()


def test_stem_and_tail_are_the_trunk(trunk: ImageTower) -> None:
    pixels = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    patches, cls = trunk(pixels)
    with torch.no_grad():
        stage = Tail(trunk)(run_stem(trunk, pixels).contiguous())
    torch.testing.assert_close(grid_tokens(stage), patches, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(stage.mean((1, 2)), cls, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("stride, padding, kernel, side", [(1, (2, 2, 2, 2), 5, 7), (2, (1, 2, 1, 2), 5, 14), (1, (1, 1, 1, 1), 3, 6)])
def test_depthwise_gradient_is_autograds(stride: int, padding: tuple[int, ...], kernel: int, side: int) -> None:
    random = torch.Generator().manual_seed(2)
    x = torch.randn(2, 6, side, side, generator=random, requires_grad=True)
    weight, bias = torch.randn(6, 1, kernel, kernel, generator=random), torch.randn(6, generator=random)
    expected = F.conv2d(F.pad(x, padding), weight, bias, stride, groups=6)
    actual = Depthwise.apply(x, weight, bias, stride, padding)
    torch.testing.assert_close(actual, expected)
    gradient = torch.randn(expected.shape, generator=random)
    torch.testing.assert_close(
        torch.autograd.grad(actual, x, gradient)[0], torch.autograd.grad(expected, x, gradient)[0], rtol=1e-4, atol=1e-4
    )


def test_learnt_tail_goes_back_into_the_network(trunk: ImageTower) -> None:
    tail, fresh = Tail(trunk), ImageTower()
    with torch.no_grad():
        for parameter in tail.parameters():
            parameter.mul_(1.01)
    tail.write_into(fresh)
    pixels = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        expected = tail(run_stem(trunk, pixels).contiguous()).permute(0, 3, 1, 2)
    torch.testing.assert_close(fresh.network.extract_features(pixels), expected, rtol=1e-4, atol=1e-3)


def test_queries_that_see_everything_alike_see_the_mean() -> None:
    pool = AttentionPool()
    torch.nn.init.zeros_(pool.queries)
    x = torch.randn(2, 49, 1280, generator=torch.Generator().manual_seed(4))
    cls, seen = pool(x)
    torch.testing.assert_close(cls, x.mean(1))
    torch.testing.assert_close(seen[:, :320], x.mean(1) @ pool.values[0], rtol=1e-4, atol=1e-4)


def test_embeddings_have_length_one(trunk: ImageTower) -> None:
    grids = torch.randn(3, 14, 14, 120, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        patches, cls, embedding = ClipImageTower(trunk)(grids)
    assert patches.shape == (3, 16, 1280) and cls.shape == (3, 1280)
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(3))


def test_equal_texts_are_not_each_others_negatives() -> None:
    vectors = F.normalize(torch.randn(4, 8, generator=torch.Generator().manual_seed(6)), dim=1)
    scale = torch.tensor(10.0)
    alike = contrastive_loss(vectors, vectors[[0, 1, 2, 2]], scale, torch.tensor([0, 1, 2, 2]))
    told_apart = contrastive_loss(vectors, vectors[[0, 1, 2, 2]], scale, torch.arange(4))
    assert alike < told_apart
    matched = contrastive_loss(vectors, vectors, torch.tensor(100.0), torch.arange(4))
    assert matched < 0.1


def test_padding_does_not_change_a_text() -> None:
    tower = TextTower().eval()
    alone, mask = pad([[101, 2023, 102]])
    padded, longer = pad([[101, 2023, 102], [101, 2023, 2003, 1037, 3899, 102]])
    with torch.no_grad():
        torch.testing.assert_close(tower(padded, longer)[:1], tower(alone, mask), rtol=1e-4, atol=1e-5)


def test_recalls_of_a_known_ranking() -> None:
    # Item 0 finds its text second, item 1 first; text 0 finds item 0 first, text 1 finds item 1 first, text 2 item 1 second.
    similarity = np.array([[0.5, 0.1, 0.9], [0.2, 0.8, 0.3]])
    figures = recalls(*ranks(similarity, np.array([0, 1, 1])))
    assert figures["i2t_r1"] == 0.5 and figures["i2t_r5"] == 1.0
    assert figures["t2i_r1"] == pytest.approx(2 / 3) and figures["t2i_r5"] == 1.0


def test_figures_of_a_run_are_written_with_every_rank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [SimpleNamespace(id="a", captions=("a dog",)), SimpleNamespace(id="b", captions=("a cat", "a tree"))]
    similarity = np.array([[0.5, 0.1, 0.9], [0.2, 0.8, 0.3]])
    monkeypatch.setattr(retrieval, "load_image_tower", lambda run: None)
    monkeypatch.setattr(retrieval, "load_text_tower", lambda run: None)
    monkeypatch.setattr(retrieval, "compare", lambda *_: (items, similarity, np.array([0, 1, 1])))
    out = tmp_path / "recall.json"
    for _ in range(2):  # The second time the ranks are there already.
        retrieval.write("clip", "flickr8k", out, fresh=False)
    figures = json.loads(out.read_text())["figures"]
    assert figures["i2t_r1"]["value"] == 0.5 and figures["captions"]["value"] == 3
    rows = [json.loads(line) for line in out.with_suffix(".predictions.jsonl").read_text().splitlines()[1:]]
    assert {row["id"]: row["rank"] for row in rows} == {"a": 2, "b": 1, "a#0": 1, "b#0": 1, "b#1": 2}


def test_a_batch_of_some_sources_is_whole_and_keeps_their_shares() -> None:
    units = {source: [Unit(source, str(number), (0,), (number,), False) for number in range(60)] for source in ("msrvtt", "photos")}
    chosen, texts, _ = UnitStream(SimpleNamespace(units=units), 14, seed=1).next()  # type: ignore[arg-type]  all that it reads
    assert len(chosen) == len(texts) == 14
    assert [unit.source for unit in chosen].count("msrvtt") == 10  # 0.30 to 0.12


def test_a_budget_is_of_minutes_or_of_steps() -> None:
    def progress(*options: str) -> float:
        run = SimpleNamespace(arguments=argument_parser().parse_args(options), stream=SimpleNamespace(step=30), elapsed=60.0)
        return Run.progress(run)

    assert progress("--budget-minutes", "4") == 0.25 and progress("--budget-minutes", "4", "--steps", "40") == 0.75


def test_a_shift_repeats_the_edge_and_words_leave_out_the_small_ones() -> None:
    grids = torch.arange(16.0).view(1, 4, 4, 1)
    moved = {tuple(shift(grids, np.random.default_rng(seed)).flatten().tolist()) for seed in range(40)}
    assert len(moved) == 9 and tuple(grids.flatten().tolist()) in moved
    assert words_of("A dog runs on the beach.") == {"dog", "runs", "beach"}
