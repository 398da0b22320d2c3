import pytest
import torch

from training.generate import beam_search, greedy, sample
from training.language_model import causal_mask
from training.tests.tiny import HIDDEN, tiny_decoder

END = 10
DECODER = tiny_decoder(3)
PROMPT = torch.tensor([[1, 3]])
BODY = torch.randn(4, 3, HIDDEN, generator=torch.Generator().manual_seed(4))


def prefix(batch: int):
    with torch.no_grad():
        _, cache = DECODER.forward(DECODER.embed(PROMPT), torch.arange(2)[None], causal_mask(2, 0))
    return [(keys.expand(batch, -1, -1, -1), values.expand(batch, -1, -1, -1)) for keys, values in cache]


@torch.no_grad()
def next_scores(row: int, tokens: list[int]) -> list[float]:
    """Log-probabilities of the token after prompt, body and `tokens`, from one run without a cache."""
    x = torch.cat([DECODER.embed(PROMPT), BODY[row : row + 1], DECODER.embed(torch.tensor([tokens], dtype=torch.int64))], 1)
    hidden, _ = DECODER.forward(x, torch.arange(x.shape[1])[None], causal_mask(x.shape[1], 0))
    return DECODER.logits(hidden[0, -1]).log_softmax(-1).tolist()


def beam_search_by_hand(row: int, beams: int, limit: int) -> list[int]:
    """The same search over plain lists; mean log-probability per token decides."""
    live: list[tuple[float, list[int]]] = [(0.0, [])]
    ended: list[tuple[float, list[int]]] = []
    for _ in range(limit):
        if len(ended) >= beams:
            break
        grown = [(total + score, [*ids, token]) for total, ids in live for token, score in enumerate(next_scores(row, ids))]
        best = sorted(grown, reverse=True)[:beams]
        ended += [(total / len(ids), ids[:-1]) for total, ids in best if ids[-1] == END]
        live = [(total, ids) for total, ids in best if ids[-1] != END]
    return max(ended or live)[1]


def test_greedy_with_a_cache_equals_greedy_without():
    for row, answer in enumerate(greedy(DECODER, prefix(4), BODY, END, 6)):
        expected: list[int] = []
        while len(expected) < 6:
            scores = next_scores(row, expected)
            token = scores.index(max(scores))
            if token == END:
                break
            expected.append(token)
        assert answer == expected


def test_beam_search_with_a_cache_equals_the_search_by_hand():
    for limit in (2, 7):
        answers = beam_search(DECODER, prefix(4), BODY, END, limit, 3)
        assert answers == [beam_search_by_hand(row, 3, limit) for row in range(4)]


def test_rows_do_not_disturb_each_other():
    together = beam_search(DECODER, prefix(4), BODY, END, 5, 3)
    for row in range(4):
        assert beam_search(DECODER, prefix(1), BODY[row : row + 1], END, 5, 3) == [together[row]]


def test_cold_samples_behind_prompts_of_unequal_length_are_what_each_prompt_says_greedily():
    bodies = [BODY[0], BODY[1, :1], torch.cat([BODY[2], BODY[3]])]
    for body, answers in zip(bodies, sample(DECODER, prefix(3), bodies, 2, END, 6, 1e-6, 0), strict=True):
        (alone,) = greedy(DECODER, prefix(1), body[None], END, 6)
        expected = alone if len(alone) == 6 else [*alone, END]
        assert answers == [expected, expected]


def test_samples_come_as_often_as_their_probability():
    drawn = sample(DECODER, prefix(1), [BODY[0]], 4000, END, 1, 1.0, 0)[0]
    probabilities = torch.tensor(next_scores(0, [])).exp()
    counts = torch.bincount(torch.tensor(drawn).flatten(), minlength=len(probabilities)) / 4000
    assert counts == pytest.approx(probabilities, abs=0.03)
