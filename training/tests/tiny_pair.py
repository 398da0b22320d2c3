"""A pair in the shape of CLIP ViT-L/14 and Llama with tiny random weights, saved as transformers saves them, and its data."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import CLIPVisionConfig, CLIPVisionModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<{{ message['role'] }}> {{ message['content'] }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
COLOURS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 220), "white": (240, 240, 240)}
WORDS = (
    "answer briefly describe the image video what is in picture happening can you see going on here tell me happens which"
    " colour square then a it . ? , :"
).split()


def save_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Every word a token."""
    special = ["<s>", "</s>", "<unk>", "<system>", "<user>", "<assistant>"]
    words = sorted({spelling for word in [*WORDS, *COLOURS] for spelling in (word, word.capitalize())})
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate([*special, *words])}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        additional_special_tokens=special[3:],
        chat_template=TEMPLATE,
    )
    fast.save_pretrained(folder)
    return fast


def save_pair(folder: Path, dtype: str = "float32") -> Path:
    """Tower, decoder and configuration under `folder`; returns the JSON file's path."""
    torch.manual_seed(0)
    tower = CLIPVisionConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=2, image_size=224, patch_size=14
    )
    CLIPVisionModel(tower).save_pretrained(folder / "clip")
    vocabulary = len(save_tokenizer(folder / "llama"))
    decoder = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=0.2,
    )
    LlamaForCausalLM(decoder).save_pretrained(folder / "llama")
    config = {
        "tower": {
            "model": "clip",
            "layer": -2,
            "grid": 16,
            "imageSize": 224,
            "mean": [0.48, 0.46, 0.41],
            "std": [0.27, 0.26, 0.28],
            "fit": "crop",
        },
        "decoder": {
            "model": "llama",
            "dtype": dtype,
            "system": "Answer briefly.",
            "chatTemplate": None,
            "markers": ["the image", ":", "the video", "."],
        },
        "pooling": "mean",
        "maxFrames": 4,
    }
    path = folder / "pair.json"
    path.write_text(json.dumps(config))
    return path


def square(colour: str, side: int = 64) -> Image.Image:
    """Noise around a colour."""
    noise = np.random.default_rng(side).integers(-20, 20, (side, side, 3))
    return Image.fromarray(np.clip(np.array(COLOURS[colour]) + noise, 0, 255).astype(np.uint8))


def save_data(folder: Path) -> tuple[Path, Path, Path]:
    """(photos in a folder, clips as strips in a tar, a published JSON) of colours and the captions that name them."""
    photos, clips = folder / "photos", folder / "clips"
    (photos / "images").mkdir(parents=True)
    clips.mkdir()
    names = list(COLOURS)
    rows, conversations = [], []
    for index in range(12):
        colour = names[index % 4]
        square(colour, 60 + index).save(photos / "images" / f"p{index}.png")
        split = "val" if index >= 8 else "train"
        rows.append({"id": f"p{index}", "split": split, "captions": [f"a {colour} square .", f"It is {colour}."]})
        conversations.append(
            {
                "id": f"p{index}",
                "image": f"p{index}.png",
                "conversations": [
                    {"from": "human", "value": "<image>\nWhat colour is it?"},
                    {"from": "gpt", "value": f"{colour.capitalize()}."},
                    {"from": "human", "value": "What is in the picture?"},
                    {"from": "gpt", "value": f"A {colour} square."},
                ],
            }
        )
    (photos / "captions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    published = photos / "images" / "chats.json"
    published.write_text(json.dumps(conversations))
    rows = []
    with tarfile.open(clips / "strips.tar", "w") as archive:
        for index in range(8):
            first, second = names[index % 4], names[(index // 2 + 1) % 4]
            strip = np.concatenate([np.asarray(square(colour)) for colour in (first, first, second)], 1)
            path = folder / f"c{index}.png"
            Image.fromarray(strip).save(path)
            archive.add(path, path.name)
            rows.append({"id": f"c{index}", "split": "train", "captions": [f"A {first} square, then a {second} square."]})
    (clips / "captions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return photos, clips, published
