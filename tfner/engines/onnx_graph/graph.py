"""A graph of ONNX operators that is written from its inputs to its outputs."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import onnx

OPSET, IR = 18, 8
"""The oldest version with all operators of the graphs, and of the file format."""
FLOAT, INT32, INT64, BOOL = 1, 6, 7, 9
"""The numbers that ONNX has for formats (`onnx.TensorProto`)."""
LAST = 2**62
"""A place behind the end of every axis."""


class Graph:
    """Operators in the order in which they are computed, and their constants."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._constants: dict[str, np.ndarray] = {}
        self._known: dict[tuple[str, tuple[int, ...], bytes], Tensor] = {}
        self._counts: Counter[str] = Counter()

    def input(
        self, name: str, shape: Sequence[str | int], *, kind: int = INT32
    ) -> Tensor:
        """An input of the graph.

        Args:
            name: of the input.
            shape: sizes of its axes, or names of those of any size.
            kind: its number format.
        """
        from onnx import helper

        name = self._new_name(name)
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return Tensor(self, name)

    def inner(self) -> Graph:
        """A graph that becomes the body of an operator of this one: see `body`."""
        graph = Graph()
        graph._counts = self._counts  # names differ from those of this graph
        return graph

    def constant(self, value: Any, name: str = "constant") -> Tensor:
        """A constant; equal ones are stored once.

        Args:
            value: an array, or a number, which becomes float32 or int32.
            name: that it is to have, with a number if it is not the first one.
        """
        if isinstance(value, float | int):
            value = np.array(value, np.float32 if isinstance(value, float) else "int32")
        array = np.ascontiguousarray(value).reshape(np.shape(value))
        digest = hashlib.sha256(array.tobytes()).digest()
        key = (array.dtype.str, array.shape, digest)
        if key not in self._known:
            found = Tensor(self, self._new_name(name))
            self._constants[found.name] = array
            self._known[key] = found
        return self._known[key]

    def op(self, kind: str, *operands: Any, **attributes: Any) -> Tensor:
        """The output of an operator that has one; see `ops`."""
        (output,) = self.ops(kind, *operands, outputs=1, **attributes)
        return output

    def ops(
        self, kind: str, *operands: Any, outputs: int, **attributes: Any
    ) -> list[Tensor]:
        """The outputs of an operator.

        Args:
            kind: name of the operator.
            *operands: tensors, or constants as `constant` takes them.
            outputs: how many it has.
            **attributes: of the operator.
        """
        from onnx import helper

        names = [self._new_name(kind.lower()) for _ in range(outputs)]
        inputs = [self._tensor(operand).name for operand in operands]
        node = helper.make_node(kind, inputs, names, name=names[0], **attributes)
        self._nodes.append(node)
        return [Tensor(self, name) for name in names]

    def body(self, outputs: Mapping[str, Tensor]) -> onnx.GraphProto:
        """The graph as the body of an operator such as `Scan`.

        Args:
            outputs: tensors of float32, in order, by the names they get.
        """
        return self._graph("body", {name: Output(t) for name, t in outputs.items()})

    def model(self, outputs: Mapping[str, Output]) -> onnx.ModelProto:
        """The finished graph, with outputs by their names."""
        from onnx import helper

        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(
            self._graph("tfner", outputs),
            opset_imports=opsets,
            ir_version=IR,
            producer_name="tfner",
        )

    def _graph(self, name: str, outputs: Mapping[str, Output]) -> onnx.GraphProto:
        from onnx import helper, numpy_helper

        infos = []
        for output, (tensor, shape, kind) in outputs.items():
            own = self._new_name(output)
            self._rename(tensor.name, own)
            infos.append(helper.make_tensor_value_info(own, kind, shape))
        return helper.make_graph(
            self._nodes,
            name,
            self._inputs,
            infos,
            [numpy_helper.from_array(a, n) for n, a in self._constants.items()],
        )

    def _rename(self, old: str, new: str) -> None:
        """Rename what an operator gives. An `Identity` would have both names."""
        for node in self._nodes:
            for names in (node.input, node.output):
                names[:] = [new if name == old else name for name in names]

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

    def reshape(self, *sizes: int | Tensor) -> Tensor:
        """The numbers in another shape.

        Args:
            *sizes: of its axes: numbers, of which 0 keeps an axis and -1 is what
                remains, or what `size` gives.
        """
        return self.graph.op("Reshape", self, self._shape(sizes))

    def repeated(self, *sizes: int | Tensor) -> Tensor:
        """The tensor with its axes of size 1 repeated.

        Args:
            *sizes: of all axes: numbers, of which 1 keeps an axis, or what `size`
                gives.
        """
        return self.graph.op("Expand", self, self._shape(sizes))

    def _shape(self, sizes: Sequence[int | Tensor]) -> Any:
        if all(isinstance(size, int) for size in sizes):
            return np.array(sizes, np.int64)
        return self.graph.op("Concat", *map(_single, sizes), axis=0)

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
        return one.cast(INT32)

    def take(self, places: Any) -> Tensor:
        """The rows, along the first axis, at these places."""
        return self.graph.op("Gather", self, places, axis=0)

    def cut(self, axis: int, start: int | Tensor, end: int | Tensor) -> Tensor:
        """A range of an axis.

        Args:
            axis: its number.
            start: first place; below 0 counted from the end.
            end: the place behind the last; likewise.
        """
        return self.graph.op("Slice", self, *map(_single, (start, end, axis)))

    def pad(self, axis: int, before: int, after: int, *, axes: int) -> Tensor:
        """The tensor with zeros at the ends of an axis.

        Args:
            axis: its number.
            before: how many come first.
            after: how many come last.
            axes: how many the tensor has.
        """
        counts = np.zeros((2, axes), np.int64)
        counts[:, axis] = before, after
        return self.graph.op("Pad", self, counts.ravel())

    def cast(self, kind: int) -> Tensor:
        """The numbers in another format, one of ONNX' numbers of formats."""
        return self.graph.op("Cast", self, to=kind)

    def softmax(self) -> Tensor:
        """The softmax along the last axis."""
        return self.graph.op("Softmax", self, axis=-1)


def _single(number: int | Tensor) -> Any:
    """A size or a place as operators take it: (1,) int64."""
    if isinstance(number, int):
        return np.array([number], np.int64)
    return number.cast(INT64).expand(0)


class Output(NamedTuple):
    """An output of a graph.

    Args:
        tensor: its values.
        shape: sizes of its axes, or names of those of any size; None if not told.
        kind: its number format.
    """

    tensor: Tensor
    shape: Sequence[str | int] | None = None
    kind: int = FLOAT


def up_to(length: Tensor) -> Tensor:
    """The numbers 0, 1, … below a length, int32."""
    return length.graph.op("Range", 0, length, 1)


def joined(*tensors: Tensor, axis: int) -> Tensor:
    """Tensors one behind the other along an axis."""
    return tensors[0].graph.op("Concat", *tensors, axis=axis)
