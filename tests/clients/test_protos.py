"""The messages of model servers, byte for byte those of the official modules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tfner.clients import protos

NUMBERS = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "?")


def request() -> Any:
    made = protos.PredictRequest()
    made.model_spec.name = "chunk"
    made.model_spec.version.value = 7
    made.model_spec.signature_name = "spans"
    made.inputs["input_ids"].CopyFrom(protos.make_tensor([[1, 2], [3, 4]]))
    made.output_filter.append("chunk_probs")
    return made


@settings(max_examples=40)
@given(
    st.sampled_from(NUMBERS).flatmap(
        lambda kind: arrays.arrays(
            kind,
            arrays.array_shapes(min_dims=0, min_side=0),
            elements={"allow_nan": False} if kind.startswith("f") else None,
        )
    )
)
def test_arrays_come_back_as_they_were(array: np.ndarray) -> None:
    blob = protos.make_tensor(array).SerializeToString()
    again = protos.read_tensor(protos.TensorProto.FromString(blob))
    assert again.dtype == array.dtype
    assert again.shape == array.shape
    np.testing.assert_array_equal(again, array)


def test_strings_come_back_as_bytes() -> None:
    again = protos.read_tensor(protos.make_tensor([["a", "é"], ["", "語"]]))
    assert again.tolist() == [[b"a", "é".encode()], [b"", "語".encode()]]


def test_arrays_of_another_byte_order_are_turned() -> None:
    tensor = protos.make_tensor(np.array([1, 2], ">i4"))
    assert tensor.tensor_content == b"\1\0\0\0\2\0\0\0"


def test_the_last_value_of_a_list_stands_for_those_that_follow() -> None:
    tensor = protos.make_tensor(np.zeros((2, 3), np.float32))
    tensor.ClearField("tensor_content")
    tensor.float_val.extend([1, 2])
    assert protos.read_tensor(tensor).tolist() == [[1, 2, 2], [2, 2, 2]]


def test_tensors_that_do_not_fill_their_shape_are_refused() -> None:
    tensor = protos.make_tensor(np.zeros((2, 3), np.float32))
    tensor.tensor_content = b"\0" * 4 * 7
    with pytest.raises(ValueError, match=r"shape \[2, 3\] has 7 values"):
        protos.read_tensor(tensor)
    with pytest.raises(TypeError, match="complex128"):
        protos.make_tensor(np.array([1j]))


def test_a_request_is_these_bytes() -> None:
    """As `predict_pb2.PredictRequest` of tensorflow-serving-api 2.21 writes it."""
    tensor = (
        b"\x08\x09\x12\x08\x12\x02\x08\x02\x12\x02\x08\x02\x22\x20"
        + np.array([1, 2, 3, 4], "<i8").tobytes()
    )
    entry = b"\x0a\x09input_ids\x12" + bytes([len(tensor)]) + tensor
    spec = b"\x0a\x05chunk\x12\x02\x08\x07\x1a\x05spans"
    assert request().SerializeToString() == (
        b"\x0a\x12"
        + spec
        + b"\x12"
        + bytes([len(entry)])
        + entry
        + b"\x1a\x0bchunk_probs"
    )


def test_a_label_takes_the_place_of_a_version() -> None:
    spec = request().model_spec
    spec.version_label = "stable"
    assert not spec.HasField("version")
    assert protos.ModelSpec.FromString(spec.SerializeToString()) == spec


@pytest.mark.slow
@pytest.mark.parametrize("kind", NUMBERS)
def test_tensorflow_reads_and_writes_the_same_tensors(kind: str) -> None:
    tf = pytest.importorskip("tensorflow")
    from tensorflow.core.framework import tensor_pb2

    array = np.arange(6).astype(kind).reshape(2, 3)
    mine = protos.make_tensor(array)
    theirs = tensor_pb2.TensorProto.FromString(mine.SerializeToString())
    np.testing.assert_array_equal(tf.make_ndarray(theirs), array)
    for written in (tf.make_tensor_proto(array), listed(tf.make_tensor_proto, array)):
        read = protos.TensorProto.FromString(written.SerializeToString())
        np.testing.assert_array_equal(protos.read_tensor(read), array)


def listed(make: Any, array: np.ndarray) -> Any:
    """A tensor with lists of values in place of bytes, as the server answers."""
    values = array.tolist()
    return make([[*row] for row in values], dtype=array.dtype)


@pytest.mark.slow
def test_requests_equal_those_of_the_official_modules() -> None:
    apis = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    from tensorflow_serving.apis import predict_pb2

    mine = request()
    theirs = predict_pb2.PredictRequest.FromString(mine.SerializeToString())
    assert theirs.model_spec.version.value == 7
    assert theirs.inputs["input_ids"].tensor_content == np.arange(1, 5).tobytes()
    assert theirs.SerializeToString() == mine.SerializeToString()
    log = protos.PredictionLog()
    log.predict_log.request.CopyFrom(mine)
    again = apis.PredictionLog.FromString(log.SerializeToString())
    assert again.WhichOneof("log_type") == "predict_log"
    assert again.SerializeToString() == log.SerializeToString()
