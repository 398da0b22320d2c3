"""The families: configs in miniature with the keys of the published ones, tokenizers, prompts, and their models of transformers.

Real sizes stand beside each tiny one where they matter; where they were confirmed is told in README.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from training.hub_models.tokens import TokenizerPlan

SYSTEM = "You are a helpful assistant."
# Templates of our own that render what each family's renders; every message's content is a list of parts but for FastVLM's.
SMOLVLM_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{{ ':' if message['content'][0]['type'] == 'image' else ': ' }}"
    "{% for part in message['content'] %}"
    "{{ part['text'] if part['type'] == 'text' else '<' + part['type'] + '>' }}"
    "{% endfor %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
ONEVISION_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + ' ' }}"
    "{% for part in message['content'] %}{% if part['type'] != 'text' %}{{ '<' + part['type'] + '>' }}{% endif %}{% endfor %}"
    "{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ '\n' + part['text'] }}{% endif %}{% endfor %}"
    "{{ '<|im_end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LFM2_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{{ part['text'] if part['type'] == 'text' else '<image>' }}{% endfor %}{% endif %}"
    "{{ '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# Takes text alone: a person's message begins with the image token.
QWEN2_TEMPLATE = (
    "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}"
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

TEXT = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
}
VISION = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


@dataclass(frozen=True)
class Family:
    """One family in miniature. `image_size` is the side of a frame, `grid` the side of a frame's square of image tokens."""

    name: str
    # The repository whose layout this has.
    like: str
    tokenizer: TokenizerPlan
    image_size: int
    grid: int
    # Pillow's filter number, as preprocessor_config.json has it.
    resample: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    # (vocabulary, id of an image token) -> a config of transformers.
    config: Callable[[int, Callable[[str], int]], object]
    model_class: str
    preprocessor: dict
    processor: dict
    # Text for `n` image tokens in place of the image token, and for a clip of `counts` tokens a frame.
    image_text: Callable[[int], str]
    clip_text: Callable[[list[int]], str]
    image_token: str = "<image>"
    # Whether messages have their text and pictures as parts.
    parts: bool = True
    positions: bool = True
    keeps_logits: bool = False

    @property
    def tokens(self) -> int:
        """Image tokens of a frame."""
        return self.grid**2


def text_model(model: nn.Module) -> nn.Module:
    """The language model inside a model of any family."""
    return model.model.language_model if hasattr(model.model, "language_model") else model.model.text_model


def _smolvlm_config(vocabulary: int, token: Callable[[str], int]):
    from transformers import SmolVLMConfig

    return SmolVLMConfig(
        image_token_id=token("<image>"),
        scale_factor=2,  # 4 in SmolVLM2: 1,024 patches to 64 tokens
        tie_word_embeddings=False,
        pad_token_id=token("<|im_end|>"),
        text_config={
            "model_type": "llama",
            **TEXT,
            "head_dim": 8,
            "vocab_size": vocabulary,
            "rms_norm_eps": 1e-5,
            "rope_theta": 100000.0,
            "rope_parameters": {"rope_type": "default", "rope_theta": 100000.0},
            "bos_token_id": token("<|im_start|>"),
            "eos_token_id": token("<end_of_utterance>"),
            "pad_token_id": token("<|im_end|>"),
            "tie_word_embeddings": False,
        },
        vision_config={"model_type": "smolvlm_vision", **VISION, "image_size": 32, "patch_size": 4},
    )


def smolvlm_image(count: int) -> str:
    """An image's text as SmolVLM's processor has it without splitting."""
    return f"<fake_token_around_image><global-img>{'<image>' * count}<fake_token_around_image>"


NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()


def smolvlm_clip(counts: list[int]) -> str:
    """A clip's text as SmolVLM's processor has it, frames a second apart from 0:00 on."""
    seconds = len(counts) - 1
    intro = f"You are provided the following series of {NUMBERS[len(counts)]} frames from a 0:00:{seconds:02d} [H:MM:SS] video.\n"
    frames = (f"\nFrame from 00:{second:02d}:{smolvlm_image(count)}" for second, count in enumerate(counts))
    return f"{intro}{''.join(frames)}\n\n"


SMOLVLM = Family(
    name="smolvlm",
    like="HuggingFaceTB/SmolVLM2-256M-Video-Instruct",
    tokenizer=TokenizerPlan(
        before=("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
        after=("<global-img>", "<row_1_col_1>", "<row_1_col_2>", "<fake_token_around_image>", "<image>", "<end_of_utterance>"),
        bos="<|im_start|>",
        eos="<end_of_utterance>",
        pad="<|im_end|>",
        chat_template=SMOLVLM_TEMPLATE,
        tokenizer_class="GPT2Tokenizer",
        extra={
            "additional_special_tokens": ["<fake_token_around_image>", "<image>", "<end_of_utterance>"],
            "end_of_utterance_token": "<end_of_utterance>",
            "fake_image_token": "<fake_token_around_image>",
            "global_image_token": "<global-img>",
            "image_token": "<image>",
            "processor_class": "SmolVLMProcessor",
        },
        template_files=("tokenizer_config.json", "chat_template.json"),
    ),
    image_size=32,
    grid=4,
    resample=1,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    config=_smolvlm_config,
    model_class="SmolVLMForConditionalGeneration",
    preprocessor={
        "do_convert_rgb": True,
        "do_image_splitting": True,
        "do_pad": True,
        "image_processor_type": "SmolVLMImageProcessor",
        "max_image_size": {"longest_edge": 32},
        "processor_class": "SmolVLMProcessor",
        "size": {"longest_edge": 128},
        "video_sampling": {"fps": 1, "max_frames": 64, "video_size": {"longest_edge": 32}},
    },
    processor={"image_seq_len": 16, "processor_class": "SmolVLMProcessor"},
    image_text=smolvlm_image,
    clip_text=smolvlm_clip,
)


def qwen2_text(vocabulary: int, token: Callable[[str], int], tied: bool) -> dict:
    return {
        "model_type": "qwen2",
        **TEXT,
        "vocab_size": vocabulary,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1000000.0,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
        "bos_token_id": token("<|endoftext|>"),
        "eos_token_id": token("<|im_end|>"),
        "tie_word_embeddings": tied,
        "use_sliding_window": False,
    }


def _onevision_config(vocabulary: int, token: Callable[[str], int]):
    from transformers import LlavaOnevisionConfig

    return LlavaOnevisionConfig(
        image_token_index=token("<image>"),
        video_token_index=token("<video>"),
        image_grid_pinpoints=[[28, 28], [28, 56], [56, 28]],
        text_config=qwen2_text(vocabulary, token, tied=True),
        vision_config={
            "model_type": "siglip_vision_model",
            **VISION,
            "image_size": 28,  # 384 at 14 a patch in the real one: 27 x 27
            "patch_size": 4,
            "vision_use_head": False,
        },
        tie_word_embeddings=True,
    )


QWEN2_TOKENS = TokenizerPlan(
    before=(),
    after=("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<video>"),
    bos=None,
    eos="<|im_end|>",
    pad="<|endoftext|>",
    chat_template=ONEVISION_TEMPLATE,
    tokenizer_class="Qwen2Tokenizer",
    extra={
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
        "errors": "replace",
        "processor_class": "LlavaOnevisionProcessor",
    },
    template_files=("chat_template.json", "tokenizer_config.json"),
)

ONEVISION = Family(
    name="llava-onevision",
    like="llava-hf/llava-onevision-qwen2-0.5b-ov-hf",
    tokenizer=QWEN2_TOKENS,
    image_size=28,
    grid=7,
    resample=3,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    config=_onevision_config,
    model_class="LlavaOnevisionForConditionalGeneration",
    preprocessor={
        "do_convert_rgb": True,
        "do_pad": True,
        "image_grid_pinpoints": [[28, 28], [28, 56], [56, 28]],
        "image_processor_type": "LlavaOnevisionImageProcessor",
        "processor_class": "LlavaOnevisionProcessor",
        "size": {"height": 28, "width": 28},
    },
    processor={
        "image_token": "<image>",
        "num_image_tokens": 49,
        "processor_class": "LlavaOnevisionProcessor",
        "video_token": "<video>",
        "vision_aspect_ratio": "anyres_max_9",
        "vision_feature_select_strategy": "full",
    },
    image_text=lambda count: "<image>" * count,
    clip_text=lambda counts: "<image>" * sum(counts),
)
