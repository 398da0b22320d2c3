"""Greedy and beam decoding in batches of equal prompt length, with a KV cache."""

from __future__ import annotations

import torch

from .language_model import LanguageModel, PastKeysAndValues, causal_mask


def prefill(decoder: LanguageModel, prefix: PastKeysAndValues, body: torch.Tensor) -> tuple[torch.Tensor, PastKeysAndValues]:
    """Runs the prompt body [B, L, 576] after `prefix`; log-probabilities [B, vocab] of the first answer token and the cache."""
    past = prefix[0][0].shape[2]
    positions = torch.arange(past, past + body.shape[1]).expand(body.shape[0], -1)
    hidden, cache = decoder.forward(body, positions, causal_mask(body.shape[1], past), prefix)
    return decoder.logits(hidden[:, -1]).log_softmax(-1), cache


def advance(decoder: LanguageModel, cache: PastKeysAndValues, tokens: torch.Tensor) -> tuple[torch.Tensor, PastKeysAndValues]:
    """One more token [B] a row; log-probabilities [B, vocab] of the next and the grown cache."""
    past = cache[0][0].shape[2]
    positions = torch.full((tokens.shape[0], 1), past)
    hidden, cache = decoder.forward(decoder.embed(tokens[:, None]), positions, torch.zeros(1, 1, 1, past + 1), cache)
    return decoder.logits(hidden[:, -1]).log_softmax(-1), cache


@torch.inference_mode()
def greedy(decoder: LanguageModel, prefix: PastKeysAndValues, body: torch.Tensor, end: int, limit: int) -> list[list[int]]:
    """The likeliest token at every step until `end` or `limit` tokens; ids without `end`."""
    scores, cache = prefill(decoder, prefix, body)
    answers: list[list[int]] = [[] for _ in range(body.shape[0])]
    running = torch.ones(body.shape[0], dtype=torch.bool)
    for _ in range(limit):
        tokens = scores.argmax(-1)
        running &= tokens != end
        if not running.any():
            break
        for row in running.nonzero().flatten().tolist():
            answers[row].append(int(tokens[row]))
        scores, cache = advance(decoder, cache, tokens)
    return answers


@torch.inference_mode()
def beam_search(
    decoder: LanguageModel, prefix: PastKeysAndValues, body: torch.Tensor, end: int, limit: int, beams: int
) -> list[list[int]]:
    """Beam search; of the finished and still open hypotheses the one with the best mean log-probability per token."""
    batch = body.shape[0]
    scores, cache = prefill(decoder, prefix, body)
    vocabulary = scores.shape[-1]
    totals, first = scores.topk(beams, -1)
    tokens = first.flatten()
    hypotheses = [[int(token)] for token in tokens]
    finished: list[list[tuple[float, list[int]]]] = [[] for _ in range(batch)]
    rows = torch.arange(batch).repeat_interleave(beams)
    cache = [(keys[rows], values[rows]) for keys, values in cache]
    totals = _retire(finished, hypotheses, totals, tokens, end)
    for _ in range(limit - 1):
        if all(len(found) >= beams for found in finished):
            break
        scores, cache = advance(decoder, cache, tokens)
        candidates = (totals.view(-1, 1) + scores).view(batch, beams * vocabulary)
        totals, chosen = candidates.topk(beams, -1)
        origins = (chosen // vocabulary + torch.arange(batch)[:, None] * beams).flatten()
        tokens = (chosen % vocabulary).flatten()
        hypotheses = [[*hypotheses[origin], int(token)] for origin, token in zip(origins.tolist(), tokens.tolist())]
        cache = [(keys[origins], values[origins]) for keys, values in cache]
        totals = _retire(finished, hypotheses, totals, tokens, end)
    for row in range(batch):
        if not finished[row]:
            best = int(totals[row].argmax())
            finished[row].append((0.0, hypotheses[row * beams + best]))
    return [[token for token in max(found)[1] if token != end] for found in finished]


def _retire(
    finished: list[list[tuple[float, list[int]]]], hypotheses: list[list[int]], totals: torch.Tensor, tokens: torch.Tensor, end: int
) -> torch.Tensor:
    """Moves hypotheses that just ended to `finished` and takes their beam out of the running."""
    totals = totals.clone()
    beams = totals.shape[1]
    for index in (tokens == end).nonzero().flatten().tolist():
        row, beam = divmod(index, beams)
        score = float(totals[row, beam])
        if score > -1e8:
            finished[row].append((score / len(hypotheses[index]), hypotheses[index]))
        totals[row, beam] = -1e9
    return totals
