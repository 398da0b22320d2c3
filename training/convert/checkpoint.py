"""A published checkpoint, read by the names its tensors have: Valley (RupertLuo/Valley), LLaVA 1.5, and transformers' LLaVA.

    Valley          model.vision_tower.vision_model.*            model.mm_projector.{weight,bias}     model.layers.*
                    model.pooling_layer.*  model.transformer_delta_encoder.layers.0.*  model.position_matrix
    LLaVA 1.5       model.vision_tower.vision_tower.vision_model.* (or not there: --tower)
                    model.mm_projector.{0,2}.{weight,bias}        model.layers.*
    transformers    [model.]vision_tower.[vision_model.]*  [model.]multi_modal_projector.linear_{1,2}.*
                    language_model.model.layers.* or model.language_model.layers.*
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

# Published prefixes, by the one that is used here; the first that fits wins.
_RENAMES = (
    (r"(?:model\.)?vision_tower\.(?:vision_tower\.)?(?:vision_model\.)?", "tower."),
    (r"model\.mm_projector\.0\.|(?:model\.)?multi_modal_projector\.linear_1\.", "projector.first."),
    (r"model\.mm_projector\.2\.|(?:model\.)?multi_modal_projector\.linear_2\.", "projector."),
    (r"model\.mm_projector\.", "projector."),
    (r"model\.pooling_layer\.", "importance."),
    (r"model\.transformer_delta_encoder\.layers\.0\.", "delta."),
    (r"model\.position_matrix$", "delta.positions"),
    (r"language_model\.lm_head\.|lm_head\.", "text.lm_head."),
    (r"language_model\.model\.|model\.language_model\.|model\.(?=layers\.|embed_tokens\.|norm\.)", "text."),
)
# Kept by checkpoints though nothing is computed from it: the layer that Valley's encoder was copied from, buffers of rotary tables.
_UNUSED = re.compile(r"model\.transforemr_adding_layer\.|.*rotary_emb\.inv_freq$|.*\.position_ids$|model\.image_newline$")


class ConversionError(Exception):
    """A checkpoint that cannot become a pack; the message says which part and why."""


def canonical(name: str) -> str | None:
    """The name used here of a published one; None for what is not used. Raises ConversionError for a name of no known layout."""
    if _UNUSED.fullmatch(name) or _UNUSED.match(name):
        return None
    for pattern, prefix in _RENAMES:
        found = re.match(pattern, name)
        if found:
            return prefix + name[found.end() :]
    raise ConversionError(f"tensor {name} belongs to no layout that is known here (Valley, LLaVA 1.5, transformers' llava)")


@dataclass
class Weights:
    """Tensors of a folder's safetensors or PyTorch files, read one at a time."""

    folder: Path
    _files: dict[str, Path] = field(default_factory=dict)
    _open: tuple[Path, dict] | None = None

    def __post_init__(self) -> None:
        indexed = sorted(self.folder.glob("*.index.json"))
        safe, plain = sorted(self.folder.glob("*.safetensors")), sorted(self.folder.glob("pytorch_model*.bin"))
        if indexed:
            listed = json.loads(indexed[-1].read_text(encoding="utf-8"))["weight_map"]
            missing = {name for name in listed.values() if not (self.folder / name).exists()}
            if missing:
                raise ConversionError(f"{self.folder}: {indexed[-1].name} names {', '.join(sorted(missing))}, which are not there")
            self._files = {name: self.folder / file for name, file in listed.items()}
            return
        for path in safe or plain:
            self._files |= dict.fromkeys(self._names(path), path)
        if not self._files:
            raise ConversionError(f"{self.folder} holds neither *.safetensors nor pytorch_model*.bin")

    def _names(self, path: Path) -> list[str]:
        if path.suffix == ".safetensors":
            from safetensors import safe_open

            with safe_open(path, "pt") as file:
                return list(file.keys())
        return list(self._loaded(path))

    def _loaded(self, path: Path) -> dict:
        if self._open is None or self._open[0] != path:
            self._open = (path, torch.load(path, map_location="cpu", weights_only=True, mmap=True))
        return self._open[1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def read(self, name: str) -> torch.Tensor:
        """The tensor as float32."""
        path = self._files[name]
        if path.suffix == ".safetensors":
            from safetensors import safe_open

            with safe_open(path, "pt") as file:
                return file.get_tensor(name).float()
        return self._loaded(path)[name].float()


class Checkpoint:
    """A checkpoint by canonical names: `tower.*`, `projector.*`, `importance.*`, `delta.*`, `text.*`.

    `tower`: a CLIP checkpoint's folder, for those that do not hold their own (LLaVA 1.5 as published).
    """

    def __init__(self, folder: Path, tower: Path | None = None) -> None:
        self.folder = folder
        self.config = read_config(folder)
        self._weights = Weights(folder)
        self._names = {name: published for published in self._weights if (name := canonical(published)) is not None}
        self._tower = Weights(tower) if tower else None
        self.tower_folder = tower
        if self._tower:
            # A whole CLIP has its text half too.
            tails = {name: re.sub(r"^(vision_model\.)", "", name) for name in self._tower if not name.startswith(("text_", "logit_", "visual_"))}
            self._tower_names = {f"tower.{tail}": name for name, tail in tails.items()}
        elif not any(name.startswith("tower.") for name in self._names):
            raise ConversionError(f"{folder} holds no vision tower; give the folder of {self.config.get('mm_vision_tower', 'its CLIP')} with --tower")

    def has(self, name: str) -> bool:
        return name in self._names or (self._tower is not None and name in self._tower_names)

    def tensor(self, name: str) -> np.ndarray:
        """float32; ConversionError where the checkpoint has none."""
        if self._tower is not None and name in self._tower_names:
            return self._tower.read(self._tower_names[name]).numpy()
        if name not in self._names:
            raise ConversionError(f"{self.folder} has no tensor {name}")
        return self._weights.read(self._names[name]).numpy()

    def names(self, prefix: str) -> list[str]:
        """Canonical names that start so."""
        return sorted(name for name in self._names if name.startswith(prefix))

    @property
    def text_config(self) -> dict:
        """Llama's configuration: nested in transformers' layout, flat in the two older ones."""
        text = self.config.get("text_config") or self.config
        if text.get("model_type", "llama") not in ("llama", "valley", "llava", "llava_llama"):
            raise ConversionError(f"the language model is a {text['model_type']}; only those of Llama's shape are converted")
        if text.get("rope_scaling"):
            raise ConversionError("scaled rotary positions (rope_scaling) are not converted")
        return text

    @property
    def pooling(self) -> str:
        """Valley's version by its published flags: mean (v1), importance (v2), delta (v3). LLaVA has none: mean."""
        if self.config.get("use_delta_transformer"):
            return "delta"
        return "importance" if self.config.get("use_patch_importance_pooling") else "mean"

    @property
    def is_valley(self) -> bool:
        """Whether Valley's four markers and frame tokens stand around and behind the patches."""
        return self.config.get("model_type") == "valley" or bool({"use_patch_importance_pooling", "use_delta_transformer"} & self.config.keys())


def read_config(folder: Path) -> dict:
    """config.json of a checkpoint's folder; ConversionError where it has none."""
    path = folder / "config.json"
    if not path.exists():
        raise ConversionError(f"{folder} has no config.json")
    return json.loads(path.read_text(encoding="utf-8"))
