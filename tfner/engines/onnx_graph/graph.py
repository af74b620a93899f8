"""A graph of ONNX operators that is written from its inputs to its outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

OPSET, IR = 18, 8
"""The oldest version with all operators of the graphs, and of the file format."""


class Graph:
    """Operators in the order in which they are computed, and their constants."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._constants: dict[str, np.ndarray] = {}
        self._known: dict[tuple[str, tuple[int, ...], bytes], Tensor] = {}
        self._counts: Counter[str] = Counter()

    def input(self, name: str, shape: Sequence[str]) -> Tensor:
        """An input of int32.

        Args:
            name: of the input.
            shape: the names of its axes, each of any size.
        """
        from onnx import TensorProto, helper

        info = helper.make_tensor_value_info(name, TensorProto.INT32, shape)
        self._inputs.append(info)
        return Tensor(self, name)

    def constant(self, value: Any, name: str = "constant") -> Tensor:
        """A constant; equal ones are stored once.

        Args:
            value: an array, or a number, which becomes float32 or int32.
            name: that it is to have, with a number if it is not the first one.
        """
        if isinstance(value, float | int):
            value = np.array(value, np.float32 if isinstance(value, float) else "int32")
        array = np.ascontiguousarray(value).reshape(np.shape(value))
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            found = Tensor(self, self._new_name(name))
            self._constants[found.name] = array
            self._known[key] = found
        return self._known[key]

    def op(
        self, kind: str, *operands: Any, domain: str = "", **attributes: Any
    ) -> Tensor:
        """The output of an operator.

        Args:
            kind: name of the operator.
            *operands: tensors, or constants as `constant` takes them; None to leave out
                an input.
            domain: of operators that are not ONNX' own.
            **attributes: of the operator.
        """
        from onnx import helper

        output = Tensor(self, self._new_name(kind.lower()))
        inputs = ["" if one is None else self._tensor(one).name for one in operands]
        node = helper.make_node(
            kind,
            inputs,
            [output.name],
            name=output.name,
            domain=domain or None,
            **attributes,
        )
        self._nodes.append(node)
        return output

    def model(self, outputs: Mapping[str, tuple[Tensor, Sequence[Any]]]) -> Any:
        """The finished graph as `onnx.ModelProto`.

        Args:
            outputs: a float32 tensor, and the sizes or names of its axes, by name.
        """
        from onnx import TensorProto, helper, numpy_helper

        for name, (tensor, _) in outputs.items():
            node = helper.make_node("Identity", [tensor.name], [name], name=name)
            self._nodes.append(node)
        graph = helper.make_graph(
            self._nodes,
            "tfner",
            self._inputs,
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
                for name, (_, shape) in outputs.items()
            ],
            [numpy_helper.from_array(a, n) for n, a in self._constants.items()],
        )
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(
            graph, opset_imports=opsets, ir_version=IR, producer_name="tfner"
        )

    def _tensor(self, operand: Any) -> Tensor:
        return operand if isinstance(operand, Tensor) else self.constant(operand)

    def _new_name(self, name: str) -> str:
        self._counts[name] += 1
        number = self._counts[name]
        return name if number == 1 else f"{name}_{number}"


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """An output of an operator, or an input; arithmetic with it adds operators.

    Args:
        graph: that it is of.
        name: in the graph.
    """

    graph: Graph
    name: str

    def __add__(self, other: Any) -> Tensor:
        return self.graph.op("Add", self, other)

    def __sub__(self, other: Any) -> Tensor:
        return self.graph.op("Sub", self, other)

    def __mul__(self, other: Any) -> Tensor:
        return self.graph.op("Mul", self, other)

    def __truediv__(self, other: Any) -> Tensor:
        return self.graph.op("Div", self, other)

    def __matmul__(self, other: Any) -> Tensor:
        return self.graph.op("MatMul", self, other)

    def __gt__(self, other: Any) -> Tensor:
        return self.graph.op("Greater", self, other)

    def __and__(self, other: Any) -> Tensor:
        return self.graph.op("And", self, other)

    def equal(self, other: Any) -> Tensor:
        """Booleans that tell whether two tensors are the same, number by number."""
        return self.graph.op("Equal", self, other)

    def where(self, yes: Any, no: Any) -> Tensor:
        """Values of one tensor where this one is true, and of the other elsewhere."""
        return self.graph.op("Where", self, yes, no)

    def reshape(self, *sizes: int) -> Tensor:
        """The numbers in another shape; 0 keeps an axis, -1 is what remains."""
        return self.graph.op("Reshape", self, np.array(sizes, np.int64))

    def transpose(self, *axes: int) -> Tensor:
        """The tensor with its axes in another order."""
        return self.graph.op("Transpose", self, perm=axes)

    def expand(self, *axes: int) -> Tensor:
        """The tensor with new axes of size 1 at these places."""
        return self.graph.op("Unsqueeze", self, np.array(axes, np.int64))

    def size(self, axis: int) -> Tensor:
        """The size of an axis, int32."""
        shape = self.graph.op("Shape", self, start=axis, end=axis + 1)
        one = self.graph.op("Squeeze", shape, np.array([0], np.int64))
        return self.graph.op("Cast", one, to=6)  # onnx.TensorProto.INT32

    def take(self, places: Any) -> Tensor:
        """The rows, along the first axis, at these places."""
        return self.graph.op("Gather", self, places, axis=0)

    def softmax(self) -> Tensor:
        """The softmax along the last axis."""
        return self.graph.op("Softmax", self, axis=-1)


def up_to(length: Tensor) -> Tensor:
    """The numbers 0, 1, … below a length, int32."""
    return length.graph.op("Range", 0, length, 1)
