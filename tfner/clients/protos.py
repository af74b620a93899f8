"""The messages of TensorFlow Serving and KServe V2, and arrays in them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfner.clients.descriptors import enum_values, message_class

TensorProto: Any = message_class("tensorflow.TensorProto")
SignatureDef: Any = message_class("tensorflow.SignatureDef")
ModelSpec: Any = message_class("tensorflow.serving.ModelSpec")
PredictRequest: Any = message_class("tensorflow.serving.PredictRequest")
PredictResponse: Any = message_class("tensorflow.serving.PredictResponse")
SignatureDefMap: Any = message_class("tensorflow.serving.SignatureDefMap")
GetModelMetadataRequest: Any = message_class(
    "tensorflow.serving.GetModelMetadataRequest"
)
GetModelMetadataResponse: Any = message_class(
    "tensorflow.serving.GetModelMetadataResponse"
)
GetModelStatusRequest: Any = message_class("tensorflow.serving.GetModelStatusRequest")
GetModelStatusResponse: Any = message_class("tensorflow.serving.GetModelStatusResponse")
PredictionLog: Any = message_class("tensorflow.serving.PredictionLog")
ModelInferRequest: Any = message_class("inference.ModelInferRequest")
ModelInferResponse: Any = message_class("inference.ModelInferResponse")
ModelMetadataRequest: Any = message_class("inference.ModelMetadataRequest")
ModelMetadataResponse: Any = message_class("inference.ModelMetadataResponse")
ModelReadyRequest: Any = message_class("inference.ModelReadyRequest")
ModelReadyResponse: Any = message_class("inference.ModelReadyResponse")

PREDICT = "/tensorflow.serving.PredictionService/Predict"
METADATA = "/tensorflow.serving.PredictionService/GetModelMetadata"
STATUS = "/tensorflow.serving.ModelService/GetModelStatus"
V2_INFER = "/inference.GRPCInferenceService/ModelInfer"
V2_METADATA = "/inference.GRPCInferenceService/ModelMetadata"
V2_READY = "/inference.GRPCInferenceService/ModelReady"

DATA_TYPES = enum_values("tensorflow.DataType")
VERSION_STATES = enum_values("tensorflow.serving.VersionState")

_LISTS = {
    "float32": ("DT_FLOAT", "float_val"),
    "float64": ("DT_DOUBLE", "double_val"),
    "int32": ("DT_INT32", "int_val"),
    "uint8": ("DT_UINT8", "int_val"),
    "int16": ("DT_INT16", "int_val"),
    "int8": ("DT_INT8", "int_val"),
    "uint16": ("DT_UINT16", "int_val"),
    "int64": ("DT_INT64", "int64_val"),
    "bool": ("DT_BOOL", "bool_val"),
    "float16": ("DT_HALF", "half_val"),
    "uint32": ("DT_UINT32", "uint32_val"),
    "uint64": ("DT_UINT64", "uint64_val"),
}
"""The type of a tensor and its list of values, by the type of the array."""
_NAMES = {DATA_TYPES[kind]: (name, field) for name, (kind, field) in _LISTS.items()}


def make_tensor(values: ArrayLike) -> Any:
    """Make a TensorProto of an array.

    Numbers travel as bytes (`tensor_content`): as lists they take several times the
    bytes and the time. Strings have no such form and travel as a list.

    Args:
        values: numbers, booleans, or strings (str or bytes) of any shape.

    Raises:
        TypeError: the array is of a type that tensors do not have.
    """
    array = np.asarray(values)
    tensor = TensorProto()
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    if array.dtype.kind in "OUS":
        tensor.dtype = DATA_TYPES["DT_STRING"]
        tensor.string_val.extend(encoded(value) for value in array.ravel().tolist())
        return tensor
    if array.dtype.name not in _LISTS:
        raise TypeError(f"no tensor holds values of type {array.dtype}.")
    tensor.dtype = DATA_TYPES[_LISTS[array.dtype.name][0]]
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    tensor.tensor_content = little.tobytes()
    return tensor


def read_tensor(tensor: Any) -> NDArray[Any]:
    """Read the array of a TensorProto, whichever of the two forms it has.

    Args:
        tensor: a TensorProto. TensorFlow Serving answers with lists of values, in which
            the last may stand for all that follow (tensor.proto).

    Returns:
        An array of the tensor's shape and type; of bytes objects for strings.

    Raises:
        ValueError: its values do not fill its shape, or its type is unknown.
    """
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if tensor.dtype == DATA_TYPES["DT_STRING"]:
        return _filled(np.array([*tensor.string_val], object), shape)
    if tensor.dtype not in _NAMES:
        raise ValueError(f"the tensor's type {tensor.dtype} is unknown.")
    name, field = _NAMES[tensor.dtype]
    kind = np.dtype(name)
    if tensor.tensor_content:
        found = np.frombuffer(tensor.tensor_content, kind.newbyteorder("<"))
        return _filled(found.astype(kind, copy=False), shape)
    listed = [*getattr(tensor, field)]
    if kind == np.float16:  # their bits, one number each
        return _filled(np.array(listed, np.uint16).view(np.float16), shape)
    return _filled(np.array(listed, kind), shape)


def dtype_name(data_type: int) -> str:
    """Name numpy's type for a number of `DataType`: "object" if there is none.

    Args:
        data_type: such as 3, `DT_INT32`.
    """
    return _NAMES[data_type][0] if data_type in _NAMES else "object"


def _filled(values: NDArray[Any], shape: list[int]) -> NDArray[Any]:
    count = int(np.prod(shape))
    if 0 < len(values) < count:
        values = np.pad(values, (0, count - len(values)), mode="edge")
    if len(values) != count:
        raise ValueError(f"a tensor of shape {shape} has {len(values)} values.")
    return values.reshape(shape)


def encoded(value: str | bytes) -> bytes:
    """Encode a string, in UTF-8, as tensors hold it."""
    return value if isinstance(value, bytes) else value.encode()
