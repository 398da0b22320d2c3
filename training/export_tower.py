"""Write the image tower's ONNX graph: `python -m training.export_tower`.

Built by hand from the folded network: convolution weights and biases are stored as float16 and cast to float32 by the
graph (ONNX Runtime folds the casts when it loads), the 4x4 adaptive average pool and the global mean are one matrix.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from training.export_files import MODELS, write_hashed

PACK_ID = "valley-nano"
RELU6 = 6.0


def adaptive_pool_matrix(size: int, grid: int) -> np.ndarray:
    """float32 [size*size, grid*grid + 1]: AdaptiveAvgPool2d(grid) over a row-major map, then its global mean."""
    axis = np.zeros((size, grid))
    for cell in range(grid):
        start, end = cell * size // grid, -(-(cell + 1) * size // grid)
        axis[start:end, cell] = 1 / (end - start)
    cells = np.einsum("yi,xj->yxij", axis, axis).reshape(size * size, grid * grid)
    return np.concatenate([cells, np.full((size * size, 1), 1 / size**2)], axis=1).astype(np.float32)


class TowerGraph:
    """Builder of a convolutional tower with the image tower's interface (docs/pack-format.md)."""

    def __init__(self, input_size: int) -> None:
        self.input_size = input_size
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def node(self, op: str, inputs: list[str], output: str, **attributes) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, value: np.ndarray) -> str:
        self.initializers.append(numpy_helper.from_array(value, name))
        return name

    def half(self, name: str, value: np.ndarray) -> str:
        """A float32 value stored as float16; OverflowError if a weight does not fit."""
        stored = value.astype(np.float16)
        if not np.isfinite(stored).all():
            raise OverflowError(f"{name} does not fit float16")
        return self.node("Cast", [self.constant(f"{name}.half", stored)], name, to=TensorProto.FLOAT)

    def convolution(
        self,
        x: str,
        name: str,
        weight: np.ndarray,
        bias: np.ndarray,
        stride: int,
        pads: list[int],
        groups: int,
        relu6: bool,
    ) -> str:
        """Convolution [out, in/groups, k, k] with pads [top, left, bottom, right], then ReLU6 if asked for."""
        inputs = [x, self.half(f"{name}.weight", weight), self.half(f"{name}.bias", bias)]
        kernel = list(weight.shape[2:])
        x = self.node("Conv", inputs, name, kernel_shape=kernel, strides=[stride, stride], pads=pads, group=groups)
        return self.node("Clip", [x, "relu6.low", "relu6.high"], f"{name}.relu6") if relu6 else x

    def limits(self) -> None:
        """The constants that every ReLU6 clips to."""
        self.constant("relu6.low", np.array(0, np.float32))
        self.constant("relu6.high", np.array(RELU6, np.float32))

    def finish(self, stage: str, size: int, width: int, grid: int) -> onnx.ModelProto:
        """Pool the last stage [B, width, size, size] to `patches` and `cls` and close the model."""
        self.limits()
        flat = self.node(
            "Reshape", [stage, self.constant("flat", np.array([0, width, size * size], np.int64))], "stage.flat"
        )
        pooled = self.node("MatMul", [flat, self.constant("pool", adaptive_pool_matrix(size, grid))], "stage.pooled")
        rows = self.node("Transpose", [pooled], "stage.rows", perm=[0, 2, 1])
        sizes = self.constant("rows", np.array([grid * grid, 1], np.int64))
        self.nodes.append(helper.make_node("Split", [rows, sizes], ["patches", "global"], name="split", axis=1))
        self.node("Squeeze", ["global", self.constant("axes.1", np.array([1], np.int64))], "cls")
        info = helper.make_tensor_value_info
        inputs = [info("pixels", TensorProto.FLOAT, ["B", 3, self.input_size, self.input_size])]
        outputs = [
            info("patches", TensorProto.FLOAT, ["B", grid * grid, width]),
            info("cls", TensorProto.FLOAT, ["B", width]),
        ]
        return self.close(inputs, outputs)

    def close(self, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]) -> onnx.ModelProto:
        """The model of all nodes so far."""
        graph = helper.make_graph(self.nodes, "tower", inputs, outputs, self.initializers)
        return helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10, producer_name="valley-browser"
        )


def export_trunk(tower) -> tuple[TowerGraph, str]:
    """The convolutions of a `training.tower.ImageTower`, batch norms already folded: the open graph and its last stage's name."""
    from training.tower import INPUT_SIZE

    graph = TowerGraph(INPUT_SIZE)

    def convolution(x: str, name: str, module, relu6: bool) -> str:
        left, right, top, bottom = getattr(module.static_padding, "padding", (0, 0, 0, 0))
        weight, bias = (tensor.detach().float().numpy() for tensor in (module.weight, module.bias))
        return graph.convolution(
            x, name, weight, bias, module.stride[0], [top, left, bottom, right], module.groups, relu6
        )

    network = tower.network
    x = convolution("pixels", "stem", network._conv_stem, True)
    for index, block in enumerate(network._blocks):
        entering = x
        if hasattr(block, "_expand_conv"):
            x = convolution(x, f"blocks.{index}.expand", block._expand_conv, True)
        x = convolution(x, f"blocks.{index}.depthwise", block._depthwise_conv, True)
        x = convolution(x, f"blocks.{index}.project", block._project_conv, False)
        arguments = block._block_args
        stride = np.max(arguments.stride)
        if block.id_skip and stride == 1 and arguments.input_filters == arguments.output_filters:
            x = graph.node("Add", [x, entering], f"blocks.{index}.sum")
    return graph, convolution(x, "head", network._conv_head, True)


def export_efficientnet(tower) -> onnx.ModelProto:
    """The graph of a `training.tower.ImageTower` with the mean of its last stage as the global vector."""
    from training.tower import GRID, INPUT_SIZE, WIDTH

    graph, stage = export_trunk(tower)
    return graph.finish(stage, INPUT_SIZE // 32, WIDTH, GRID)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=MODELS / PACK_ID)
    options = parser.parse_args()
    from training.tower import ImageTower

    model = export_efficientnet(ImageTower())
    onnx.checker.check_model(model)
    entry = write_hashed(options.out, "tower", ".onnx", model.SerializeToString(deterministic=True))
    print(f"{entry['path']}: {entry['bytes']} bytes")


if __name__ == "__main__":
    main()
