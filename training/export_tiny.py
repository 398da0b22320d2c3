"""Write tests/fixtures/tiny: the layout of models/ in miniature with seeded random weights, and golden.json.

    python -m training.export_tiny

One base in all four graph flavours and four packs: tiny-mean, tiny-importance, tiny-delta (with a LoRA adapter and smoothing) and
tiny-retrieval (with CLIP embedding, text tower and caption store).  golden.json holds what PyTorch and NumPy make of them; the TypeScript tests compare with it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from training.export_adapter import MODULES, adapter_file
from training.export_base import apache_licence
from training.export_decoder import export_graphs
from training.export_files import REPOSITORY, describe, write_hashed, write_json
from training.export_pack import download_bytes, projector_file
from training.export_tiny_retrieval import EMBEDDING_SIZE, with_embedding, write_retrieval
from training.export_tower import TowerGraph
from training.gguf_base import Base, RawTensor, pack_shards, quantise, write_shards
from training.pooling import DeltaPooling, ImportancePooling
from training.smoothing import Site, base_sites, smoothing_file
from training.tokenizer import tokenizer_config, tokenizer_json

FOLDER = REPOSITORY / "tests" / "fixtures" / "tiny"
SEED = 20230607
SHARD_LIMIT = 40 * 1024
ARCHITECTURE = {
    "hiddenSize": 64,
    "layers": 2,
    "heads": 4,
    "kvHeads": 2,
    "headDim": 16,
    "intermediateSize": 128,
    "vocabSize": 320,
    "ropeTheta": 10000.0,
    "rmsNormEps": 1e-5,
    "maxPositions": 512,
}
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SENTENCES = [
    "What is happening in the video? A person opens the door and walks into the room.",
    "Describe the image briefly. Two dogs play with a red ball on the grass near the water.",
    "Who is the assistant? You are a small system that answers the user's questions.",
]
TOWER = {"input": 32, "stem": 16, "width": 32, "stage": 8, "grid": 2}
PACKS = {
    "tiny-mean": {"pooling": {"kind": "mean", "side": "before-projector"}, "resize": {"resize": "squash"}},
    "tiny-importance": {
        "pooling": {"kind": "importance", "side": "after-projector"},
        "resize": {"resize": "center-crop", "resizeShortSide": 36},
    },
    "tiny-delta": {"pooling": {"kind": "delta", "side": "before-projector"}, "resize": {"resize": "squash"}},
    # Last, so that what is drawn for it changes no other pack.
    "tiny-retrieval": {"pooling": {"kind": "mean", "side": "before-projector"}, "resize": {"resize": "squash"}},
}
ADAPTED_PACK = "tiny-delta"
RETRIEVAL_PACK = "tiny-retrieval"
RANK, ALPHA = 2, 4.0


def tiny_tokenizer() -> tuple[dict, dict]:
    """A byte-level BPE of 320 tokens learnt from three sentences, with SmolLM2's special tokens and pre-tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    size = ARCHITECTURE["vocabSize"]
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    vocabulary = tokenizer.get_vocab()
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    if len(tokens) != size:
        raise ValueError(f"the sentences give {len(tokens)} tokens, not {size}")
    import json

    merges = [" ".join(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]
    control = list(range(len(SPECIAL)))
    return tokenizer_json(tokens, merges, control), tokenizer_config(
        tokens, 1, 2, 0, 2, TEMPLATE, ARCHITECTURE["maxPositions"]
    )


def tiny_tensors(random: np.random.Generator) -> list[RawTensor]:
    """Random Llama weights; between them every stored type: Q8_0, Q4_1, F16 and F32."""
    a = ARCHITECTURE
    hidden, inner, kv = a["hiddenSize"], a["intermediateSize"], a["kvHeads"] * a["headDim"]

    def matrix(name: str, kind: str, rows: int, columns: int, spread: float) -> RawTensor:
        return RawTensor(name, kind, (rows, columns), quantise(kind, random.standard_normal((rows, columns)) * spread))

    def norm(name: str) -> RawTensor:
        return RawTensor(name, "F32", (hidden,), quantise("F32", 1 + 0.1 * random.standard_normal(hidden)))

    tensors = [matrix("token_embd.weight", "Q8_0", a["vocabSize"], hidden, 0.3)]
    for layer in range(a["layers"]):
        block = f"blk.{layer}"
        tensors += [
            norm(f"{block}.attn_norm.weight"),
            matrix(f"{block}.ffn_down.weight", "Q8_0" if layer else "Q4_1", hidden, inner, 0.3),
            matrix(f"{block}.ffn_gate.weight", "Q4_1", inner, hidden, 0.2),
            matrix(f"{block}.ffn_up.weight", "Q4_1", inner, hidden, 0.2),
            norm(f"{block}.ffn_norm.weight"),
            matrix(f"{block}.attn_k.weight", "Q4_1", kv, hidden, 0.2),
            matrix(f"{block}.attn_output.weight", "Q4_1", hidden, hidden, 0.3),
            matrix(f"{block}.attn_q.weight", "Q4_1", hidden, hidden, 0.2),
            matrix(f"{block}.attn_v.weight", "F16" if layer else "Q4_1", kv, hidden, 0.2),
        ]
    return [*tensors, norm("output_norm.weight")]


def write_base(folder: Path, random: np.random.Generator) -> Base:
    """tiny-base: several small shards, tokenizer, base.json, four graphs."""
    folder.mkdir(parents=True, exist_ok=True)
    shards, table = pack_shards(tiny_tensors(random), SHARD_LIMIT)
    tokenizer, config = tiny_tokenizer()
    write_json(folder / "tokenizer.json", tokenizer)
    write_json(folder / "tokenizer_config.json", config)
    (folder / "LICENSE").write_text(apache_licence(), encoding="utf-8")
    manifest = {
        "formatVersion": 1,
        "id": "tiny-base",
        "licence": "Apache-2.0",
        "source": "seeded random weights, python -m training.export_tiny",
        "architecture": ARCHITECTURE,
        "files": {
            "weights": write_shards(folder, shards),
            "tokenizer": describe(folder / "tokenizer.json", folder),
            "tokenizerConfig": describe(folder / "tokenizer_config.json", folder),
        },
        "embedding": "token_embd.weight",
        "tensors": table,
        "graphs": {},
    }
    write_json(folder / "base.json", manifest)
    export_graphs(folder)
    return Base(folder)


def tower_bytes(random: np.random.Generator) -> bytes:
    """A three-convolution tower (strided, depthwise, strided) with the interface of the real one."""
    stem, width = TOWER["stem"], TOWER["width"]
    graph = TowerGraph(TOWER["input"])

    def convolution(x: str, name: str, out: int, channels: int, stride: int, pads: list[int], groups: int) -> str:
        weight = random.standard_normal((out, channels, 3, 3)) / np.sqrt(9 * channels)
        bias = 0.2 + 0.1 * random.standard_normal(out)
        return graph.convolution(x, name, weight, bias, stride, pads, groups, True)

    x = convolution("pixels", "stem", stem, 3, 2, [0, 0, 1, 1], 1)
    x = convolution(x, "depthwise", stem, 1, 1, [1, 1, 1, 1], stem)
    x = convolution(x, "head", width, stem, 2, [0, 0, 1, 1], 1)
    return graph.finish(x, TOWER["stage"], width, TOWER["grid"]).SerializeToString(deterministic=True)


def pooling_module(kind: str) -> torch.nn.Module | None:
    """The seeded torch module of a pooling kind, None for mean."""
    torch.manual_seed(SEED)
    if kind == "importance":
        return ImportancePooling(TOWER["grid"] ** 2, ARCHITECTURE["hiddenSize"]).eval()
    return DeltaPooling(TOWER["width"], feed_forward=64).eval() if kind == "delta" else None


def pooling_tensors(kind: str) -> dict[str, np.ndarray]:
    """The pooling parameters as projector.bin names them: `importance.*`, `delta.*`."""
    module = pooling_module(kind)
    state = module.state_dict() if module else {}
    prefixes = (("score.", "importance."), ("layer.self_attn.", "delta."), ("layer.", "delta."))
    tensors = {}
    for name, value in state.items():
        old, new = next(pair for pair in prefixes if name.startswith(pair[0]))
        tensors[new + name.removeprefix(old)] = value.numpy()
    return tensors


def adapter_factors(random: np.random.Generator) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Rank-2 factors, already in GGUF row order: every matrix of layer 0, q and k of layer 1."""
    a = ARCHITECTURE
    hidden, inner, kv = a["hiddenSize"], a["intermediateSize"], a["kvHeads"] * a["headDim"]
    shapes = {part: (hidden, hidden) for part in MODULES.values()}
    shapes |= {
        "attn_k": (kv, hidden),
        "attn_v": (kv, hidden),
        "ffn_gate": (inner, hidden),
        "ffn_up": (inner, hidden),
        "ffn_down": (hidden, inner),
    }
    names = [f"blk.0.{part}" for part in shapes] + ["blk.1.attn_q", "blk.1.attn_k"]
    factors = {}
    for name in names:
        out, width = shapes[name.split(".")[-1]]
        a_factor, b_factor = random.standard_normal((RANK, width)) * 0.2, random.standard_normal((out, RANK)) * 0.2
        factors[f"{name}.weight"] = (a_factor.astype(np.float16), b_factor.astype(np.float16))
    return factors


def smoothing_factors(base: Base) -> dict[Site, np.ndarray]:
    """Seeded factors between a half and two for every site, drawn apart so that no other tensor changes."""
    random = np.random.default_rng(SEED + 1)
    return {site: 2 ** random.uniform(-1, 1, site.size) for site in base_sites(base)}


def write_pack(folder: Path, base: Base, tower: bytes, random: np.random.Generator) -> None:
    """One pack folder; its name chooses pooling, resize, adapter and retrieval parts."""
    options, hidden, width = PACKS[folder.name], ARCHITECTURE["hiddenSize"], TOWER["width"]
    tensors = {
        "weight": random.standard_normal((width, hidden)) * 0.3 / np.sqrt(width),
        "bias": random.standard_normal(hidden) * 0.1,
        "markers": random.standard_normal((4, hidden)) * 0.3,
        **pooling_tensors(options["pooling"]["kind"]),
    }
    data, table = projector_file(tensors, width, hidden)
    adapter, smoothing = None, {}
    if folder.name == ADAPTED_PACK:
        adapter_data, adapter_table = adapter_file(adapter_factors(random))
        adapter = {
            "file": write_hashed(folder, "adapter", ".bin", adapter_data),
            "rank": RANK,
            "alpha": ALPHA,
            "tensors": adapter_table,
        }
        smoothing_data, smoothing_table = smoothing_file(smoothing_factors(base))
        smoothing = {"smoothing": {"file": write_hashed(folder, "smoothing", ".bin", smoothing_data), "sites": smoothing_table}}
    retrieval, embedding = {}, {}
    if folder.name == RETRIEVAL_PACK:
        tower = with_embedding(tower, random.standard_normal((width, EMBEDDING_SIZE)))
        embedding = {"embeddingOutput": "embedding", "embeddingSize": EMBEDDING_SIZE}
        retrieval = write_retrieval(folder, random)
    manifest = {
        "formatVersion": 1,
        "id": folder.name,
        "version": "0.1.0",
        "name": f"Tiny random pack, {options['pooling']['kind']} pooling",
        "languages": ["en"],
        "licence": "Apache-2.0",
        "base": f"../{base.folder.name}/base.json",
        "tower": {
            "file": write_hashed(folder, "tower", ".onnx", tower),
            "inputSize": TOWER["input"],
            **options["resize"],
            "filter": "bilinear-antialias",
            "mean": [0.48, 0.46, 0.41],
            "std": [0.27, 0.26, 0.28],
            "gridTokens": TOWER["grid"] ** 2,
            "width": width,
            "patchesOutput": "patches",
            "clsOutput": "cls",
            **embedding,
        },
        "pooling": options["pooling"],
        "projector": {
            "file": write_hashed(folder, "projector", ".bin", data),
            "inputSize": width,
            "outputSize": hidden,
            "tensors": table,
        },
        "adapter": adapter,
        **smoothing,
        **retrieval,
        "sampling": {"minFrames": 1, "maxFrames": 8, "defaultFrames": 4, "framesPerSecond": 1},
        "prompt": {
            "system": "You are tiny.",
            "describeImage": "Describe the image.",
            "describeVideo": "Describe the video.",
        },
        "generation": {"maxNewTokens": 16, "temperature": 0, "topP": 0.95, "repetitionPenalty": 1},
        "contextTokens": {"wasm": 256, "webgpu": 512},
    }
    manifest["totals"] = {"bytes": download_bytes(manifest, base.manifest)}
    write_json(folder / "pack.json", manifest)


def export(folder: Path) -> Base:
    """Write base, packs and catalogue; returns the base."""
    random = np.random.default_rng(SEED)
    base = write_base(folder / "tiny-base", random)
    tower = tower_bytes(random)
    for name in PACKS:
        write_pack(folder / name, base, tower, random)
    packs = [{"id": name, "path": f"{name}/pack.json"} for name in PACKS]
    write_json(folder / "catalog.json", {"packs": packs, "default": "tiny-mean"})
    return base


def main() -> None:
    from training.export_golden import golden

    base = export(FOLDER)
    write_json(FOLDER / "golden.json", golden(FOLDER, base))
    total = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file())
    print(f"{FOLDER}: {total} bytes")


if __name__ == "__main__":
    main()
