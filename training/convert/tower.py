"""A CLIP vision transformer as the pack's image tower: weights stored as float16, cast by the graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper

from training.convert.checkpoint import Checkpoint, ConversionError, read_config
from training.export_tower import TowerGraph

# CLIP's preprocessing (openai/clip-vit-large-patch14), which Valley and LLaVA keep.
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class TowerShape:
    """Sizes that the tensors do not tell. `layers` are those that run: hidden state `select` is taken, -2 is before the last."""

    image_size: int
    patch_size: int
    heads: int
    layers: int
    epsilon: float
    activation: str

    @property
    def grid_tokens(self) -> int:
        return (self.image_size // self.patch_size) ** 2


def tower_shape(checkpoint: Checkpoint) -> TowerShape:
    """From the tensors, the configuration beside them (`vision_config`, or the tower folder's own) and the selected layer."""
    config = _vision_config(checkpoint)
    positions, width = checkpoint.tensor("tower.embeddings.position_embedding.weight").shape
    patch = checkpoint.tensor("tower.embeddings.patch_embedding.weight").shape[-1]
    side = round((positions - 1) ** 0.5)
    if side**2 + 1 != positions:
        raise ConversionError(f"the tower has {positions} positions, not a square and a class token")
    available = 0
    while checkpoint.has(f"tower.encoder.layers.{available}.mlp.fc1.weight"):
        available += 1
    select = checkpoint.config.get("mm_vision_select_layer", checkpoint.config.get("vision_feature_layer", -1))
    if not isinstance(select, int) or not -available <= select <= available:
        raise ConversionError(f"the layer {select!r} of the tower cannot be selected")
    layers = available + 1 + select if select < 0 else select
    heads = config.get("num_attention_heads") or max(1, width // 64)
    activation = config.get("hidden_act", "quick_gelu")
    if activation not in ("quick_gelu", "gelu"):
        raise ConversionError(f"the tower's activation {activation} is not converted")
    return TowerShape(side * patch, patch, heads, layers, config.get("layer_norm_eps", 1e-5), activation)


def _vision_config(checkpoint: Checkpoint) -> dict:
    nested = checkpoint.config.get("vision_config")
    if nested:
        return nested
    if checkpoint.tower_folder:
        own = read_config(checkpoint.tower_folder)
        return own.get("vision_config") or own
    # Valley's config.json names its tower alone: ViT-L/14 has heads of 64 and CLIP's own activation.
    return {}


class ClipGraph(TowerGraph):
    """Builder of the transformer; `first` is a projector's first layer and GELU, which then stand at the tower's end."""

    def __init__(self, checkpoint: Checkpoint, shape: TowerShape) -> None:
        super().__init__(shape.image_size)
        self.checkpoint, self.tower = checkpoint, shape
        self.width = checkpoint.tensor("tower.embeddings.class_embedding").size

    def weight(self, name: str, transpose: bool = False) -> str:
        value = self.checkpoint.tensor(name)
        return self.half(name, np.ascontiguousarray(value.T) if transpose else value)

    def ints(self, *values: int) -> str:
        """An int64 constant, added once."""
        name = "ints." + "_".join(map(str, values))
        return name if any(item.name == name for item in self.initializers) else self.constant(name, np.array(values, np.int64))

    def scalar(self, name: str, value: float) -> str:
        return name if any(item.name == name for item in self.initializers) else self.constant(name, np.array(value, np.float32))

    def linear(self, x: str, source: str, out: str) -> str:
        product = self.node("MatMul", [x, self.weight(f"{source}.weight", transpose=True)], f"{out}.product")
        return self.node("Add", [product, self.weight(f"{source}.bias")], out)

    def norm(self, x: str, source: str, out: str) -> str:
        inputs = [x, self.weight(f"{source}.weight"), self.weight(f"{source}.bias")]
        return self.node("LayerNormalization", inputs, out, axis=-1, epsilon=self.tower.epsilon)

    def gelu(self, x: str, out: str, kind: str) -> str:
        if kind == "gelu":
            return self.node("Gelu", [x], out)
        inner = self.node("Sigmoid", [self.node("Mul", [x, self.scalar("quick", 1.702)], f"{out}.scaled")], f"{out}.gate")
        return self.node("Mul", [x, inner], out)

    def embeddings(self) -> str:
        """[B, 1 + P, width]: class token and patches with their positions, normalised."""
        patch, width = self.tower.patch_size, self.width
        cut = self.node(
            "Conv",
            ["pixels", self.weight("tower.embeddings.patch_embedding.weight")],
            "patches.map",
            kernel_shape=[patch, patch],
            strides=[patch, patch],
        )
        flat = self.node("Reshape", [cut, self.ints(0, width, self.tower.grid_tokens)], "patches.flat")
        rows = self.node("Transpose", [flat], "patches.rows", perm=[0, 2, 1])
        batch = self.node("Shape", ["pixels"], "batch", start=0, end=1)
        size = self.node("Concat", [batch, self.ints(1, width)], "class.shape", axis=0)
        token = self.node("Reshape", [self.weight("tower.embeddings.class_embedding"), self.ints(1, 1, width)], "class.row")
        tokens = self.node("Concat", [self.node("Expand", [token, size], "class.rows"), rows], "tokens", axis=1)
        placed = self.node("Add", [tokens, self.weight("tower.embeddings.position_embedding.weight")], "placed")
        # Misspelt in CLIP itself.
        return self.norm(placed, "tower.pre_layrnorm", "embedded")

    def attention(self, x: str, layer: str) -> str:
        heads, size = self.tower.heads, self.width // self.tower.heads
        parts = {}
        for part in "qkv":
            rows = self.linear(x, f"{layer}.self_attn.{part}_proj", f"{layer}.{part}")
            cut = self.node("Reshape", [rows, self.ints(0, -1, heads, size)], f"{layer}.{part}4")
            parts[part] = self.node("Transpose", [cut], f"{layer}.{part}.heads", perm=[0, 2, 3, 1] if part == "k" else [0, 2, 1, 3])
        scores = self.node("MatMul", [parts["q"], parts["k"]], f"{layer}.scores")
        scaled = self.node("Mul", [scores, self.scalar("head.scale", size**-0.5)], f"{layer}.scaled")
        mixed = self.node("MatMul", [self.node("Softmax", [scaled], f"{layer}.weights", axis=-1), parts["v"]], f"{layer}.mixed4")
        joined = self.node("Transpose", [mixed], f"{layer}.mixed3", perm=[0, 2, 1, 3])
        rows = self.node("Reshape", [joined, self.ints(0, -1, self.width)], f"{layer}.mixed")
        return self.linear(rows, f"{layer}.self_attn.out_proj", f"{layer}.attended")

    def encode(self) -> str:
        """Hidden state [B, 1 + P, width] behind the layers that run."""
        x = self.embeddings()
        for index in range(self.tower.layers):
            layer = f"tower.encoder.layers.{index}"
            x = self.node("Add", [x, self.attention(self.norm(x, f"{layer}.layer_norm1", f"{layer}.norm1"), layer)], f"{layer}.middle")
            inside = self.linear(self.norm(x, f"{layer}.layer_norm2", f"{layer}.norm2"), f"{layer}.mlp.fc1", f"{layer}.inside")
            fed = self.linear(self.gelu(inside, f"{layer}.active", self.tower.activation), f"{layer}.mlp.fc2", f"{layer}.fed")
            x = self.node("Add", [x, fed], f"{layer}.out")
        return x


def export_tower(checkpoint: Checkpoint) -> tuple[onnx.ModelProto, TowerShape, int]:
    """(graph, shape, width of its outputs): `patches` [B, P, width] and `cls` [B, width] of `pixels` [B, 3, S, S].

    LLaVA 1.5's projector has two layers. The first and its GELU are taken into the tower: what is left is linear, and the mean of
    its rows is the row of their mean, as the pack's pooling before the projector wants it.
    """
    shape = tower_shape(checkpoint)
    graph = ClipGraph(checkpoint, shape)
    hidden, width = graph.encode(), graph.width
    if checkpoint.has("projector.first.weight"):
        width = checkpoint.tensor("projector.first.weight").shape[0]
        hidden = graph.gelu(graph.linear(hidden, "projector.first", "projected"), "activated", "gelu")
    sizes = graph.ints(1, shape.grid_tokens)
    graph.nodes.append(helper.make_node("Split", [hidden, sizes], ["class", "patches"], name="split", axis=1))
    graph.node("Squeeze", ["class", graph.ints(1)], "cls")
    info = helper.make_tensor_value_info
    outputs = [info("patches", TensorProto.FLOAT, ["B", shape.grid_tokens, width]), info("cls", TensorProto.FLOAT, ["B", width])]
    inputs = [info("pixels", TensorProto.FLOAT, ["B", 3, shape.image_size, shape.image_size])]
    return graph.close(inputs, outputs), shape, width
