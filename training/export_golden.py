"""Reference results of the tiny packs, for golden.json: PyTorch for networks, NumPy for weights.

Float arrays are `{"shape": [...], "float32": base64 of little-endian values}`.
"""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from tokenizers import Tokenizer

from training.derive import Adapter, derive
from training.export_adapter import read_adapter
from training.export_files import read_json, sha256_of
from training.export_pack import read_projector
from training.export_reference import greedy, llama, logits
from training.gguf_base import Base
from training.pooling import MeanPooling
from training.smoothing import read_smoothing

STOP = 2
NEW_TOKENS = 16
FRAME_COUNTS = (1, 2, 8, 33)
TEXTS = [
    "<|im_start|>system\nYou are tiny.<|im_end|>\n<|im_start|>user\n",
    "\nWhat is happening at 12:30?<|im_end|>\n<|im_start|>assistant\n",
    "Two dogs  play\n\n a\tball, 1,000 café 你好 😀 don't",
    "",
]
# Upper case, an unknown word, pieces, more than a tiny text tower takes, nothing.
SEARCHES = [
    "A dog runs.",
    "two DOGS play near the water",
    "zebras",
    "A man is walking on the grass with a dog and a ball",
    "guitars",
    "",
]
QUESTIONS = ["What is happening?", "And then?"]


def array(values: np.ndarray | torch.Tensor) -> dict:
    """A float32 array as golden.json holds it."""
    values = np.ascontiguousarray(values.detach().numpy() if isinstance(values, torch.Tensor) else values, "<f4")
    return {"shape": list(values.shape), "float32": base64.b64encode(values.tobytes()).decode("ascii")}


def decoded(entry: dict) -> np.ndarray:
    """An array of golden.json."""
    return np.frombuffer(base64.b64decode(entry["float32"]), "<f4").reshape(entry["shape"])


def weights_section(base: Base, adapters: dict[str, Adapter | None], folder: Path) -> dict:
    """Dequantised rows of one tensor of each stored type, and hashes of every derived external-data file."""
    rows = []
    for name in ("token_embd.weight", "blk.0.attn_q.weight", "blk.1.ffn_down.weight", "blk.1.attn_v.weight"):
        values = base.tensor(name)
        picked = [0, 1, values.shape[0] - 1]
        rows.append({"tensor": name, "type": base.entry(name)["type"], "rows": picked, "values": array(values[picked])})
    derived = []
    for pack, adapter in {"": None, **{name: item for name, item in adapters.items() if item}}.items():
        for flavour in base.manifest["graphs"]:
            digest = sha256_of(derive(base, flavour, adapter).tobytes())
            derived.append({"flavour": flavour, "adapterOf": pack or None, "smoothingOf": None, "sha256": digest})
    for path in sorted(folder.glob("*/pack.json")):
        smoothing = read_smoothing(path.parent, base.manifest["architecture"])
        for flavour in base.manifest["graphs"] if smoothing else ():
            name = path.parent.name
            digest = sha256_of(derive(base, flavour, adapters[name], smoothing).tobytes())
            derived.append({"flavour": flavour, "adapterOf": name, "smoothingOf": name, "sha256": digest})
    return {"dequantised": rows, "derived": derived}


def visual_tokens(folder: Path, patches: torch.Tensor, cls: torch.Tensor) -> dict[str, torch.Tensor]:
    """Pooled patches and projected tokens of features patches [T, P, D], cls [T, D], by torch modules."""
    from training.export_tiny import pooling_module

    tensors = {name: torch.from_numpy(value) for name, value in read_projector(folder).items()}
    pooling = read_json(folder / "pack.json")["pooling"]
    module = pooling_module(pooling["kind"]) or MeanPooling()

    def project(x: torch.Tensor) -> torch.Tensor:
        return x @ tensors["weight"] + tensors["bias"]

    with torch.inference_mode():
        if pooling["side"] == "before-projector":
            pooled = module(patches[None])[0]
            patch_tokens = project(pooled)
        else:
            pooled = module(project(patches)[None])[0]
            patch_tokens = pooled
        return {"pooled": pooled, "patchTokens": patch_tokens, "frameTokens": project(cls)}


def features(frames: int, patches: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Seeded features in the range of a ReLU6 tower's averages."""
    generator = torch.Generator().manual_seed(frames)
    return torch.rand(frames, patches, width, generator=generator) * 2, torch.rand(
        frames, width, generator=generator
    ) * 2


def pooling_section(folders: list[Path], inputs: dict[int, tuple[torch.Tensor, torch.Tensor]]) -> list[dict]:
    """Pooled and projected tokens of every pack for every frame count."""
    rows = []
    for folder in folders:
        for frames, (patches, cls) in inputs.items():
            tokens = visual_tokens(folder, patches, cls)
            rows.append(
                {"pack": folder.name, "frames": frames, **{name: array(value) for name, value in tokens.items()}}
            )
    return rows


def tower_section(folder: Path) -> dict:
    """Tower outputs for two random images, by ONNX Runtime on the CPU."""
    import onnxruntime

    entry = read_json(folder / "pack.json")["tower"]
    pixels = np.random.default_rng(5).standard_normal((2, 3, entry["inputSize"], entry["inputSize"])).astype(np.float32)
    session = onnxruntime.InferenceSession(str(folder / entry["file"]["path"]), providers=["CPUExecutionProvider"])
    patches, cls = session.run(["patches", "cls"], {"pixels": pixels})
    return {"pixels": array(pixels), "patches": array(patches), "cls": array(cls)}


def decoder_section(
    folder: Path, base: Base, adapter: Adapter | None, patches: torch.Tensor, cls: torch.Tensor
) -> dict:
    """Two greedy turns about one clip, every step computed from scratch in float32.

    `segments` of a turn is the whole context in order: text ids or the clip's visual tokens.
    """
    tokenizer = Tokenizer.from_file(str(base.folder / "tokenizer.json"))
    model = llama(base, adapter)
    table = model.get_input_embeddings().weight.detach()
    tokens = visual_tokens(folder, patches, cls)
    markers = torch.from_numpy(read_projector(folder)["markers"])
    visual = torch.cat([markers[0:1], tokens["patchTokens"], markers[1:3], tokens["frameTokens"], markers[3:4]])
    system = read_json(folder / "pack.json")["prompt"]["system"]
    before = tokenizer.encode(f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n").ids
    after = tokenizer.encode(f"\n{QUESTIONS[0]}<|im_end|>\n<|im_start|>assistant\n").ids
    closing = tokenizer.encode(f"<|im_end|>\n<|im_start|>user\n{QUESTIONS[1]}<|im_end|>\n<|im_start|>assistant\n").ids
    context = torch.cat([table[before], visual, table[after]])
    turns = []
    for question in QUESTIONS:
        ids, margin = greedy(model, context, NEW_TOKENS, STOP)
        last = logits(model, context)[-1]
        turns.append(
            {
                "question": question,
                "contextTokens": len(context),
                "lastLogits": array(last),
                "greedy": ids,
                "smallestMargin": round(margin, 4),
            }
        )
        context = torch.cat([context, table[ids], table[closing]])
    return {
        "pack": folder.name,
        "frames": len(cls),
        "before": before,
        "visual": array(visual),
        "after": after,
        "closing": closing,
        "turns": turns,
    }


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def texts_section(folder: Path) -> dict:
    """Ids and vectors of texts, from the graph's weights by NumPy."""
    entry = read_json(folder / "pack.json")["textTower"]
    tokenizer = Tokenizer.from_file(str(folder / entry["tokenizer"]["path"]))
    tokenizer.enable_truncation(entry["maxTokens"])
    graph = onnx.load(str(folder / entry["file"]["path"])).graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    ids = [tokenizer.encode(text).ids for text in SEARCHES]
    means = np.stack([weights["table"][row].mean(0) for row in ids])
    return {"texts": SEARCHES, "ids": ids, "vectors": array(unit(means @ weights["weight"]))}


def quotes_section(folder: Path) -> list[dict]:
    """Frame embeddings [T, size] of made-up clips and the lines that the rule quotes for each, best first."""
    entry = read_json(folder / "pack.json")["captionStore"]
    lines = (folder / entry["texts"]["path"]).read_text(encoding="utf-8").splitlines()
    pictures = [int(line.split("\t")[0]) for line in lines]
    codes = np.frombuffer((folder / entry["vectors"]["path"]).read_bytes(), np.int8).reshape(entry["count"], -1)
    random = np.random.default_rng(7)
    clips = [random.standard_normal((frames, entry["size"])).astype(np.float32) for frames in (1, 3, 16)]
    # The caption that two pictures share comes first here: a tie.
    captions = [line.split("\t")[1] for line in lines]
    clips.append(codes[[captions.index(captions[0], 1)]].astype(np.float32))
    sections = []
    for vectors in clips:
        query = unit(unit(vectors.astype(np.float64)).mean(0))
        scores = [float(sum(query * row)) for row in codes.astype(np.float64)]
        taken: list[int] = []
        for line in sorted(range(len(scores)), key=lambda line: (-scores[line], line)):
            if len(taken) < entry["quotes"] and pictures[line] not in {pictures[other] for other in taken}:
                taken.append(line)
        sections.append({"frames": array(vectors), "lines": taken})
    return sections


def retrieval_section(folder: Path, pixels: np.ndarray) -> dict:
    """What the retrieval pack's three parts make of their inputs; `embedding` is of the tower section's pixels."""
    import onnxruntime

    entry = read_json(folder / "pack.json")["tower"]
    graph = onnx.load(str(folder / entry["file"]["path"])).graph
    weight = next(numpy_helper.to_array(item) for item in graph.initializer if item.name == "embedding.weight")
    session = onnxruntime.InferenceSession(str(folder / entry["file"]["path"]), providers=["CPUExecutionProvider"])
    cls = session.run(["cls"], {"pixels": pixels})[0]
    return {
        "pack": folder.name,
        "embedding": array(unit(cls @ weight)),
        "texts": texts_section(folder),
        "quotes": quotes_section(folder),
    }


def golden(folder: Path, base: Base) -> dict:
    """The whole of golden.json."""
    from training.export_tiny import RETRIEVAL_PACK

    packs = sorted(path.parent for path in folder.glob("*/pack.json"))
    # Beside its own parts the retrieval pack is tiny-mean over again.
    folders = [path for path in packs if path.name != RETRIEVAL_PACK]
    adapters = {path.name: read_adapter(path) for path in folders}
    pack = read_json(folders[0] / "pack.json")
    inputs = {frames: features(frames, pack["tower"]["gridTokens"], pack["tower"]["width"]) for frames in FRAME_COUNTS}
    tokenizer = Tokenizer.from_file(str(base.folder / "tokenizer.json"))
    tower = tower_section(folders[0])
    return {
        "tokenizer": [{"text": text, "ids": tokenizer.encode(text).ids} for text in TEXTS],
        "weights": weights_section(base, adapters, folder),
        "features": [
            {"frames": frames, "patches": array(patches), "cls": array(cls)}
            for frames, (patches, cls) in inputs.items()
        ],
        "pooling": pooling_section(folders, inputs),
        "tower": tower,
        "retrieval": retrieval_section(folder / RETRIEVAL_PACK, decoded(tower["pixels"])),
        "decoder": [decoder_section(path, base, adapters[path.name], *inputs[2]) for path in folders],
    }
