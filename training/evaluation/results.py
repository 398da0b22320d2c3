"""Gathers figures files (of `npm run evaluate` and `python -m training.evaluate`) into docs/.

    python -m training.evaluation.results FILE.json ...                         into docs/results.json
    python -m training.evaluation.results --experiment pooling --row "mean, T = 8" FILE.json ...
    python -m training.evaluation.results                                       renders tables and plots anew

docs/results.json holds the figures that the project is judged by, each {value, command, commit, predictions}, with the
predictions copied to docs/predictions; figures from PyTorch get keys that end in _pytorch, those of three beams (--beams 3) in _beams3. docs/experiments.json holds one
table an experiment, a row at a time. Both are rendered between the markers of docs/results.md, whose words are hand-written;
plots (loss curves, experiments) go to docs/plots. Figures over the first N items of a split (or N questions of each kind) say
so by `limit`, and never take the place of figures over all.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from ..data import ROOT

DOCS = ROOT / "docs"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

RETRIEVAL = ("i2t_r1", "i2t_r5", "i2t_r10", "t2i_r1", "t2i_r5", "t2i_r10")
# Key in docs/results.json: (task, data folder or None for any, figure).
KEYS: dict[str, tuple[str, str | None, str]] = {
    "cider_val": ("caption", "flickr8k", "cider"),
    "bleu4_val": ("caption", "flickr8k", "bleu4"),
    "rouge_l_val": ("caption", "flickr8k", "rouge_l"),
    "msrvtt_cider_val": ("caption", "msrvtt", "cider"),
    "msrvtt_bleu4_val": ("caption", "msrvtt", "bleu4"),
    "msrvtt_rouge_l_val": ("caption", "msrvtt", "rouge_l"),
    "msrvtt_distinct_val": ("caption", "msrvtt", "distinct"),
    **{name: ("retrieval", "flickr8k", name) for name in RETRIEVAL},
    **{f"msrvtt_{name}": ("retrieval", "msrvtt", name) for name in RETRIEVAL},
    **{f"{kind}{suffix}": ("qa", None, f"{kind}{suffix}") for kind in ("yesno", "order", "step_order", "motion", "zoom", "change") for suffix in ("", "_logp")},
    "own_note_top1": ("own-notes", None, "own_note_top1"),
    "own_note_mean_rank": ("own-notes", None, "own_note_mean_rank"),
    **{
        f"{prefix}parity_{name}": ("parity", folder, name)
        for prefix, folder in (("", "flickr8k"), ("msrvtt_", "msrvtt"))
        for name in ("f32_first10_items", "f32_first10_tokens", "int8_top1", "cider_relative")
    },
}
# What the project set itself (the shipped pack in Chromium, WASM).
BARS: dict[str, float] = {
    "cider_val": 0.55,
    "bleu4_val": 0.20,
    "msrvtt_cider_val": 0.40,
    "msrvtt_bleu4_val": 0.32,
    "msrvtt_distinct_val": 150,
    "i2t_r10": 0.68,
    "t2i_r10": 0.64,
    "yesno": 0.75,
    "order": 0.85,
    "step_order": 0.65,
    "own_note_top1": 0.35,
    "parity_f32_first10_tokens": 0.98,
    "parity_int8_top1": 0.93,
}


def is_pytorch(content: dict) -> bool:
    return content.get("engine") == "PyTorch"


BEAMS = 3
# What a key ends in: how the figure was made.
WAYS = ("", f"_beams{BEAMS}", "_pytorch", f"_beams{BEAMS}_pytorch")


def way(content: dict) -> str:
    """The end of its figures' keys. Raises ValueError for a number of beams that has none."""
    beams = content.get("decoding", {}).get("beams") or 1
    if beams not in (1, BEAMS):
        raise ValueError(f"figures of {beams} beams have no place: greedy ones and those of {BEAMS} have")
    return ("" if beams == 1 else f"_beams{beams}") + ("_pytorch" if is_pytorch(content) else "")


def entries(content: dict, folder: Path) -> dict[str, dict]:
    """The entries of docs/results.json that one figures file gives, its predictions copied into `folder`."""
    task, data = content["task"], content["data"]
    limited = {} if data.get("limit") is None else {"limit": data["limit"]}
    suffix = way(content)
    found = {}
    for key, (wanted, source, name) in KEYS.items():
        if wanted != task or source not in (None, data["folder"]) or name not in content["figures"]:
            continue
        figure = content["figures"][name]
        kept = folder / f"{data['folder'].removesuffix('.jsonl')}-{data['split']}-{task}{suffix}.jsonl"
        source_path = ROOT / figure["predictions"]
        if source_path.is_file() and source_path.resolve() != kept.resolve():
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source_path, kept)
        found[key + suffix] = figure | {"predictions": str(kept.relative_to(ROOT))} | limited
    return found


def experiment_row(label: str, contents: list[dict]) -> dict:
    """A row of an experiment's table: its figures by "folder figure", with the commands that gave them."""
    figures, commands = {}, []
    for content in contents:
        for name, figure in content["figures"].items():
            figures[f"{content['data']['folder'].removesuffix('.jsonl')} {name}"] = figure["value"]
            if figure["command"] not in commands:
                commands.append(figure["command"])
    commits = sorted({figure["commit"] for content in contents for figure in content["figures"].values()})
    return {"label": label, "figures": figures, "commands": commands, "commits": commits}


def add_row(experiments: dict, name: str, row: dict) -> None:
    """Puts the row into its table, in place of one of the same label."""
    rows = experiments.setdefault(name, [])
    place = next((index for index, known in enumerate(rows) if known["label"] == row["label"]), None)
    if place is None:
        rows.append(row)
    else:
        rows[place] = row


def take(results: dict, found: dict) -> dict:
    """`results` with what was found; part of a split does not replace the whole."""
    whole = {key for key, entry in results.items() if "limit" not in entry}
    return results | {key: entry for key, entry in found.items() if "limit" not in entry or key not in whole}


def shown(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) > 1 else f"{value:.3f}"


def shown_entry(entry: dict) -> str:
    if "limit" not in entry:
        return shown(entry["value"])
    return f"{shown(entry['value'])} ({'' if '--task qa' in entry['command'] else 'first '}{entry['limit']})"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def render(results: dict, experiments: dict, plots: list[Path]) -> str:
    """The part of docs/results.md between its markers."""
    lines = ["## Figures of the shipped pack", ""]
    rows = []
    for key in KEYS:
        found = [results.get(key + end) for end in WAYS[:3]]
        if any(found):
            rows.append([f"`{key}`", *(shown_entry(entry) if entry else "" for entry in found), shown(BARS[key]) if key in BARS else ""])
    lines += table(["figure", "browser", f"browser, {BEAMS} beams", "PyTorch", "at least"], rows) if rows else ["Nothing has been measured yet."]
    commands = sorted({entry["command"] for entry in results.values()})
    lines += ["", *(f"    {command}" for command in commands), ""] if commands else [""]
    for name, kept in experiments.items():
        columns = list(dict.fromkeys(column for row in kept for column in row["figures"]))
        body = [[row["label"], *(shown(row["figures"][column]) if column in row["figures"] else "" for column in columns)] for row in kept]
        lines += [f"## Experiment: {name}", "", *table(["", *columns], body), ""]
        lines += [*(f"    {command}" for command in dict.fromkeys(command for row in kept for command in row["commands"])), ""]
    if plots:
        lines += ["## Plots", "", *(f"![{path.stem}](plots/{path.name})" for path in plots), ""]
    return "\n".join(lines).rstrip() + "\n"


def write_between(path: Path, rendered: str) -> None:
    """Puts `rendered` between the markers of a document; a new document has nothing else. Raises ValueError without markers."""
    text = path.read_text(encoding="utf-8") if path.is_file() else f"# Results\n\n{BEGIN}\n{END}\n"
    if BEGIN not in text or END not in text:
        raise ValueError(f"{path} lacks the lines {BEGIN} and {END}")
    before, rest = text.split(BEGIN, 1)
    path.write_text(f"{before}{BEGIN}\n\n{rendered}\n{END}{rest.split(END, 1)[1]}", encoding="utf-8")


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def write(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", help="figures files")
    parser.add_argument("--experiment", help="the table that a row is added to, in place of docs/results.json")
    parser.add_argument("--row", help="with --experiment: the row's label")
    arguments = parser.parse_args()
    if bool(arguments.experiment) != bool(arguments.row) or (arguments.experiment and not arguments.files):
        parser.error("--experiment, --row and at least one figures file go together")
    contents = [json.loads(path.read_text(encoding="utf-8")) for path in arguments.files]
    results, experiments = read(DOCS / "results.json"), read(DOCS / "experiments.json")
    if arguments.experiment:
        add_row(experiments, arguments.experiment, experiment_row(arguments.row, contents))
        write(DOCS / "experiments.json", experiments)
    elif contents:
        for content in contents:
            results = take(results, entries(content, DOCS / "predictions"))
        order = [key + end for key in KEYS for end in WAYS]
        results = {key: results[key] for key in order if key in results}
        write(DOCS / "results.json", results)
    from .plots import draw_all

    write_between(DOCS / "results.md", render(results, experiments, draw_all(experiments)))
    print(f"{len(results)} figures, {len(experiments)} experiments")


if __name__ == "__main__":
    main()
