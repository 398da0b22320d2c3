"""LFM2-VL (convolution states beside keys and values, patches of any shape) and FastVLM (a convolutional tower)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from training.hub_models.families import LFM2_TEMPLATE, ONEVISION, QWEN2_TEMPLATE, QWEN2_TOKENS, SMOLVLM, TEXT, VISION, Family, qwen2_text
from training.hub_models.tokens import TokenizerPlan


def _lfm2_config(vocabulary: int, token: Callable[[str], int]):
    from transformers import Lfm2VlConfig

    return Lfm2VlConfig(
        image_token_id=token("<image>"),
        downsample_factor=2,
        projector_hidden_size=48,
        projector_use_layernorm=True,
        tie_word_embeddings=True,
        text_config={
            "model_type": "lfm2",
            **TEXT,
            # Ten of LFM2-350M's sixteen layers are convolutions, the first two among them.
            "num_hidden_layers": 3,
            "layer_types": ["conv", "full_attention", "conv"],
            "vocab_size": vocabulary,
            "norm_eps": 1e-5,
            "conv_L_cache": 3,
            "conv_bias": False,
            "block_auto_adjust_ff_dim": False,
            "rope_theta": 1000000.0,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
            "bos_token_id": token("<|startoftext|>"),
            "eos_token_id": token("<|im_end|>"),
            "pad_token_id": token("<|pad|>"),
            "tie_word_embeddings": True,
        },
        vision_config={
            "model_type": "siglip2_vision_model",
            **VISION,
            "patch_size": 4,
            "num_patches": 16,  # a 4 x 4 map of positions, stretched to 8 x 8: 16 x 16 to at most 32 x 32 in the real one
            "vision_use_head": False,
        },
    )


LFM2_VL = Family(
    name="lfm2-vl",
    like="onnx-community/LFM2-VL-450M-ONNX",
    tokenizer=TokenizerPlan(
        before=("<|pad|>", "<|startoftext|>", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>"),
        after=("<|image_start|>", "<|image_end|>", "<|img_thumbnail|>"),
        bos="<|startoftext|>",
        eos="<|im_end|>",
        pad="<|pad|>",
        chat_template=LFM2_TEMPLATE,
        tokenizer_class="PreTrainedTokenizerFast",
        extra={"processor_class": "Lfm2VlProcessor", "image_token": "<image>"},
        template_files=("chat_template.jinja",),
        add_bos=True,
    ),
    image_size=32,
    grid=4,
    resample=2,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    config=_lfm2_config,
    model_class="Lfm2VlForConditionalGeneration",
    preprocessor={
        "do_convert_rgb": True,
        "do_image_splitting": True,
        "do_pad": True,
        "downsample_factor": 2,
        "encoder_patch_size": 4,
        "image_processor_type": "Lfm2VlImageProcessorFast",
        "max_image_tokens": 16,
        "max_num_patches": 64,
        "max_pixels_tolerance": 2.0,
        "max_tiles": 10,
        "min_image_tokens": 4,
        "min_tiles": 2,
        "processor_class": "Lfm2VlProcessor",
        "size": {"height": 32, "width": 32},
        "tile_size": 32,
        "use_thumbnail": True,
    },
    processor={"processor_class": "Lfm2VlProcessor"},
    image_text=lambda count: f"<|image_start|>{'<image>' * count}<|image_end|>",
    clip_text=lambda counts: "".join(f"<|image_start|>{'<image>' * count}<|image_end|>" for count in counts),
    positions=False,
    keeps_logits=True,
)


def _fastvlm_config(vocabulary: int, token: Callable[[str], int]):
    from transformers import FastVlmConfig

    return FastVlmConfig(
        image_token_index=token("<image>"),
        image_seq_length=4,
        text_config=qwen2_text(vocabulary, token, tied=False),
        vision_config={
            "model_type": "timm_wrapper",
            # FastViTHD is this one with layers (2, 12, 24, 4, 2) and widths (96, 192, 384, 768, 1536), doubled at the end.
            "architecture": "fastvit_mci3",
            "do_pooling": True,
            "global_pool": "avg",
            "hidden_size": 64,
            "num_classes": 0,
            "model_args": {
                "inference_mode": True,
                "layers": [1, 1, 1, 1, 1],
                "embed_dims": [8, 8, 16, 32, 32],
                "mlp_ratios": [2, 2, 2, 2, 2],
            },
        },
        tie_word_embeddings=False,
    )


FASTVLM = Family(
    name="fastvlm",
    like="onnx-community/FastVLM-0.5B-ONNX",
    tokenizer=replace(
        QWEN2_TOKENS,
        after=("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>"),
        chat_template=QWEN2_TEMPLATE,
        extra={"additional_special_tokens": ["<|im_start|>", "<|im_end|>"], "errors": "replace", "processor_class": "LlavaProcessor"},
        template_files=("tokenizer_config.json",),
    ),
    image_size=128,
    grid=2,
    resample=3,
    mean=(0.0, 0.0, 0.0),
    std=(1.0, 1.0, 1.0),
    config=_fastvlm_config,
    model_class="FastVlmForConditionalGeneration",
    preprocessor={
        "crop_size": {"height": 128, "width": 128},
        "do_center_crop": True,
        "do_convert_rgb": True,
        "image_processor_type": "CLIPImageProcessor",
        "processor_class": "LlavaProcessor",
        "size": {"shortest_edge": 128},
    },
    processor={
        "image_token": "<image>",
        "num_additional_image_tokens": 0,
        "patch_size": 64,
        "processor_class": "LlavaProcessor",
        "vision_feature_select_strategy": "default",
    },
    image_text=lambda count: "<image>" * count,
    clip_text=lambda counts: "<image>" * sum(counts),
    parts=False,
)

FAMILIES = {family.name: family for family in (SMOLVLM, ONEVISION, LFM2_VL, FASTVLM)}
