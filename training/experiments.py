"""The paper's experiments, a table each: trains its rows one after another, evaluates them and writes docs/results.md.

    python -m training.experiments                                   what there is, and how long it takes
    python -m training.experiments pooling --tower clip --start-from nano --budget-minutes 10
    python -m training.experiments shapes --tower clip --start-from nano --budget-minutes 10       of the same runs
    python -m training.experiments pooling … --only mean delta      these rows alone

`--budget-minutes` is each run's. Cut off and started again with the same options it goes on: trained runs and finished
evaluations are kept (`training/checkpoints/exp-*`, `training/cache/experiments`). With other options it stops and says so;
`--fresh` starts anew. Rows are trained for as long as each other, never as long as a pack that ships: compare them with each other.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .data import CACHE, CHECKPOINTS, ROOT
from .experiment_tables import EVALUATION_MINUTES, TABLES, Options, Row, Training

FOLDER = CACHE / "experiments"
Execute = Callable[[Sequence[str]], None]


def execute(command: Sequence[str]) -> None:
    """Runs a module of training in a process of its own. Raises CalledProcessError where it fails."""
    print(f"$ python -m {' '.join(command)}", flush=True)
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True)


def train(training: Training, fresh: bool, execute: Execute) -> bool:
    """Trains a run to its end unless it was; whether anything was done. Raises ValueError where it was trained otherwise."""
    folder = CHECKPOINTS / training.run
    plan, done = folder / "experiment.json", folder / "experiment-done.json"
    command = [*training.command, "--run", training.run]
    content = json.dumps(command)
    if fresh:
        done.unlink(missing_ok=True)
        plan.unlink(missing_ok=True)
        command.append("--no-resume")
    elif plan.is_file() and plan.read_text() != content:
        raise ValueError(f"{training.run} was trained by other options, {plan.read_text()}: --fresh trains it anew")
    if done.is_file():
        return False
    folder.mkdir(parents=True, exist_ok=True)
    plan.write_text(content)
    execute(command)
    done.write_text(content)
    return True


def evaluate(table: str, row: Row, trained: bool, execute: Execute) -> list[Path]:
    """The figures files of a row. What is there already is kept unless a run of it was trained since."""
    files = []
    done = [CHECKPOINTS / training.run / "experiment-done.json" for training in row.trainings]
    last = max((file.stat().st_mtime_ns for file in done), default=0)
    for name, command in row.evaluations.items():
        out = FOLDER / table / row.name / f"{name}.json"
        command = [*command, "--out", str(out.relative_to(ROOT) if out.is_relative_to(ROOT) else out)]
        plan = out.with_suffix(".command")
        content = json.dumps(command)
        # It may have been cut off between its training and this evaluation.
        changed = trained or not plan.is_file() or plan.read_text() != content or plan.stat().st_mtime_ns < last
        if changed or not out.is_file():
            out.parent.mkdir(parents=True, exist_ok=True)
            out.unlink(missing_ok=True)
            plan.write_text(content)
            execute([*command, "--fresh"] if changed else command)
        files.append(out)
    return files


def run_table(table: str, rows: Sequence[Row], fresh: bool, execute: Execute = execute) -> None:
    """Every row in turn; each is in the documents as soon as it is done."""
    started, trained = time.monotonic(), set()
    for number, row in enumerate(rows):
        for training in row.trainings:
            if training.run not in trained and train(training, fresh, execute):
                trained.add(training.run)
        files = evaluate(table, row, bool(trained & {training.run for training in row.trainings}), execute)
        execute(["training.evaluation.results", "--experiment", TABLES[table].title, "--row", row.label, *map(str, files)])
        left = (time.monotonic() - started) / (number + 1) * (len(rows) - number - 1) / 60
        print(f"{table}: {row.label} done, {number + 1}/{len(rows)} rows, about {left:.0f} minutes left", flush=True)


def minutes(rows: Sequence[Row], budget: float) -> float:
    """About how long a table takes on two quiet cores."""
    runs = {training.run for row in rows for training in row.trainings}
    return len(runs) * budget + sum(EVALUATION_MINUTES[name] for row in rows for name in row.evaluations)


def overview(options: Options) -> str:
    lines = []
    for name, table in TABLES.items():
        rows = table.rows(options)
        lines += [f"{name}: {table.title} ({minutes(rows, options.budget):.0f} minutes)"]
        lines += [f"    {row.name:16} {row.label}" for row in rows]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", choices=list(TABLES), help="without: a list of the tables and their rows")
    parser.add_argument("--tower", default="clip", help="layer of the features cache")
    parser.add_argument("--start-from", default="nano", help="the run that rows which go on from one start from")
    parser.add_argument("--budget-minutes", type=float, default=10, help="of each run's training")
    parser.add_argument("--steps", type=int, help="of each run, in place of minutes: on a machine that does other work too, rows stay comparable")
    parser.add_argument("--limit", type=int, help="only the first N items (of questions, of each kind) of an evaluation")
    parser.add_argument("--only", nargs="+", metavar="ROW", help="these rows alone, by their short names")
    parser.add_argument("--fresh", action="store_true", help="forget what was trained and evaluated")
    arguments = parser.parse_args()
    options = Options(arguments.tower, arguments.start_from, arguments.budget_minutes, arguments.limit, arguments.steps)
    if arguments.name is None:
        print(overview(options))
        return
    rows = TABLES[arguments.name].rows(options)
    unknown = set(arguments.only or ()) - {row.name for row in rows}
    if unknown:
        parser.error(f"{arguments.name} has no row {', '.join(sorted(unknown))}; it has {', '.join(row.name for row in rows)}")
    rows = [row for row in rows if not arguments.only or row.name in arguments.only]
    print(f"{arguments.name}: {len(rows)} rows, about {minutes(rows, options.budget):.0f} minutes on two quiet cores", flush=True)
    run_table(arguments.name, rows, arguments.fresh)


if __name__ == "__main__":
    main()
