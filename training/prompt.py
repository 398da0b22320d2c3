"""The prompt of a clip or photo, as token ids around its visual tokens; the browser builds the same ids.

    <|im_start|>system\\n{system}<|im_end|>\\n<|im_start|>user\\n  VISUAL  \\n{question}<|im_end|>\\n<|im_start|>assistant\\n  answer<|im_end|>

VISUAL = image-start marker, 16 patch tokens, image-end marker, video-start marker, T frame tokens, video-end marker
(Valley, arXiv 2306.07207). The text before and after VISUAL is tokenised apart.
"""

from __future__ import annotations

import json
from typing import NamedTuple

import torch
from tokenizers import Tokenizer

from .export_base import installed_gguf
from .gguf_base import read_gguf
from .tokenizer import files_from_gguf

SYSTEM = "You are Valley. You answer questions about the video the user opened."
DESCRIBE_IMAGE = "Describe the image briefly."
DESCRIBE_VIDEO = "Describe the video briefly."
# What people ask first, answered by a caption as well: the projector learns to be looked at under these questions too.
FIRST_QUESTIONS = ("What is happening?", "What can you see?", "What is going on here?", "Tell me what you see.")
VIDEO_QUESTIONS = (*FIRST_QUESTIONS, "What happens in the video?", "Describe the video.")
IMAGE_QUESTIONS = (*FIRST_QUESTIONS, "What is in the picture?", "Describe the image.")
IM_START, IM_END = "<|im_start|>", "<|im_end|>"


class Markers(NamedTuple):
    """Rows of the learned marker embeddings [4, 576]."""

    image_start: int = 0
    image_end: int = 1
    video_start: int = 2
    video_end: int = 3


MARKERS = Markers()


def load_tokenizer() -> Tokenizer:
    """SmolLM2's tokenizer, from the vocabulary and merges in the installed GGUF."""
    fields, _ = read_gguf(installed_gguf())
    return Tokenizer.from_str(json.dumps(files_from_gguf(fields)[0]))


def prefix_ids(tokenizer: Tokenizer) -> list[int]:
    """Ids before VISUAL: constant, so its keys and values are computed once."""
    return tokenizer.encode(f"{IM_START}system\n{SYSTEM}{IM_END}\n{IM_START}user\n").ids


def suffix_ids(tokenizer: Tokenizer, question: str) -> list[int]:
    """Ids between VISUAL and the answer."""
    return tokenizer.encode(f"\n{question}{IM_END}\n{IM_START}assistant\n").ids


def plain_question_ids(tokenizer: Tokenizer, question: str) -> list[int]:
    """Ids between the template's prefix and the answer where there is no clip."""
    return tokenizer.encode(f"{question}{IM_END}\n{IM_START}assistant\n").ids


def again_ids(tokenizer: Tokenizer, question: str) -> list[int]:
    """Ids between an answer, closed by its <|im_end|>, and the next: a later question."""
    return tokenizer.encode(f"\n{IM_START}user\n{question}{IM_END}\n{IM_START}assistant\n").ids


def answer_ids(tokenizer: Tokenizer, answer: str) -> list[int]:
    """Ids of an answer with the <|im_end|> that closes it."""
    return tokenizer.encode(f"{answer}{IM_END}").ids


def visual_length(frames: int, patches: int = 16) -> int:
    """Positions that VISUAL takes for T frames: 4 markers, the patch tokens that pooling leaves, T frame tokens."""
    return len(MARKERS) + patches + frames


def splice(patch_tokens: torch.Tensor, frame_tokens: torch.Tensor, markers: torch.Tensor) -> torch.Tensor:
    """VISUAL as embeddings: patch tokens [B, 16, 576], frame tokens [B, T, 576], markers [4, 576] -> [B, 20 + T, 576]."""
    rows = markers[:, None, None].expand(-1, patch_tokens.shape[0], 1, -1)
    return torch.cat(
        [
            rows[MARKERS.image_start],
            patch_tokens,
            rows[MARKERS.image_end],
            rows[MARKERS.video_start],
            frame_tokens,
            rows[MARKERS.video_end],
        ],
        1,
    )
