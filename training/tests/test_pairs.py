"""Any CLIP and causal language model of transformers trains by the same loop: a tiny ViT-L/14 shape and a tiny Llama."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState
from transformers import CLIPVisionModel, LlamaForCausalLM

from training import phase1, phase2
from training.adapter import Adapter, load_trained
from training.data import ROOT
from training.language_model import causal_mask
from training.packing import Branch, Row
from training.pairs.build import load_pair
from training.pairs.config import read_config
from training.pairs.plan import PictureBatch, branch_of
from training.projector import Projector
from training.run import Run, argument_parser

from .tiny_pair import save_data, save_pair

PATCHES = 256


@pytest.fixture(autouse=True)
def _fresh_accelerate() -> None:
    """accelerate keeps one state a process; here several runs of different precision follow each other."""
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pair")
    save_pair(root)
    save_data(root / "data")
    return root


@pytest.fixture
def model(folder: Path):
    return load_pair(read_config(folder / "pair.json"), trainable=False)


def projector_for(model, seed: int = 0) -> Projector:
    generator = torch.Generator().manual_seed(seed)
    return Projector(torch.zeros(32), torch.eye(32), torch.randn(32, generator=generator) * 0.1, 0.2, seed)


def options(folder: Path, run: str, **more: object) -> list[str]:
    chosen = {
        "--run": folder / run,
        "--pair": folder / "pair.json",
        "--steps": 40,
        "--learning-rate": 0.01,
        "--threads": 1,
        **more,
    }
    data = ["--data", folder / "data" / "photos", "--data", folder / "data" / "clips"]
    return [str(part) for part in [*data, *(part for pair in chosen.items() for part in pair)]]


def losses(folder: Path, kind: str = "train") -> list[float]:
    rows = map(json.loads, (folder / "loss.jsonl").open())
    return [row["loss" if kind == "train" else "val"] for row in rows if row["kind"] == kind]


def snapshot(run: Run) -> dict[str, torch.Tensor]:
    model = run.parts.model
    parts = {"tower": model.tower, "decoder": model.decoder, "projector": run.projector}
    return {f"{part}.{name}": weight.detach().clone() for part, module in parts.items() for name, weight in module.named_parameters()}


def moved(run: Run, before: dict[str, torch.Tensor]) -> set[str]:
    """The parts of which any weight changed: tower, decoder (its own), adapter, projector."""
    changed = {name for name, weight in snapshot(run).items() if not torch.equal(weight, before[name])}
    return {"adapter" if name.startswith("decoder.adapter") else name.split(".")[0] for name in changed}


def test_tower_reads_the_layer_that_the_reference_reads(folder: Path, model) -> None:
    pictures = torch.randint(0, 255, (2, 224, 224, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    patches, cls = model.tower(pictures)
    config = read_config(folder / "pair.json").tower
    pixels = (pictures.float() / 255 - torch.tensor(config.mean)) / torch.tensor(config.std)
    reference = CLIPVisionModel.from_pretrained(folder / "clip").eval()
    with torch.no_grad():
        hidden = reference(pixel_values=pixels.permute(0, 3, 1, 2), output_hidden_states=True).hidden_states
    assert patches.shape == (2, PATCHES, 32)
    torch.testing.assert_close(patches, hidden[-2][:, 1:], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(cls, hidden[-2][:, 0], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(cls, hidden[-1][:, 0], atol=1e-2)


def test_prompt_is_the_chat_template_cut_at_the_visual_tokens(model) -> None:
    prompt = model.prompt
    first = [*prompt.prefix(), *prompt.suffix("What is it ?"), *prompt.answer("A red square.")]
    ids = [*first, *prompt.again("Which colour ?"), *prompt.answer("Red.")]
    chat = [
        {"role": "system", "content": "Answer briefly."},
        {"role": "user", "content": "\nWhat is it ?"},
        {"role": "assistant", "content": "A red square."},
        {"role": "user", "content": "Which colour ?"},
        {"role": "assistant", "content": "Red."},
    ]
    assert ids == prompt.tokenizer.apply_chat_template(chat)["input_ids"]
    assert "<unk>" not in prompt.tokenizer.convert_ids_to_tokens(ids)


@pytest.mark.parametrize("frames", [1, 3])
def test_pooled_tokens_are_patches_and_frames(model, frames: int) -> None:
    pictures = torch.randint(0, 255, (2, frames, 224, 224, 3), dtype=torch.uint8)
    features = model.features(PictureBatch(pictures, []))
    assert [clip.shape for clip in features] == [(frames, PATCHES + 1, 32)] * 2
    visual = model.visual(projector_for(model), features)
    assert [clip.shape for clip in visual] == [(4 + PATCHES + frames, 32)] * 2
    for clip, tokens in zip(features, visual):
        mean = clip[:, :PATCHES].mean(0)
        torch.testing.assert_close(tokens[1 : 1 + PATCHES], projector_for(model)(mean))
        torch.testing.assert_close(tokens[3 + PATCHES : -1], projector_for(model)(clip[:, PATCHES]))


def test_chats_behind_one_visual_prefix_lose_what_they_lose_alone(folder: Path, model) -> None:
    """Against transformers' own forward over the whole sequence of each chat, with its own causal mask and no cache."""
    prompt, projector = model.prompt, projector_for(model)
    features = [torch.randn(2, PATCHES + 1, 32, generator=torch.Generator().manual_seed(2))]
    texts = [
        [("What is it ?", "A red square.")],
        [("Which colour ?", "Red."), ("What is it ?", "A square.")],
        [("What is it ?", "It is red.")],
    ]
    length = 4 + PATCHES + 2
    reference = LlamaForCausalLM.from_pretrained(folder / "llama").eval()
    with torch.no_grad():
        row = Row(length, [], [branch_of(prompt, tuple(chat)) for chat in texts])
        together, _ = model.answer_log_probabilities(projector, features, [row])
        visual = model.visual(projector, features)[0][None]
        apart = []
        for chat in texts:
            ids, targets = [], []
            for index, (question, text) in enumerate(chat):
                asked = prompt.again(question) if index else prompt.suffix(question)
                answer = prompt.answer(text)
                targets += [*([False] * len(asked)), *([True] * len(answer))]
                ids += [*asked, *answer]
            embed = reference.get_input_embeddings()
            x = torch.cat([embed(torch.tensor([prompt.prefix()])), visual, embed(torch.tensor([ids]))], 1)
            scores = reference(inputs_embeds=x).logits[0, -len(ids) - 1 : -1].log_softmax(-1)
            apart.append(scores.gather(1, torch.tensor(ids)[:, None])[torch.tensor(targets), 0])
    torch.testing.assert_close(together, torch.cat(apart), rtol=1e-3, atol=1e-4)
    captions = Branch(prompt.suffix("What is it ?"), [prompt.answer("A red square."), prompt.answer("It is red.")])
    with torch.no_grad():
        same, _ = model.answer_log_probabilities(projector, features, [Row(length, [], [captions])])
    torch.testing.assert_close(same, torch.cat([apart[0], apart[2]]), rtol=1e-3, atol=1e-4)


def test_adapter_on_every_linear_layer_equals_added_weights(model) -> None:
    adapter = Adapter(model.decoder, rank=2, alpha=4)
    assert len(adapter.sites) == 2 * 7
    with torch.no_grad():
        for b in adapter.b:
            b.normal_(std=0.1, generator=torch.Generator().manual_seed(3))
    x = torch.randn(1, 5, 32, generator=torch.Generator().manual_seed(4))
    arguments = (x, torch.arange(5)[None], causal_mask(5, 0))
    with torch.no_grad():
        base, _ = model.decoder.forward(*arguments)
        model.decoder.adapter = adapter
        adapted, _ = model.decoder.forward(*arguments)
        model.decoder.adapter = None
        for name, (a, b) in adapter.checkpoint()["modules"].items():
            model.decoder.model.get_submodule(name).weight += b @ a * 2
        merged, _ = model.decoder.forward(*arguments)
    torch.testing.assert_close(adapted, merged, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(adapted, base, atol=1e-2)


def test_both_phases_lower_the_loss_and_move_only_what_is_theirs(folder: Path) -> None:
    run = phase1.build(argument_parser(None, "phase1", 1e-2).parse_args(options(folder, "phase1")))
    before = snapshot(run)
    run.train()
    assert moved(run, before) == {"projector"}
    first = losses(folder / "phase1")
    assert sum(first[-8:]) < 0.9 * sum(first[:8])
    validation = losses(folder / "phase1", "validation")
    assert validation[-1] < 0.9 * validation[0]

    more = {"--start-from": folder / "phase1", "--rank": 4, "--adapter-learning-rate": 0.01}
    run = phase2.build(phase2.parser().parse_args(options(folder, "phase2", **more)))
    before = snapshot(run)
    run.train()
    assert moved(run, before) == {"projector", "adapter"}
    second = losses(folder / "phase2")
    assert sum(second[-8:]) < 0.9 * sum(first[-8:])

    again = load_pair(read_config(folder / "pair.json"), trainable=False)
    load_trained(again.decoder, folder / "phase2")
    batch = run.parts.validation["val"][0]
    with torch.no_grad():
        assert again.loss(run.projector, batch).item() == pytest.approx(run.trainee(batch).item(), abs=1e-4)


def test_full_fine_tuning_in_bfloat16_autocast_moves_every_weight(folder: Path, tmp_path: Path) -> None:
    config = json.loads((folder / "pair.json").read_text())
    config["decoder"]["dtype"] = "bfloat16"
    (folder / "pair-bf16.json").write_text(json.dumps(config))
    more = {"--pair": folder / "pair-bf16.json", "--run": tmp_path / "full", "--steps": 12, "--full-learning-rate": 0.003}
    run = phase2.build(phase2.parser().parse_args([*options(folder, "", **more), "--full"]))
    before = snapshot(run)
    run.train()
    after = snapshot(run)
    still = [name for name in after if torch.equal(after[name], before[name])]
    assert all(name.startswith("tower.") for name in still), still
    falling = losses(tmp_path / "full")
    assert sum(falling[-4:]) < sum(falling[:4])
    saved = torch.load(tmp_path / "full" / "decoder.pt", weights_only=True)
    assert all(weight.dtype == torch.float32 for weight in saved.values())


def launch(command: list[str]) -> None:
    environment = os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def test_accelerate_launches_one_process(folder: Path) -> None:
    launcher = ["accelerate.commands.launch", "--cpu", "--num_processes", "1", "-m", "training.phase1"]
    launch([*launcher, *options(folder, "launched", **{"--steps": 3})])
    assert len(losses(folder / "launched")) == 3
    assert (folder / "launched" / "projector.pt").is_file()


def test_two_processes_see_different_batches_and_end_with_the_same_weights(folder: Path) -> None:
    launcher = ["torch.distributed.run", "--nproc-per-node", "2", "--standalone", "--", "training/tests/two_processes.py"]
    launch([*launcher, *options(folder, "two", **{"--steps": 24, "--batch": 2, "--rank": 2, "--adapter-learning-rate": 0.01})])
    run = folder / "two"
    falling = losses(run)
    assert len(falling) == 24 and sum(falling[-6:]) < 0.8 * sum(falling[:6])
    seen = [json.loads((run / f"seen-{index}.json").read_text()) for index in (0, 1)]
    # 16 train samples in batches of 2: four steps of two processes are one round.
    for start in range(0, 24, 4):
        assert sorted(sum(seen[0][start : start + 4] + seen[1][start : start + 4], [])) == list(range(16))
    ours, theirs = (torch.load(run / f"weights-{index}.pt", weights_only=True) for index in (0, 1))
    assert len(ours) == 3 + 2 * 14
    for name, weight in ours.items():
        assert torch.equal(weight, theirs[name]), name
