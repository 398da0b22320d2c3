"""A family's repository in miniature on disk: configs, tokenizer, graphs, and reference.json with what PyTorch answers."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from torch import nn

from training.hub_models.build import build
from training.hub_models.export import export
from training.hub_models.families import Family, text_model
from training.hub_models.frames import made_frames, normalised, resized, vision_inputs
from training.hub_models.precisions import write_variants
from training.hub_models.reference import Case, cases, faults, four_bit_answers, packed
from training.hub_models.tokens import write as write_tokenizer
from training.hub_models.tokens import write_json

# Found by `python -m training.hub_models --search 1`.
SEEDS = {"smolvlm": 31, "llava-onevision": 28, "lfm2-vl": 17, "fastvlm": 3}
# One family in every precision, to load each by; one with convolution states among them.
WITH_VARIANTS = ("smolvlm", "lfm2-vl")
# A frame that is not square, to test the resampling by.
SOURCE_WIDTH, SOURCE_HEIGHT = 50, 38


def tokenizer_of(family: Family):
    """The family's tokenizer without a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return write_tokenizer(family.tokenizer, Path(folder))


def write(family: Family, seed: int, folder: Path) -> int:
    """Writes the repository and its reference; returns the bytes of all files. Raises ValueError for a seed that proves little."""
    tokenizer = write_tokenizer(family.tokenizer, folder)
    model = build(family, tokenizer, seed)
    frames = made_frames(family.image_size, family.image_size)
    features, answered = cases(family, model, tokenizer, frames)
    problems = faults(tokenizer, answered)
    if problems:
        raise ValueError(f"seed {seed} of {family.name}: {problems}")
    write_configs(family, model, tokenizer, folder)
    export(family, model, vision_inputs(family, frames[:2]), folder)
    if family.name in WITH_VARIANTS:
        write_variants(folder)
    reference = reference_json(family, seed, tokenizer, frames, features.numpy(), answered)
    if family.name in WITH_VARIANTS:
        rounded = four_bit_answers(family, model, tokenizer, features, answered)
        reference["fourBits"] = {name: {"tokens": answer.tokens, "margin": round(answer.margin, 4)} for name, answer in rounded.items()}
    write_json(folder / "reference.json", reference, indent=1)
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


# What transformers writes of every config and no repository means anything by.
NOISE = ("id2label", "label2id", "problem_type", "output_hidden_states", "output_attentions", "return_dict", "dtype")
NOISE += ("chunk_size_feed_forward", "is_encoder_decoder", "_name_or_path", "_attn_implementation_internal")


def config_json(family: Family, model: nn.Module) -> dict:
    """config.json with the published keys. FastVLM's repository keeps Apple's flat `llava_qwen2`, not transformers' nesting."""
    config = model.config.to_dict()
    kv = {"kv_cache_dtype": {"q4f16": "float16", "fp16": "float16"}}
    if family.name == "fastvlm":
        text = {key: value for key, value in config["text_config"].items() if value is not None}
        config = text | {
            "architectures": ["LlavaQwen2ForCausalLM"],
            "image_aspect_ratio": "pad",
            "image_token_index": config["image_token_index"],
            "mm_hidden_size": config["vision_config"]["hidden_size"],
            "mm_patch_merge_type": "flat",
            "mm_projector_type": "mlp2x_gelu",
            "mm_use_im_patch_token": False,
            "mm_use_im_start_end": False,
            "mm_vision_select_feature": "patch",
            "mm_vision_select_layer": -2,
            "mm_vision_tower": f"mobileclip_l_{family.image_size}",
            "model_type": "llava_qwen2",
        }
    else:
        config["architectures"] = [family.model_class]
    for part in (config, config.get("text_config", {}), config.get("vision_config", {})):
        for key in NOISE:
            part.pop(key, None)
        if part.get("architectures", True) is None:
            del part["architectures"]
        if "rope_parameters" in part:
            # Repositories older than transformers 5 have it at this level.
            part["rope_theta"] = part["rope_parameters"]["rope_theta"]
    return config | {"transformers.js_config": kv, "torch_dtype": "float32"}


def write_configs(family: Family, model: nn.Module, tokenizer, folder: Path) -> None:
    """config.json, preprocessor_config.json, processor_config.json and generation_config.json."""
    text = text_model(model).config
    common = {
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": list(family.mean),
        "image_std": list(family.std),
        "resample": family.resample,
        "rescale_factor": 1 / 255,
    }
    write_json(folder / "config.json", config_json(family, model))
    write_json(folder / "preprocessor_config.json", dict(sorted((common | family.preprocessor).items())))
    write_json(folder / "processor_config.json", family.processor)
    generation = {"bos_token_id": text.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    write_json(folder / "generation_config.json", {"_from_model_config": True, **generation})


def case_json(case: Case) -> dict:
    """One case: what is asked, the ids it becomes, PyTorch's greedy tokens, their text, its least lead and first logits."""
    return {
        "name": case.ask.name,
        "frames": list(case.ask.frames),
        "pooling": case.ask.pooling,
        "messages": case.messages,
        "prompt": case.prompt,
        "inputIds": case.ids,
        "tokens": case.answer.tokens,
        "text": case.answer.text,
        "margin": round(case.answer.margin, 4),
        "firstLogits": packed(case.answer.logits.numpy().astype("<f4")),
    }


def reference_json(family: Family, seed: int, tokenizer, frames: np.ndarray, features: np.ndarray, answered: list[Case]) -> dict:
    """The reference, as README.md describes it."""
    source = made_frames(SOURCE_WIDTH, SOURCE_HEIGHT, 1)
    squashed = resized(family, source[0])
    return {
        "about": "Seeded random weights in the layout of a published repository; python -m training.hub_models. Its answers mean nothing.",
        "family": family.name,
        "like": family.like,
        "seed": seed,
        "imageTokenId": tokenizer.convert_tokens_to_ids(family.image_token),
        "eosTokenId": tokenizer.eos_token_id,
        "tokensPerFrame": family.tokens,
        "frames": packed(frames),
        "imageFeatures": packed(features.astype("<f4")),
        "resize": {
            "source": packed(source[0]),
            "resized": packed(squashed),
            "pixelValues": packed(normalised(family, squashed[None])[0].numpy().astype("<f4")),
        },
        "cases": [case_json(case) for case in answered],
    }
