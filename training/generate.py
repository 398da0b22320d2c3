"""Greedy and beam decoding in batches of equal prompt length, and sampling behind prompts of any, with a KV cache."""

from __future__ import annotations

import torch

from .language_model import LanguageModel, PastKeysAndValues, causal_mask
from .packing import HIDDEN


def prefill(decoder: LanguageModel, prefix: PastKeysAndValues, body: torch.Tensor) -> tuple[torch.Tensor, PastKeysAndValues]:
    """Runs the prompt body [B, L, 576] after `prefix`; logits [B, vocab] of the first answer token and the cache."""
    past = prefix[0][0].shape[2]
    positions = torch.arange(past, past + body.shape[1]).expand(body.shape[0], -1)
    hidden, cache = decoder.forward(body, positions, causal_mask(body.shape[1], past), prefix)
    return decoder.logits(hidden[:, -1]), cache


def advance(decoder: LanguageModel, cache: PastKeysAndValues, tokens: torch.Tensor) -> tuple[torch.Tensor, PastKeysAndValues]:
    """One more token [B] a row; logits [B, vocab] of the next and the grown cache."""
    past = cache[0][0].shape[2]
    positions = torch.full((tokens.shape[0], 1), past)
    hidden, cache = decoder.forward(decoder.embed(tokens[:, None]), positions, torch.zeros(1, 1, 1, past + 1), cache)
    return decoder.logits(hidden[:, -1]), cache


@torch.inference_mode()
def greedy(
    decoder: LanguageModel, prefix: PastKeysAndValues, body: torch.Tensor, end: int, limit: int, repetition_penalty: float = 1.0
) -> list[list[int]]:
    """The likeliest token at every step until `end` or `limit` tokens; ids without `end`."""
    logits, cache = prefill(decoder, prefix, body)
    answers: list[list[int]] = [[] for _ in range(body.shape[0])]
    owners = torch.arange(body.shape[0])
    for _ in range(limit):
        tokens = penalised(logits, [answers[owner] for owner in owners.tolist()], repetition_penalty).argmax(-1)
        kept = (tokens != end).nonzero().flatten()
        if not len(kept):
            break
        # Rows that ended leave the batch: long answers are few and would otherwise cost the whole batch.
        if len(kept) < len(tokens):
            owners, tokens, cache = owners[kept], tokens[kept], select(cache, kept)
        for owner, token in zip(owners.tolist(), tokens.tolist()):
            answers[owner].append(token)
        logits, cache = advance(decoder, cache, tokens)
    return answers


@torch.inference_mode()
def beam_search(
    decoder: LanguageModel,
    prefix: PastKeysAndValues,
    body: torch.Tensor,
    end: int,
    limit: int,
    beams: int,
    length_penalty: float = 1.0,
    repetition_penalty: float = 1.0,
) -> list[list[int]]:
    """Beam search; of the finished hypotheses the one with the best log-probability over its length to `length_penalty`.

    A row ends with `beams` finished hypotheses; an open one counts only where none has finished within `limit` tokens.
    """
    logits, cache = prefill(decoder, prefix, body)
    totals, first = logits.log_softmax(-1).topk(beams, -1)
    tokens = first.flatten()
    hypotheses = [[token] for token in tokens.tolist()]
    cache = select(cache, torch.arange(body.shape[0]).repeat_interleave(beams))
    finished: list[list[tuple[float, list[int]]]] = [[] for _ in range(body.shape[0])]
    owners = list(range(body.shape[0]))
    totals = _retire([finished[owner] for owner in owners], hypotheses, totals, tokens, end, length_penalty)
    for _ in range(limit - 1):
        kept = [slot for slot, owner in enumerate(owners) if len(finished[owner]) < beams]
        if not kept:
            break
        if len(kept) < len(owners):
            slots = (torch.tensor(kept)[:, None] * beams + torch.arange(beams)).flatten()
            owners, totals = [owners[slot] for slot in kept], totals[kept]
            tokens, hypotheses, cache = tokens[slots], [hypotheses[slot] for slot in slots.tolist()], select(cache, slots)
        logits, cache = advance(decoder, cache, tokens)
        scores = penalised(logits, hypotheses, repetition_penalty).log_softmax(-1)
        vocabulary = scores.shape[-1]
        totals, chosen = (totals.view(-1, 1) + scores).view(len(owners), beams * vocabulary).topk(beams, -1)
        origins = (chosen // vocabulary + torch.arange(len(owners))[:, None] * beams).flatten()
        tokens = (chosen % vocabulary).flatten()
        hypotheses = [[*hypotheses[origin], token] for origin, token in zip(origins.tolist(), tokens.tolist())]
        cache = select(cache, origins)
        totals = _retire([finished[owner] for owner in owners], hypotheses, totals, tokens, end, length_penalty)
    for slot, owner in enumerate(owners):
        if not finished[owner]:
            finished[owner].append((0.0, hypotheses[slot * beams + int(totals[slot].argmax())]))
    return [[token for token in max(found)[1] if token != end] for found in finished]


@torch.no_grad()
def sample(
    decoder: LanguageModel,
    prefix: PastKeysAndValues,
    bodies: list[torch.Tensor],
    count: int,
    end: int,
    limit: int,
    temperature: float,
    seed: int,
) -> list[list[list[int]]]:
    """`count` sampled answers to every prompt body [L, 576], L of each its own, behind `prefix` (of len(bodies) rows).

    Bodies are padded on the left and the padding hidden. Answers end with `end`, or are cut after `limit` tokens.
    """
    longest = max(len(body) for body in bodies)
    past = prefix[0][0].shape[2]
    padding = torch.tensor([longest - len(body) for body in bodies])
    x = torch.stack([torch.cat([body.new_zeros(longest - len(body), body.shape[1]), body]) for body in bodies])
    places = torch.arange(longest)
    hidden_keys = torch.cat([torch.zeros(len(bodies), past, dtype=torch.bool), places[None] < padding[:, None]], 1)
    mask = causal_mask(longest, past).expand(len(bodies), -1, -1, -1).masked_fill(hidden_keys[:, None, None], HIDDEN)
    positions = past + (places[None] - padding[:, None]).clamp(min=0)
    states, cache = decoder.forward(x, positions, mask, prefix)
    logits = decoder.logits(states[:, -1])[:, None].expand(-1, count, -1)
    prompt = torch.zeros(hidden_keys.shape).masked_fill(hidden_keys, HIDDEN)[:, None, None]
    # The answers to one prompt share its keys and values: each step adds one column an answer, seen by that answer alone.
    own = torch.full((count, count), HIDDEN).fill_diagonal_(0)
    position = past + longest - padding
    random = torch.Generator().manual_seed(seed)
    answers: list[list[list[int]]] = [[[] for _ in range(count)] for _ in bodies]
    owners = torch.arange(len(bodies))
    open_ones = torch.ones(len(bodies), count, dtype=torch.bool)
    for step in range(limit):
        tokens = draw((logits / temperature).softmax(-1), random)
        for row, answer in open_ones.nonzero().tolist():
            answers[owners[row]][answer].append(int(tokens[row, answer]))
        open_ones &= tokens != end
        kept = open_ones.any(1).nonzero().flatten()
        if not len(kept) or step == limit - 1:
            break
        if len(kept) < len(tokens):
            owners, tokens, open_ones, position = owners[kept], tokens[kept], open_ones[kept], position[kept]
            cache, prompt = select(cache, kept), prompt[kept]
        mask = torch.cat([prompt.expand(-1, -1, count, -1), own.repeat(1, step + 1).expand(len(kept), 1, -1, -1)], -1)
        states, cache = decoder.forward(decoder.embed(tokens), position[:, None].expand(-1, count), mask, cache)
        logits, position = decoder.logits(states), position + 1
    return answers


def draw(probabilities: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Indices drawn by probabilities [..., N]. Over a vocabulary one number a row is far cheaper than torch.multinomial's N."""
    cumulative = probabilities.cumsum(-1)
    places = torch.rand((*cumulative.shape[:-1], 1), generator=random) * cumulative[..., -1:]
    return torch.searchsorted(cumulative, places, right=True)[..., 0].clamp(max=cumulative.shape[-1] - 1)


def penalised(logits: torch.Tensor, said: list[list[int]], penalty: float) -> torch.Tensor:
    """Logits [B, vocab] with those of tokens that a row has said divided by `penalty`, or multiplied where negative
    (CTRL, arXiv 1909.05858)."""
    if penalty == 1:
        return logits
    logits = logits.clone()
    for row, tokens in zip(logits, said, strict=True):
        chosen = torch.tensor(sorted(set(tokens)), dtype=torch.int64)
        values = row[chosen]
        row[chosen] = torch.where(values > 0, values / penalty, values * penalty)
    return logits


def select(cache: PastKeysAndValues, rows: torch.Tensor) -> PastKeysAndValues:
    """The cache of some rows, in their order."""
    return [(keys[rows], values[rows]) for keys, values in cache]


def _retire(
    finished: list[list[tuple[float, list[int]]]],
    hypotheses: list[list[int]],
    totals: torch.Tensor,
    tokens: torch.Tensor,
    end: int,
    length_penalty: float,
) -> torch.Tensor:
    """Moves hypotheses that just ended to `finished` and takes their beam out of the running."""
    totals = totals.clone()
    beams = totals.shape[1]
    for index in (tokens == end).nonzero().flatten().tolist():
        row, beam = divmod(index, beams)
        score = float(totals[row, beam])
        if score > -1e8:
            finished[row].append((score / len(hypotheses[index]) ** length_penalty, hypotheses[index]))
        totals[row, beam] = -1e9
    return totals
