"""The tiny retrieval pack: its text tower in a padded batch against NumPy's vectors of one text at a time."""

import base64
from pathlib import Path

import numpy as np
import onnxruntime

from training.export_files import read_json

TINY = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "tiny"


def test_padding_changes_no_vector() -> None:
    pack = read_json(TINY / "tiny-retrieval" / "pack.json")
    golden = read_json(TINY / "golden.json")["retrieval"]["texts"]
    length = max(len(ids) for ids in golden["ids"])
    assert length == pack["textTower"]["maxTokens"]
    ids = np.array([row + [0] * (length - len(row)) for row in golden["ids"]], np.int64)
    mask = np.array([[1] * len(row) + [0] * (length - len(row)) for row in golden["ids"]], np.int64)
    path = TINY / "tiny-retrieval" / pack["textTower"]["file"]["path"]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    vectors = session.run(["embedding"], {"input_ids": ids, "attention_mask": mask})[0]
    expected = np.frombuffer(base64.b64decode(golden["vectors"]["float32"]), "<f4").reshape(vectors.shape)
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
