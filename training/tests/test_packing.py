"""A packed tree of questions and answers scores as each answer does alone behind its own clip, quotes and question."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from training.language_model import LanguageModel, causal_mask
from training.packing import WIDTH_STEP, Branch, Packed, Row, chat, pack

from .tiny import HIDDEN, tiny_decoder

PREFIX = [1, 3, 4]
# VISUAL of two lengths, one row without quotes, one of text alone; one answer of a single token, which is never read.
ROWS = [
    Row(6, [20, 21, 22], [Branch([30, 31], [[5, 6, 7, 2], [8, 2], [9]]), Branch([32], [[10, 11, 2]])]),
    Row(4, [], [chat([([33, 34], [12, 2]), ([35, 36, 37], [13, 14, 2]), ([38], [15, 2])])]),
    Row(0, [], [Branch([39, 40], [[16, 17, 2]])]),
]


def clips(rows: list[Row]) -> list[torch.Tensor]:
    """Random visual tokens [visual, HIDDEN] of each row, the same for the same length."""
    return [torch.randn(row.visual, HIDDEN, generator=torch.Generator().manual_seed(row.visual)) for row in rows]


def hidden_states(decoder: LanguageModel, packed: Packed, visual: list[torch.Tensor], prefix: list[int] = PREFIX) -> torch.Tensor:
    """[B, S, HIDDEN] of packed rows behind the cached prefix."""
    count, past = len(packed.ids), len(prefix)
    cache = None
    if prefix:
        _, cache = decoder.forward(decoder.embed(torch.tensor([prefix])), torch.arange(past)[None], causal_mask(past, 0))
        cache = [(keys.expand(count, -1, -1, -1), values.expand(count, -1, -1, -1)) for keys, values in cache]
    x = decoder.embed(packed.ids).masked_scatter(packed.visual[:, :, None], torch.cat(visual))
    return decoder.forward(x, packed.positions, packed.mask, cache)[0]


def scores(decoder: LanguageModel, packed: Packed, visual: list[torch.Tensor]) -> torch.Tensor:
    """log p [N] of every target."""
    hidden = hidden_states(decoder, packed, visual)[packed.rows, packed.columns]
    return decoder.logits(hidden).log_softmax(-1).gather(1, packed.targets[:, None])[:, 0]


def scores_apart(decoder: LanguageModel, rows: list[Row], visual: list[torch.Tensor]) -> torch.Tensor:
    """The same by one plain causal run an answer, over nothing but what that answer may see."""
    found = []
    for row, clip in zip(rows, visual):
        for branch in row.branches:
            for number, answer in enumerate(branch.answers):
                before = torch.cat([decoder.embed(torch.tensor(PREFIX)), clip, decoder.embed(torch.tensor([*row.quotes, *branch.question]))])
                x = torch.cat([before, decoder.embed(torch.tensor(answer))])[None]
                hidden, _ = decoder.forward(x, torch.arange(x.shape[1])[None], causal_mask(x.shape[1], 0))
                all_scores = decoder.logits(hidden[0, len(before) - 1 : -1]).log_softmax(-1).gather(1, torch.tensor(answer)[:, None])[:, 0]
                flags = branch.predicted[number] if branch.predicted else [True] * len(answer)
                found.append(all_scores[torch.tensor(flags)])
    return torch.cat(found)


@torch.no_grad()
def test_packed_trees_score_as_each_answer_alone() -> None:
    decoder, visual = tiny_decoder(), clips(ROWS)
    together = scores(decoder, pack(ROWS, len(PREFIX)), visual)
    torch.testing.assert_close(together, scores_apart(decoder, ROWS, visual), rtol=1e-4, atol=1e-5)
    # What is compared hangs on the clip and on the quotes.
    dark = [torch.zeros_like(clip) for clip in visual]
    mute = [replace(row, quotes=[49] * len(row.quotes)) for row in ROWS]
    assert not torch.allclose(together, scores(decoder, pack(ROWS, len(PREFIX)), dark), atol=1e-2)
    assert not torch.allclose(together, scores(decoder, pack(mute, len(PREFIX)), visual), atol=1e-2)


@torch.no_grad()
def test_rows_of_one_batch_score_as_each_row_alone() -> None:
    """Padding is not seen, whatever stands there."""
    decoder, visual = tiny_decoder(), clips(ROWS)
    packed = pack(ROWS, len(PREFIX))
    together = scores(decoder, packed, visual)
    alone = torch.cat([scores(decoder, pack([row], len(PREFIX)), [clip]) for row, clip in zip(ROWS, visual)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    ids = packed.ids.clone()
    for index, row in enumerate(ROWS):
        ids[index, row.length :] = 45
    assert not torch.equal(ids, packed.ids)
    torch.testing.assert_close(scores(decoder, replace(packed, ids=ids), visual), together)


@torch.no_grad()
def test_branches_see_the_quotes_and_never_one_another() -> None:
    decoder = tiny_decoder()
    row = ROWS[0]
    visual = clips([row])
    first, second = row.branches
    trunk = row.visual + len(row.quotes)
    begin = trunk + len(first.question) + sum(len(answer) - 1 for answer in first.answers)

    def states(changed: Row) -> torch.Tensor:
        return hidden_states(decoder, pack([changed], len(PREFIX)), visual)[0]

    before = states(row)
    other = states(replace(row, branches=[replace(first, question=[41, 42], answers=[[43, 44, 45, 2], [46, 2], [9]]), second]))
    assert torch.equal(other[begin:], before[begin:]) and torch.equal(other[:trunk], before[:trunk])
    assert not torch.allclose(other[trunk:begin], before[trunk:begin], atol=1e-3)
    quoted = states(replace(row, quotes=[47, 48, 49]))
    assert torch.equal(quoted[: row.visual], before[: row.visual])
    assert not any(torch.allclose(quoted[place], before[place], atol=1e-3) for place in range(trunk, row.length))


@torch.no_grad()
def test_a_mask_that_shows_other_branches_is_noticed() -> None:
    decoder, visual = tiny_decoder(), clips(ROWS[:1])
    packed = pack(ROWS[:1], 0)
    blocked = hidden_states(decoder, packed, visual, [])
    leaking = hidden_states(decoder, replace(packed, mask=causal_mask(packed.ids.shape[1], 0)), visual, [])
    # The trunk, the first question and its first answer see nothing that the mask hides.
    seen = 6 + 3 + 2 + 3
    assert torch.allclose(blocked[:, :seen], leaking[:, :seen], atol=1e-5)
    assert not torch.allclose(blocked[:, seen:], leaking[:, seen:], atol=1e-3)


def test_targets_are_the_answers_and_of_a_chat_not_its_questions() -> None:
    packed = pack(ROWS, 3)
    answers = [[5, 6, 7, 2], [8, 2], [9], [10, 11, 2], [12, 2, 13, 14, 2, 15, 2], [16, 17, 2]]
    assert packed.targets.tolist() == sum(answers, [])
    assert packed.owners.tolist() == [index for index, answer in enumerate(answers) for _ in answer]
    assert packed.rows.tolist() == [0] * 10 + [1] * 7 + [2] * 3
    # Every answer to a question is first predicted by that question's last token.
    assert packed.columns[[0, 4, 6]].tolist() == [10] * 3
    assert packed.columns[7] == 6 + 3 + 2 + 3 + 1
    # The chat's second answer is predicted by the last token of its second question.
    assert packed.ids[1, packed.columns[12]] == 37


def test_positions_start_anew_behind_the_trunk() -> None:
    packed = pack(ROWS[:1], 3)
    trunk, first = list(range(3, 12)), [12, 13]
    used = ROWS[0].length
    assert packed.positions[0, :used].tolist() == [*trunk, *first, 14, 15, 16, 14, 12, 13, 14]
    # Widths come in steps, so that one step's memory fits the next one's batch.
    assert packed.ids.shape[1] == WIDTH_STEP * -(-used // WIDTH_STEP)


@pytest.mark.parametrize("branch", [Branch([], [[2]]), Branch([5], [[]])])
def test_an_empty_question_or_answer_is_refused(branch: Branch) -> None:
    with pytest.raises(ValueError, match="at least one token"):
        pack([Row(1, [], [branch])], 0)


def test_the_second_of_two_compared_answers_is_the_wrong_one() -> None:
    compared = Branch([30, 31], [[5, 2], [6, 7, 2]], compared=True)
    packed = pack([Row(2, [], [Branch([32], [[8, 2]]), compared]), Row(2, [], [compared])], 3)
    assert packed.wrong.tolist() == [2, 4] and packed.comparisons.tolist() == [0, 1]
    both = pack([Row(2, [], [compared, replace(compared, mirror=True), compared])], 3)
    assert both.wrong.tolist() == [1, 3, 5] and both.comparisons.tolist() == [0, 0, 1]
    assert pack(ROWS, 3).wrong.tolist() == []
    with pytest.raises(ValueError, match="one right and one wrong"):
        pack([Row(2, [], [Branch([30], [[5, 2]], compared=True)])], 3)
