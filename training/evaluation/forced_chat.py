"""How likely PyTorch finds a fixed continuation of a chat without a clip: the reference of a browser test.

    python -m training.evaluation.forced_chat       again after every new adapter

Reads and rewrites tests/fixtures/forced-chat.json: `nats` is the mean log p a token of `continuation` with the shipped pack in
float32, computed in one piece.
"""

from __future__ import annotations

import json

import torch
from tokenizers import Tokenizer

from ..data import ROOT
from ..export_files import read_json
from ..gguf_base import Base
from ..language_model import causal_mask
from ..prompt import IM_END, IM_START
from .from_pack import load_decoder

FIXTURE = ROOT / "tests" / "fixtures" / "forced-chat.json"
PACK = ROOT / "models" / "valley-nano"


def chat_text(chat: dict) -> str:
    """The chat as the template renders it, up to the answer that is forced."""
    turns = "".join(
        f"{IM_START}user\n{turn['question']}{IM_END}\n{IM_START}assistant\n{turn['answer']}{IM_END}\n" for turn in chat["turns"]
    )
    return f"{IM_START}system\n{chat['system']}{IM_END}\n{turns}{IM_START}user\n{chat['question']}{IM_END}\n{IM_START}assistant\n"


@torch.inference_mode()
def mean_log_probability(chat: dict) -> float:
    """Nats a token of `continuation`."""
    base_path = (PACK / read_json(PACK / "pack.json")["base"]).parent
    base = Base(base_path)
    tokenizer = Tokenizer.from_file(str(base_path / base.manifest["files"]["tokenizer"]["path"]))
    decoder = load_decoder(base, PACK, torch.float32)
    before, after = (tokenizer.encode(text).ids for text in (chat_text(chat), chat["continuation"]))
    ids = torch.tensor([[*before, *after]])
    length = ids.shape[1]
    hidden, _ = decoder.forward(decoder.embed(ids), torch.arange(length)[None], causal_mask(length, 0))
    scores = decoder.logits(hidden[0, len(before) - 1 : -1]).log_softmax(-1)
    return float(scores.gather(1, torch.tensor(after)[:, None]).mean())


def main() -> None:
    chat = read_json(FIXTURE)
    nats = mean_log_probability(chat)
    content = json.dumps(chat | {"nats": round(nats, 4)}, indent=2, ensure_ascii=False)
    FIXTURE.write_text(content + "\n", encoding="utf-8")
    print(f"{FIXTURE.relative_to(ROOT)}: {nats:.4f} nats a token")


if __name__ == "__main__":
    main()
