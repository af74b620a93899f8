"""What is sent: refused if it may not be, in parts if it is large, in few bytes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.clients import protos
from tfner.clients.addresses import read_address
from tfner.clients.checks import checked
from tfner.clients.kserve import V2GrpcCodec, V2RestCodec
from tfner.clients.parts import join, split
from tfner.clients.serving import GrpcCodec, RestCodec
from tfner.clients.signatures import DEFAULT, Codec, Signature, TensorInfo

ROW = TensorInfo("int32", (-1, 6))
NAMES = ("input_ids", "input_mask", "segment_ids", "labeled_positions")
TAGGER = Signature(DEFAULT, dict.fromkeys(NAMES, ROW), {})
ADDRESS = read_address("grpc://host/chunk/versions/7")


def features(**changes: Any) -> dict[str, Any]:
    ids = np.array([[101, 7, 8, 102, 0, 0], [101, 9, 102, 0, 0, 0]], np.int32)
    positions = np.array([[1, 2, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]], np.int32)
    mask = (ids > 0).astype(np.int32)
    rows = (ids, mask, np.zeros_like(ids), positions)
    return dict(zip(NAMES, rows, strict=True)) | changes


def test_a_good_request_passes_as_it_is() -> None:
    given = features()
    sent = checked(given, TAGGER, 200)
    assert all(sent[name] is given[name] for name in NAMES)


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.int16])
def test_other_integers_become_those_of_the_signature(kind: type) -> None:
    positions = features()["labeled_positions"].astype(kind)
    sent = checked(features(labeled_positions=positions), TAGGER, None)
    assert sent["labeled_positions"].dtype == np.int32


ZEROS = np.zeros((2, 6), np.int32)
EMPTY = np.zeros((0, 6), np.int32)


@pytest.mark.parametrize(
    ("inputs", "complaint"),
    [
        ({}, "Received: nothing"),
        (features(extra=ZEROS), "takes input_ids, .*Received: extra"),
        ({"input_ids": ZEROS}, "Received: input_ids. Give the assets"),
        (dict.fromkeys(NAMES, EMPTY), "at least one row that is not empty"),
        (features(segment_ids=ZEROS[:1]), "same number of rows"),
        (features(segment_ids=ZEROS[0]), r"of shape \(any, 6\). Received: \(6,\)"),
        (features(segment_ids=ZEROS[:, :5]), r"of shape \(any, 6\)"),
        (features(segment_ids=ZEROS.astype(float)), "type int32. Received: float64"),
        (features(segment_ids=ZEROS + np.int64(2**40)), "type int32. Received: int64"),
        (features(input_ids=ZEROS - 1), "row 0 of `input_ids` holds -1"),
        (features(input_ids=ZEROS + 200), "holds 200, and the model knows 0 to 199"),
        (features(labeled_positions=ZEROS + 6), "row 0 .* holds 6, which is beyond"),
        (features(labeled_positions=ZEROS - 2), "holds -2, which is beyond"),
        (features(labeled_positions=ZEROS + 3), "row 1 .* holds 3, which is beyond"),
    ],
)
def test_what_may_not_be_sent_is_refused(inputs: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        checked(inputs, TAGGER, 200)


@pytest.mark.parametrize("inputs", [{}, {"input_ids": ZEROS[:0]}, {"x": np.int32(3)}])
def test_zero_rows_are_refused_without_knowing_the_signature(inputs: Any) -> None:
    with pytest.raises(ValueError, match="Received: none"):
        checked(inputs, None, None)


@settings(max_examples=50)
@given(st.integers(1, 40), st.none() | st.integers(1, 50))
def test_parts_hold_all_rows_in_order(rows: int, max_rows: int | None) -> None:
    whole = {"a": np.arange(rows)[:, None], "b": np.arange(rows)}
    parts = split(whole, max_rows)
    sizes = [len(part["a"]) for part in parts]
    assert max(sizes) <= (max_rows or rows)
    assert min(sizes) > 0
    joined = join(parts, sizes)
    assert all((joined[name] == whole[name]).all() for name in whole)


def test_answers_of_several_widths_are_filled_up() -> None:
    parts = [
        {"probs": np.ones((2, 3, 4)), "tags": np.full((2, 3), b"O", object)},
        {"probs": np.ones((1, 1, 4)), "tags": np.full((1, 1), b"O", object)},
    ]
    joined = join(parts, [2, 1])
    assert joined["probs"].shape == (3, 3, 4)
    assert joined["probs"][2].sum() == 4
    assert joined["tags"][2].tolist() == [b"O", "", ""]


def test_rows_of_spans_count_on_from_part_to_part() -> None:
    parts = [{"rows": np.array([0, 2])}, {"rows": np.array([], int)}]
    parts.append({"rows": np.array([1])})
    assert join(parts, [3, 3, 2])["rows"].tolist() == [0, 2, 7]


CODECS: list[Codec] = [RestCodec(), RestCodec(rows=True), GrpcCodec()]
CODECS += [V2RestCodec(), V2GrpcCodec()]


def test_grpc_sends_bytes_and_never_lists() -> None:
    """A row of 512 pieces takes 2 kB, as a list of numbers up to 5."""
    rows = {name: np.full((4, 512), 30521, np.int32) for name in NAMES}
    for codec, message in (
        (GrpcCodec(), protos.PredictRequest),
        (V2GrpcCodec(), protos.ModelInferRequest),
    ):
        body = codec.predict(ADDRESS, rows, "spans").body or b""
        assert len(body) < 4 * 4 * 512 * 4 + 400
        sent = message.FromString(body)
        if message is protos.PredictRequest:
            assert sent.model_spec.version.value == 7
            assert sent.model_spec.signature_name == "spans"
            assert not any(tensor.int_val for tensor in sent.inputs.values())
            for tensor in sent.inputs.values():
                assert (protos.read_tensor(tensor) == 30521).all()
        else:
            assert sent.model_version == "7"
            assert sent.parameters["signature_name"].string_param == "spans"
            assert not any(t.HasField("contents") for t in sent.inputs)


def test_rest_sends_rows_or_columns() -> None:
    columns = RestCodec().predict(ADDRESS, features(), "tags")
    assert columns.route == "/v1/models/chunk/versions/7:predict"
    sent = json.loads(columns.body or b"")
    assert sent["signature_name"] == "tags"
    assert sent["inputs"]["input_ids"] == features()["input_ids"].tolist()
    rows = json.loads(
        RestCodec(rows=True).predict(ADDRESS, features(), "x").body or b""
    )
    assert [row["segment_ids"] for row in rows["instances"]] == ZEROS.tolist()


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    "answer",
    [b"", b"{}", b"[]", b"<html>", b"\xff\xfe", b'{"outputs": {"a": [[1], 2]}}'],
)
def test_answers_of_something_else_are_told(codec: Codec, answer: bytes) -> None:
    try:
        outputs = codec.outputs(answer)
    except (ValueError, KeyError, TypeError):
        return
    assert outputs == {}


def test_v2_reads_lists_and_bytes_alike() -> None:
    probs = np.array([[0.25, 0.75]], np.float32)
    words = np.array([b"a", "é".encode()], object)
    lists, raws = (
        protos.ModelInferResponse(model_name="chunk"),
        protos.ModelInferResponse(model_name="chunk"),
    )
    for answer in (lists, raws):
        answer.outputs.add(name="probs", datatype="FP32", shape=[1, 2])
        answer.outputs.add(name="words", datatype="BYTES", shape=[2])
    lists.outputs[0].contents.fp32_contents.extend([0.25, 0.75])
    lists.outputs[1].contents.bytes_contents.extend(words)
    raws.raw_output_contents.append(probs.tobytes())
    raws.raw_output_contents.append(b"\1\0\0\0a\2\0\0\0" + "é".encode())
    for answer in (lists, raws):
        outputs = V2GrpcCodec().outputs(answer.SerializeToString())
        assert (outputs["probs"] == probs).all()
        assert outputs["words"].tolist() == words.tolist()
