"""Messages of model servers, described in a pool of their own.

The generated modules of `tensorflow-serving-api` load TensorFlow, and generated code is
tied to a version of protobuf. These few lines are neither: a pool of their own keeps
them from meeting the same names that TensorFlow registers, and what they leave out is
kept by protobuf as unknown fields.

Source: tensorflow/serving tensorflow_serving/{apis,config}/*.proto and
servables/tensorflow/session_bundle_config.proto; tensorflow/core/framework
{tensor,tensor_shape,types}.proto and protobuf/meta_graph.proto; kserve
open_inference_grpc.proto.
"""

from __future__ import annotations

import re
from typing import Any

from google.protobuf import (  # type: ignore[import-untyped]
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    wrappers_pb2,
)

MESSAGES = {
    "tensorflow": {
        "TensorShapeDim": "int64 size = 1; string name = 2",
        "TensorShapeProto": "repeated TensorShapeDim dim = 2; bool unknown_rank = 3",
        "TensorProto": """
            DataType dtype = 1; TensorShapeProto tensor_shape = 2;
            int32 version_number = 3; bytes tensor_content = 4;
            repeated int32 half_val = 13; repeated float float_val = 5;
            repeated double double_val = 6; repeated int32 int_val = 7;
            repeated bytes string_val = 8; repeated int64 int64_val = 10;
            repeated bool bool_val = 11; repeated uint32 uint32_val = 16;
            repeated uint64 uint64_val = 17""",
        "TensorInfo": """
            oneof string name = 1; DataType dtype = 2;
            TensorShapeProto tensor_shape = 3""",
        "SignatureDef": """
            map<string, TensorInfo> inputs = 1; map<string, TensorInfo> outputs = 2;
            string method_name = 3""",
    },
    "tensorflow.serving": {
        "ModelSpec": """
            string name = 1; oneof .google.protobuf.Int64Value version = 2;
            oneof string version_label = 4; string signature_name = 3""",
        "PredictRequest": """
            ModelSpec model_spec = 1; map<string, .tensorflow.TensorProto> inputs = 2;
            repeated string output_filter = 3""",
        "PredictResponse": """
            ModelSpec model_spec = 2;
            map<string, .tensorflow.TensorProto> outputs = 1""",
        "SignatureDefMap": "map<string, .tensorflow.SignatureDef> signature_def = 1",
        "GetModelMetadataRequest": """
            ModelSpec model_spec = 1; repeated string metadata_field = 2""",
        "GetModelMetadataResponse": """
            ModelSpec model_spec = 1; map<string, .google.protobuf.Any> metadata = 2""",
        "GetModelStatusRequest": "ModelSpec model_spec = 1",
        "StatusProto": "int32 error_code = 1; string error_message = 2",
        "ModelVersionStatus": """
            int64 version = 1; VersionState state = 2; StatusProto status = 3""",
        "GetModelStatusResponse": """
            repeated ModelVersionStatus model_version_status = 1""",
        "LogMetadata": "ModelSpec model_spec = 1; int64 timestamp_secs = 4",
        "PredictLog": "PredictRequest request = 1; PredictResponse response = 2",
        "PredictionLog": """
            LogMetadata log_metadata = 1; oneof PredictLog predict_log = 6""",
        # What the server reads from text files at its start.
        "LatestVersions": "uint32 num_versions = 1",
        "AllVersions": "",
        "SpecificVersions": "repeated int64 versions = 1",
        "ServableVersionPolicy": """
            oneof LatestVersions latest = 100; oneof AllVersions all = 101;
            oneof SpecificVersions specific = 102""",
        "LogCollectorConfig": "string type = 1; string filename_prefix = 2",
        "PerTaskSamplingConfig": """
            string dc = 1; oneof int32 task_index = 2; double sampling_rate = 3""",
        "SamplingConfig": """
            double sampling_rate = 1; int32 attributes = 2;
            repeated PerTaskSamplingConfig per_task_sampling_configs = 3""",
        "LoggingConfig": """
            LogCollectorConfig log_collector_config = 1;
            SamplingConfig sampling_config = 2;
            .google.protobuf.Any custom_logging_config = 3""",
        "ModelConfig": """
            string name = 1; string base_path = 2; string model_platform = 4;
            ServableVersionPolicy model_version_policy = 7;
            map<string, int64> version_labels = 8; LoggingConfig logging_config = 6""",
        "ModelConfigList": "repeated ModelConfig config = 1",
        "ModelServerConfig": "oneof ModelConfigList model_config_list = 1",
        "BatchingParameters": """
            .google.protobuf.Int64Value max_batch_size = 1;
            .google.protobuf.Int64Value batch_timeout_micros = 2;
            .google.protobuf.Int64Value max_enqueued_batches = 3;
            .google.protobuf.Int64Value num_batch_threads = 4;
            .google.protobuf.StringValue thread_pool_name = 5;
            repeated int64 allowed_batch_sizes = 6;
            bool pad_variable_length_inputs = 7;
            .google.protobuf.BoolValue enable_large_batch_splitting = 8;
            .google.protobuf.Int64Value max_execution_batch_size = 9""",
        "PrometheusConfig": "bool enable = 1; string path = 2",
        "MonitoringConfig": "PrometheusConfig prometheus_config = 1",
    },
    "inference": {
        "ServerLiveRequest": "",
        "ServerLiveResponse": "bool live = 1",
        "ServerReadyRequest": "",
        "ServerReadyResponse": "bool ready = 1",
        "ModelReadyRequest": "string name = 1; string version = 2",
        "ModelReadyResponse": "bool ready = 1",
        "ServerMetadataRequest": "",
        "ServerMetadataResponse": """
            string name = 1; string version = 2; repeated string extensions = 3""",
        "ModelMetadataRequest": "string name = 1; string version = 2",
        "TensorMetadata": """
            string name = 1; string datatype = 2; repeated int64 shape = 3""",
        "ModelMetadataResponse": """
            string name = 1; repeated string versions = 2; string platform = 3;
            repeated TensorMetadata inputs = 4; repeated TensorMetadata outputs = 5""",
        "InferParameter": """
            oneof bool bool_param = 1; oneof int64 int64_param = 2;
            oneof string string_param = 3""",
        "InferTensorContents": """
            repeated bool bool_contents = 1; repeated int32 int_contents = 2;
            repeated int64 int64_contents = 3; repeated uint32 uint_contents = 4;
            repeated uint64 uint64_contents = 5; repeated float fp32_contents = 6;
            repeated double fp64_contents = 7; repeated bytes bytes_contents = 8""",
        "InferTensor": """
            string name = 1; string datatype = 2; repeated int64 shape = 3;
            map<string, InferParameter> parameters = 4;
            InferTensorContents contents = 5""",
        "InferRequestedOutputTensor": """
            string name = 1; map<string, InferParameter> parameters = 2""",
        "ModelInferRequest": """
            string model_name = 1; string model_version = 2; string id = 3;
            map<string, InferParameter> parameters = 4;
            repeated InferTensor inputs = 5;
            repeated InferRequestedOutputTensor outputs = 6;
            repeated bytes raw_input_contents = 7""",
        "ModelInferResponse": """
            string model_name = 1; string model_version = 2; string id = 3;
            map<string, InferParameter> parameters = 4;
            repeated InferTensor outputs = 5;
            repeated bytes raw_output_contents = 6""",
    },
}
"""Fields of messages by package, as a .proto file writes them; `oneof` stands before
each field of a message's one choice. Messages nested elsewhere stand beside the others
here, which the wire does not show."""

ENUMS = {
    "tensorflow.DataType": """
        DT_INVALID = 0; DT_FLOAT = 1; DT_DOUBLE = 2; DT_INT32 = 3; DT_UINT8 = 4;
        DT_INT16 = 5; DT_INT8 = 6; DT_STRING = 7; DT_INT64 = 9; DT_BOOL = 10;
        DT_UINT16 = 17; DT_HALF = 19; DT_UINT32 = 22; DT_UINT64 = 23""",
    "tensorflow.serving.VersionState": """
        UNKNOWN = 0; START = 10; LOADING = 20; AVAILABLE = 30; UNLOADING = 40;
        END = 50""",
}
"""Values by the enumeration's name."""

FIELD = re.compile(r"(?:(repeated|oneof) )?(map<string, (\S+)>|\S+) (\w+) = (\d+)")
Descriptor = descriptor_pb2.FieldDescriptorProto


def message_class(name: str) -> Any:
    """The class of a message.

    Args:
        name: with its package, such as "tensorflow.serving.PredictRequest".

    Raises:
        KeyError: it is not described here.
    """
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(name))


def enum_values(name: str) -> dict[str, int]:
    """The numbers of an enumeration by the names of its values.

    Args:
        name: with its package, such as "tensorflow.DataType".

    Raises:
        KeyError: it is not described here.
    """
    found = _POOL.FindEnumTypeByName(name)
    return {value.name: value.number for value in found.values}


def _make_pool() -> Any:
    pool = descriptor_pool.DescriptorPool()
    known = [wrappers_pb2.DESCRIPTOR.name, any_pb2.DESCRIPTOR.name]
    for file in (wrappers_pb2, any_pb2):
        pool.AddSerializedFile(file.DESCRIPTOR.serialized_pb)
    for package, messages in MESSAGES.items():
        file = descriptor_pb2.FileDescriptorProto(
            name=f"tfner/{package}.proto",
            package=package,
            syntax="proto3",
            dependency=known,
        )
        for full_name, values in ENUMS.items():
            if full_name.rpartition(".")[0] == package:
                _add_enum(file, full_name, values)
        for name, fields in messages.items():
            _add_message(file, name, fields)
        pool.AddSerializedFile(file.SerializeToString())
        known = [*known, file.name]
    return pool


def _add_enum(file: Any, full_name: str, values: str) -> None:
    enum = file.enum_type.add(name=full_name.rpartition(".")[2])
    for name, number in re.findall(r"(\w+) = (\d+)", values):
        enum.value.add(name=name, number=int(number))


def _add_message(file: Any, name: str, fields: str) -> None:
    message = file.message_type.add(name=name)
    for how, kind, value, field_name, number in FIELD.findall(fields):
        many = how == "repeated" or bool(value)
        field = message.field.add(
            name=field_name,
            number=int(number),
            label=Descriptor.LABEL_REPEATED if many else Descriptor.LABEL_OPTIONAL,
        )
        if value:
            words = (word.capitalize() for word in field_name.split("_"))
            entry = message.nested_type.add(name="".join(words) + "Entry")
            entry.options.map_entry = True
            for number, part in enumerate(("string", value), 1):
                part_name = ("key", "value")[number - 1]
                inner = entry.field.add(name=part_name, number=number)
                inner.label = Descriptor.LABEL_OPTIONAL
                _set_type(inner, part, file.package)
            kind = f".{file.package}.{name}.{entry.name}"
        _set_type(field, kind, file.package)
        if how == "oneof":
            if not message.oneof_decl:
                message.oneof_decl.add(name="choice")
            field.oneof_index = 0


def _set_type(field: Any, kind: str, package: str) -> None:
    """Set a field's type: a scalar's name, or that of a message or enumeration."""
    scalar = Descriptor.Type.DESCRIPTOR.values_by_name.get(f"TYPE_{kind.upper()}")
    if scalar is not None:
        field.type = scalar.number
        return
    field.type_name = kind if kind.startswith(".") else f".{package}.{kind}"
    is_enum = field.type_name.lstrip(".") in ENUMS
    field.type = Descriptor.TYPE_ENUM if is_enum else Descriptor.TYPE_MESSAGE


_POOL = _make_pool()
