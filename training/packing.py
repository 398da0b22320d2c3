"""Several answers behind one visual prefix: one sequence a clip, a block mask, positions that start anew per answer.

The prefix (template, VISUAL, question) is most of a sample; with five captions behind one prefix it is paid once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

HIDDEN = -1e9
NO_SEGMENT = -1


@dataclass(frozen=True)
class Packed:
    """A batch of packed rows. Of each row, the cached prefix of P positions comes before and is not part of it.

    answers: int64 [B, A], token ids of the row's answers one behind the other, without their last token;
    positions: int64 [B, body + A]; mask: additive float32 [B, 1, body + A, P + body + A];
    rows, columns: int64 [N], the hidden states (batch index, position within body + A) that predict `targets` [N].
    """

    answers: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    rows: torch.Tensor
    columns: torch.Tensor
    targets: torch.Tensor


def pack(
    answers: list[list[list[int]]],
    past: int,
    body: int,
    predicted: list[list[list[bool]]] | None = None,
    lengths: list[int] | None = None,
) -> Packed:
    """Packs token ids of answers, [row][answer][token], behind `past` cached and `body` own prefix positions.

    Every answer sees the whole prefix and itself, never another answer. `predicted`: which of an answer's tokens are
    targets, in the same shape; the others (a question of its own, a chat's later questions) are only seen. All are by
    default. `lengths`: how many of its `body` positions each row has; the rest is padding that no answer sees.
    Raises ValueError for an empty answer.
    """
    if any(not answer for row in answers for answer in row):
        raise ValueError("an answer needs at least one token")
    width = max(sum(len(answer) - 1 for answer in row) for row in answers)
    batch, length = len(answers), body + width
    ends = lengths or [body] * batch
    ids = torch.zeros(batch, width, dtype=torch.int64)
    offsets = torch.zeros(batch, width, dtype=torch.int64)
    segments = torch.full((batch, width), NO_SEGMENT, dtype=torch.int64)
    rows, columns, targets = [], [], []
    for row, row_answers in enumerate(answers):
        start = 0
        for segment, answer in enumerate(row_answers):
            end = start + len(answer) - 1
            ids[row, start:end] = torch.tensor(answer[:-1], dtype=torch.int64)
            offsets[row, start:end] = torch.arange(len(answer) - 1)
            segments[row, start:end] = segment
            # The end of the prefix predicts the first token of every answer.
            sources = [ends[row] - 1, *range(body + start, body + end)]
            chosen = predicted[row][segment] if predicted else [True] * len(answer)
            kept = [index for index, target in enumerate(chosen) if target]
            rows += [row] * len(kept)
            columns += [sources[index] for index in kept]
            targets += [answer[index] for index in kept]
            start = end
    own = torch.tensor(ends)[:, None]
    body_positions = torch.arange(past, past + body).expand(batch, body)
    positions = torch.cat([body_positions, offsets + past + own], 1)

    visible = torch.zeros(batch, length, past + length, dtype=torch.bool)
    visible[:, :, :past] = True
    visible[:, :body, past : past + body] = torch.ones(body, body, dtype=torch.bool).tril()
    visible[:, body:, past : past + body] = (torch.arange(body)[None] < own)[:, None]
    same = segments[:, :, None] == segments[:, None, :]
    visible[:, body:, past + body :] = same & torch.ones(width, width, dtype=torch.bool).tril()
    mask = torch.zeros(batch, 1, length, past + length).masked_fill(~visible[:, None], HIDDEN)
    return Packed(ids, positions, mask, *(torch.tensor(values) for values in (rows, columns, targets)))
