"""The adapter as it is trained equals the adapter as packs ship it: added to the GGUF's matrices in their row order."""

import numpy as np
import pytest
import torch

from training.adapter import Adapter
from training.export_adapter import gguf_factors
from training.language_model import LanguageModel, causal_mask

from .tiny import ARCHITECTURE, tiny_tensors


def test_trained_factors_equal_adapted_matrices():
    tensors = tiny_tensors()
    decoder = LanguageModel(tensors, torch.float32, ARCHITECTURE)
    adapter = Adapter(decoder, rank=2, alpha=4)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for b in adapter.b:
            b.copy_(torch.randn(b.shape, generator=generator) * 0.05)
    decoder.adapter = adapter

    saved = adapter.checkpoint()
    sizes = {"heads": ARCHITECTURE.heads, "kvHeads": ARCHITECTURE.kv_heads}
    shipped = dict(tensors)
    for module, (a, b) in saved["modules"].items():
        name, a, b = gguf_factors(module, a.numpy(), b.numpy(), sizes)
        update = b.astype(np.float32) @ a.astype(np.float32) * (saved["alpha"] / saved["rank"])
        shipped[name] = tensors[name] + torch.from_numpy(update)

    x = torch.randn(1, 5, tensors["token_embd.weight"].shape[1], generator=generator)
    arguments = (x, torch.arange(5)[None], causal_mask(5, 0))
    trained, _ = decoder.forward(*arguments)
    merged, _ = LanguageModel(shipped, torch.float32, ARCHITECTURE).forward(*arguments)
    assert torch.allclose(trained, merged, atol=5e-3)
    base, _ = LanguageModel(tensors, torch.float32, ARCHITECTURE).forward(*arguments)
    assert (trained - base).abs().max() > 0.05


def test_checkpoint_restores():
    decoder = LanguageModel(tiny_tensors(), torch.float32, ARCHITECTURE)
    adapter, other = Adapter(decoder, 2, 4, seed=1), Adapter(decoder, 2, 4, seed=2)
    other.restore(adapter.checkpoint())
    for ours, theirs in zip(adapter.parameters(), other.parameters()):
        assert torch.equal(ours, theirs)


def test_factors_of_another_scale_or_rank_are_refused():
    decoder = LanguageModel(tiny_tensors(), torch.float32, ARCHITECTURE)
    saved = Adapter(decoder, rank=2, alpha=4).checkpoint()
    for rank, alpha in ((2, 8), (4, 4)):
        with pytest.raises(ValueError, match="rank 2, alpha 4"):
            Adapter(decoder, rank, alpha).restore(saved)
