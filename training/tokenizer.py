"""tokenizer.json and tokenizer_config.json from a GGUF's own vocabulary, merges and chat template.

SmolLM2 splits every digit apart and then uses GPT-2's byte-level regex; llama.cpp names that pre-tokenizer
"smollm".  transformers' own GGUF conversion drops the digit splitting, so the files are written here.
"""

from __future__ import annotations

CONTROL_TOKEN = 3  # tokenizer.ggml.token_type: 1 normal, 3 control


def tokenizer_json(tokens: list[str], merges: list[str], control: list[int]) -> dict:
    """A `tokenizers` file: byte-level BPE, digits split one by one, `control` ids as special added tokens."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": index,
                "content": tokens[index],
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for index in control
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level],
        },
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: index for index, token in enumerate(tokens)},
            "merges": merges,
        },
    }


def tokenizer_config(
    tokens: list[str], bos: int, eos: int, unknown: int, padding: int, template: str, limit: int
) -> dict:
    """transformers' tokenizer_config.json; ids are given as ids and written as token text."""
    return {
        "add_prefix_space": False,
        "bos_token": tokens[bos],
        "chat_template": template,
        "clean_up_tokenization_spaces": False,
        "eos_token": tokens[eos],
        "model_max_length": limit,
        "pad_token": tokens[padding],
        "tokenizer_class": "GPT2Tokenizer",
        "unk_token": tokens[unknown],
    }


def files_from_gguf(fields: dict[str, object]) -> tuple[dict, dict]:
    """(tokenizer.json, tokenizer_config.json) contents from GGUF metadata; ValueError for another tokenizer."""
    if fields["tokenizer.ggml.model"] != "gpt2" or fields["tokenizer.ggml.pre"] != "smollm":
        raise ValueError("only the byte-level BPE tokenizer with the smollm pre-tokenizer is converted")
    tokens = fields["tokenizer.ggml.tokens"]
    control = [index for index, kind in enumerate(fields["tokenizer.ggml.token_type"]) if kind == CONTROL_TOKEN]
    config = tokenizer_config(
        tokens,
        fields["tokenizer.ggml.bos_token_id"],
        fields["tokenizer.ggml.eos_token_id"],
        fields["tokenizer.ggml.unknown_token_id"],
        fields["tokenizer.ggml.padding_token_id"],
        fields["tokenizer.chat_template"],
        fields["llama.context_length"],
    )
    return tokenizer_json(tokens, fields["tokenizer.ggml.merges"], control), config
