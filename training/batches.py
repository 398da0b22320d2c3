"""Training batches: which items, how many frames, which views and captions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer

from .data import CACHE, Item, clean_caption, load_items
from .features import IMAGENET, FeatureView
from .prompt import answer_ids, load_tokenizer
from .questions import QuestionTable
from .sampling import plan_indices
from .valley import other_questions, question_for, to_tensor

MAX_FRAMES = 16
MAX_ANSWER_TOKENS = 40
CAPTIONS_PER_ROW = 5
AUGMENTED_SHARE = 0.3
OTHER_QUESTIONS_SHARE = 0.4


@dataclass(frozen=True)
class Batch:
    """features float32 [B, T, 17, 1280]; answers [row][answer][token]."""

    question: str
    features: torch.Tensor
    answers: list[list[list[int]]]


class Source:
    """The items of one source and split with their views and tokenised captions."""

    def __init__(self, name: str, split: str, tokenizer: Tokenizer, use_augmented: bool, tower: str = IMAGENET) -> None:
        """`tower`: whose features are read. Raises FileNotFoundError where their plain view is not cached."""
        self.items = [item for item in load_items(name) if item.split == split]
        augmented = sorted(path.parent.name for path in (CACHE / tower / name).glob("*/index.json")) if use_augmented else []
        self.views = {view: FeatureView(name, view, tower) for view in ["plain", *(view for view in augmented if view != "plain")]}
        self.answers = [self._answers(tokenizer, item) for item in self.items]
        self.is_clip = self.items[0].is_clip
        self._tokenizer = tokenizer
        self._questions: QuestionTable | None = None

    @property
    def questions(self) -> QuestionTable:
        """The questions that the captions answer by rule; made when first asked for."""
        if self._questions is None:
            self._questions = QuestionTable([[clean_caption(text) for text in item.captions] for item in self.items])
        return self._questions

    def tokenise(self, texts: list[str]) -> list[list[int]]:
        return [answer_ids(self._tokenizer, text)[:MAX_ANSWER_TOKENS] for text in texts]

    @staticmethod
    def _answers(tokenizer: Tokenizer, item: Item) -> list[list[int]]:
        texts = dict.fromkeys(filter(None, map(clean_caption, item.captions)))
        return [ids for ids in (answer_ids(tokenizer, text) for text in texts) if len(ids) <= MAX_ANSWER_TOKENS]

    def features(self, index: int, count: int, random: np.random.Generator | None) -> np.ndarray:
        """float16 [count, 17, 1280] by the sampling plan, from one view at random (plain without `random`).

        A photo seen as several frames is either held still or seen through a random view in each frame.
        """
        item = self.items[index]
        indices = plan_indices(item.frames, count)
        if random is None:
            return self.views["plain"].frames(item.id, indices)
        if not item.is_clip and count > 1 and random.random() < 0.5:
            return np.concatenate([self._view(random).frames(item.id) for _ in indices])
        return self._view(random).frames(item.id, indices)

    def _view(self, random: np.random.Generator) -> FeatureView:
        augmented = [view for view in self.views if view != "plain"]
        if augmented and random.random() < AUGMENTED_SHARE:
            return self.views[augmented[random.integers(len(augmented))]]
        return self.views["plain"]


class BatchPlan:
    """An endless, resumable stream of training batches: every item once before any a second time."""

    def __init__(self, sources: dict[str, tuple[Source, float]], batch: int, seed: int, questions: float = 0) -> None:
        """`questions`: share of the steps that ask a question with a short answer instead of for a caption."""
        self.sources, self.batch, self.seed, self.questions = sources, batch, seed, questions
        self.step = 0
        self.drawn = dict.fromkeys(sources, 0)
        self.index, self.processes = 0, 1

    def share(self, index: int, processes: int) -> None:
        """Of several processes, each with the same steps, this one draws every `processes`-th item, from the `index`-th on."""
        self.index, self.processes = index, processes

    def state(self) -> dict:
        return {"step": self.step, "drawn": dict(self.drawn)}

    def restore(self, state: dict) -> None:
        self.step, self.drawn = state["step"], dict(state["drawn"])

    def next(self) -> Batch:
        random = np.random.default_rng((self.seed, self.step))
        names = list(self.sources)
        shares = np.array([self.sources[name][1] for name in names])
        name = names[random.choice(len(names), p=shares / shares.sum())]
        source = self.sources[name][0]
        if source.is_clip or random.random() < 0.15:
            count = int(random.integers(1, MAX_FRAMES + 1))
        else:
            count = 1
        self.step += 1
        asks = random.random() < self.questions
        if self.processes > 1:
            # Up to here all processes agree, so that their steps cost the same.
            random = np.random.default_rng((self.seed, self.step, self.index, self.processes))
        if asks:
            question, drawn = source.questions.draw(random, self.batch)
            features = to_tensor([source.features(row, count, random) for row, _ in drawn])
            return Batch(question, features, [source.tokenise(texts[:CAPTIONS_PER_ROW]) for _, texts in drawn])
        rows = [self._draw(name, source) for _ in range(self.batch)]
        answers = []
        for row in rows:
            chosen = random.permutation(len(source.answers[row]))[:CAPTIONS_PER_ROW]
            answers.append([source.answers[row][index] for index in chosen])
        features = to_tensor([source.features(row, count, random) for row in rows])
        question = question_for(source.is_clip)
        if random.random() < OTHER_QUESTIONS_SHARE:
            others = other_questions(source.is_clip)
            question = others[random.integers(len(others))]
        return Batch(question, features, answers)

    def _draw(self, name: str, source: Source) -> int:
        epoch, position = divmod(self.drawn[name] * self.processes + self.index, len(source.items))
        self.drawn[name] += 1
        seed = (self.seed, 1 + list(self.sources).index(name), epoch)
        return int(np.random.default_rng(seed).permutation(len(source.items))[position])


def validation_batches(sources: list[Source], items: int, batch: int) -> list[Batch]:
    """A fixed set of batches: the first `items` items of each source, plain view, T = 1 for photos and 8 for clips."""
    result = []
    for source in sources:
        count = 8 if source.is_clip else 1
        for start in range(0, min(items, len(source.items)), batch):
            rows = range(start, min(start + batch, items, len(source.items)))
            features = to_tensor([source.features(row, count, None) for row in rows])
            answers = [source.answers[row][:CAPTIONS_PER_ROW] for row in rows]
            result.append(Batch(question_for(source.is_clip), features, answers))
    return result


def open_sources(
    split: str, use_augmented: bool = True, tokenizer: Tokenizer | None = None, tower: str = IMAGENET
) -> dict[str, Source]:
    """flickr8k and msrvtt of one split."""
    tokenizer = tokenizer or load_tokenizer()
    return {name: Source(name, split, tokenizer, use_augmented, tower) for name in ("flickr8k", "msrvtt")}
