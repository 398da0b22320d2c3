"""Byte-level BPE tokenizers in miniature, with a family's special tokens and in the files that a repository holds."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

# Learnt from these alone; the vocabulary is the 256 bytes and a few dozen merges.
SENTENCES = [
    "What is happening in the video? A person opens the door and walks into the room.",
    "Describe the image briefly. Two dogs play with a red ball on the grass near the water.",
    "You are provided the following series of frames from a video. Frame from 00:01: What happens next?",
    "You are a helpful assistant. What colour is it? Is there anything else in the picture?",
]
MERGES = 64


@dataclass(frozen=True)
class TokenizerPlan:
    """What sets a family's tokenizer apart. `before` take the first ids (as Llama-shaped vocabularies have them), `after` the last."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    eos: str
    pad: str
    bos: str | None
    chat_template: str
    tokenizer_class: str
    # Further keys of tokenizer_config.json, such as SmolVLM's fake_image_token.
    extra: dict = field(default_factory=dict)
    # Where the repository keeps the template: inside tokenizer_config.json, chat_template.json, chat_template.jinja.
    template_files: tuple[str, ...] = ("tokenizer_config.json",)
    # Starts every text that is tokenised with special tokens (LFM2's template writes it itself).
    add_bos: bool = False


def build(plan: TokenizerPlan) -> Tokenizer:
    """The tokenizer with its added tokens: special ids first, then bytes and merges, then special ids again."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=len(plan.before) + len(alphabet) + MERGES,
        special_tokens=list(plan.before),
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in (*plan.before, *plan.after)])
    return tokenizer


def write(plan: TokenizerPlan, folder: Path) -> PreTrainedTokenizerFast:
    """Writes tokenizer.json, tokenizer_config.json, special_tokens_map.json and the chat template's files, and reads them back."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = build(plan)
    write_json(folder / "tokenizer.json", json.loads(tokenizer.to_str()), indent=None)
    added = {
        str(tokenizer.token_to_id(text)): {
            "content": text,
            "lstrip": False,
            "normalized": False,
            "rstrip": False,
            "single_word": False,
            "special": True,
        }
        for text in (*plan.before, *plan.after)
    }
    special = {"eos_token": plan.eos, "pad_token": plan.pad} | ({"bos_token": plan.bos} if plan.bos else {})
    config = {
        "added_tokens_decoder": added,
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 8192,
        "tokenizer_class": plan.tokenizer_class,
        **({"add_bos_token": plan.add_bos} if plan.bos else {}),
        **plan.extra,
        **special,
    }
    if "tokenizer_config.json" in plan.template_files:
        config["chat_template"] = plan.chat_template
    write_json(folder / "tokenizer_config.json", config)
    write_json(folder / "special_tokens_map.json", special)
    if "chat_template.json" in plan.template_files:
        write_json(folder / "chat_template.json", {"chat_template": plan.chat_template})
    if "chat_template.jinja" in plan.template_files:
        (folder / "chat_template.jinja").write_text(plan.chat_template, encoding="utf-8")
    return load(plan, folder)


def load(plan: TokenizerPlan, folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer of a written folder as transformers runs it."""
    special = {"eos_token": plan.eos, "pad_token": plan.pad} | ({"bos_token": plan.bos} if plan.bos else {})
    return PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"), chat_template=plan.chat_template, clean_up_tokenization_spaces=False, **special
    )


def write_json(path: Path, value: object, indent: int | None = 2) -> None:
    """JSON as repositories have it: UTF-8, a final newline."""
    path.write_text(json.dumps(value, indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")
