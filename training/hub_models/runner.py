"""The exported graphs in ONNX Runtime, driven as a browser drives them: any family, by the names of their inputs alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort


def session(path: Path) -> ort.InferenceSession:
    """A graph on one CPU thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class Graphs:
    """`onnx/` of a folder; `vision`, `embed` and `decoder` are what a repository appends to the parts' names ("", "_fp16", …)."""

    def __init__(self, folder: Path, vision: str = "", embed: str = "", decoder: str = "") -> None:
        self.vision = session(folder / "onnx" / f"vision_encoder{vision}.onnx")
        self.embed = session(folder / "onnx" / f"embed_tokens{embed}.onnx")
        self.decoder = session(folder / "onnx" / f"decoder_model_merged{decoder}.onnx")
        self.inputs = {item.name: item for item in self.decoder.get_inputs()}
        self.outputs = [item.name for item in self.decoder.get_outputs()]

    def features(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """`image_features` as rows [N, hidden], float32."""
        wanted = {item.name: _typed(item, inputs[item.name]) for item in self.vision.get_inputs()}
        features = self.vision.run(["image_features"], wanted)[0]
        return features.reshape(-1, features.shape[-1]).astype(np.float32)

    def embeddings(self, ids: list[int], rows: np.ndarray, image_id: int) -> np.ndarray:
        """[1, S, hidden]: the ids' embeddings with `rows` in place of the image tokens."""
        embeds = self.embed.run(["inputs_embeds"], {"input_ids": np.array([ids], np.int64)})[0].astype(np.float32)
        place = np.array(ids) == image_id
        if place.sum() != len(rows):
            raise ValueError(f"{place.sum()} image tokens for {len(rows)} rows")
        embeds[0, place] = rows
        return embeds

    def step(self, embeds: np.ndarray, past: dict[str, np.ndarray] | None, length: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """(logits of the last row [vocab], the past after it); `length` positions stand before `embeds`."""
        past = past or self.empty()
        new = embeds.shape[1]
        feeds = {
            "inputs_embeds": embeds,
            "attention_mask": np.ones((1, length + new), np.int64),
            "position_ids": np.arange(length, length + new, dtype=np.int64)[None],
            "num_logits_to_keep": np.array(1, np.int64),
            **past,
        }
        values = self.decoder.run(None, {name: _typed(self.inputs[name], value) for name, value in feeds.items() if name in self.inputs})
        results = dict(zip(self.outputs, values, strict=True))
        logits = results.pop("logits")[0, -1].astype(np.float32)
        return logits, {past_name(name): value for name, value in results.items()}

    def empty(self) -> dict[str, np.ndarray]:
        """The past of nothing: no keys and values, convolution states of zeros."""
        past = {}
        for name, item in self.inputs.items():
            if name.startswith("past"):
                past[name] = np.zeros([size if isinstance(size, int) else 0 for size in item.shape], _dtype(item))
        return past

    def greedy(self, ids: list[int], rows: np.ndarray, image_id: int, count: int, chunk: int | None = None) -> tuple[list[int], np.ndarray]:
        """(`count` greedy tokens, the first step's logits); the prompt in pieces of `chunk` positions, else in one."""
        embeds = self.embeddings(ids, rows, image_id)
        past, tokens, first = None, [], None
        for start in range(0, len(ids), chunk or len(ids)):
            logits, past = self.step(embeds[:, start : start + (chunk or len(ids))], past, start)
        first = logits
        while True:
            tokens.append(int(logits.argmax()))
            if len(tokens) == count:
                return tokens, first
            row = self.embed.run(["inputs_embeds"], {"input_ids": np.array([tokens[-1:]], np.int64)})[0].astype(np.float32)
            logits, past = self.step(row, past, len(ids) + len(tokens) - 1)


def past_name(present: str) -> str:
    """The input that takes an output of the step before: `present.0.key`, `present_conv.1` -> `past_key_values.0.key`, `past_conv.1`."""
    return present.replace("present.", "past_key_values.", 1) if present.startswith("present.") else present.replace("present", "past", 1)


def _dtype(item) -> type:
    return {"tensor(float16)": np.float16, "tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(bool)": np.bool_}[item.type]


def _typed(item, value: np.ndarray) -> np.ndarray:
    return np.asarray(value).astype(_dtype(item), copy=False)
