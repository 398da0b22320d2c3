"""The table of plain chat keeps one row a prompt whatever the answers hold."""

from __future__ import annotations

import json

from training.evaluation.text_chat import PROMPTS, cell, table


def test_cells_hold_pipes_and_lines() -> None:
    assert cell("a|b\nc") == "a\\|b<br>c"


def test_one_row_a_prompt() -> None:
    written = table(["Hi?", "2+2?"], ["Hello\nyou", "4"], ["Hi|", "Four."], "nano")
    rows = [line for line in written.splitlines() if line.startswith("| ")][1:]
    assert rows == ["| Hi? | Hello<br>you | Hi\\| |", "| 2+2? | 4 | Four. |"]


def test_there_are_twenty_prompts() -> None:
    prompts = [json.loads(line)["prompt"] for line in PROMPTS.read_text(encoding="utf-8").splitlines()]
    assert len(prompts) == len(set(prompts)) == 20
