"""Yes/no and either/or questions: by what the model says, and by which of the two answers it finds likelier."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from ..data import data_root, read_json_lines, split_strip
from .answers import Asked, Decoding, answer, mean_log_probabilities
from .folders import MediaFolder, Sampling, captions_file, id_of, in_split, locate
from .model import Seen, Subject
from .records import Predictions, Progress

YES_NO = re.compile(r"\b(yes|no)\b", re.IGNORECASE)
GROUPS = 16
# What an answer means shows in its first sentence.
MAX_NEW_TOKENS = 32


@dataclass(frozen=True)
class Question:
    """A question with a right and a wrong answer. `about` is equal for questions about the same frames, which `frames` gives."""

    id: str
    kind: str
    about: str
    frames: Callable[[Sampling], list[Image.Image]]
    question: str
    right: str
    wrong: str


class Library:
    """Folders by path, each opened once."""

    def __init__(self) -> None:
        self._folders: dict[Path, MediaFolder] = {}

    def open(self, path: Path) -> MediaFolder:
        if path not in self._folders:
            self._folders[path] = MediaFolder(path)
        return self._folders[path]


def load_questions(data: Path, split: str, media: Path | None = None) -> tuple[list[Question], int]:
    """Questions of a file of JSON lines, or of a folder with qa.jsonl, <split>.jsonl or a captions file with `qa`.

    Those without two answers to tell apart are left out; their number is returned beside the others. `media` holds the folders
    that records name as sources. Raises FileNotFoundError where a file is missing, ValueError where no question is left.
    """
    folder = data if data.is_dir() else data.parent
    named = [folder / name for name in ("qa.jsonl", "qa.jsonl.xz", f"{split}.jsonl")]
    path = data if data.is_file() else next((name for name in named if name.is_file()), None) or captions_file(folder)
    library, questions, left_out = Library(), [], 0
    for number, row in enumerate(read_json_lines(path)):
        if not in_split(row, split):
            continue
        is_record = isinstance(row.get("frames"), list) and isinstance(row.get("turns"), list)
        found = from_record(row, folder, media, library) if is_record else from_row(row, number, folder, library)
        questions += [question for question in found if question is not None]
        left_out += sum(question is None for question in found)
    if not questions:
        raise ValueError(f'{path} has no questions of split "{split}" with two answers to choose from')
    return questions, left_out


def some_of_each_kind(questions: Sequence[Question], limit: int | None) -> list[Question]:
    """`limit` questions of each kind, all where there is no limit. Evenly spread: files begin with what is alike, dogs with dogs."""
    kinds: dict[str, list[int]] = defaultdict(list)
    for place, question in enumerate(questions):
        kinds[question.kind].append(place)
    chosen: set[int] = set()
    for own in kinds.values():
        count = len(own) if limit is None else min(limit, len(own))
        chosen |= {own[at * len(own) // count] for at in range(count)}
    return [question for place, question in enumerate(questions) if place in chosen]


def from_record(row: dict, folder: Path, media: Path | None, library: Library) -> list[Question | None]:
    """The turns of a dialogue as `python -m training.instructions.generate` writes it; `choice` is that of the first."""
    if not row["frames"]:
        return [None for _ in row["turns"]]
    shown = row["frames"][:1] if row["still"] else row["frames"]
    files = {}
    for source, item, *_ in shown:
        holder = library.open(source_folder(source, folder, media))
        files[source, item] = holder.find(item)
        if files[source, item] is None:
            raise FileNotFoundError(f'{holder.path} has no picture for "{item}", which {row["id"]} asks about')

    def frames(_: Sampling) -> list[Image.Image]:
        images = {key: file.image() for key, file in files.items()}
        if row["still"]:
            return list(images.values())
        return [split_strip(images[source, item])[index] for source, item, index, *_ in shown]

    return turns_of(row, repr(shown), frames)


def turns_of(row: dict, about: str, frames: Callable[[Sampling], list]) -> list[Question | None]:
    """A dialogue's turns as questions about `frames`; None for those that have no two answers to tell apart."""
    found: list[Question | None] = []
    for place, turn in enumerate(row["turns"]):
        choice = row.get("choice", {}) if place == 0 else {}
        right = choice.get("right") or next(iter(turn.get("answers", ())), None)
        wrong = choice.get("wrong") or (right and other_answer({}, right))
        key = row["id"] if place == 0 else f"{row['id']}.{place}"
        found.append(Question(key, row["type"], about, frames, turn["question"], right, wrong) if right and wrong else None)
    return found


def from_row(row: dict, number: int, folder: Path, library: Library) -> list[Question | None]:
    """A row that asks (question or q, answer or a, perhaps choices), or one with a list of such in `qa`."""
    asked = row["qa"] if isinstance(row.get("qa"), list) else [row] if "question" in row or "q" in row else []
    if not asked:
        return []
    name = id_of({"id": row.get("image") or row.get("video") or row.get("media") or row.get("clip") or row.get("id")})
    item = locate(library.open(folder), row, name)
    found: list[Question | None] = []
    for place, entry in enumerate(asked):
        question, right = entry.get("question", entry.get("q")), answer_of(entry)
        wrong = other_answer(entry, right) if isinstance(question, str) and isinstance(right, str) else None
        if wrong is None:
            found.append(None)
            continue
        kind = entry.get("type") or ("yesno" if yes_or_no(right) else "choice")
        key = f"{row.get('id', name)}/{number}.{place}"
        found.append(Question(key, kind, name, lambda sampling: item.frames(sampling, None), question, right, wrong))
    return found


def answer_of(entry: dict) -> object:
    """`answer`, `a` or the first of `answers`; true and false as words."""
    right = entry.get("answer", entry.get("a", next(iter(entry.get("answers", ())), None)))
    return ("yes" if right else "no") if isinstance(right, bool) else right


def other_answer(entry: dict, right: str) -> str | None:
    if isinstance(entry.get("wrong"), str):
        return entry["wrong"]
    choices = entry.get("choices", entry.get("options"))
    if isinstance(choices, list) and len(choices) == 2:
        return next((choice for choice in choices if choice != right), None)
    said = yes_or_no(right)
    return said and ("No." if said == "yes" else "Yes.")


def source_folder(source: str, folder: Path, media: Path | None) -> Path:
    """Raises FileNotFoundError where no folder has that name."""
    if folder.name == source:
        return folder
    places = [folder / source, folder.parent / source, (media or data_root()) / source]
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        raise FileNotFoundError(f'no folder "{source}" in {", ".join(str(place.parent) for place in places)}: name one with --media')
    return found


def yes_or_no(text: str) -> str | None:
    """ "yes" or "no" where the text begins with one of them."""
    match = re.match(r"\W*(yes|no)\b", text, re.IGNORECASE)
    return match[1].lower() if match else None


def compared(right: str, wrong: str) -> tuple[str, str]:
    """The texts whose likelihoods decide: the rest of "Yes, there is a dog." would only say how likely dogs are."""
    said, other = yes_or_no(right), yes_or_no(wrong)
    if not said or not other or said == other:
        return right, wrong
    return ("Yes", "No") if said == "yes" else ("No", "Yes")


def means(text: str, right: str, wrong: str) -> bool:
    """Whether an answer means `right`: its first yes or no; else it has more of the words that only `right` has than of the other's."""
    said, other = yes_or_no(right), yes_or_no(wrong)
    if said and other and said != other:
        found = YES_NO.search(text)
        return bool(found) and found[1].lower() == said

    def words(sentence: str) -> set[str]:
        return set(re.findall(r"[a-z0-9]+(?:[-'][a-z0-9]+)*", sentence.lower()))

    def share(own: set[str]) -> float:
        return len(own & words(text)) / len(own) if own else 0.0

    return share(words(right) - words(wrong)) > share(words(wrong) - words(right))


def evaluate_questions(
    subject: Subject, questions: Sequence[Question], predictions: Predictions, decoding: Decoding, quotes: bool
) -> dict[str, float]:
    """By kind: the share answered right and the share whose right answer is likelier; clips are encoded once."""
    decoding = replace(decoding, max_new_tokens=MAX_NEW_TOKENS)
    groups: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        if question.id not in predictions:
            groups[question.about].append(question)
    members = list(groups.values())
    progress = Progress(len(members), "clips with questions")
    for start in range(0, len(members), GROUPS):
        asked: list[tuple[Question, Asked]] = []
        for group in members[start : start + GROUPS]:
            seen: Seen = subject.look(group[0].frames(subject.sampling), quotes)
            asked += [(question, Asked(question.id, seen, question.question)) for question in group]
        answers = answer(subject, [one for _, one in asked], decoding)
        for question, one in asked:
            text = subject.decode(answers[one.id])
            texts = [subject.encode(choice) for choice in compared(question.right, question.wrong)]
            log_p = mean_log_probabilities(subject, one, texts)
            correct = means(text, question.right, question.wrong)
            predictions.add({"id": question.id, "kind": question.kind, "answer": text, "correct": correct, "logP": log_p})
        progress.step(len(members[start : start + GROUPS]))
    return count([predictions[question.id] for question in questions])


def count(rows: Sequence[dict]) -> dict[str, float]:
    values: dict[str, float] = {}
    for kind in sorted({row["kind"] for row in rows}):
        own = [row for row in rows if row["kind"] == kind]
        values[kind] = sum(row["correct"] for row in own) / len(own)
        values[f"{kind}_logp"] = sum(row["logP"][0] > row["logP"][1] for row in own) / len(own)
        if kind == "yesno":
            said = [YES_NO.search(row["answer"]) for row in own]
            values["yesno_said_yes"] = sum(bool(match) and match[1].lower() == "yes" for match in said) / len(own)
        values[f"{kind}_items"] = len(own)
    return values
