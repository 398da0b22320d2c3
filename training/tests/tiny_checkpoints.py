"""Tiny random checkpoints under the published names: Valley in its three versions, LLaVA 1.5, and transformers' own LLaVA."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, trainers
from transformers import CLIPVisionConfig, CLIPVisionModel, LlamaConfig, LlamaForCausalLM

HIDDEN, WIDTH, PATCHES = 64, 64, 16
SENTENCES = [
    "You are Valley, a large language and vision assistant. Human: What happens in the video? Assistant: A dog runs.",
    "A chat between a curious human and an artificial intelligence assistant. USER: Describe the image. ASSISTANT: It is red.",
]
VALLEY_TOKENS = ("<im_patch>", "<vi_frame>", "<im_start>", "<im_end>", "<vi_start>", "<vi_end>")
KINDS = ("valley-mean", "valley-importance", "valley-delta", "llava-1.5", "llava-hf")


def llama_tokenizer(added: tuple[str, ...]) -> Tokenizer:
    """SentencePiece's BPE as LLaMA's tokenizer.json has it: ▁ for spaces, bytes for what it does not know."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    special = ["<unk>", "<s>", "</s>", *(f"<0x{value:02X}>" for value in range(256))]
    tokenizer.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=380, special_tokens=special, show_progress=False))
    content = json.loads(tokenizer.to_str())
    # The bytes are ordinary tokens there, and only the three first are special.
    content["added_tokens"] = [token for token in content["added_tokens"] if token["id"] < 3]
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in added])
    return tokenizer


@torch.no_grad()
def _randomised(module: torch.nn.Module, seed: int) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    state = {}
    for name, value in module.state_dict().items():
        if not value.is_floating_point():
            continue
        noise = torch.randn(value.shape, generator=random)
        if value.ndim == 1:
            state[name] = (1 + 0.1 * noise) if name.endswith("weight") else 0.1 * noise
        else:
            # Queries and keys that choose, words that differ.
            gain = 2.0 if "q_proj" in name or "k_proj" in name else 1.0
            state[name] = noise * (0.3 if "embed" in name and "patch" not in name else gain / value[0].numel() ** 0.5)
    return state


def clip_state(seed: int) -> dict[str, torch.Tensor]:
    """A CLIP vision model's tensors as published, under `vision_model.`"""
    config = CLIPVisionConfig(
        hidden_size=WIDTH, intermediate_size=96, num_hidden_layers=3, num_attention_heads=2, image_size=32, patch_size=8, hidden_act="quick_gelu"
    )
    state = _randomised(CLIPVisionModel(config), seed)
    return {name if name.startswith("vision_model.") else f"vision_model.{name}": value for name, value in state.items()}


def write_clip(folder: Path, seed: int = 1) -> Path:
    """A CLIP folder as LLaVA 1.5 names one: a vision configuration and tensors."""
    folder.mkdir(parents=True, exist_ok=True)
    vision = {"hidden_act": "quick_gelu", "num_attention_heads": 2, "image_size": 32, "patch_size": 8, "layer_norm_eps": 1e-5}
    (folder / "config.json").write_text(json.dumps({"model_type": "clip", "vision_config": vision}))
    save_file(clip_state(seed) | {"logit_scale": torch.ones(1), "text_model.final_layer_norm.bias": torch.zeros(8)}, folder / "model.safetensors")
    return folder


def write_checkpoint(kind: str, folder: Path, seed: int = 5) -> Path:
    """A checkpoint of a kind, float32. Valley is written as PyTorch files behind an index, the others as safetensors."""
    folder.mkdir(parents=True, exist_ok=True)
    valley = kind.startswith("valley")
    tokenizer = llama_tokenizer(VALLEY_TOKENS if valley else ("<image>",) if kind == "llava-hf" else ())
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "tokenizer_class": "LlamaTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names))
    llama = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=HIDDEN,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2 if kind == "llava-hf" else 4,
        rms_norm_eps=1e-6,
        max_position_embeddings=512,
        tie_word_embeddings=False,
    )
    text = _randomised(LlamaForCausalLM(llama), seed)
    random = torch.Generator().manual_seed(seed + 1)
    draw = lambda *shape: torch.randn(*shape, generator=random)
    flat = {
        "hidden_size": HIDDEN,
        "intermediate_size": 96,
        "max_position_embeddings": 512,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "num_key_value_heads": llama.num_key_value_heads,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "tie_word_embeddings": False,
    }
    vision = {"mm_hidden_size": WIDTH, "mm_vision_select_layer": -2, "use_mm_proj": True}
    if valley:
        config = flat | vision | {"model_type": "valley", "mm_vision_tower": "openai/clip-vit-large-patch14"}
        config |= {"use_patch_importance_pooling": kind == "valley-importance", "use_delta_transformer": kind == "valley-delta"}
        state = text | {f"model.vision_tower.{name}": value for name, value in clip_state(seed + 2).items()}
        state |= {"model.mm_projector.weight": draw(HIDDEN, WIDTH) / WIDTH**0.5, "model.mm_projector.bias": 0.1 * draw(HIDDEN)}
        state |= _valley_pooling(kind, draw)
        state["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(8)
        _write_bin(folder, state)
    elif kind == "llava-1.5":
        config = flat | vision | {"model_type": "llava", "mm_vision_tower": "openai/clip-vit-large-patch14-336", "mm_projector_type": "mlp2x_gelu"}
        projector = {"0": draw(HIDDEN, WIDTH) / WIDTH**0.5, "2": draw(HIDDEN, HIDDEN) / HIDDEN**0.5}
        state = dict(text)
        for index, weight in projector.items():
            state |= {f"model.mm_projector.{index}.weight": weight, f"model.mm_projector.{index}.bias": 0.1 * draw(HIDDEN)}
        save_file(state, folder / "model.safetensors")
    else:
        config = {
            "model_type": "llava",
            "vision_feature_layer": -2,
            "text_config": flat | {"model_type": "llama"},
            "vision_config": {"hidden_act": "quick_gelu", "num_attention_heads": 2, "layer_norm_eps": 1e-5},
        }
        state = {f"language_model.{name}": value for name, value in text.items()}
        state |= {f"vision_tower.{name}": value for name, value in clip_state(seed + 2).items()}
        for index, width in (("1", WIDTH), ("2", HIDDEN)):
            state |= {
                f"multi_modal_projector.linear_{index}.weight": draw(HIDDEN, width) / width**0.5,
                f"multi_modal_projector.linear_{index}.bias": 0.1 * draw(HIDDEN),
            }
        save_file(state, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def _valley_pooling(kind: str, draw) -> dict[str, torch.Tensor]:
    if kind == "valley-importance":
        return {"model.pooling_layer.weight": draw(1, HIDDEN * PATCHES) / 16, "model.pooling_layer.bias": draw(1)}
    if kind != "valley-delta":
        return {}
    layer = torch.nn.TransformerEncoderLayer(HIDDEN, 8, batch_first=True)
    random = {name: draw(*value.shape) * (0.1 if value.ndim == 1 else value.shape[-1] ** -0.5) for name, value in layer.state_dict().items()}
    random["norm1.weight"], random["norm2.weight"] = 1 + random["norm1.weight"], 1 + random["norm2.weight"]
    # The table as valley_model.py fills it.
    table = torch.zeros(2048, HIDDEN)
    places, rates = torch.arange(2048.0)[:, None], 10000 ** (2 * torch.arange(HIDDEN / 2) / HIDDEN)
    table[:, 0::2], table[:, 1::2] = torch.sin(places / rates), torch.cos(places / rates)
    encoder = {f"model.transformer_delta_encoder.layers.0.{name}": value for name, value in random.items()}
    unused = {f"model.transforemr_adding_layer.{name}": torch.zeros_like(value) for name, value in random.items()}
    return encoder | unused | {"model.position_matrix": table}


def _write_bin(folder: Path, state: dict[str, torch.Tensor]) -> None:
    """Two PyTorch files and the index that says which tensor lies in which."""
    names = sorted(state)
    halves = {"pytorch_model-00001-of-00002.bin": names[::2], "pytorch_model-00002-of-00002.bin": names[1::2]}
    for file, part in halves.items():
        torch.save({name: state[name] for name in part}, folder / file)
    index = {"metadata": {}, "weight_map": {name: file for file, part in halves.items() for name in part}}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
