"""Training batches: which clips and photos, how many frames, which views, what is quoted, asked and answered."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from .cider import CiderD
from .data import CACHE, Item, clean_caption, held_out, load_items
from .features import FeatureView
from .instructions.record import Frame, Record, Turn, read_records
from .packing import Branch, Row, chat
from .phrase_order import Embed, phrases_of, with_order
from .prompt import visual_length
from .retrieval import CaptionStore, coco_pictures
from .sampling import plan_indices
from .stand_in import TEXT, TextFeatures, noise
from .valley import ChatPrompt, other_questions, question_for, to_tensor

MAX_FRAMES = 16
MAX_ANSWER_TOKENS = {"detail": 110, "conversation": 80, "text": 80}
MAX_CAPTION_TOKENS = 40
CAPTIONS_PER_ROW = {"flickr8k": 5, "msrvtt": 8, "photos": 5}
# Fewer where those are drawn on which people agree: the rest of five would all be taken else.
AGREED_PER_ROW = {"flickr8k": 3, "msrvtt": 6, "photos": 3}
# Of a record that has more, others each time: one row of five questions with four answers each makes the whole batch as wide as itself.
MOST_QUESTIONS = 3
MOST_ANSWERS = 2
AUGMENTED_SHARE = 0.3
OTHER_QUESTIONS_SHARE = 0.35
SEVERAL_FRAMES_SHARE = 0.12
QUOTED_SHARE = 0.8
# A pack may lack a text tower, and a question may be put so that nothing is looked for.
ORDER_TOLD_SHARE = 0.9
# Rows are drawn in bundles and sorted by length, so that a batch holds rows of nearly one length and pads little.
BATCHES_A_BUNDLE = 4
# What a training row is about. Captions carry the bulk; the rest follows the types of docs/instruction-data.md.
CAPTION_SHARES = {"flickr8k": 0.37, "msrvtt": 0.35, "photos": 0.02}
DIALOGUE_SHARES = {
    "detail": 0.02, "conversation": 0.02, "qa": 0.05, "yesno": 0.06, "action": 0.01, "cause": 0.01, "order": 0.04,
    "step_order": 0.02, "motion": 0.02, "zoom": 0.01, "change": 0.01, "refusal": 0.01, "text": 0.08,
}  # fmt: skip


@dataclass(frozen=True)
class Batch:
    """features: float32 [T, 17, 1280] of each row, T its own (empty for text alone); rows: what is asked and answered;
    weights: float32 [answers], over all rows, how much the log-probability of each is worth; all 1 by default."""

    features: list[torch.Tensor]
    rows: list[Row]
    weights: torch.Tensor | None = None


class FeatureBank:
    """The token layer of one tower: every source's views, opened when first asked for.

    `texts`: what stands in for the frames of text without pictures (source `text`), where that is trained on.
    """

    def __init__(self, layer: str, cache: Path = CACHE, texts: TextFeatures | None = None) -> None:
        self.layer, self.cache, self.texts = layer, cache, texts
        self._views: dict[tuple[str, str, str], FeatureView] = {}

    def views(self, source: str) -> list[str]:
        return sorted(path.parent.name for path in (self.cache / self.layer / source).glob("*/index.json"))

    def view(self, source: str, view: str = "plain", prefix: str = "shard") -> FeatureView:
        key = (source, view, prefix)
        if key not in self._views:
            self._views[key] = FeatureView(source, view, self.layer, self.cache, prefix)
        return self._views[key]

    def features(self, frames: tuple[Frame, ...]) -> torch.Tensor:
        """float32 [T, 17, 1280]; [T, 1, 1280] where texts stand in."""
        if self.texts is not None and frames[0].source == TEXT:
            return self.texts.features(frames)
        return to_tensor([self.view(frame.source, frame.view).frames(frame.item, [frame.index])[0] for frame in frames])

    def embeddings(self, frames: tuple[Frame, ...]) -> np.ndarray:
        """CLIP vectors of the frames, float16 [T, 256]."""
        return np.stack([self.view(frame.source, frame.view, "embedding").frames(frame.item, [frame.index])[0] for frame in frames])


class Captions:
    """The captions of one source and split as records: one question, several answers, frames by the sampling plan.

    `consensus`: how much sooner those captions are drawn that agree with the item's others by CIDEr-D (Phan et al., arXiv
    1712.09532, weigh them so), in e-folds per standard deviation of an item's captions; 0 draws evenly.
    """

    def __init__(self, source: str, split: str, bank: FeatureBank, consensus: float = 0.0) -> None:
        self.source, self.consensus = source, consensus
        self.items = [item for item in load_items(source) if item.split == split and item.captions and not held_out(item)]
        self._augmented = [view for view in bank.views(source) if view != "plain"]
        self._metric = CiderD([item.captions for item in self.items]) if consensus else None
        self._preferences: dict[int, np.ndarray] = {}

    def frames(self, item: Item, random: np.random.Generator) -> tuple[Frame, ...]:
        """1..16 frames of a clip; of a photo one, or now and then several: held still, or seen differently each time."""
        several = item.is_clip or random.random() < SEVERAL_FRAMES_SHARE
        count = int(random.integers(1, MAX_FRAMES + 1)) if several else 1
        moving = not item.is_clip and random.random() < 0.5
        view, frames = self._view(random), []
        for index in plan_indices(item.frames, count):
            frames.append(Frame(item.source, item.id, index, self._view(random) if moving else view))
        return tuple(frames)

    def _view(self, random: np.random.Generator) -> str:
        if self._augmented and random.random() < AUGMENTED_SHARE:
            return self._augmented[random.integers(len(self._augmented))]
        return "plain"

    def record(self, index: int, random: np.random.Generator) -> Record:
        item = self.items[index]
        texts = list(dict.fromkeys(filter(None, map(clean_caption, item.captions))))
        chosen = self._chosen(index, texts, random)
        question = question_for(item.is_clip)
        if random.random() < OTHER_QUESTIONS_SHARE:
            others = other_questions(item.is_clip)
            question = others[random.integers(len(others))]
        turn = Turn(question, tuple(texts[i] for i in chosen))
        return Record(f"{item.source}/{item.id}", "caption", self.frames(item, random), not item.is_clip, (turn,))

    def _chosen(self, index: int, texts: list[str], random: np.random.Generator) -> np.ndarray:
        """Which of an item's captions a row answers with."""
        if self._metric is None:
            return random.permutation(len(texts))[: CAPTIONS_PER_ROW[self.source]]
        if index not in self._preferences:
            scores = np.array(self._metric.consensus(texts) if len(texts) > 1 else [0.0])
            self._preferences[index] = self.consensus * (scores - scores.mean()) / max(scores.std(), 1e-6)
        # The largest of the preferences with Gumbel noise are a draw without repeats by their softmax.
        return np.argsort(-(self._preferences[index] + random.gumbel(size=len(texts))))[: AGREED_PER_ROW[self.source]]

    def __len__(self) -> int:
        return len(self.items)


class Texts:
    """Records about texts without pictures: every frame is a text, seen through other noise each time."""

    def __init__(self, records: list[Record]) -> None:
        self.records = records

    def record(self, index: int, random: np.random.Generator) -> Record:
        record = self.records[index]
        return replace(record, frames=tuple(frame._replace(view=noise(random)) for frame in record.frames))

    def __len__(self) -> int:
        return len(self.records)


class Dialogues:
    """The records of one type of instruction data. `compare`: right answers are held against wrong ones."""

    def __init__(self, records: list[Record], compare: bool = False) -> None:
        self.records, self.compare = records, compare

    def record(self, index: int, random: np.random.Generator) -> Record:
        """Some of the questions where there are many. To compare, all, with one right and one wrong answer of a turn that has both."""
        record = self.records[index]
        if self.compare:
            return replace(record, turns=one_of_each(record.turns, random))
        turns = record.turns
        if record.independent and len(turns) > MOST_QUESTIONS:
            turns = some(turns, MOST_QUESTIONS, random)
        return replace(record, turns=tuple(replace(turn, answers=some(turn.answers, MOST_ANSWERS, random), wrong=()) for turn in turns))

    def __len__(self) -> int:
        return len(self.records)


def some(values: tuple, most: int, random: np.random.Generator) -> tuple:
    """At most so many of them, in their order."""
    if len(values) <= most:
        return values
    return tuple(values[place] for place in sorted(random.permutation(len(values))[:most]))


def one_of_each(turns: tuple[Turn, ...], random: np.random.Generator) -> tuple[Turn, ...]:
    """Turns with one right and one wrong answer each, those that go together where they come in pairs; a mirror takes what the
    turn before it took. Turns without wrong answers are left as they are."""
    drawn, place, other = [], 0, 0
    for turn in turns:
        if turn.wrong:
            if turn.mirror:
                place, other = other, place
            else:
                place = int(random.integers(len(turn.answers)))
                other = place if len(turn.wrong) == len(turn.answers) else int(random.integers(len(turn.wrong)))
            turn = replace(turn, answers=(turn.answers[place],), wrong=(turn.wrong[other],))
        drawn.append(turn)
    return tuple(drawn)


def read_dialogues(path: Path, compare: bool = False) -> dict[str, Dialogues]:
    """Instruction data by type; captions are left out, they come from `Captions`. Empty where there is no file yet."""
    kinds: dict[str, list[Record]] = defaultdict(list)
    if path.is_file():
        for record in read_records(path):
            if record.type in DIALOGUE_SHARES:
                kinds[record.type].append(record)
    return {kind: Dialogues(records, compare) for kind, records in sorted(kinds.items())}


class Assembler:
    """Records to rows: quotes found, everything tokenised. `full_frames`: every frame's patches are tokens of their own; `embed`:
    the text tower by which questions are told which of their phrases is seen first, None for no such thing."""

    def __init__(
        self, prompt: ChatPrompt, bank: FeatureBank, store: CaptionStore | None, full_frames: bool = False, embed: Embed | None = None
    ) -> None:
        self.prompt, self.bank, self.store, self.full_frames, self.embed = prompt, bank, store, full_frames, embed
        self._own_pictures = coco_pictures() if store else {}

    def quotes(self, record: Record) -> list[int]:
        """Ids of the nearest captions; a COCO photo never finds its own, nor that of another photo beside it.

        A text that stands in for a picture is quoted nothing: it lies nearer to captions than any picture does.
        """
        if self.store is None or not record.frames or record.frames[0].source == TEXT:
            return []
        ids = {frame.item.rpartition("__")[2] for frame in record.frames}
        own = {self._own_pictures[id_] for id_ in ids if id_ in self._own_pictures}
        return self.prompt.quotes(self.store.nearest(self.bank.embeddings(record.frames), exclude=own))

    def assemble(self, record: Record, quoted: bool, order_told: bool = True) -> tuple[torch.Tensor, Row]:
        """(features [T, 17, 1280], row). Turns of one chat see those before them; independent ones each the clip alone.

        Answers that are too long are left out, with them a turn that has no other, and the rest of a chat.
        """
        limit = MAX_ANSWER_TOKENS.get(record.type, MAX_CAPTION_TOKENS)
        asked: list[Branch] = []
        for turn in record.turns:
            answers = [ids for ids in map(self.prompt.answer, turn.answers) if len(ids) <= limit]
            if not answers:
                if record.independent:
                    continue
                break
            first = record.independent or not asked
            question = self._with_order(record, turn.question) if order_told else turn.question
            ids = self._first_question(record, question) if first else self.prompt.again(question)
            # Only what stands behind a question of its own can be compared.
            wrong = [self.prompt.answer(text) for text in turn.wrong] if record.independent and len(turn.wrong) == len(answers) == 1 else []
            mirror = turn.mirror and bool(asked) and asked[-1].compared
            asked.append(Branch(ids, answers + wrong, compared=bool(wrong), mirror=bool(wrong) and mirror))
        branches = asked if record.independent or not asked else [chat([(branch.question, branch.answers[0]) for branch in asked])]
        if not record.frames:
            return torch.zeros(0), Row(0, [], branches)
        quotes = self.quotes(record) if quoted else []
        features = self.bank.features(record.frames)
        frames, patches = len(features), features.shape[1] - 1
        return features, Row(visual_length(frames, patches * frames if self.full_frames else patches), quotes, branches)

    def _with_order(self, record: Record, question: str) -> str:
        """Texts that stand in for pictures have no CLIP vectors of frames."""
        if self.embed is None or len(record.frames) < 2 or record.frames[0].source == TEXT or phrases_of(question) is None:
            return question
        return with_order(question, self.bank.embeddings(record.frames), self.embed)

    def _first_question(self, record: Record, question: str) -> list[int]:
        return self.prompt.suffix(question) if record.frames else self.prompt.plain_question(question)


class BatchPlan:
    """An endless, resumable stream of batches: a row's source is drawn by its share, the record at random, repeats allowed.

    What a bundle holds follows from seed and bundle number alone; of n processes each draws every n-th bundle.
    """

    def __init__(self, sources: dict[str, tuple[Captions | Dialogues | Texts, float]], assembler: Assembler, batch: int, seed: int) -> None:
        self.sources = {name: source for name, source in sources.items() if len(source[0])}
        self.assembler, self.batch, self.seed = assembler, batch, seed
        self.step = 0
        self._process, self._processes = 0, 1
        self._bundle: tuple[int, list[Batch]] = (-1, [])

    def share(self, index: int, processes: int) -> None:
        self._process, self._processes = index, processes
        self._bundle = (-1, [])

    def state(self) -> dict:
        return {"step": self.step}

    def restore(self, state: dict) -> None:
        self.step = state["step"]

    def next(self) -> Batch:
        number, place = divmod(self.step, BATCHES_A_BUNDLE)
        if self._bundle[0] != number:
            self._bundle = (number, self._draw(number * self._processes + self._process))
        self.step += 1
        return self._bundle[1][place]

    def _order_told(self, random: np.random.Generator) -> bool:
        # Drawn only where it matters, so that runs without it draw what they drew before.
        return self.assembler.embed is not None and random.random() < ORDER_TOLD_SHARE

    def _draw(self, bundle: int) -> list[Batch]:
        random = np.random.default_rng((self.seed, bundle))
        names = list(self.sources)
        shares = np.array([self.sources[name][1] for name in names])
        rows: list[tuple[torch.Tensor, Row]] = []
        # A record whose answers are all too long leaves no branch: another is drawn in its place.
        while len(rows) < BATCHES_A_BUNDLE * self.batch:
            name = names[random.choice(len(names), p=shares / shares.sum())]
            source = self.sources[name][0]
            record = source.record(int(random.integers(len(source))), random)
            row = self.assembler.assemble(record, random.random() < QUOTED_SHARE, self._order_told(random))
            if row[1].branches:
                rows.append(row)
        rows.sort(key=lambda row: row[1].length)
        batches = [rows[start : start + self.batch] for start in range(0, len(rows), self.batch)]
        order = random.permutation(len(batches))
        return [Batch([features for features, _ in batches[i]], [row for _, row in batches[i]]) for i in order]


def validation_batches(source: str, items: int, batch: int, assembler: Assembler, quoted: bool) -> list[Batch]:
    """A fixed set of batches: the first `items` val items, plain view, T = 1 for photos and 8 for clips, five captions each."""
    chosen = [item for item in load_items(source) if item.split == "val"][:items]
    rows = []
    for item in chosen:
        indices = plan_indices(item.frames, 8 if item.is_clip else 1)
        turn = Turn(question_for(item.is_clip), tuple(map(clean_caption, item.captions[:5])))
        frames = tuple(Frame(item.source, item.id, index) for index in indices)
        rows.append(assembler.assemble(Record(item.id, "caption", frames, not item.is_clip, (turn,)), quoted))
    parts = [rows[start : start + batch] for start in range(0, len(rows), batch)]
    return [Batch([features for features, _ in part], [row for _, row in part]) for part in parts]
