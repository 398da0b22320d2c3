"""A shipped pack as a model under evaluation: decoder and projector in PyTorch from the pack's own bytes, its two towers'
graphs in ONNX Runtime (float32). Nothing of training is needed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer
from torch import nn

from ..derive import adapted
from ..export_adapter import read_adapter
from ..export_files import read_json
from ..export_pack import read_projector
from ..gguf_base import Base
from ..language_model import Architecture, LanguageModel
from ..pooling import DeltaPooling, make_pooling, take_pack_tensors
from ..projector import FoldedProjector
from ..prompt import IM_END, IM_START
from ..retrieval import CaptionStore
from ..valley import Model
from .folders import Sampling
from .model import Subject


def load_pack(folder: Path, dtype: torch.dtype = torch.float32) -> Subject:
    """Raises FileNotFoundError where a file is missing, ValueError for pooling after the projector."""
    manifest = read_json(folder / "pack.json")
    base_path = (folder / manifest["base"]).parent
    base = Base(base_path)
    tokenizer = Tokenizer.from_file(str(base_path / base.manifest["files"]["tokenizer"]["path"]))
    if manifest["pooling"]["side"] != "before-projector":
        raise ValueError(f"{manifest['id']} pools after the projector, which is not evaluated here")
    tensors = {name: torch.from_numpy(value) for name, value in read_projector(folder).items()}
    tower, generation, sampling = manifest["tower"], manifest["generation"], manifest["sampling"]
    pooling = load_pooling(manifest["pooling"]["kind"], tower["gridTokens"], tower["width"], tensors)
    prompt = PackPrompt(tokenizer, manifest["prompt"]["system"])
    model = Model(load_decoder(base, folder, dtype), prompt, tower["gridTokens"], pooling.eval())
    store = manifest.get("captionStore")
    return Subject(
        model,
        FoldedProjector(tensors),
        tokenizer,
        OnnxEyes(folder, tower),
        {"pack": manifest["id"], "version": manifest["version"], "towers": "ONNX Runtime", "dtype": str(dtype).removeprefix("torch.")},
        manifest["prompt"]["describeImage"],
        manifest["prompt"]["describeVideo"],
        tokenizer.token_to_id(IM_END),
        generation["maxNewTokens"],
        generation["repetitionPenalty"],
        generation.get("beams", 1),
        generation.get("lengthPenalty", 1.0),
        Sampling(sampling["framesPerSecond"], sampling["minFrames"], sampling["maxFrames"], sampling["defaultFrames"]),
        PackStore(folder, store) if store else None,
        store["intro"] if store else "",
        OnnxTextTower(folder, manifest["textTower"]) if "textTower" in manifest else None,
        manifest["prompt"].get("tellsOrder", False),
    )


def take_towers(subject: Subject, folder: Path) -> None:
    """Gives a training run the towers and the caption store of the pack that its features came from (`training.pack_features`)."""
    manifest = read_json(folder / "pack.json")
    subject.eyes = OnnxEyes(folder, manifest["tower"])
    subject.text_tower = OnnxTextTower(folder, manifest["textTower"])
    subject.store, subject.intro = PackStore(folder, manifest["captionStore"]), manifest["captionStore"]["intro"]
    subject.about |= {"towers": manifest["id"]}


def tell_order(subject: Subject, folder: Path) -> None:
    """Has questions told which of their phrases is seen first, by the text tower of a pack (`training.phrase_order`)."""
    subject.text_tower, subject.tell_order = OnnxTextTower(folder, read_json(folder / "pack.json")["textTower"]), True


def load_pooling(kind: str, patches: int, width: int, tensors: dict[str, torch.Tensor]) -> nn.Module:
    """The pooling module with the parameters that the pack's projector file holds."""
    if kind == "delta":
        pooling: nn.Module = DeltaPooling(width, feed_forward=len(tensors["delta.linear1.bias"]))
    else:
        pooling = make_pooling(kind, patches, width)
    if kind != "mean":
        take_pack_tensors(pooling, tensors)
    return pooling


def load_decoder(base: Base, folder: Path, dtype: torch.dtype) -> LanguageModel:
    """The base's weights with the pack's adapter added, as the browser derives its float32 graph."""
    adapter = read_adapter(folder)
    names = [entry["name"] for entry in base.manifest["tensors"]]
    tensors = {name: torch.from_numpy(adapted(base.tensor(name), name, adapter).copy()) for name in names}
    sizes = base.manifest["architecture"]
    architecture = Architecture(sizes["layers"], sizes["heads"], sizes["kvHeads"], sizes["headDim"], sizes["ropeTheta"])
    return LanguageModel(tensors, dtype, architecture)


class PackPrompt:
    """The chat template around VISUAL with a pack's own tokenizer and system prompt (`training.parts.Prompt`)."""

    def __init__(self, tokenizer: Tokenizer, system: str) -> None:
        self.tokenizer, self.system = tokenizer, system

    def prefix(self) -> list[int]:
        return self.tokenizer.encode(f"{IM_START}system\n{self.system}{IM_END}\n{IM_START}user\n").ids

    def suffix(self, question: str) -> list[int]:
        return self.tokenizer.encode(f"\n{question}{IM_END}\n{IM_START}assistant\n").ids

    def again(self, question: str) -> list[int]:
        return self.tokenizer.encode(f"\n{IM_START}user\n{question}{IM_END}\n{IM_START}assistant\n").ids

    def answer(self, text: str) -> list[int]:
        return self.tokenizer.encode(f"{text}{IM_END}").ids


def session_of(path: Path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class OnnxEyes:
    """The pack's image tower (`training.evaluation.model.Eyes`)."""

    def __init__(self, folder: Path, tower: dict) -> None:
        self.tower = tower
        self._session = session_of(folder / tower["file"]["path"])
        self._outputs = [tower["patchesOutput"], tower["clsOutput"]]
        self._outputs += [tower["embeddingOutput"]] if "embeddingOutput" in tower else []

    def __call__(self, frames: Sequence[Image.Image]) -> tuple[torch.Tensor, torch.Tensor | None]:
        pixels = np.stack([self._pixels(frame) for frame in frames])
        patches, cls, *embedding = (torch.from_numpy(value) for value in self._session.run(self._outputs, {"pixels": pixels}))
        return torch.cat([patches, cls[:, None]], 1), embedding[0] if embedding else None

    def _pixels(self, frame: Image.Image) -> np.ndarray:
        """float32 [3, S, S], resized and normalised as the manifest says."""
        size, frame = self.tower["inputSize"], frame.convert("RGB")
        box = None
        if self.tower["resize"] == "center-crop":
            # The square of the input's size in a picture scaled to the short side, in the picture's own pixels.
            side = min(frame.size) * size / self.tower["resizeShortSide"]
            left, top = (frame.width - side) / 2, (frame.height - side) / 2
            box = (left, top, left + side, top + side)
        if frame.size != (size, size) or box:
            frame = frame.resize((size, size), Image.Resampling.BILINEAR, box=box)
        mean, std = np.float32(self.tower["mean"]), np.float32(self.tower["std"])
        return np.ascontiguousarray(((np.asarray(frame, np.float32) / 255 - mean) / std).transpose(2, 0, 1))


class OnnxTextTower:
    """The pack's text tower (`training.evaluation.model.TextTower`)."""

    def __init__(self, folder: Path, entry: dict) -> None:
        self._session = session_of(folder / entry["file"]["path"])
        self._tokenizer = Tokenizer.from_file(str(folder / entry["tokenizer"]["path"]))
        self._tokenizer.enable_truncation(entry["maxTokens"])
        self._tokenizer.no_padding()

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        rows = []
        # One at a time: padding would change the scales that the int8 graph gives its activations.
        for text in texts:
            ids = np.array([self._tokenizer.encode(text).ids], np.int64)
            rows.append(self._session.run(["embedding"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0])
        return np.stack(rows)


class PackStore(CaptionStore):
    """The pack's caption store (`training.evaluation.model.Store`), asked as the pack says."""

    def __init__(self, folder: Path, entry: dict) -> None:
        lines = (folder / entry["texts"]["path"]).read_text(encoding="utf-8").rstrip("\n").split("\n")
        pictures, texts = zip(*(line.split("\t", 1) for line in lines), strict=True)
        stored = np.frombuffer((folder / entry["vectors"]["path"]).read_bytes(), np.int8)
        super().__init__(list(texts), np.array(list(map(int, pictures))), stored.reshape(entry["count"], entry["size"]), entry["scale"])
        self.by = entry.get("quoteBy", "clip")
        self._quotes = entry["quotes"]

    def nearest(self, frames: np.ndarray, count: int | None = None, exclude: Collection[int] = ()) -> list[str]:
        """As `CaptionStore.nearest`; frames [T, E] of any length."""
        lengths = np.linalg.norm(frames, axis=1, keepdims=True)
        return super().nearest(frames / np.maximum(lengths, 1e-12), count or self._quotes, exclude)
