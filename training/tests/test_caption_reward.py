import numpy as np
import pytest
import torch
from pycocoevalcap.cider.cider_scorer import CiderScorer

from training.batches import Batch
from training.caption_reward import advantages, rewarded, specificity, unit
from training.cider import CiderD
from training.tests.test_packing import ROWS
from training.tests.tiny import TinyPrompt, tiny_decoder
from training.valley import Model

REFERENCES = [
    ["a dog runs on grass", "the brown dog is running outside"],
    ["two men play a guitar", "a man plays the guitar while another sings"],
    ["a woman cuts an onion", "someone is cutting onions in a kitchen", "a woman is cooking"],
]
ANSWERS = ["a brown dog runs outside", "two men sing", "a woman is cutting an onion in a kitchen and a dog"]


def test_cider_equals_pycocoevalcap_where_the_scored_set_is_the_whole_set():
    scorer = CiderScorer()
    for references, answer in zip(REFERENCES, ANSWERS, strict=True):
        scorer += (answer, references)
    _, expected = scorer.compute_score()
    metric = CiderD(REFERENCES)
    found = [metric.score(answer, references) for answer, references in zip(ANSWERS, REFERENCES, strict=True)]
    assert found == pytest.approx(expected.tolist(), abs=1e-9)


def test_case_and_punctuation_do_not_count():
    metric = CiderD(REFERENCES)
    assert metric.score("A brown dog, runs outside.", REFERENCES[0]) == metric.score(ANSWERS[0], REFERENCES[0])


def test_consensus_is_each_captions_score_by_the_others():
    metric = CiderD(REFERENCES)
    captions = REFERENCES[0]
    expected = [metric.score(caption, [*captions[:place], *captions[place + 1 :]]) for place, caption in enumerate(captions)]
    assert metric.consensus(captions) == pytest.approx(expected)


def test_where_ends_count_a_caption_broken_off_is_worth_less():
    metric, plain = CiderD(REFERENCES, ends=True), CiderD(REFERENCES)
    broken, whole = "a dog runs on", "a dog runs on grass"
    assert metric.score(broken, REFERENCES[0]) < plain.score(broken, REFERENCES[0])
    assert metric.score(whole, REFERENCES[0]) > metric.score(whole, REFERENCES[0], ended=False)
    assert plain.score(whole, REFERENCES[0]) == plain.score(whole, REFERENCES[0], ended=False)


def test_a_caption_that_fits_its_own_picture_alone_is_specific():
    pictures = unit(np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]))
    captions = unit(np.array([[[1.0, 0, 0], [0, 0, 1.0], [0, 1.0, 0]], [[0, 1.0, 0], [0, 0, 1.0], [1.0, 0, 0]]]))
    found = specificity(captions, pictures)
    assert found.shape == (2, 3)
    assert found[:, 1] == pytest.approx(np.log([0.5, 0.5]))
    assert np.all(found[:, 0] > -0.01) and np.all(found[:, 2] < -5)


def test_rewarded_steps_are_the_share_and_spread_evenly():
    assert [rewarded(step, 0.75) for step in range(8)] == [False, True, True, True] * 2
    assert sum(rewarded(step, 2 / 3) for step in range(300)) == 200
    assert all(rewarded(step, 1.0) for step in range(5)) and not any(rewarded(step, 0.0) for step in range(5))


def test_an_empty_caption_scores_nothing():
    assert CiderD(REFERENCES).score("", REFERENCES[0]) == 0


def test_advantages_compare_a_sample_with_its_siblings_only():
    gains = advantages(torch.tensor([[0.0, 1.0, 2.0], [5.0, 5.0, 5.0]]))
    assert gains[1].tolist() == [0, 0, 0]
    assert gains[0, 1] == 0 and gains[0, 0] == -gains[0, 2] and gains[0, 2] > 0


def test_weights_stand_before_each_answers_log_probability():
    model = Model(tiny_decoder(), TinyPrompt(), 1)
    row = ROWS[2]
    batch = Batch([torch.zeros(0)], [row])
    values, owners = model.answer_log_probabilities(None, [], [row])
    weights = torch.tensor([-2.5])
    assert len(owners.unique()) == 1
    weighted = model.loss(None, Batch([torch.zeros(0)], [row], weights))
    assert weighted.item() == pytest.approx(2.5 * values.mean().item())
    assert model.loss(None, batch).item() == pytest.approx(-values.mean().item())
