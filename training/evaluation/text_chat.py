"""Does plain chat survive the adapter? Fixed text-only prompts, answered by the base and by a run, side by side.

    python -m training.evaluation.text_chat --run nano        writes docs/text-chat.md
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from ..data import CHECKPOINTS, ROOT
from ..generate import greedy
from ..prompt import IM_END
from ..valley import Valley
from .from_run import load_valley
from .records import Progress

PROMPTS = ROOT / "training" / "hand" / "text_prompts.jsonl"
MAX_NEW_TOKENS = 64
HEAD = """# Plain chat, before and after the adapter

Twenty fixed prompts without a clip, answered greedily by SmolLM2-135M-Instruct as it comes and with the adapter that ships,
both under Valley's system prompt, at most {limit} tokens, in PyTorch float32. Written by `python -m training.evaluation.text_chat --run {run}`.

| prompt | base | with the adapter |
|---|---|---|
"""


@torch.inference_mode()
def answers(valley: Valley, prompts: list[str]) -> list[str]:
    """One greedy answer a prompt."""
    end, found = valley.tokenizer.token_to_id(IM_END), []
    progress = Progress(len(prompts), "answers")
    for prompt in prompts:
        body = valley.decoder.embed(torch.tensor([valley.prompt.plain_question(prompt)]))
        ids = greedy(valley.decoder, valley.prefix(1), body, end, MAX_NEW_TOKENS)[0]
        found.append(valley.tokenizer.decode(ids).strip())
        progress.step()
    return found


def cell(text: str) -> str:
    """Text as one Markdown table cell."""
    return text.replace("|", "\\|").replace("\n", "<br>")


def table(prompts: list[str], before: list[str], after: list[str], run: str) -> str:
    rows = [f"| {cell(prompt)} | {cell(base)} | {cell(tuned)} |" for prompt, base, tuned in zip(prompts, before, after, strict=True)]
    return HEAD.format(limit=MAX_NEW_TOKENS, run=run) + "\n".join(rows) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "text-chat.md")
    arguments = parser.parse_args()
    prompts = [json.loads(line)["prompt"] for line in PROMPTS.read_text(encoding="utf-8").splitlines()]
    valley, _ = load_valley(CHECKPOINTS / arguments.run, torch.float32)
    after = answers(valley, prompts)
    before = answers(Valley(torch.float32), prompts)
    arguments.out.write_text(table(prompts, before, after, arguments.run), encoding="utf-8")
    print(f"{arguments.out}: {len(prompts)} prompts", flush=True)


if __name__ == "__main__":
    main()
