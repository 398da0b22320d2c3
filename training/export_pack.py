"""Write a pack's projector, adapter and pack.json, and the catalogue: `python -m training.export_pack`.

    python -m training.export_pack --checkpoint training/checkpoints/phase1/projector.pt [--version 0.1.0]

Without a checkpoint the projector is seeded noise of the embeddings' spread: the app runs, its answers mean nothing.
The tower must be there already (`python -m training.export_tower`), and the base (`training.export_base`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from training.export_adapter import adapter_file, checkpoint_adapter
from training.export_base import BASE_ID
from training.export_files import MODELS, describe, read_json, superseded, write_hashed, write_json
from training.gguf_base import Base
from training.smoothing import base_sites, smoothing_file, smoothing_of

PACK_ID = "valley-nano"
MARKER_COUNT = 4
# Root mean square of the tower's pooled features on photos, for the untrained projector only.
FEATURE_RMS = 0.6
LICENCE = (
    "Base (SmolLM2-135M-Instruct) and the weights that the towers started from (EfficientNet-Lite2, MiniLM): Apache-2.0. "
    "Captions to quote: COCO, CC-BY 4.0. Towers, projector and adapter were trained on Flickr8k, MSR-VTT and others (model card), "
    "for non-commercial research."
)


def untrained_projector(base: Base, width: int, seed: int) -> dict[str, np.ndarray]:
    """Seeded Gaussian weight [width, hidden], bias [hidden], markers [4, hidden] of the token embeddings' spread."""
    embeddings = base.tensor(base.manifest["embedding"])
    spread, centre = float(embeddings.std()), embeddings.mean(axis=0)
    hidden = embeddings.shape[1]
    random = np.random.default_rng(seed)
    weight = random.standard_normal((width, hidden)) * spread / (FEATURE_RMS * np.sqrt(width))
    markers = centre + random.standard_normal((MARKER_COUNT, hidden)) * spread
    return {"weight": weight, "bias": centre, "markers": markers}


def checkpoint_tensors(path: Path) -> dict[str, np.ndarray]:
    """A folded projector checkpoint (`training.projector.Projector.folded`) as float32 arrays, in its own order."""
    import torch

    tensors = torch.load(path, weights_only=True, map_location="cpu")
    return {name: tensor.float().numpy() for name, tensor in tensors.items()}


def exported_pooling(tensors: Iterable[str]) -> str:
    """The pooling that a checkpoint was trained with. Raises ValueError for one that the browser does not have."""
    from training.pooling import pooling_kind

    kind = pooling_kind(tensors)
    if kind == "frames":
        raise ValueError("full-frame tokens (--full-frames) are for comparison in training alone: the browser has no such pooling")
    return kind


def projector_file(tensors: dict[str, np.ndarray], width: int, hidden: int) -> tuple[bytes, list[dict]]:
    """Projector bytes (little-endian float32: weight, bias, markers, pooling parameters) and pack.json's table."""
    expected = {"weight": (width, hidden), "bias": (hidden,), "markers": (MARKER_COUNT, hidden)}
    for name, shape in expected.items():
        if name not in tensors or tensors[name].shape != shape:
            raise ValueError(f"projector tensor {name} must be {shape}")
    order = [*expected, *(name for name in tensors if name not in expected)]
    data, table = bytearray(), []
    for name in order:
        value = np.ascontiguousarray(tensors[name]).astype("<f4")
        if not np.isfinite(value).all():
            raise ValueError(f"projector tensor {name} holds values that are not finite")
        table.append({"name": name, "shape": list(value.shape), "offset": len(data)})
        data += value.tobytes()
    return bytes(data), table


def read_projector(folder: Path) -> dict[str, np.ndarray]:
    """A pack's projector file as `projector_file` wrote it: float32 tensors by name."""
    entry = read_json(folder / "pack.json")["projector"]
    data = (folder / entry["file"]["path"]).read_bytes()
    return {
        row["name"]: np.frombuffer(data, "<f4", int(np.prod(row["shape"])), row["offset"]).reshape(row["shape"]).copy()
        for row in entry["tensors"]
    }


def adapter_entry(folder: Path, checkpoint: Path | None, architecture: dict) -> dict | None:
    """Write `adapter-<sha8>.bin` from a checkpoint {rank, alpha, modules: {name: (A, B)}} and describe it, or None."""
    if checkpoint is None:
        for old in superseded(folder, "adapter", ".bin", keep=None):
            old.unlink()
        return None
    adapter = checkpoint_adapter(checkpoint, architecture)
    data, table = adapter_file(adapter.factors)
    file = write_hashed(folder, "adapter", ".bin", data)
    return {"file": file, "rank": adapter.rank, "alpha": adapter.alpha, "tensors": table}


def smoothing_entry(folder: Path, factors: Path | None, base: Base) -> dict | None:
    """Write `smoothing-<sha8>.bin` from what `training.calibrate` found and describe it, or None.

    Raises ValueError for factors of another base.
    """
    if factors is None:
        for old in superseded(folder, "smoothing", ".bin", keep=None):
            old.unlink()
        return None
    import torch

    saved = torch.load(factors, weights_only=True, map_location="cpu")
    values = {site: saved[site.name].numpy() for site in base_sites(base) if site.name in saved}
    if len(values) != len(saved):
        raise ValueError(f"{factors} holds factors of tensors that the base does not have")
    smoothing_of(values, base.manifest["architecture"])
    data, table = smoothing_file(values)
    return {"file": write_hashed(folder, "smoothing", ".bin", data), "sites": table}


def clip_parts(folder: Path, quote_by: str) -> dict:
    """pack.json's `textTower` and `captionStore` where `training.export_clip` wrote their files, else nothing."""
    from training.clip.image_tower import EMBEDDING_SIZE
    from training.clip.text_tower import MAX_TOKENS
    from training.retrieval import INTRO, LICENCE as STORE_LICENCE, QUOTES, SOURCE

    def only(stem: str, suffix: str) -> dict:
        found = superseded(folder, stem, suffix, keep=None)
        if len(found) != 1:
            raise FileNotFoundError(f"{folder} must hold one {stem}-<sha8>{suffix}: run python -m training.export_clip")
        return describe(found[0], folder)

    if not superseded(folder, "text", ".onnx", keep=None):
        return {}
    vectors = only("captions", ".bin")
    rows = np.frombuffer((folder / vectors["path"]).read_bytes(), np.int8).reshape(-1, EMBEDDING_SIZE)
    # The vectors were of length 1 before they were rounded to integers.
    scale = float(1 / np.linalg.norm(rows.astype(np.float32), axis=1).mean())
    return {
        "textTower": {
            "file": only("text", ".onnx"),
            "tokenizer": only("wordpiece", ".json"),
            "tokenizerConfig": only("wordpiece-config", ".json"),
            "embeddingSize": EMBEDDING_SIZE,
            "maxTokens": MAX_TOKENS,
        },
        "captionStore": {
            "texts": only("captions", ".tsv"),
            "vectors": vectors,
            "count": vectors["bytes"] // EMBEDDING_SIZE,
            "size": EMBEDDING_SIZE,
            "scale": scale,
            "quotes": QUOTES,
            "quoteBy": quote_by,
            "intro": INTRO,
            "licence": STORE_LICENCE,
            "source": SOURCE,
        },
    }


def download_bytes(manifest: dict, base: dict) -> int:
    """What a first load fetches: the pack's own files, the base's shards and tokenizer and one (the int8) graph.

    The text tower is not among them: it is fetched when text is first searched for.
    """
    files = [manifest["tower"]["file"], manifest["projector"]["file"], *base["files"]["weights"]]
    files += [base["files"]["tokenizer"], base["files"]["tokenizerConfig"], base["graphs"]["int8"]["file"]]
    files += [manifest[name]["file"] for name in ("adapter", "smoothing") if manifest.get(name)]
    if "captionStore" in manifest:
        files += [manifest["captionStore"][name] for name in ("texts", "vectors")]
    return sum(file["bytes"] for file in files)


def export(
    folder: Path,
    base_folder: Path,
    checkpoint: Path | None,
    adapter: Path | None,
    version: str,
    seed: int,
    beams: int = 1,
    repetition_penalty: float = 1.1,
    quote_by: str = "clip",
    smoothing: Path | None = None,
    tell_order: bool = False,
) -> dict:
    """Write projector, adapter, smoothing and pack.json beside the tower in `folder`; returns pack.json's content."""
    from training.prompt import DESCRIBE_IMAGE, DESCRIBE_VIDEO, SYSTEM
    from training.tower import GRID_TOKENS, INPUT_SIZE, MEAN, STD, WIDTH

    prompt = {"system": SYSTEM, "describeImage": DESCRIBE_IMAGE, "describeVideo": DESCRIBE_VIDEO}
    base = Base(base_folder)
    towers = superseded(folder, "tower", ".onnx", keep=None)
    if len(towers) != 1:
        raise FileNotFoundError(f"{folder} must hold one tower-<sha8>.onnx: run python -m training.export_tower")
    hidden = base.manifest["architecture"]["hiddenSize"]
    tensors = checkpoint_tensors(checkpoint) if checkpoint else untrained_projector(base, WIDTH, seed)
    data, table = projector_file(tensors, WIDTH, hidden)
    manifest = {
        "formatVersion": 1,
        "id": PACK_ID,
        "version": version,
        "name": "Valley nano",
        "languages": ["en"],
        "licence": LICENCE,
        "base": f"../{base_folder.name}/base.json",
        "tower": {
            "file": describe(towers[0], folder),
            "inputSize": INPUT_SIZE,
            "resize": "squash",
            "filter": "bilinear-antialias",
            "mean": list(MEAN),
            "std": list(STD),
            "gridTokens": GRID_TOKENS,
            "width": WIDTH,
            "patchesOutput": "patches",
            "clsOutput": "cls",
        },
        "pooling": {"kind": exported_pooling(tensors), "side": "before-projector"},
        "projector": {
            "file": write_hashed(folder, "projector", ".bin", data),
            "inputSize": WIDTH,
            "outputSize": hidden,
            "tensors": table,
        },
        "adapter": adapter_entry(folder, adapter, base.manifest["architecture"]),
        "sampling": {"minFrames": 1, "maxFrames": 16, "defaultFrames": 8, "framesPerSecond": 1},
        "prompt": prompt | ({"tellsOrder": True} if tell_order else {}),
        "generation": {
            "maxNewTokens": 96,
            "temperature": 0,
            "topP": 0.95,
            "repetitionPenalty": repetition_penalty,
            "beams": beams,
            "lengthPenalty": 1,
        },
        "contextTokens": {"wasm": 768, "webgpu": 2048},
    }
    factors = smoothing_entry(folder, smoothing, base)
    manifest |= {"smoothing": factors} if factors else {}
    parts = clip_parts(folder, quote_by)
    if parts:
        manifest["tower"] |= {"embeddingOutput": "embedding", "embeddingSize": parts["textTower"]["embeddingSize"]}
        manifest |= parts
    manifest["totals"] = {"bytes": download_bytes(manifest, base.manifest)}
    write_json(folder / "pack.json", manifest)
    return manifest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=None, help="trained projector.pt; seeded noise without it")
    parser.add_argument("--adapter", type=Path, default=None, help="LoRA checkpoint {rank, alpha, modules}")
    parser.add_argument("--smoothing", type=Path, default=None, help="smoothing.pt of training.calibrate, for the same adapter")
    parser.add_argument("--version", default="0.1.0")
    parser.add_argument("--seed", type=int, default=0, help="of the untrained projector")
    parser.add_argument("--beams", type=int, choices=(1, 2, 3), default=1, help="of the app's beam search; 1 is greedy")
    parser.add_argument("--repetition-penalty", type=float, default=1.1)
    parser.add_argument("--quote-by", choices=("clip", "time"), default="clip", help="captions nearest to the frames' mean, or of each part of the clip")
    parser.add_argument("--tell-order", action="store_true", help="questions are told which of their phrases is seen first, as in training")
    parser.add_argument("--models", type=Path, default=MODELS)
    options = parser.parse_args()
    folder = options.models / PACK_ID
    base = options.models / BASE_ID
    trained = (options.checkpoint, options.adapter, options.version, options.seed)
    manifest = export(folder, base, *trained, options.beams, options.repetition_penalty, options.quote_by, options.smoothing, options.tell_order)
    path = options.models / "catalog.json"
    # What it names of the hub is written by hand (docs/packs.md) and stays.
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    write_json(path, {**kept, "packs": [{"id": PACK_ID, "path": f"{PACK_ID}/pack.json"}], "default": PACK_ID})
    total = sum(path.stat().st_size for path in options.models.rglob("*") if path.is_file())
    kind = options.checkpoint or "untrained projector"
    print(f"{folder}: {kind}, first load {manifest['totals']['bytes']} bytes, all of models/ {total} bytes")


if __name__ == "__main__":
    main()
