import torch

from training.own_notes import ranks_of_own


def test_a_note_that_is_likely_everywhere_gains_nothing():
    # Note 1 is the likeliest given every clip; against its own mean it stands out nowhere but at its own clip.
    likelihoods = torch.tensor([[-3.0, -1.0, -4.0], [-4.0, -0.5, -4.0], [-4.0, -1.0, -3.5]])
    assert ranks_of_own(likelihoods) == [1, 1, 1]


def test_ranks_count_the_notes_before_the_own_one():
    likelihoods = torch.tensor([[-4.0, -2.0, -2.5], [-3.0, -3.0, -3.0], [-3.0, -3.0, -3.0]])
    assert ranks_of_own(likelihoods)[0] == 3
