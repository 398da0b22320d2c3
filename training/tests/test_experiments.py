"""The driver of the experiments: what it runs, in which order, and what it does not run again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from training import evaluate, experiments, phase1, phase2, trial
from training.clip import contrastive
from training.clip import retrieval as clip_retrieval
from training.experiment_tables import EVALUATION_MINUTES, TABLES, Options, Row, Training
from training.instructions.record import TYPES

OPTIONS = Options("clip", "nano", 10)


class Recorder:
    """Notes commands and writes the figures file that an evaluation would."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.commands: list[list[str]] = []
        self.fails_at = fails_at

    def __call__(self, command) -> None:
        self.commands.append(list(command))
        if len(self.commands) == self.fails_at:
            raise KeyboardInterrupt
        if command[0] == "training.evaluate":
            path = Path(command[command.index("--out") + 1])
            path.write_text("{}")

    def modules(self) -> list[str]:
        return [command[0] for command in self.commands]


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Row]:
    """Two rows, the second from two runs, the first of which the first row has too."""
    monkeypatch.setattr(experiments, "FOLDER", tmp_path / "figures")
    monkeypatch.setattr(experiments, "CHECKPOINTS", tmp_path / "checkpoints")
    one, two = Training("exp-1", ("training.phase1", "--tower", "t")), Training("exp-2", ("training.phase2", "--start-from", "exp-1"))
    asked = {"clips": ("training.evaluate", "--run", "x"), "photos": ("training.evaluate", "--run", "y")}
    return [Row("1", "one", (one,), asked), Row("12", "both", (one, two), asked)]


def test_rows_are_trained_evaluated_and_written_one_after_another(rows: list[Row]) -> None:
    run = Recorder()
    experiments.run_table("phases", rows, False, run)
    evaluated = ["training.evaluate", "training.evaluate", "training.evaluation.results"]
    assert run.modules() == ["training.phase1", *evaluated, "training.phase2", *evaluated]
    assert run.commands[0] == ["training.phase1", "--tower", "t", "--run", "exp-1"]
    assert run.commands[3][1:5] == ["--experiment", TABLES["phases"].title, "--row", "one"]
    # Again: nothing but the documents.
    again = Recorder()
    experiments.run_table("phases", rows, False, again)
    assert again.modules() == ["training.evaluation.results"] * 2


def test_what_was_cut_off_goes_on_and_is_not_begun_anew(rows: list[Row]) -> None:
    run = Recorder(fails_at=1)
    with pytest.raises(KeyboardInterrupt):
        experiments.run_table("phases", rows, False, run)
    run = Recorder(fails_at=3)
    with pytest.raises(KeyboardInterrupt):
        experiments.run_table("phases", rows, False, run)
    assert run.modules() == ["training.phase1", "training.evaluate", "training.evaluate"]
    assert "--no-resume" not in run.commands[0]
    run = Recorder()
    experiments.run_table("phases", rows[:1], False, run)
    # The evaluation that was cut off goes on with its own predictions.
    assert run.modules() == ["training.evaluate", "training.evaluation.results"] and "--fresh" not in run.commands[0]


def test_figures_of_a_run_that_was_trained_anew_since_are_not_kept(rows: list[Row]) -> None:
    experiments.run_table("phases", rows[:1], False, Recorder())
    for plan in experiments.FOLDER.rglob("*.command"):
        os.utime(plan, ns=(0, 0))  # Long before.
    run = Recorder(fails_at=2)
    with pytest.raises(KeyboardInterrupt):
        experiments.run_table("phases", rows[:1], True, run)
    assert run.modules() == ["training.phase1", "training.evaluate"]
    run = Recorder()
    experiments.run_table("phases", rows[:1], False, run)
    assert run.modules() == ["training.evaluate", "training.evaluate", "training.evaluation.results"]
    # The one that was cut off goes on, the other has predictions of the run before.
    assert ["--fresh" in command for command in run.commands[:2]] == [False, True]


def test_other_options_are_refused_and_fresh_forgets(rows: list[Row]) -> None:
    experiments.run_table("phases", rows[:1], False, Recorder())
    other = [Row("1", "one", (Training("exp-1", ("training.phase1", "--tower", "u")),), rows[0].evaluations)]
    with pytest.raises(ValueError, match="--fresh"):
        experiments.run_table("phases", other, False, Recorder())
    run = Recorder()
    experiments.run_table("phases", other, True, run)
    assert run.modules() == ["training.phase1", "training.evaluate", "training.evaluate", "training.evaluation.results"]
    assert "--no-resume" in run.commands[0] and all("--fresh" in command for command in run.commands[1:3])
    # A changed evaluation alone is made anew, the run is kept.
    changed = [Row("1", "one", other[0].trainings, {"clips": ("training.evaluate", "--run", "x", "--limit", "5")})]
    run = Recorder()
    experiments.run_table("phases", changed, False, run)
    assert run.modules() == ["training.evaluate", "training.evaluation.results"] and "--fresh" in run.commands[0]


@pytest.mark.parametrize("name", TABLES)
def test_every_command_is_one_that_its_module_takes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parsers = {"training.phase2": phase2.parser, "training.trial": trial.parser, "training.clip.contrastive": contrastive.argument_parser}
    parsers["training.phase1"] = lambda: phase1.argument_parser(None, "phase1", 1e-3)
    rows = TABLES[name].rows(OPTIONS)
    assert len({row.name for row in rows}) == len({row.label for row in rows}) == len(rows) > 1
    trained: dict[str, tuple[str, ...]] = {}
    for row in rows:
        for training in row.trainings:
            module, *options = training.command
            parsed = parsers[module]().parse_args(options)
            # A CLIP is trained from nothing of another run.
            if module != "training.clip.contrastive":
                assert parsed.tower == "clip" and set(parsed.without) <= set(TYPES)
                if parsed.start_from != "nano":
                    assert parsed.start_from is None or parsed.start_from in trained
            # One name, one run.
            assert trained.setdefault(training.run, training.command) == training.command
        for evaluation, (module, *options) in row.evaluations.items():
            assert evaluation in EVALUATION_MINUTES
            monkeypatch.setattr("sys.argv", [module, *options, "--out", "figures.json", "--fresh"])
            parse = {"training.evaluate": evaluate.parse, "training.clip.retrieval": lambda: clip_retrieval.argument_parser().parse_args()}
            assert parse[module]().run == row.trainings[-1].run
    assert 10 * len(trained) < experiments.minutes(rows, 10)


def test_the_overview_names_every_row() -> None:
    text = experiments.overview(OPTIONS)
    assert all(row.label in text for table in TABLES.values() for row in table.rows(OPTIONS))


@pytest.mark.parametrize("table", TABLES)
def test_every_run_of_a_table_is_as_long_in_steps_where_steps_are_given(table: str) -> None:
    commands = [training.command for row in TABLES[table].rows(OPTIONS._replace(steps=60)) for training in row.trainings]
    assert not any("--budget-minutes" in command for command in commands)
    # The untrained row has its one step either way.
    assert {command[command.index("--steps") + 1] for command in commands} <= {"60", "1"}
