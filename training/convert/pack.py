"""pack.json and the files beside it: tower, projector with markers and pooling, and a base of each wanted precision."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx

from training.convert.base import PRECISIONS, SHARD_LIMIT, write_base
from training.convert.checkpoint import Checkpoint, ConversionError
from training.convert.tokenizer import LLAVA_SYSTEM, VALLEY_SYSTEM, marker_ids
from training.convert.tower import MEAN, STD, TowerShape, export_tower
from training.export_files import write_hashed, write_json
from training.export_pack import download_bytes
from training.pooling import sinusoidal_positions

# torch.nn.TransformerEncoderLayer's parameters that a pack's delta pooling has (docs/pack-format.md).
_DELTA = ("in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias", "linear1.weight", "linear1.bias")
_DELTA_PARTS = (*_DELTA, "linear2.weight", "linear2.bias", "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias")


def pooling_tensors(checkpoint: Checkpoint, tower: TowerShape, hidden: int) -> dict[str, np.ndarray]:
    """`importance.*` or `delta.*` as the pack has them; nothing of mean.

    Raises ConversionError where the checkpoint's pooling is not the pack's: other positions over time, another number of patches.
    """
    kind = checkpoint.pooling
    if kind == "importance":
        weight, bias = checkpoint.tensor("importance.weight"), checkpoint.tensor("importance.bias")
        if weight.shape != (1, tower.grid_tokens * hidden):
            raise ConversionError(f"pooling_layer takes {weight.shape[1]} values, not {tower.grid_tokens} patches of {hidden}")
        return {"importance.weight": weight, "importance.bias": bias}
    if kind == "mean":
        return {}
    tensors = {}
    for part in _DELTA_PARTS:
        source = f"delta.self_attn.{part}" if part.startswith(("in_proj", "out_proj")) else f"delta.{part}"
        tensors[f"delta.{part}"] = checkpoint.tensor(source)
    if checkpoint.has("delta.positions"):
        table = checkpoint.tensor("delta.positions")[:64]
        ours = sinusoidal_positions(len(table), hidden).numpy()
        # Half-precision checkpoints round it.
        if np.abs(table - ours).max() > 1e-2:
            raise ConversionError("position_matrix is not the sinusoidal table that the pack's delta pooling computes")
    return tensors


def projector_tensors(checkpoint: Checkpoint, tower: TowerShape) -> dict[str, np.ndarray]:
    """The projector file's tensors in order: weight [width, hidden], bias [hidden], Valley's markers [4, hidden], the pooling's."""
    weight, bias = checkpoint.tensor("projector.weight").T, checkpoint.tensor("projector.bias")
    tensors = {"weight": weight, "bias": bias}
    if checkpoint.is_valley:
        tensors["markers"] = checkpoint.tensor("text.embed_tokens.weight")[marker_ids(checkpoint)]
    return tensors | pooling_tensors(checkpoint, tower, weight.shape[1])


def projector_bytes(tensors: dict[str, np.ndarray]) -> tuple[bytes, list[dict]]:
    """Little-endian float32, one tensor after another, and pack.json's table of them."""
    data, table = bytearray(), []
    for name, value in tensors.items():
        if not np.isfinite(value).all():
            raise ConversionError(f"{name} of the projector holds values that are not finite")
        table.append({"name": name, "shape": list(value.shape), "offset": len(data)})
        data += np.ascontiguousarray(value).astype("<f4").tobytes()
    return bytes(data), table


def pack_json(checkpoint: Checkpoint, name: str, precision: str, tower: TowerShape, files: dict, licence: str) -> dict:
    """pack.json's content; `files`: entries of tower and projector, `table` of its tensors, `width` and `hidden`."""
    valley = checkpoint.is_valley
    resize = {"resize": "center-crop", "resizeShortSide": 256 if valley and tower.image_size == 224 else tower.image_size}
    return {
        "formatVersion": 1,
        "id": f"{name}-{precision}",
        "version": "1.0.0",
        "name": f"{name} ({precision})",
        "languages": ["zh" if "chinese" in name.lower() else "en"],
        "licence": licence,
        "base": "base/base.json",
        "tower": {
            "file": files["tower"],
            "inputSize": tower.image_size,
            **resize,
            "filter": "bilinear-antialias",
            "mean": list(MEAN),
            "std": list(STD),
            "gridTokens": tower.grid_tokens,
            "width": files["width"],
            "patchesOutput": "patches",
            "clsOutput": "cls",
        },
        "pooling": {
            "kind": checkpoint.pooling,
            # Valley pools what the projector gives; of a mean the order does not matter, and one projection is less work than T.
            "side": "before-projector" if checkpoint.pooling == "mean" else "after-projector",
            # LLaVA has never seen a frame token: an image is its patches alone, as it was trained.
            **({} if valley else {"frameTokens": "clips"}),
        },
        "projector": {
            "file": files["projector"],
            "inputSize": files["width"],
            "outputSize": files["hidden"],
            "tensors": files["table"],
        },
        "adapter": None,
        "sampling": {"minFrames": 1, "maxFrames": 16, "defaultFrames": 8, "framesPerSecond": 1},
        "prompt": {
            "system": VALLEY_SYSTEM if valley else LLAVA_SYSTEM,
            "describeImage": "Describe the image concisely.",
            "describeVideo": "Describe the video concisely.",
        },
        "generation": {"maxNewTokens": 512, "temperature": 0, "topP": 0.95, "repetitionPenalty": 1, "beams": 1, "lengthPenalty": 1},
        "contextTokens": {"wasm": 1024, "webgpu": 2048},
    }


def convert(
    source: Path,
    out: Path,
    precisions: tuple[str, ...] = tuple(PRECISIONS),
    tower: Path | None = None,
    name: str | None = None,
    licence: str = "that of the checkpoint",
    limit: int = SHARD_LIMIT,
) -> list[Path]:
    """Writes `<out>/<name>-<precision>/` for each precision, complete in itself, and returns these folders.

    Raises ConversionError, with nothing left of the folder that it was about, where the checkpoint cannot be converted.
    """
    checkpoint = Checkpoint(source, tower)
    name = name or source.resolve().name.lower()
    graph, shape, width = export_tower(checkpoint)
    onnx.checker.check_model(graph)
    tensors = projector_tensors(checkpoint, shape)
    data, table = projector_bytes(tensors)
    hidden = tensors["bias"].size
    folders = []
    for precision in precisions:
        folder = out / f"{name}-{precision}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            base = write_base(checkpoint, folder / "base", name, precision, licence, limit)
            if base["architecture"]["hiddenSize"] != hidden:
                raise ConversionError(f"the projector gives {hidden} values, the language model takes {base['architecture']['hiddenSize']}")
            files = {
                "tower": write_hashed(folder, "tower", ".onnx", graph.SerializeToString(deterministic=True)),
                "projector": write_hashed(folder, "projector", ".bin", data),
                "table": table,
                "width": width,
                "hidden": hidden,
            }
            manifest = pack_json(checkpoint, name, precision, shape, files, licence)
            # What a first load fetches, with the graph that the precision is for.
            first = base | {"graphs": {"int8": next(iter(base["graphs"].values()))}}
            manifest["totals"] = {"bytes": download_bytes(manifest, first)}
            write_json(folder / "pack.json", manifest)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        folders.append(folder)
    return folders
