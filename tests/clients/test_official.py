"""The official stubs of PredictionService, and KServe's own server, beside ours.

Neither package is needed else: the tests are passed over where it is not installed.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np
import pytest

from tests.clients.conftest import ALL_TEXTS, Exported
from tests.clients.test_transports import places
from tfner.inference.predictor import Predictor

pytestmark = [pytest.mark.slow, pytest.mark.parity]


def test_a_server_of_the_official_stubs_reads_and_answers(tagger: Exported) -> None:
    apis = pytest.importorskip("tensorflow_serving.apis.prediction_service_pb2_grpc")
    import tensorflow as tf
    from google.protobuf import any_pb2
    from tensorflow.core.protobuf import meta_graph_pb2
    from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2

    loaded = tf.saved_model.load(str(tagger.directory))
    graph = tf.compat.v1.saved_model.load  # the metadata, as the server keeps it
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        meta = graph(session, ["serve"], str(tagger.directory))
    assert isinstance(meta, meta_graph_pb2.MetaGraphDef)

    class Service(apis.PredictionServiceServicer):
        def Predict(self, request: Any, context: Any) -> Any:
            name = request.model_spec.signature_name
            inputs = {n: tf.make_ndarray(t) for n, t in request.inputs.items()}
            assert all(t.tensor_content for t in request.inputs.values())
            run = loaded.signatures[name]
            found = run(**{n: tf.constant(a) for n, a in inputs.items()})
            answer = predict_pb2.PredictResponse()
            for key, values in found.items():
                lists = values.numpy().tolist()
                tensor = tf.make_tensor_proto(lists, values.dtype, values.shape)
                answer.outputs[key].CopyFrom(tensor)
            return answer

        def GetModelMetadata(self, request: Any, context: Any) -> Any:
            answer = get_model_metadata_pb2.GetModelMetadataResponse()
            signatures = get_model_metadata_pb2.SignatureDefMap()
            for key, signature in meta.signature_def.items():
                signatures.signature_def[key].CopyFrom(signature)
            packed = any_pb2.Any()
            packed.Pack(signatures)
            answer.metadata["signature_def"].CopyFrom(packed)
            return answer

    server = grpc.server(ThreadPoolExecutor(2))
    apis.add_PredictionServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        place = f"grpc://127.0.0.1:{port}/chunk"
        predictor = Predictor.load(place, assets=tagger.directory, max_rows=3)
        expected = Predictor.of(tagger.bundle).predict(ALL_TEXTS)
        assert places(predictor.predict(ALL_TEXTS)) == places(expected)
    finally:
        server.stop(0).wait()


def test_the_official_stub_is_understood_by_the_stand_in(
    tagger: Exported, tagger_server: Any
) -> None:
    apis = pytest.importorskip("tensorflow_serving.apis.prediction_service_pb2_grpc")
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name = "chunk"
    rows = np.tile(np.array([2, 5, 3] + [0] * 61, np.int32), (2, 1))
    positions = np.tile(np.array([1] + [0] * 63, np.int32), (2, 1))
    for name, array in {
        "input_ids": rows,
        "input_mask": (rows > 0).astype(np.int32),
        "segment_ids": rows * 0,
        "labeled_positions": positions,
    }.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    with grpc.insecure_channel(tagger_server.grpc) as channel:
        answer = apis.PredictionServiceStub(channel).Predict(request, timeout=30)
    probs = tf.make_ndarray(answer.outputs["chunk_probs"])
    assert probs.shape == (2, 1, 5)
    np.testing.assert_allclose(probs.sum(-1), 1, rtol=1e-5)


KSERVE = """
import sys
import numpy as np, tensorflow as tf
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer


class Tagger(Model):
    def load(self):
        self.loaded = tf.saved_model.load(sys.argv[1])
        self.run = self.loaded.signatures["serving_default"]
        self.ready = True
        return True

    def predict(self, payload, headers=None, response_headers=None):
        if isinstance(payload, InferRequest):
            fed = {i.name: tf.constant(i.as_numpy()) for i in payload.inputs}
        else:
            rows = payload["instances"]
            fed = {k: tf.constant([r[k] for r in rows], tf.int32) for k in rows[0]}
        found = {k: v.numpy() for k, v in self.run(**fed).items()}
        if not isinstance(payload, InferRequest):
            rows = zip(*(v.tolist() for v in found.values()))
            return {"predictions": [dict(zip(found, row)) for row in rows]}
        outputs = []
        for name, values in found.items():
            kind = "FP32" if values.dtype == np.float32 else "INT64"
            outputs.append(InferOutput(name, list(values.shape), kind))
            outputs[-1].set_data_from_numpy(values, binary_data=False)
        return InferResponse(payload.id, self.name, outputs)


tagger = Tagger("chunk")
tagger.load()
ports = {"http_port": int(sys.argv[2]), "grpc_port": int(sys.argv[3])}
ModelServer(**ports, enable_grpc=True, workers=1).start([tagger])
"""


@pytest.fixture(scope="module")
def kserve(tagger: Exported) -> Iterator[tuple[int, int]]:
    """The ports of KServe's Python server, REST and gRPC."""
    pytest.importorskip("kserve")
    ports = free_port(), free_port()
    call = [sys.executable, "-c", KSERVE, str(tagger.directory), *map(str, ports)]
    with subprocess.Popen(call, env=os.environ, stderr=subprocess.DEVNULL) as process:
        try:
            for port in ports:
                wait_for(port)
            yield ports
        finally:
            process.terminate()


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(300):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail("KServe's server did not start within a minute")


def test_kserves_server_gives_the_entities_of_the_bundle(
    tagger: Exported, kserve: tuple[int, int]
) -> None:
    rest, port = kserve
    expected = places(Predictor.of(tagger.bundle).predict(ALL_TEXTS))
    for place, settings in {
        f"http://127.0.0.1:{rest}/v1/models/chunk": {"format": "row"},
        f"v2+http://127.0.0.1:{rest}/chunk": {},
        f"v2+grpc://127.0.0.1:{port}/chunk": {},
    }.items():
        predictor = Predictor.load(
            place, assets=tagger.directory, max_rows=3, **settings
        )
        assert places(predictor.predict(ALL_TEXTS)) == expected
