"""The training loop on a tiny decoder: the losses that it has always given, what it writes and how it goes on."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
import torch

from training import run as loop
from training.adapter import Adapter, load_trained
from training.batches import Batch
from training.language_model import LanguageModel
from training.packing import Branch, Row
from training.parts import Parts
from training.pooling import make_pooling, take_pack_tensors
from training.projector import FoldedProjector, Projector
from training.prompt import MARKERS
from training.run import Run, accelerator_for
from training.valley import Model, comparison

from .tiny import ARCHITECTURE, HIDDEN, TinyPrompt, tiny_decoder, tiny_tensors

GRID_TOKENS, WIDTH = 16, 16
OPTIONS = {
    "validate_first": True,
    "run": "tiny",
    "resume": True,
    "steps": 4,
    "checkpoint_minutes": 60,
    "learning_rate": 2e-3,
    "adapter_learning_rate": 5e-3,
    "full_learning_rate": 1e-3,
    "weight_decay": 0.01,
    "accumulate": 1,
}


class TinyPlan:
    """Four fixed batches of T = 1, 3, 2, 4, over and over."""

    def __init__(self, width: int = 12) -> None:
        generator, question = torch.Generator().manual_seed(5), TinyPrompt().suffix("?")
        answers = [[[7, 8, 2], [9, 2]], [[10, 11, 12, 2]]]
        self.batches = []
        for t in (1, 3, 2, 4):
            features = torch.randn(2, t, GRID_TOKENS + 1, width, generator=generator)
            rows = [Row(len(MARKERS) + GRID_TOKENS + t, [], [Branch(question, told)]) for told in answers]
            self.batches.append(Batch(list(features), rows))
        self.step = 0

    def share(self, index: int, processes: int) -> None:
        assert (index, processes) == (0, 1)

    def next(self) -> Batch:
        self.step += 1
        return self.batches[(self.step - 1) % len(self.batches)]

    def state(self) -> dict:
        return {"step": self.step}

    def restore(self, state: dict) -> None:
        self.step = state["step"]


def tiny_run(
    folder: Path, dtype: torch.dtype = torch.float32, kind: str = "adapter", pooling: str = "mean", width: int = 12, **options
) -> Run:
    decoder = LanguageModel(tiny_tensors(), dtype, ARCHITECTURE, trainable=kind == "full")
    torch.manual_seed(0)
    model = Model(decoder, TinyPrompt(), GRID_TOKENS, make_pooling(pooling, GRID_TOKENS, width))
    generator = torch.Generator().manual_seed(6)
    projector = Projector(
        torch.randn(width, generator=generator),
        torch.randn(width, width, generator=generator),
        torch.randn(HIDDEN, generator=generator),
        0.3,
        seed=1,
    )
    plan = TinyPlan(width)
    parts = Parts(model, projector, plan, {"tiny": plan.batches[:1]}, "tiny data")
    adapter = Adapter(decoder, 2, 4, 1) if kind == "adapter" else None
    arguments = argparse.Namespace(**(OPTIONS | options))
    return Run(arguments, parts, accelerator_for("no", arguments.accumulate), adapter)


@pytest.fixture(autouse=True)
def _checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "CHECKPOINTS", tmp_path)


# As the loop gave them before it ran on accelerate; the numbers of the first training runs hang on it.
@pytest.mark.parametrize(
    ("kind", "dtype", "losses"),
    [
        ("projector", torch.float32, [4.3700004, 4.7643256, 4.5422878, 4.8832150]),
        ("adapter", torch.float32, [4.3700004, 4.7613134, 4.2954865, 4.3456211]),
        ("adapter", torch.bfloat16, [4.3720312, 4.7644348, 4.2949672, 4.3507767]),
    ],
)
def test_steps_give_the_losses_they_gave_before(tmp_path: Path, kind: str, dtype: torch.dtype, losses: list[float]) -> None:
    run = tiny_run(tmp_path, dtype, kind)
    steps = [run.step(progress) for progress in (0.0, 0.1, 0.2, 0.3)]
    # bfloat16 rounds otherwise where a batch is padded further; float32 holds the numbers.
    assert steps == pytest.approx(losses, abs=2e-5 if dtype == torch.float32 else 4e-3)


def test_a_run_cut_in_two_ends_where_the_whole_one_does(tmp_path: Path) -> None:
    tiny_run(tmp_path, run="whole", steps=4).train()
    cut = tiny_run(tmp_path, run="cut", steps=4)
    for progress in (0.0, 0.25):
        cut.step(progress)
    cut.save()
    tiny_run(tmp_path, run="cut", steps=4).train()
    for name in ("projector.pt", "adapter.pt"):
        whole, resumed = (torch.load(tmp_path / run / name, weights_only=True) for run in ("whole", "cut"))
        if name == "adapter.pt":
            whole, resumed = ({key: b for key, (_, b) in saved["modules"].items()} for saved in (whole, resumed))
        for key in whole:
            torch.testing.assert_close(resumed[key], whole[key], msg=key)
    assert "resumed: step 2" in (tmp_path / "cut" / "log.txt").read_text()


def test_the_last_step_is_validated_once(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, checkpoint_minutes=0)
    run.train()
    rows = [json.loads(line) for line in (run.folder / "loss.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if row["kind"] == "validation"] == [0, 1, 2, 3, 4]


def test_no_resume_starts_anew(tmp_path: Path) -> None:
    tiny_run(tmp_path).train()
    tiny_run(tmp_path, resume=False).train()
    log = (tmp_path / "tiny" / "log.txt").read_text()
    assert log.count("started: step 0") == 1 and "resumed" not in log
    steps = [row["step"] for row in map(json.loads, (tmp_path / "tiny" / "loss.jsonl").open()) if row["kind"] == "train"]
    assert steps == [1, 2, 3, 4]


def test_checkpoints_of_the_first_training_runs_load(tmp_path: Path) -> None:
    """state.pt as phase 2 wrote it before: these keys and no others."""
    run = tiny_run(tmp_path)
    run.step(0.5)
    run.save()
    state = torch.load(tmp_path / "tiny" / "state.pt", weights_only=True)
    assert set(state) == {"projector", "optimiser", "plan", "elapsed", "adapter"}
    assert set(state["adapter"]) == {f"{side}.{index}" for side in "ab" for index in range(8)}
    assert [len(group["params"]) for group in state["optimiser"]["param_groups"]] == [16, 3]
    saved = torch.load(tmp_path / "tiny" / "adapter.pt", weights_only=True)
    assert saved["modules"]["model.layers.1.self_attn.k_proj"][1].shape == (8, 2)
    assert set(torch.load(tmp_path / "tiny" / "projector.pt", weights_only=True)) == {"weight", "bias", "markers"}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_full_fine_tuning_moves_every_weight_and_loads_again(tmp_path: Path, dtype: torch.dtype) -> None:
    run = tiny_run(tmp_path, dtype, "full", steps=8)
    before = {name: weight.clone() for name, weight in run.decoder.named_parameters()}
    losses = [run.step(0.1) for _ in range(8)]
    assert losses[4] < losses[0] and losses[5] < losses[1]
    for name, weight in run.decoder.named_parameters():
        assert weight.dtype == torch.float32 and not torch.equal(weight, before[name]), name
    run.save()
    plain = LanguageModel(tiny_tensors(), dtype, ARCHITECTURE)
    load_trained(plain, tmp_path / "tiny")
    projector = FoldedProjector.load(tmp_path / "tiny" / "projector.pt")
    batch = run.plan.batches[0]
    with torch.no_grad():
        trained = run.trainee(batch).item()
        again = Model(plain, TinyPrompt(), GRID_TOKENS).loss(projector, batch).item()
    assert again == pytest.approx(trained, abs=1e-4 if dtype == torch.float32 else 0.03)
    assert trained < losses[0] - 0.1


@pytest.mark.parametrize("kind", ["importance", "delta"])
def test_a_learned_pooling_trains_and_travels_with_the_projector(tmp_path: Path, kind: str) -> None:
    run = tiny_run(tmp_path, kind="projector", pooling=kind, width=WIDTH)
    pooling = run.parts.model.pooling
    before = {name: weight.clone() for name, weight in pooling.named_parameters()}
    for _ in range(2):
        run.step(0.1)
    moved = [name for name, weight in pooling.named_parameters() if not torch.equal(weight, before[name])]
    assert moved, "no parameter of the pooling moved"
    run.save()
    saved = torch.load(tmp_path / "tiny" / "projector.pt", weights_only=True)
    other = make_pooling(kind, GRID_TOKENS, WIDTH)
    take_pack_tensors(other, saved)
    for ours, theirs in zip(pooling.parameters(), other.parameters()):
        assert torch.equal(ours, theirs)
    assert all(name.startswith(f"{kind}.") for name in set(saved) - {"weight", "bias", "markers"})


def test_accumulated_batches_are_one_update(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, accumulate=4)
    run.step(0.1)
    assert run.plan.step == 4
    steps = {int(state["step"]) for state in run.optimiser.state_dict()["state"].values()}
    assert steps == {1}


@torch.no_grad()
def test_rows_of_different_lengths_quotes_and_text_alone_lose_in_one_batch_what_they_lose_alone(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, kind="projector")
    model, projector = run.parts.model, run.projector
    features = [torch.randn(t, GRID_TOKENS + 1, 12, generator=torch.Generator().manual_seed(t)) for t in (1, 4, 2)]
    branches = [Branch([5, 6], [[7, 8, 2], [9, 2]]), Branch([13], [[10, 11, 12, 2]])]
    rows = [Row(len(MARKERS) + GRID_TOKENS + len(clip), quotes, branches) for clip, quotes in zip(features, ([], [20, 21], [22]))]
    features.insert(1, torch.zeros(0))
    rows.insert(1, Row(0, [], [Branch([14, 15], [[16, 17, 2]])]))
    together, owners = model.answer_log_probabilities(projector, features, rows)
    alone = [model.answer_log_probabilities(projector, [clip], [row])[0] for clip, row in zip(features, rows)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)
    assert owners.unique().tolist() == list(range(10))
    # What is scored behind a clip hangs on that clip.
    other, _ = model.answer_log_probabilities(projector, [features[0], *features[1:3], features[3] + 1], rows)
    same = owners < 7
    assert torch.equal(other[same], together[same]) and not torch.allclose(other[~same], together[~same], atol=1e-3)


def test_a_batch_of_text_alone_gives_the_projector_a_gradient_of_zero(tmp_path: Path) -> None:
    """Of several processes one may draw such a batch: the others wait for its gradients."""
    run = tiny_run(tmp_path)
    run.trainee(Batch([torch.zeros(0)], [Row(0, [], [Branch([14, 15], [[16, 17, 2]])])])).backward()
    assert all(parameter.grad is not None and not parameter.grad.any() for parameter in run.projector.parameters())
    assert any(parameter.grad.any() for parameter in run.adapter.parameters())


def test_a_choice_costs_what_the_right_answer_lacks_of_both() -> None:
    model = Model(tiny_decoder(), TinyPrompt(), GRID_TOKENS)
    plain = Row(0, [], [Branch([5, 6], [[7, 8, 2]])])
    row = Row(0, [], [Branch([5, 6], [[7, 8, 2], [9, 2]], compared=True)])
    values, owners = model.answer_log_probabilities(None, [], [row])
    right, wrong = values[owners == 0].sum(), values[owners == 1].sum()
    choice = -(right - torch.logaddexp(right, wrong))
    alone = model.loss(None, Batch([torch.zeros(0)], [plain]))
    # The wrong answer is never learnt: without the choice the loss is that of the right one.
    assert model.loss(None, Batch([torch.zeros(0)], [row])).item() == pytest.approx((alone + choice).item(), abs=1e-5)


def test_mirrored_questions_cancel_a_liking_for_a_text() -> None:
    margins = torch.tensor([9.0, -8.0, 1.0])
    assert comparison(margins, torch.tensor([0, 0, 1])).item() == pytest.approx(2 * torch.tensor(-1.0).exp().log1p().item())
