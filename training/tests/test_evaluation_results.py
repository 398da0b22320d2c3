"""Figures files become docs/results.json, tables and plots."""

import json

import pytest

from training.evaluation import results
from training.evaluation.plots import draw_all, smooth
from training.evaluation.results import add_row, entries, experiment_row, render, take, write_between


def figures_file(folder, task="caption", data="flickr8k", limit=None, engine="Chromium", **values) -> dict:
    """As `npm run evaluate` writes them; the predictions hold the task's name."""
    (folder / "p.jsonl").write_text(task)
    shared = {"command": f"evaluate {task}", "commit": "abc", "predictions": str(folder / "p.jsonl")}
    figures = {name: {"value": value} | shared for name, value in values.items()}
    return {"task": task, "data": {"folder": data, "split": "val", "limit": limit}, "engine": engine, "figures": figures}


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "ROOT", tmp_path)
    return tmp_path


def test_figures_get_the_key_of_their_task_and_data(root):
    predictions = root / "docs" / "predictions"
    found = entries(figures_file(root, cider=0.5, bleu4=0.2, items=1000), predictions)
    assert {key: entry["value"] for key, entry in found.items()} == {"cider_val": 0.5, "bleu4_val": 0.2}
    assert found["cider_val"]["predictions"] == "docs/predictions/flickr8k-val-caption.jsonl"
    assert (predictions / "flickr8k-val-caption.jsonl").read_text() == "caption"
    clips = entries(figures_file(root, data="msrvtt", engine="PyTorch", cider=0.4), predictions)
    assert list(clips) == ["msrvtt_cider_val_pytorch"]
    questions = entries(figures_file(root, "qa", "val.jsonl", yesno=0.8, yesno_logp=0.7, other=1), predictions)
    assert list(questions) == ["yesno", "yesno_logp"]


def test_beams_have_keys_and_predictions_of_their_own(root):
    content = figures_file(root, cider=0.6) | {"decoding": {"beams": 3}}
    found = entries(content, root / "docs")
    assert found["cider_val_beams3"]["predictions"] == "docs/flickr8k-val-caption_beams3.jsonl"
    greedy = entries(figures_file(root, cider=0.5), root / "docs")
    assert "| `cider_val` | 0.500 | 0.600 |  | 0.550 |" in render(greedy | found, {}, [])
    with pytest.raises(ValueError, match="2 beams"):
        entries(content | {"decoding": {"beams": 2}}, root / "docs")


def test_part_of_a_split_says_so_and_never_replaces_the_whole(root):
    part = entries(figures_file(root, limit=50, cider=0.5), root / "docs")
    whole = entries(figures_file(root, cider=0.4), root / "docs")
    assert part["cider_val"]["limit"] == 50 and "limit" not in whole["cider_val"]
    assert take(take({}, part), whole)["cider_val"]["value"] == 0.4
    assert take(whole, part)["cider_val"]["value"] == 0.4
    assert "0.500 (first 50)" in render(part, {}, [])


def test_a_row_of_an_experiment_replaces_the_one_of_its_label(root):
    experiments = {}
    files = [figures_file(root, cider=0.5), figures_file(root, data="msrvtt", cider=0.3)]
    add_row(experiments, "pooling", experiment_row("mean", files))
    add_row(experiments, "pooling", experiment_row("delta", files[:1]))
    add_row(experiments, "pooling", experiment_row("mean", files[1:]))
    assert [(row["label"], row["figures"]) for row in experiments["pooling"]] == [
        ("mean", {"msrvtt cider": 0.3}),
        ("delta", {"flickr8k cider": 0.5}),
    ]
    text = render({}, experiments, [])
    assert "| mean | 0.300 |  |" in text and "| delta |  | 0.500 |" in text
    assert "Nothing has been measured yet." in text


def test_words_around_the_markers_stay(tmp_path):
    page = tmp_path / "results.md"
    page.write_text(f"# Mine\n\n{results.BEGIN}\nold\n{results.END}\n\nMore of mine.\n")
    entry = {"value": 0.5123, "command": "npm run evaluate", "commit": "abc", "predictions": "p"}
    write_between(page, render({"cider_val": entry}, {}, []))
    text = page.read_text()
    assert text.startswith("# Mine\n") and text.endswith("More of mine.\n") and "old" not in text
    assert "| `cider_val` | 0.512 |  |  | 0.550 |" in text
    (tmp_path / "other.md").write_text("no markers")
    with pytest.raises(ValueError, match="lacks the lines"):
        write_between(tmp_path / "other.md", "x")


def test_plots_are_the_same_bytes_for_the_same_figures(tmp_path):
    run = tmp_path / "checkpoints" / "phase1"
    run.mkdir(parents=True)
    rows = [{"kind": "train", "step": step, "seconds": step, "loss": 4 - step / 10} for step in range(1, 9)]
    rows += [{"kind": "validation", "step": 8, "seconds": 8, "flickr8k": 3.1, "i2t_r10": 0.5}]
    (run / "loss.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    experiments = {"Pooling, T = 8": [{"label": "mean", "figures": {"flickr8k cider": 0.5, "flickr8k items": 1000}}]}
    first = draw_all(experiments, tmp_path / "checkpoints", tmp_path / "plots")
    assert [path.name for path in first] == ["experiment-pooling-t-8.svg", "loss-phase1.svg"]
    before = [path.read_bytes() for path in first]
    assert [path.read_bytes() for path in draw_all(experiments, tmp_path / "checkpoints", tmp_path / "plots")] == before
    assert smooth([1.0, 3.0, 5.0], 2) == [1.0, 2.0, 4.0]
