"""The checkpoint's tokenizer as the app reads it, with the prompt that the checkpoint was trained with as its chat template."""

from __future__ import annotations

import json
from pathlib import Path

from training.convert.checkpoint import Checkpoint, ConversionError
from training.export_files import write_json

# valley/conversation.py and ValleyLlamaForCausalLM.build_inputs: turns end in ###, and the model answers "Assistant: …".
VALLEY_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] + '\n\n###' }}"
    "{% elif message['role'] == 'user' %}{{ ' Human: ' + message['content'] + ' \n###' }}"
    "{% else %}{{ ' Assistant: ' + message['content'] + ' \n###' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ ' Assistant:' }}{% endif %}"
)
VALLEY_SYSTEM = (
    "You are Valley, a large language and vision assistant trained by ByteDance. You are able to understand the visual content or "
    "video that the user provides, and assist the user with a variety of tasks using natural language. Follow the instructions "
    "carefully and explain your answers in detail."
)
# LLaVA 1.5 speaks as Vicuna v1.1 does.
LLAVA_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] + ' ' }}"
    "{% elif message['role'] == 'user' %}{{ 'USER: ' + message['content'] + ' ' }}"
    "{% else %}{{ 'ASSISTANT: ' + message['content'] + eos_token }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
LLAVA_SYSTEM = (
    "A chat between a curious human and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite "
    "answers to the human's questions."
)
# Valley's own tokens around the patches and around the frames, in the order of the pack's markers.
MARKERS = ("<im_start>", "<im_end>", "<vi_start>", "<vi_end>")


def read_tokenizer(checkpoint: Checkpoint) -> dict:
    """tokenizer.json's content, made from the checkpoint's SentencePiece model where it has only that.

    Raises ConversionError where there is neither.
    """
    path = checkpoint.folder / "tokenizer.json"
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    if not (checkpoint.folder / "tokenizer.model").exists():
        raise ConversionError(f"{checkpoint.folder} has neither tokenizer.json nor tokenizer.model")
    from transformers import AutoTokenizer

    try:
        return json.loads(AutoTokenizer.from_pretrained(checkpoint.folder).backend_tokenizer.to_str())
    except Exception as reason:
        raise ConversionError(f"tokenizer.model could not be turned into tokenizer.json: {reason}") from reason


def token_ids(tokenizer: dict) -> dict[str, int]:
    """Every token's id, added ones included."""
    vocabulary = tokenizer["model"]["vocab"]
    ids = dict(vocabulary) if isinstance(vocabulary, dict) else {text: index for index, (text, _) in enumerate(vocabulary)}
    return ids | {item["content"]: item["id"] for item in tokenizer.get("added_tokens", [])}


def marker_ids(checkpoint: Checkpoint) -> list[int]:
    """Ids of Valley's four markers. Raises ConversionError where the tokenizer has not all of them."""
    ids = token_ids(read_tokenizer(checkpoint))
    missing = [text for text in MARKERS if text not in ids]
    if missing:
        raise ConversionError(f"the tokenizer has no {', '.join(missing)}, which Valley puts around its visual tokens")
    return [ids[text] for text in MARKERS]


def _text(value: object, otherwise: str) -> str:
    return value["content"] if isinstance(value, dict) else value if isinstance(value, str) else otherwise


def write_tokenizer(checkpoint: Checkpoint, folder: Path) -> None:
    """tokenizer.json as it is, and tokenizer_config.json with the chat template; an end token that ends answers is needed."""
    tokenizer = read_tokenizer(checkpoint)
    path = checkpoint.folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    eos, bos = _text(config.get("eos_token"), "</s>"), _text(config.get("bos_token"), "<s>")
    if eos not in token_ids(tokenizer):
        raise ConversionError(f"the tokenizer has no end token {eos}")
    write_json(folder / "tokenizer.json", tokenizer)
    template = VALLEY_TEMPLATE if checkpoint.is_valley else LLAVA_TEMPLATE
    write_json(
        folder / "tokenizer_config.json",
        {
            "bos_token": bos,
            "chat_template": template,
            "clean_up_tokenization_spaces": False,
            "eos_token": eos,
            "model_max_length": checkpoint.text_config.get("max_position_embeddings", 2048),
            "pad_token": _text(config.get("pad_token"), eos),
            "tokenizer_class": config.get("tokenizer_class", "LlamaTokenizer"),
            "unk_token": _text(config.get("unk_token"), "<unk>"),
        },
    )
