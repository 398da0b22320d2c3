"""What `training.experiments` trains and evaluates: each table's rows as commands. Explained in docs/experiments.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

QUESTIONS = "training/cache/instructions/val.jsonl"
# On two quiet cores, by the features cache; what it took is to be measured, this is for the estimate alone.
EVALUATION_MINUTES = {
    "photos": 4, "clips": 2, "photos-plain": 4, "clips-plain": 2, "questions": 20, "chinese": 1, "pooled": 1, "recall-flickr8k": 1, "recall-msrvtt": 1,
}  # fmt: skip
# Instruction data in groups that teach one thing.
GROUPS: dict[str, tuple[str, ...]] = {
    "yesno": ("yesno",),
    "order": ("order", "step_order"),
    "camera": ("motion", "zoom", "change"),
    "qa": ("qa", "action", "cause"),
    "long": ("detail", "conversation"),
    "refusal": ("refusal",),
    "text": ("text",),
}


class Options(NamedTuple):
    """tower: layer of the features cache; start: the run that others go on from; budget: minutes of each run, or steps in their place."""

    tower: str
    start: str
    budget: float
    limit: int | None = None
    steps: int | None = None

    def spent(self) -> tuple[str, str]:
        """How long a run goes on, as options of its command. A run of so many steps is short: it is validated at its end alone."""
        return ("--steps", str(self.steps), "--no-validate-first", "--checkpoint-minutes", "15") if self.steps else ("--budget-minutes", f"{self.budget:g}")


@dataclass(frozen=True)
class Training:
    """A run's name and the module and options that train it, all but --run."""

    run: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """A row of a table: what it is called on the command line and in the table, the runs that must be trained first in this
    order, and its evaluations by name."""

    name: str
    label: str
    trainings: tuple[Training, ...]
    evaluations: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Table(NamedTuple):
    title: str
    rows: Callable[[Options], list[Row]]


def evaluation(options: Options, run: str, source: str, task: str, *more: str) -> tuple[str, ...]:
    limit = ("--limit", str(options.limit)) if options.limit else ()
    return ("training.evaluate", "--cached", source, "--run", run, "--clip", options.tower, "--task", task, *more, *limit)


def captions(options: Options, run: str, *more: str) -> dict[str, tuple[str, ...]]:
    return {name: evaluation(options, run, source, "caption", *more) for name, source in (("photos", "flickr8k"), ("clips", "msrvtt"))}


def questions(options: Options, run: str) -> dict[str, tuple[str, ...]]:
    return {"questions": evaluation(options, run, QUESTIONS, "qa")}


def going_on(options: Options, run: str, *more: str) -> Training:
    """Phase 2 on everything, from the run that the options name."""
    shared = ("--tower", options.tower, "--start-from", options.start, "--dialogues", "1", *options.spent())
    return Training(run, ("training.trial", *shared, *more))


def everything(options: Options) -> Training:
    """What four tables hold their other rows against: nothing left out, nothing added."""
    return going_on(options, "exp-everything")


def pooling_runs(options: Options) -> list[tuple[str, str, Training]]:
    return [
        ("mean", "mean (v1)", everything(options)),
        ("importance", "importance (v2)", going_on(options, "exp-pooling-importance", "--pooling", "importance")),
        ("delta", "delta (v3)", going_on(options, "exp-pooling-delta", "--pooling", "delta")),
        ("frames", "full-frame tokens", going_on(options, "exp-pooling-frames", "--full-frames")),
    ]


def shapes(options: Options) -> list[Row]:
    return [
        Row(name, label, (training,), {"pooled": evaluation(options, training.run, "msrvtt", "pooling")})
        for name, label, training in pooling_runs(options)
    ]


def pooling(options: Options) -> list[Row]:
    return [
        Row(
            name,
            label,
            (training,),
            {"clips": evaluation(options, training.run, "msrvtt", "caption")} | questions(options, training.run),
        )
        for name, label, training in pooling_runs(options)
    ]


def phase_runs(options: Options) -> list[tuple[str, str, tuple[Training, ...]]]:
    """Nothing of another run: each phase from its own start."""
    shared = ("--tower", options.tower, *options.spent())
    second = ("training.phase2", *shared, "--dialogues", "1")
    # One step of the warm-up: the projector as it starts, in the files that a run writes.
    none = Training("exp-phases-none", ("training.phase1", "--tower", options.tower, "--steps", "1"))
    one = Training("exp-phases-1", ("training.phase1", *shared))
    two = Training("exp-phases-2", second)
    both = Training("exp-phases-12", (*second, "--start-from", one.run))
    return [
        ("none", "neither phase", (none,)),
        ("1", "phase 1", (one,)),
        ("2", "phase 2 alone", (two,)),
        ("12", "phases 1 and 2", (one, both)),
    ]


def phases(options: Options) -> list[Row]:
    rows = []
    for name, label, trainings in phase_runs(options):
        run = trainings[-1].run
        rows.append(Row(name, f"{label}, quoted", trainings, captions(options, run)))
        plain = {f"{key}-plain": command for key, command in captions(options, run, "--no-quotes").items()}
        rows.append(Row(f"{name}-plain", f"{label}, nothing quoted", trainings, plain))
    return rows


def types(options: Options) -> list[Row]:
    runs = [("all", "all types", everything(options))]
    runs += [
        (f"no-{name}", f"without {', '.join(kinds)}", going_on(options, f"exp-types-no-{name}", "--without", *kinds))
        for name, kinds in GROUPS.items()
    ]
    shared = ("--tower", options.tower, "--start-from", options.start, *options.spent())
    runs.append(("captions", "captions alone", Training("exp-types-captions", ("training.trial", *shared))))
    return [Row(name, label, (training,), captions(options, training.run) | questions(options, training.run)) for name, label, training in runs]


def chinese(options: Options) -> list[Row]:
    return [
        Row(name, label, trainings, {"chinese": evaluation(options, trainings[-1].run, "flickr8k", "chinese")})
        for name, label, trainings in phase_runs(options)
        if name in ("1", "12")
    ]


def retrieval(options: Options) -> list[Row]:
    """Quotes found each way: by a run that was trained on those of the mean (captions alone), then by runs trained that way too."""
    mean = everything(options)
    ways = {
        "frames": ("quotes found by its frames' votes", "--quote-by", "frames"),
        "time": ("quotes of its parts, in time order", "--quote-by", "time"),
        "none": ("nothing quoted", "--no-quotes"),
    }

    def clips(run: str, *more: str) -> dict[str, tuple[str, ...]]:
        return {"clips": evaluation(options, run, "msrvtt", "caption", *more)}

    def both(run: str, *more: str) -> dict[str, tuple[str, ...]]:
        return clips(run, *more) | {"questions": evaluation(options, run, QUESTIONS, "qa", *more)}

    rows = [Row("clip", "quotes found by the mean of its frames, trained so too", (mean,), both(mean.run, "--quote-by", "clip"))]
    rows += [Row(f"asked-{way}", f"{said}, asked alone", (mean,), clips(mean.run, *more)) for way, (said, *more) in ways.items()]
    for way, (said, *more) in ways.items():
        training = going_on(options, f"exp-retrieval-{way}", *more)
        rows.append(Row(way, f"{said}, trained so too", (training,), both(training.run, *more)))
    return rows


def text_only(options: Options) -> list[Row]:
    rows = []
    for percent in (0, 10, 30):
        training = going_on(options, f"exp-text-only-{percent}", "--text-only", f"{percent / 100:g}") if percent else everything(options)
        label = f"{percent} % of the rows text in place of pictures"
        rows.append(Row(str(percent), label, (training,), captions(options, training.run) | questions(options, training.run)))
    return rows


def tuning(options: Options) -> list[Row]:
    """What of the decoder learns, from one start that has a projector and no adapter (`training.from_pack --projector-alone`)."""
    shared = ("--tower", options.tower, "--start-from", options.start, *options.spent())
    ways = [
        ("none", "nothing: the projector alone", ("training.phase1", *shared)),
        ("adapter", "LoRA on every linear layer", ("training.phase2", *shared)),
        ("full", "every weight", ("training.phase2", *shared, "--full")),
    ]
    return [Row(name, label, (training := Training(f"exp-tuning-{name}", command),), captions(options, training.run)) for name, label, command in ways]


def trunk(options: Options) -> list[Row]:
    """Contrastive training from the ImageNet trunk and MiniLM on Flickr8k's photos; it needs the stem layer, no tower and no run to go on from."""
    spent = ("--steps", str(options.steps), "--checkpoint-minutes", "15") if options.steps else ("--budget-minutes", f"{options.budget:g}")
    rows = []
    for name, label, more in (("frozen", "trunk frozen, heads and text tower learn", ("--freeze-trunk",)), ("tuned", "its last blocks learn too", ())):
        training = Training(f"exp-trunk-{name}", ("training.clip.contrastive", "--source", "flickr8k", "--batch", "256", *spent, *more))
        found = {source: ("training.clip.retrieval", "--run", training.run, "--source", source) for source in ("flickr8k", "msrvtt")}
        rows.append(Row(name, label, (training,), {f"recall-{source}": command for source, command in found.items()}))
    return rows


TABLES: dict[str, Table] = {
    "shapes": Table("pooling: shape and consistency", shapes),
    "phases": Table("retrieved captions with and without phases 1 and 2", phases),
    "types": Table("without types of instruction data", types),
    "pooling": Table("pooling over time, by type of question", pooling),
    "chinese": Table("Chinese answers before and after phase 2 in English", chinese),
    "retrieval": Table("captions found per clip, per frame and per part", retrieval),
    "tuning": Table("what of the decoder learns in phase 2", tuning),
    "text-only": Table("text in place of pictures", text_only),
    "trunk": Table("retrieval with the CLIP's trunk frozen and fine-tuned", trunk),
}
