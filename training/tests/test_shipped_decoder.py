"""The 8-bit graphs of the GPU route, with the shipped base and adapter, in ONNX Runtime: no GPU takes part in a test run."""

from __future__ import annotations

import numpy as np
import pytest
from tokenizers import Tokenizer

from training.evaluation.forced_chat import FIXTURE, PACK, chat_text
from training.export_adapter import read_adapter
from training.export_files import read_json
from training.gguf_base import Base
from training.tests.test_export import decoder_session, run_in_chunks

CHUNK = 64
SINK = 4


@pytest.fixture(scope="module")
def forced(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """log p of every token of the vocabulary at each position of the forced answer, by flavour; `ids` are the answer's."""
    base = Base((PACK / read_json(PACK / "pack.json")["base"]).parent)
    tokenizer = Tokenizer.from_file(str(base.folder / base.manifest["files"]["tokenizer"]["path"]))
    chat = read_json(FIXTURE)
    before, after = (tokenizer.encode(text).ids for text in (chat_text(chat), chat["continuation"]))
    embeddings = base.tensor(base.manifest["embedding"])[before + after].astype(np.float32)
    # As the browser prefills: the first positions apart, the rest in chunks.
    length = len(before) + len(after)
    chunks = [SINK, *(min(CHUNK, length - at) for at in range(SINK, length, CHUNK))]
    rows = {"ids": np.array(after)}
    for flavour, dtype in (("q8f32", np.float32), ("q8f16", np.float16)):
        folder = tmp_path_factory.mktemp(flavour)
        session = decoder_session(base, flavour, read_adapter(PACK), folder)
        logits = run_in_chunks(session, base, embeddings, chunks, dtype)
        del session
        (folder / "decoder.weights").unlink()
        logits = logits[len(before) - 1 : -1].astype(np.float64)
        rows[flavour] = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    return rows


def own(forced: dict[str, np.ndarray], flavour: str) -> np.ndarray:
    """log p of the answer's own tokens."""
    return np.take_along_axis(forced[flavour], forced["ids"][:, None], axis=1)[:, 0]


@pytest.mark.parametrize("flavour", ["q8f32", "q8f16"])
def test_a_forced_answer_is_as_likely_as_in_pytorch(forced: dict[str, np.ndarray], flavour: str) -> None:
    assert np.isfinite(forced[flavour]).all()
    assert abs(own(forced, flavour).mean() - read_json(FIXTURE)["nats"]) < 0.03


def test_float16_rounds_and_changes_nothing_else(forced: dict[str, np.ndarray]) -> None:
    """Same 8-bit codes, everything between them in float16 rather than float32."""
    same = (forced["q8f16"].argmax(1) == forced["q8f32"].argmax(1)).mean()
    drift = np.abs(own(forced, "q8f16") - own(forced, "q8f32"))
    print(f"same likeliest token {same:.3f}, drift of log p: mean {drift.mean():.4f}, largest {drift.max():.4f}")
    assert same > 0.95
    assert drift.mean() < 0.03 and drift.max() < 0.2
