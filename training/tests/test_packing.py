import pytest
import torch

from training.language_model import causal_mask
from training.packing import pack
from training.tests.tiny import HIDDEN, tiny_decoder

ANSWERS = [[[5, 6, 7, 2], [8, 2], [9, 10, 11, 12, 2]], [[13, 2], [14, 15, 2]]]


@torch.no_grad()
def test_packed_answers_equal_separate_runs():
    decoder = tiny_decoder()
    prefix = torch.tensor([[1, 3, 4]])
    past, body_length = prefix.shape[1], 6
    body = torch.randn(2, body_length, HIDDEN, generator=torch.Generator().manual_seed(1))

    _, cache = decoder.forward(decoder.embed(prefix), torch.arange(past)[None], causal_mask(past, 0))
    cache = [(keys.expand(2, -1, -1, -1), values.expand(2, -1, -1, -1)) for keys, values in cache]
    packed = pack(ANSWERS, past, body_length)
    x = torch.cat([body, decoder.embed(packed.answers)], 1)
    hidden, _ = decoder.forward(x, packed.positions, packed.mask, cache)
    together = decoder.logits(hidden[packed.rows, packed.columns]).log_softmax(-1)
    together = together.gather(1, packed.targets[:, None])[:, 0]

    apart = []
    for row, answers in enumerate(ANSWERS):
        for answer in answers:
            tokens = torch.tensor([answer])
            x = torch.cat([decoder.embed(prefix), body[row : row + 1], decoder.embed(tokens[:, :-1])], 1)
            length = x.shape[1]
            hidden, _ = decoder.forward(x, torch.arange(length)[None], causal_mask(length, 0))
            scores = decoder.logits(hidden[:, past + body_length - 1 :]).log_softmax(-1)
            apart.append(scores.gather(2, tokens[..., None]).flatten())
    torch.testing.assert_close(together, torch.cat(apart), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_mask_that_shows_other_answers_is_noticed():
    decoder = tiny_decoder()
    body = torch.randn(1, 4, HIDDEN, generator=torch.Generator().manual_seed(2))
    packed = pack([ANSWERS[0]], 0, 4)
    x = torch.cat([body, decoder.embed(packed.answers)], 1)
    blocked, _ = decoder.forward(x, packed.positions, packed.mask)
    leaking, _ = decoder.forward(x, packed.positions, causal_mask(x.shape[1], 0))
    assert torch.allclose(blocked[:, :7], leaking[:, :7], atol=1e-5)
    assert not torch.allclose(blocked[:, 7:], leaking[:, 7:], atol=1e-3)


def test_targets_are_every_token_of_every_answer():
    packed = pack(ANSWERS, 3, 6)
    assert packed.targets.tolist() == [token for row in ANSWERS for answer in row for token in answer]
    first_of_answers = packed.columns[[0, 4, 6, 11, 13]]
    assert first_of_answers.tolist() == [5] * 5


def test_an_empty_answer_is_refused():
    with pytest.raises(ValueError):
        pack([[[]]], 0, 1)


@torch.no_grad()
def test_questions_within_a_segment_and_rows_of_different_lengths_equal_separate_runs():
    decoder = tiny_decoder()
    generator = torch.Generator().manual_seed(3)
    lengths, body_length = [4, 6], 6
    bodies = [torch.randn(1, length, HIDDEN, generator=generator) for length in lengths]
    padded = torch.cat([torch.nn.functional.pad(body, (0, 0, 0, body_length - body.shape[1]), value=9.0) for body in bodies])
    predicted = [[[index % 2 == 1 or index > 2 for index in range(len(answer))] for answer in row] for row in ANSWERS]
    packed = pack(ANSWERS, 0, body_length, predicted, lengths)
    x = torch.cat([padded, decoder.embed(packed.answers)], 1)
    hidden, _ = decoder.forward(x, packed.positions, packed.mask)
    together = decoder.logits(hidden[packed.rows, packed.columns]).log_softmax(-1)
    together = together.gather(1, packed.targets[:, None])[:, 0]

    apart = []
    for body, answers, chosen in zip(bodies, ANSWERS, predicted):
        for answer, targets in zip(answers, chosen):
            tokens = torch.tensor([answer])
            x = torch.cat([body, decoder.embed(tokens[:, :-1])], 1)
            hidden, _ = decoder.forward(x, torch.arange(x.shape[1])[None], causal_mask(x.shape[1], 0))
            scores = decoder.logits(hidden[:, body.shape[1] - 1 :]).log_softmax(-1)
            apart.append(scores.gather(2, tokens[..., None]).flatten()[torch.tensor(targets)])
    torch.testing.assert_close(together, torch.cat(apart), rtol=1e-4, atol=1e-5)
