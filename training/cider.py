"""CIDEr-D (arXiv 1411.5726) of one caption at a time, with document frequencies of a whole training set.

Figures that are reported come from pycocoevalcap (`training.evaluation.scoring`); its scorer takes the document
frequencies from the very captions it scores, which a reward for a few samples cannot.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

ORDERS = 4
SIGMA = 6.0
SCALE = 10.0
# No word of a caption looks like it.
END = "."

Gram = tuple[str, ...]
Ngrams = Counter[Gram]
# Per order the weighted n-grams and their norm, and the number of bigrams, which stands for the length.
Vector = tuple[list[dict[Gram, float]], list[float], int]


def words(text: str) -> list[str]:
    """Lower-case words and numbers without punctuation."""
    return re.findall(r"[a-z0-9]+(?:'[a-z]+)?", text.lower())


def ngrams(text: str, end: bool = False) -> Ngrams:
    """Counts of the 1- to 4-grams of a caption; with `end` the place behind its last word counts as a word."""
    cut = [*words(text), END] if end else words(text)
    return Counter(tuple(cut[i : i + n]) for n in range(1, ORDERS + 1) for i in range(len(cut) - n + 1))


class CiderD:
    """Scores captions against human ones, 0 to 10.

    `ends`: where a caption ends is one of its words. As a reward CIDEr-D is raised by captions broken off behind a frequent phrase
    ("a man in a") unless the end is counted (as in arXiv 1612.00563); the metric as reported does not count it.
    """

    def __init__(self, documents: Iterable[Sequence[str]], ends: bool = False) -> None:
        """`documents`: of every item of the set its human captions."""
        self.ends = ends
        self._frequency: Ngrams = Counter()
        count = 0
        for captions in documents:
            count += 1
            self._frequency.update({gram for caption in captions for gram in ngrams(caption, ends)})
        self._log_count = math.log(max(count, 1))

    def _vector(self, counts: Ngrams) -> Vector:
        weights: list[dict[Gram, float]] = [{} for _ in range(ORDERS)]
        length = 0
        for gram, count in counts.items():
            weights[len(gram) - 1][gram] = count * (self._log_count - math.log(max(1, self._frequency[gram])))
            length += count if len(gram) == 2 else 0
        return weights, [math.sqrt(sum(value * value for value in part.values())) for part in weights], length

    def score(self, caption: str, references: Sequence[str], ended: bool = True) -> float:
        """Mean over the references and the orders of the clipped cosine, less for another length, times 10.

        `ended`: False for a caption that was cut off before its end; of no matter without `ends`.
        """
        given = self._vector(ngrams(caption, self.ends and ended))
        return sum(similarity(given, self._vector(ngrams(reference, self.ends))) for reference in references) / len(references)

    def consensus(self, captions: Sequence[str]) -> list[float]:
        """Of each caption of one item the score that the others give it: how far it says what people say. Takes two or more."""
        vectors = [self._vector(ngrams(caption, self.ends)) for caption in captions]
        return [
            sum(similarity(own, other) for place, other in enumerate(vectors) if place != index) / (len(vectors) - 1)
            for index, own in enumerate(vectors)
        ]


def similarity(given: Vector, reference: Vector) -> float:
    """CIDEr-D of one caption against one reference, 0 to 10."""
    (own, own_norms, own_length), (theirs, norms, length) = given, reference
    penalty = math.exp(-((own_length - length) ** 2) / (2 * SIGMA**2))
    total = 0.0
    for order in range(ORDERS):
        if own_norms[order] and norms[order]:
            wanted = theirs[order]
            dot = sum(min(value, wanted[gram]) * wanted[gram] for gram, value in own[order].items() if gram in wanted)
            total += penalty * dot / (own_norms[order] * norms[order])
    return SCALE * total / ORDERS
