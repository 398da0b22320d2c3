"""Caption figures by pycocoevalcap (needs Java), and the fixture that the browser side's own scoring is tested against.

    python -m training.evaluation.scoring     rewrites the expected tokens and figures of tests/fixtures/caption-scoring.json
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

FIXTURE = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "caption-scoring.json"


def tokens(captions: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Captions by item as the Penn Treebank tokeniser cuts them: lower case, blanks between, no punctuation."""
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    return PTBTokenizer().tokenize({key: [{"caption": text} for text in texts] for key, texts in captions.items()})


def caption_figures(references: Mapping[str, Sequence[str]], answers: Mapping[str, str]) -> dict[str, float]:
    """CIDEr-D with the references' own document frequencies, BLEU-1..4, METEOR, ROUGE-L, different answers, items.

    Both mappings have the same keys, and every item at least one reference.
    """
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.meteor.meteor import Meteor
    from pycocoevalcap.rouge.rouge import Rouge

    expected = tokens(references)
    given = tokens({key: [answers[key]] for key in references})
    bleu, _ = Bleu(4).compute_score(expected, given, verbose=0)
    figures = {
        "cider": Cider().compute_score(expected, given)[0],
        **{f"bleu{n + 1}": value for n, value in enumerate(bleu)},
        "meteor": Meteor().compute_score(expected, given)[0],
        "rouge_l": Rouge().compute_score(expected, given)[0],
    }
    distinct = len({answers[key] for key in references})
    return {name: float(value) for name, value in figures.items()} | {"distinct": distinct, "items": len(references)}


def main() -> None:
    fixture = json.loads(FIXTURE.read_text(encoding="utf-8"))
    items = {item["id"]: item for item in fixture["items"]}
    figures = caption_figures({key: item["references"] for key, item in items.items()}, {key: item["answer"] for key, item in items.items()})
    cut = tokens({key: [item["answer"], *item["references"]] for key, item in items.items()})
    fixture["figures"] = {name: round(value, 6) for name, value in figures.items()}
    fixture["tokens"] = {key: [text.split() for text in texts] for key, texts in cut.items()}
    FIXTURE.write_text(json.dumps(fixture, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(fixture["figures"]))


if __name__ == "__main__":
    main()
