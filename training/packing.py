"""Several questions and answers behind one visual prefix: one sequence a clip, a block mask, positions that start anew.

A row is a tree. Its trunk is VISUAL and the quoted captions; each question is a branch that sees the trunk; each answer
of a question sees the trunk and its question, never another question or answer. So five captions of a photo, or ten
unrelated questions about a clip, cost their own tokens and the trunk once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

HIDDEN = -1e9
TRUNK = -1
QUESTION = -1
PADDING = -2
# Batches come in few widths, so that memory freed by one step fits the next: allocators return what does not fit.
WIDTH_STEP = 32


@dataclass(frozen=True)
class Branch:
    """One question's template ids (from after VISUAL and quotes to before the answer) and its answers, each closed by <|im_end|>.

    `predicted`: which of an answer's tokens are targets, in the same shape; the others (a chat's later questions) are only
    seen. All are by default. `compared`: there are two answers, of which the second is wrong: it is held against the first.
    `mirror`: the comparison is one with that of the branch before.
    """

    question: list[int]
    answers: list[list[int]]
    predicted: list[list[bool]] | None = None
    compared: bool = False
    mirror: bool = False


def chat(turns: list[tuple[list[int], list[int]]]) -> Branch:
    """A chat of (asked, answered) ids as one branch: every turn sees those before it, only the answers are targets."""
    (asked, answered), *later = turns
    ids, predicted = list(answered), [True] * len(answered)
    for question, answer in later:
        ids += [*question, *answer]
        predicted += [False] * len(question) + [True] * len(answer)
    return Branch(asked, [ids], [predicted])


@dataclass(frozen=True)
class Row:
    """One clip's training example: `visual` positions are filled with visual tokens, then come the quotes and the branches."""

    visual: int
    quotes: list[int]
    branches: list[Branch]

    @property
    def length(self) -> int:
        """Positions that the row takes; an answer's last token is only predicted, never read."""
        branches = sum(len(b.question) + sum(len(a) - 1 for a in b.answers) for b in self.branches)
        return self.visual + len(self.quotes) + branches


@dataclass(frozen=True)
class Packed:
    """A batch of packed rows. Of each row, the cached prefix of P positions comes before and is not part of it.

    ids: int64 [B, S], 0 where a visual token or padding stands; visual: bool [B, S]; positions: int64 [B, S];
    mask: additive float32 [B, 1, S, P + S]; rows, columns: int64 [N], the hidden states that predict `targets` [N];
    owners: int64 [N], the number of the answer that each target belongs to, counted over the whole batch;
    wrong: int64 [M], the numbers of the answers that are wrong. The right one that each is held against goes before it;
    comparisons: int64 [M], the number of the comparison that each belongs to.
    """

    ids: torch.Tensor
    visual: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    rows: torch.Tensor
    columns: torch.Tensor
    targets: torch.Tensor
    owners: torch.Tensor
    wrong: torch.Tensor
    comparisons: torch.Tensor


def pack(batch: list[Row], past: int) -> Packed:
    """Packs rows behind `past` cached positions. Raises ValueError for an empty question or answer."""
    longest = max(row.length for row in batch)
    width = -(-longest // WIDTH_STEP) * WIDTH_STEP
    size = (len(batch), width)
    ids = torch.zeros(size, dtype=torch.int64)
    positions = torch.zeros(size, dtype=torch.int64)
    branches = torch.full(size, PADDING, dtype=torch.int64)
    answers = torch.full(size, QUESTION, dtype=torch.int64)
    visual = torch.zeros(size, dtype=torch.bool)
    rows, columns, targets, owners, wrong, comparisons = [], [], [], [], [], []
    count = 0
    for index, row in enumerate(batch):
        if any(not b.question or not all(b.answers) for b in row.branches):
            raise ValueError("a question and an answer need at least one token")
        if any(b.compared and len(b.answers) != 2 for b in row.branches):
            raise ValueError("one right and one wrong answer are compared")
        trunk = row.visual + len(row.quotes)
        visual[index, : row.visual] = True
        ids[index, row.visual : trunk] = torch.tensor(row.quotes, dtype=torch.int64)
        positions[index, :trunk] = torch.arange(past, past + trunk)
        branches[index, :trunk] = TRUNK
        cursor = trunk
        for number, branch in enumerate(row.branches):
            end = cursor + len(branch.question)
            ids[index, cursor:end] = torch.tensor(branch.question)
            positions[index, cursor:end] = torch.arange(past + trunk, past + trunk + end - cursor)
            branches[index, cursor:end] = number
            asked, cursor = end - 1, end
            first = past + trunk + len(branch.question)
            for answer_number, answer in enumerate(branch.answers):
                end = cursor + len(answer) - 1
                ids[index, cursor:end] = torch.tensor(answer[:-1], dtype=torch.int64)
                positions[index, cursor:end] = torch.arange(first, first + end - cursor)
                branches[index, cursor:end] = number
                answers[index, cursor:end] = answer_number
                # The end of the question predicts the first token of every answer.
                flags = branch.predicted[answer_number] if branch.predicted else [True] * len(answer)
                sources = [asked, *range(cursor, end)]
                kept = [place for place, target in enumerate(flags) if target]
                columns += [sources[place] for place in kept]
                targets += [answer[place] for place in kept]
                rows += [index] * len(kept)
                owners += [count] * len(kept)
                cursor, count = end, count + 1
            if branch.compared:
                comparisons.append(comparisons[-1] + (not branch.mirror) if comparisons else 0)
                wrong.append(count - 1)
    theirs = branches[:, None, :]
    same = (branches[:, :, None] == theirs) & ((answers[:, None, :] == QUESTION) | (answers[:, None, :] == answers[:, :, None]))
    own = ((theirs == TRUNK) | same) & (theirs != PADDING) & torch.ones(width, width, dtype=torch.bool).tril()
    visible = torch.cat([torch.ones(len(batch), width, past, dtype=torch.bool), own], 2)
    mask = torch.zeros(len(batch), 1, width, past + width).masked_fill(~visible[:, None], HIDDEN)
    lists = (rows, columns, targets, owners, wrong, comparisons)
    return Packed(ids, visual, positions, mask, *(torch.tensor(values, dtype=torch.int64) for values in lists))
