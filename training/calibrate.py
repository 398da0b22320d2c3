"""Smoothing factors of a run's adapter, from activations on training material: `python -m training.calibrate`.

    python -m training.calibrate --run NAME --clip LAYER        writes training/checkpoints/NAME/smoothing.pt
    python -m training.export_pack … --smoothing training/checkpoints/NAME/smoothing.pt

Clips and photos of the features cache are described with the prompt of the app, quotes included, and a human caption as the
answer. For every site (`training.smoothing`) some of the rows that go into its matrices are kept, and the factors are found
that lose least when activations and weights are rounded as the int8 graph rounds them. Nothing is trained.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from .data import CHECKPOINTS, clean_caption
from .derive import adapted, channel_codes
from .evaluation.from_cache import cached_items, see_cached
from .evaluation.from_run import load_run
from .evaluation.model import Subject
from .export_adapter import MODULES, checkpoint_adapter
from .export_base import BASE_ID
from .export_files import MODELS
from .export_reference import llama
from .gguf_base import Base
from .retrieval import WAYS
from .smoothing import Site, base_sites, widened

ITEMS = 24
ROWS_AN_ITEM = 12
# Rows and output channels that a step of the search looks at, others each time.
BATCH, CHANNELS = 96, 128
STEPS, RATE = 200, 0.05
# The first token is an attention sink with huge activations (Massive Activations, arXiv 2402.17762) that every later one attends to:
# one row, which counts this much beside all others.
SINK_WEIGHT = 0.5
# Output channels that figures are of: all but the output matrix's.
MEASURED = 4096


def example(subject: Subject, item, number: int) -> tuple[torch.Tensor, int]:
    """(A whole conversation about an item as embeddings [S, hidden], how many of its positions predict the answer)."""
    seen = subject.look(item.frames(subject.sampling, None))
    body = subject.body(seen, subject.question(item.is_photo))[0]
    answer = subject.encode(clean_caption(item.captions[number % len(item.captions)]))
    before, after = (subject.model.decoder.embed(torch.tensor(ids)) for ids in (subject.model.prompt.prefix(), answer))
    return torch.cat([before, body, after]), len(answer) + 1


@dataclass
class Activations:
    """What goes into a site's matrices, float32: `rows` [n, channels], and `sink` [m, channels], the first tokens of prompts."""

    rows: torch.Tensor
    sink: torch.Tensor


@torch.inference_mode()
def activations(model: torch.nn.Module, examples: Sequence[tuple[torch.Tensor, int]], sites: Sequence[Site], seed: int = 0) -> dict[Site, Activations]:
    """Inputs of each site of a transformers Llama: some rows of every example, the first token of one (prompts begin alike).

    Of the output matrix only those that predict an answer: no others are asked of it.
    """
    generator = torch.Generator().manual_seed(seed)
    kept: dict[Site, list[torch.Tensor]] = {site: [] for site in sites}
    sinks: dict[Site, torch.Tensor] = {}
    *inner, last = sites
    modules = {gguf: module for module, gguf in MODULES.items()}

    def keep(site: Site, rows: torch.Tensor) -> None:
        kept[site].append(rows[torch.randperm(len(rows), generator=generator)[:ROWS_AN_ITEM]].clone())

    def hook(site: Site) -> Callable:
        def look(_module, inputs) -> None:
            sinks.setdefault(site, inputs[0][0, :1].clone())
            keep(site, inputs[0][0, 1:])

        return look

    handles = []
    for site in inner:
        _, layer, part, _ = site.multiplied[0].split(".")
        handles.append(model.model.layers[int(layer)].get_submodule(modules[part]).register_forward_pre_hook(hook(site)))
    for embeddings, answer in examples:
        hidden = model.model(inputs_embeds=embeddings[None], use_cache=False).last_hidden_state[0]
        keep(last, hidden[-answer:])
    for handle in handles:
        handle.remove()
    return {site: Activations(torch.cat(rows), sinks.get(site, rows[0][:0])) for site, rows in kept.items()}


def rounded_product(x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """x [S, K] times weights [N, K] as the int8 graph computes it, each row a chunk of its own."""
    codes, scales = channel_codes(weights.numpy())
    unit = x / x.abs().amax(1, keepdim=True).clamp_min(1e-20)
    low, high = unit.amin(1, keepdim=True).clamp_max(0), unit.amax(1, keepdim=True).clamp_min(0)
    step = ((high - low) / 255).clamp_min(1e-20)
    zero = (-low / step).round()
    steps = ((unit / step).round() + zero).clamp(0, 255) - zero
    peak = x.abs().amax(1, keepdim=True)
    return F.linear(steps * step, torch.from_numpy(codes.astype(np.float32))) * torch.from_numpy(scales) * peak


def lost(x: torch.Tensor, weights: torch.Tensor, factors: torch.Tensor) -> float:
    """Share of the squared length of a row of outputs that rounding changes, on average; `factors` [K]."""
    exact = F.linear(x, weights)
    error = rounded_product(x / factors, weights * factors) - exact
    return float((error.square().sum(1) / exact.square().sum(1).clamp_min(1e-20)).mean())


def search(given: Activations, weights: torch.Tensor, widen: Callable[[torch.Tensor], torch.Tensor], count: int, seed: int = 0) -> torch.Tensor:
    """The `count` factors, of geometric mean 1, that rounding loses least with; `widen` lays them out over K columns.

    weights float32 [N, K]. SmoothQuant balances the largest activation of a channel against its largest
    weight (alpha 0.5); from there the expected loss is descended. A step of rounding is the largest magnitude of a row of
    activations or of an output channel's weights over 127; the error of each is spread over all channels, so
    activations lose max_j(x_j/s_j)^2 * sum_j s_j^2 |w_j|^2, weights sum_n max_j(s_j w_nj)^2 * sum_j (x_j/s_j)^2.
    """
    generator = torch.Generator().manual_seed(seed)
    lengths, magnitudes = weights.square().sum(0), weights.abs()
    groups = [_relative(x, weights) for x in (given.rows, given.sink)]
    start = (groups[0][0].amax(0).clamp_min(1e-6).log() - magnitudes.amax(0).clamp_min(1e-6).log()) / 2
    # The mean over the columns that share a factor.
    owners = widen(torch.arange(count)).long()
    logs = torch.zeros(count).index_add(0, owners, start) / torch.bincount(owners, minlength=count)
    logs = (logs - logs.mean()).requires_grad_()
    optimiser = torch.optim.Adam([logs], lr=RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1, 0.05, STEPS)

    def some(rows: torch.Tensor, size: int) -> torch.Tensor:
        return torch.randperm(len(rows), generator=generator)[:size]

    for _ in range(STEPS):
        factors = widen(logs).exp()
        channels = some(weights, CHANNELS)
        of_weights = (magnitudes[channels] * factors).amax(1).square().mean() * len(weights)
        of_activations = (factors.square() * lengths).sum()
        loss = torch.zeros(())
        for (unit, exact), weight in zip(groups, (1.0, SINK_WEIGHT), strict=True):
            if len(unit):
                picked = some(unit, BATCH)
                scaled = unit[picked] / factors
                lost_of = scaled.amax(1).square() * of_activations + scaled.square().sum(1) * of_weights
                loss = loss + weight * (lost_of / exact[picked]).mean().log()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    logs = logs.detach()
    return (logs - logs.mean()).exp()


def _relative(x: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(Magnitudes of rows of largest magnitude 1 [S, K], the squared length of their outputs [S])."""
    unit = x / x.abs().amax(1, keepdim=True).clamp_min(1e-20)
    some = weights[:MEASURED]
    return unit.abs(), (F.linear(unit, some).square().sum(1) * len(weights) / len(some)).clamp_min(1e-12)


def calibrate(base: Base, adapter, examples: Sequence[tuple[torch.Tensor, int]]) -> dict[str, torch.Tensor]:
    """Factors by site name, and a line printed for each kind of site: what rounding loses without and with them."""
    architecture = base.manifest["architecture"]
    sites = list(base_sites(base))
    started = time.monotonic()
    inputs = activations(llama(base, adapter), examples, sites)
    print(f"{len(examples)} examples, {time.monotonic() - started:.0f} s", flush=True)
    found, totals = {}, {}
    for number, (site, given) in enumerate(inputs.items(), 1):
        weights = torch.from_numpy(np.concatenate([adapted(base.tensor(name), name, adapter) for name in site.multiplied]))
        # Laid out as the derivation does it, so that what is searched is what is derived.
        order = torch.from_numpy(widened(np.arange(site.size), weights.shape[1], architecture).copy())
        factors = search(given, weights, lambda values, order=order: values[order], site.size)
        measured, plain = weights[:MEASURED], torch.ones(len(order))
        figures = [lost(x, measured, by) for x in (given.rows, given.sink) if len(x) for by in (plain, factors[order])]
        found[site.name] = factors
        totals.setdefault(site.name.split(".")[-2], []).append(figures)
        left = (time.monotonic() - started) / number * (len(inputs) - number)
        print(f"{site.name}: {told(figures)}, {left:.0f} s left", flush=True)
    for kind, figures in totals.items():
        print(f"mean of {kind}: {told(np.mean(figures, axis=0))}", flush=True)
    return found


def told(figures: Sequence[float]) -> str:
    """What rounding loses without and with factors, of ordinary rows and of the sink where there is one."""
    rows, sink = figures[:2], figures[2:]
    return f"{rows[0]:.2e} -> {rows[1]:.2e}" + (f", sink {sink[0]:.2e} -> {sink[1]:.2e}" if len(sink) else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="a run under training/checkpoints")
    parser.add_argument("--clip", required=True, help="the layer of the features cache that it was trained on")
    parser.add_argument("--source", action="append", help="of the cache (default: flickr8k and msrvtt)")
    parser.add_argument("--items", type=int, default=ITEMS, help="of the training split of each source")
    parser.add_argument("--quote-by", choices=WAYS, default="clip", help="as the pack will quote")
    parser.add_argument("--base", type=Path, default=MODELS / BASE_ID)
    parser.add_argument("--out", type=Path, help="(default: smoothing.pt in the run's folder)")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    subject = load_run(options.run, options.clip, torch.float32)
    see_cached(subject, options.clip)
    if subject.store is not None:
        subject.store.by = options.quote_by
    examples = []
    for source in options.source or ("flickr8k", "msrvtt"):
        items = cached_items(source, "train")
        # From all over the split, so that all its kinds of pictures are among them.
        chosen = items[:: max(1, len(items) // options.items)][: options.items]
        examples += [example(subject, item, number) for number, item in enumerate(chosen)]
    base, trained = Base(options.base), CHECKPOINTS / options.run / "adapter.pt"
    adapter = checkpoint_adapter(trained, base.manifest["architecture"]) if trained.is_file() else None
    out = options.out or CHECKPOINTS / options.run / "smoothing.pt"
    torch.save(calibrate(base, adapter, examples), out)
    print(f"{out}: for python -m training.export_pack --smoothing", flush=True)


if __name__ == "__main__":
    main()
