"""The vectors of tests/fixtures/beam-search.json, which the browser's beam search is tested with as well.

`python -m training.tests.test_beam_vectors` writes them anew, `npm run format` lays them out.
"""

import json
from pathlib import Path

import torch

from training.generate import beam_search

VECTORS = Path(__file__).parents[2] / "tests/fixtures/beam-search.json"
VOCABULARY, END = 6, 2


class Bigrams:
    """A decoder whose logits [V] are the row of a table [V, V] that the last token names."""

    def __init__(self, table: torch.Tensor) -> None:
        self.table = table

    def embed(self, tokens: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.one_hot(tokens, VOCABULARY).float()

    def forward(self, x, positions, mask, cache):
        rows = x[:, None, :, :1]
        return x, [(torch.cat([keys, rows], 2), torch.cat([values, rows], 2)) for keys, values in cache]

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden @ self.table


def answer(case: dict) -> list[int]:
    decoder = Bigrams(torch.tensor(case["logits"]))
    empty = torch.zeros(1, 1, 0, 1)
    body = decoder.embed(torch.tensor([[case["first"]]]))
    options = (case["limit"], case["beams"], case["lengthPenalty"], case["repetitionPenalty"])
    return beam_search(decoder, [(empty, empty)], body, END, *options)[0]


def cases() -> list[dict]:
    generator = torch.Generator().manual_seed(9)
    made = []
    for index in range(36):
        table = (torch.randn(VOCABULARY, VOCABULARY, generator=generator) * 2).round(decimals=3)
        case = {
            "logits": [[round(value, 3) for value in row] for row in table.tolist()],
            "first": index % VOCABULARY,
            "beams": 1 + index % 3,
            "limit": (3, 8, 20)[index // 12],
            "lengthPenalty": (1.0, 0.0, 2.0)[index // 3 % 3],
            "repetitionPenalty": (1.0, 1.5)[index // 9 % 2],
        }
        made.append(case | {"answer": answer(case)})
    return made


def test_the_vectors_are_what_the_search_gives():
    vectors = json.loads(VECTORS.read_text())
    assert vectors["endId"] == END
    for case in vectors["cases"]:
        assert answer(case) == case["answer"]


def test_every_option_changes_some_answer():
    cases = json.loads(VECTORS.read_text())["cases"]
    for plain in ({"beams": 1}, {"lengthPenalty": 1.0}, {"repetitionPenalty": 1.0}):
        assert any(answer(case | plain) != case["answer"] for case in cases), plain


if __name__ == "__main__":
    rows = ",\n".join(json.dumps(case) for case in cases())
    VECTORS.write_text(f'{{"endId": {END}, "cases": [\n{rows}\n]}}\n')
