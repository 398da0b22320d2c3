"""A decoder with the structure of SmolLM2 and tiny random weights, so that tests need no download and little time."""

import torch

from training.language_model import Architecture, LanguageModel

VOCABULARY, HIDDEN = 50, 24
ARCHITECTURE = Architecture(layers=2, heads=3, kv_heads=1, head_dim=8, rope_theta=10000.0)


def tiny_tensors(seed: int = 0) -> dict[str, torch.Tensor]:
    """Random weights under GGUF names."""
    generator = torch.Generator().manual_seed(seed)

    def matrix(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator) * 0.3

    tensors = {"token_embd.weight": matrix(VOCABULARY, HIDDEN), "output_norm.weight": 1 + matrix(HIDDEN)}
    for index in range(ARCHITECTURE.layers):
        tensors |= {
            f"blk.{index}.{name}.weight": weight
            for name, weight in {
                "attn_norm": 1 + matrix(HIDDEN),
                "attn_q": matrix(24, HIDDEN),
                "attn_k": matrix(8, HIDDEN),
                "attn_v": matrix(8, HIDDEN),
                "attn_output": matrix(HIDDEN, 24),
                "ffn_norm": 1 + matrix(HIDDEN),
                "ffn_gate": matrix(32, HIDDEN),
                "ffn_up": matrix(32, HIDDEN),
                "ffn_down": matrix(HIDDEN, 32),
            }.items()
        }
    return tensors


def tiny_decoder(seed: int = 0) -> LanguageModel:
    return LanguageModel(tiny_tensors(seed), torch.float32, ARCHITECTURE)


class TinyPrompt:
    """Three ids before VISUAL, two behind it, whatever is asked."""

    def prefix(self) -> list[int]:
        return [1, 3, 4]

    def suffix(self, question: str) -> list[int]:
        return [5, 6]

    def again(self, question: str) -> list[int]:
        return [8, 9, 6]

    def answer(self, text: str) -> list[int]:
        return [7, 2]
