"""The retrieval parts of a tiny pack: CLIP embedding of its tower, text tower with tokenizer, caption store.

Seeded random weights; the words and captions are made up for the tests.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from training.export_files import write_hashed

EMBEDDING_SIZE = 16
MAX_TOKENS = 8
WORD_SIZE = 24
QUOTES = 3
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# Several captions of a picture, and one caption that two pictures share: both are cases of the rule.
CAPTIONS = {
    0: ["A dog runs on the grass.", "A brown dog is running.", "A dog plays."],
    1: ["Two dogs play with a red ball.", "A ball is near two dogs."],
    2: ["A man rides a bike."],
    3: ["A woman cooks food in a pan.", "Food is in a pan."],
    4: ["A child jumps in the water."],
    7: ["A car drives on a street.", "Cars on the street."],
    8: ["A man plays the guitar.", "A man is playing music."],
    9: ["A cat sleeps near the window."],
    11: ["A dog runs on the grass."],
    12: ["People walk on the street.", "Two people are walking."],
    15: ["A bird sits on a tree."],
}
PIECES = ["##s", "##ing", "##r", "."]


def _opsets() -> list[onnx.OperatorSetIdProto]:
    return [helper.make_opsetid("", 21)]


def with_embedding(tower: bytes, weight: np.ndarray) -> bytes:
    """The tower with a third output `embedding` [B, EMBEDDING_SIZE]: cls @ weight, at length 1."""
    model = onnx.load_from_string(tower)
    graph = model.graph
    graph.initializer.extend(
        [
            numpy_helper.from_array(weight.astype(np.float32), "embedding.weight"),
            numpy_helper.from_array(np.array([1], np.int64), "embedding.axes"),
        ]
    )
    graph.node.extend(
        [
            helper.make_node("MatMul", ["cls", "embedding.weight"], ["embedding.raw"]),
            helper.make_node("ReduceL2", ["embedding.raw", "embedding.axes"], ["embedding.length"], keepdims=1),
            helper.make_node("Div", ["embedding.raw", "embedding.length"], ["embedding"]),
        ]
    )
    graph.output.append(helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["B", weight.shape[1]]))
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def words() -> list[str]:
    """The vocabulary: special tokens, then every word of the captions, then pieces."""
    text = " ".join(caption.lower().replace(".", "") for captions in CAPTIONS.values() for caption in captions)
    return [*SPECIAL, *dict.fromkeys(text.split()), *PIECES]


def wordpiece() -> Tokenizer:
    """BERT's tokenizer over `words`, lower case, `[CLS] … [SEP]` around every text."""
    vocabulary = {token: index for index, token in enumerate(words())}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")]
    )
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def tokenizer_files() -> tuple[bytes, bytes]:
    """tokenizer.json and tokenizer_config.json."""
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    config = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": MAX_TOKENS, **names}
    return wordpiece().to_str(pretty=True).encode(), json.dumps(config, indent=1).encode()


def text_graph(table: np.ndarray, weight: np.ndarray) -> bytes:
    """The text tower: the mean of the unmasked tokens' rows of `table` [words, WORD_SIZE], times `weight`, at length 1."""
    constants = {
        "table": table.astype(np.float32),
        "weight": weight.astype(np.float32),
        "axis.1": np.array([1], np.int64),
        "axis.2": np.array([2], np.int64),
    }
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "axis.2"], ["column"]),
        helper.make_node("Mul", ["rows", "column"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "axis.1"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["mask", "axis.1"], ["count"], keepdims=1),
        helper.make_node("Div", ["sum", "count"], ["mean"]),
        helper.make_node("MatMul", ["mean", "weight"], ["raw"]),
        helper.make_node("ReduceL2", ["raw", "axis.1"], ["length"], keepdims=1),
        helper.make_node("Div", ["raw", "length"], ["embedding"]),
    ]
    info = helper.make_tensor_value_info
    inputs = [info(name, TensorProto.INT64, ["B", "L"]) for name in ("input_ids", "attention_mask")]
    outputs = [info("embedding", TensorProto.FLOAT, ["B", EMBEDDING_SIZE])]
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "text-tower", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=_opsets(), ir_version=10, producer_name="valley-browser")
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def store_rows() -> list[tuple[int, str]]:
    """Picture and caption, line by line."""
    return [(picture, caption) for picture, captions in CAPTIONS.items() for caption in captions]


def write_retrieval(folder: Path, random: np.random.Generator) -> dict:
    """Write text tower and caption store into `folder`; returns pack.json's `textTower` and `captionStore`."""
    table = random.standard_normal((len(words()), WORD_SIZE))
    weight = random.standard_normal((WORD_SIZE, EMBEDDING_SIZE)) / np.sqrt(WORD_SIZE)
    tokenizer, config = tokenizer_files()
    rows = store_rows()
    vectors = random.standard_normal((len(rows), EMBEDDING_SIZE))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    # Captions of the same words have the same vector, as a text tower would give them.
    first = {caption: index for index, (_, caption) in reversed(list(enumerate(rows)))}
    vectors = vectors[[first[caption] for _, caption in rows]]
    scale = float(np.float32(np.abs(vectors).max() / 127))
    lines = "".join(f"{picture}\t{caption}\n" for picture, caption in rows)
    return {
        "textTower": {
            "file": write_hashed(folder, "text-tower", ".onnx", text_graph(table, weight)),
            "tokenizer": write_hashed(folder, "text-tokenizer", ".json", tokenizer),
            "tokenizerConfig": write_hashed(folder, "text-tokenizer-config", ".json", config),
            "embeddingSize": EMBEDDING_SIZE,
            "maxTokens": MAX_TOKENS,
        },
        "captionStore": {
            "texts": write_hashed(folder, "captions", ".txt", lines.encode()),
            "vectors": write_hashed(folder, "captions", ".bin", np.round(vectors / scale).astype(np.int8).tobytes()),
            "count": len(rows),
            "size": EMBEDDING_SIZE,
            "scale": scale,
            "quotes": QUOTES,
            "intro": "Similar scenes:",
            "licence": "Apache-2.0",
            "source": "made up for the tests, python -m training.export_tiny",
        },
    }
