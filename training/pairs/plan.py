"""The batches of a pair: pictures read ahead of the step that needs them, and the chats about them."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from ..packing import Branch, Row, chat
from ..parts import Prompt
from ..prompt import MARKERS
from ..valley import other_questions, question_for
from .config import PairConfig
from .frames import sample_frames
from .material import Material, Sample

CHATS_PER_ROW = 5
MAX_CHAT_TOKENS = 512
OTHER_QUESTIONS_SHARE = 0.4
VALIDATION_FRAMES = 8
READERS = 2
AHEAD = 3
MARKERS_LENGTH = len(MARKERS)


@dataclass(frozen=True)
class PictureBatch:
    """pictures uint8 [B, T, size, size, 3]; rows: the chats about each; weights: all answers count alike."""

    pictures: torch.Tensor
    rows: list[Row]
    weights: None = None


def branch_of(prompt: Prompt, turns: tuple[tuple[str, str], ...]) -> Branch:
    """A chat as far as its answers stay within MAX_CHAT_TOKENS; a first answer that is longer is cut."""
    told, left = [], MAX_CHAT_TOKENS
    for question, text in turns:
        answer = prompt.answer(text)
        if told and len(answer) > left:
            break
        told.append((prompt.again(question) if told else prompt.suffix(question), answer[:left]))
        left -= len(answer)
    return chat(told)


class PicturePlan:
    """Photos (T = 1) and clips (T drawn) in batches of their own: every sample once before any a second time.

    What a step sees follows from seed, step and process alone, so batches can be read ahead, and resumed.
    """

    def __init__(self, materials: list[Material], prompt: Prompt, config: PairConfig, batch: int, seed: int, split: str) -> None:
        """Raises ValueError where no sample is of `split`."""
        self.samples = [(material, sample) for material in materials for sample in material.of(split)]
        if not self.samples:
            raise ValueError(f"no sample of the split {split}")
        self.prompt, self.config, self.batch, self.seed = prompt, config, batch, seed
        self.step = 0
        self._index, self._processes = 0, 1
        self._epoch: tuple[int, list[np.ndarray]] = (-1, [])
        self._readers = ThreadPoolExecutor(READERS)
        self._ahead: dict[int, Future[PictureBatch]] = {}

    def share(self, index: int, processes: int) -> None:
        self._index, self._processes = index, processes
        self._ahead.clear()

    def state(self) -> dict:
        return {"step": self.step}

    def restore(self, state: dict) -> None:
        self.step = state["step"]
        self._ahead.clear()

    def next(self) -> PictureBatch:
        for step in range(self.step, self.step + 1 + AHEAD):
            if step not in self._ahead:
                self._ahead[step] = self._readers.submit(self._read, *self.chosen(step))
        batch = self._ahead.pop(self.step).result()
        self.step += 1
        return batch

    def chosen(self, step: int) -> tuple[list[int], int]:
        """The samples of this process's batch and the number that seeds what is drawn for it."""
        slot = step * self._processes + self._index
        if self._epoch[0] < 0:
            self._epoch = (0, self._batches(0))
        epoch, position = divmod(slot, len(self._epoch[1]))
        if epoch != self._epoch[0]:
            self._epoch = (epoch, self._batches(epoch))
        return self._epoch[1][position].tolist(), slot

    def _batches(self, epoch: int) -> list[np.ndarray]:
        """The samples of one round in batches, the same number in every round; what fills no batch waits for another."""
        random = np.random.default_rng((self.seed, epoch))
        batches = []
        for clips in (False, True):
            group = [index for index, (_, sample) in enumerate(self.samples) if sample.is_clip == clips]
            order, size = random.permutation(group), min(self.batch, len(group))
            batches += [order[start : start + size] for start in range(0, len(group) - size + 1, size)] if group else []
        return [batches[index] for index in random.permutation(len(batches))]

    def _read(self, chosen: list[int], slot: int) -> PictureBatch:
        random = np.random.default_rng((self.seed, slot, 1))
        clip = self.samples[chosen[0]][1].is_clip
        count = int(random.integers(1, self.config.maxFrames + 1)) if clip else 1
        chosen, pictures = self._readable(chosen, count)
        rows = [self._row(self.samples[index][1], count, random) for index in chosen]
        return PictureBatch(torch.from_numpy(np.stack(pictures)), rows)

    def _readable(self, chosen: list[int], count: int) -> tuple[list[int], list[np.ndarray]]:
        """The samples whose media can be read, and their frames: of many thousand files from the web some are broken.

        Raises ValueError where none of them can be.
        """
        read, pictures = [], []
        for index in chosen:
            try:
                pictures.append(sample_frames(*self.samples[index], count, self.config.tower))
                read.append(index)
            except (OSError, ValueError, subprocess.CalledProcessError) as error:
                print(f"left out {self.samples[index][1].id}: {error}", file=sys.stderr, flush=True)
        if not read:
            raise ValueError(f"none of {', '.join(self.samples[index][1].id for index in chosen)} can be read")
        return read, pictures

    def _row(self, sample: Sample, frames: int, random: np.random.Generator | None) -> Row:
        """Up to CHATS_PER_ROW chats about one sample; without `random` the first ones, under the usual question."""
        asked = question_for(sample.is_clip)
        others = other_questions(sample.is_clip)
        known = list(sample.chats)
        for caption in sample.captions:
            drawn = random is not None and random.random() < OTHER_QUESTIONS_SHARE
            known.append((((others[random.integers(len(others))] if drawn else asked), caption),))
        order = random.permutation(len(known)) if random is not None else range(len(known))
        visual = MARKERS_LENGTH + self.config.tower.grid**2 + frames
        return Row(visual, [], [branch_of(self.prompt, known[index]) for index in order[:CHATS_PER_ROW]])

    def fixed(self, items: int) -> list[PictureBatch]:
        """The first `items` photos and as many clips, nothing drawn, T = 8 of a clip: to validate on."""
        batches = []
        for clips in (False, True):
            count = min(VALIDATION_FRAMES, self.config.maxFrames) if clips else 1
            group = [pair for pair in self.samples if pair[1].is_clip == clips][:items]
            for start in range(0, len(group), self.batch):
                chosen = group[start : start + self.batch]
                pictures = [sample_frames(material, sample, count, self.config.tower) for material, sample in chosen]
                rows = [self._row(sample, count, None) for _, sample in chosen]
                batches.append(PictureBatch(torch.from_numpy(np.stack(pictures)), rows))
        return batches
