"""A model server for tests: an exported model behind the APIs of real servers.

TensorFlow Serving's REST and gRPC on two ports, as its sources say, and KServe's V2
protocol beside each. `StubServer(...)` is a context manager; all listens on 127.0.0.1.

Source: tensorflow/serving at 9d981c5c, model_servers/http_rest_api_util.cc
(kPredictionApiGegex, kModelStatusApiRegex, ParseModelInfo), http_rest_api_handler.cc
(ProcessPredictRequest, GetInfoMap), http_server.cc (ToHTTPStatusCode),
servables/tensorflow/get_model_metadata_impl.cc.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import grpc
import numpy as np
from google.protobuf import json_format

from tests.clients import stub_json, stub_v2
from tests.clients.stub_batching import Batching, StubError
from tests.clients.stub_models import StubModels
from tfner.clients import protos

PREDICT = re.compile(
    r"(?i)/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?:(predict)"
)
STATUS = re.compile(
    r"(?i)/v1/models(?:/([^/:]+))?(?:/versions/(\d+)|/labels/([^/:]+))?(?:/(metadata))?"
)
HTTP_STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""What ToHTTPStatusCode gives; 500 for all else."""


class Dropped(Exception):
    """Raised by `StubServer.before`: the connection is closed without an answer."""


class Tls(NamedTuple):
    """Files in PEM; a client needs a certificate of `clients` if that is given."""

    certificate: Path
    key: Path
    clients: Path | None = None


class StubServer:
    """Serves exported models until it is left.

    Args:
        exports: by name a directory of `saved_model.pb`, or of versions of one.
        batching: settings of the batcher; None for a server without batching.
        labels: by name the versions by label.
        tls: to speak TLS alone.
        before: called with the route of every request; may wait, or raise `StubError`
            (an answer of that status) or `Dropped`.

    Attributes:
        models: what is served.
        seen: route and headers of every request, names of headers in small letters.
    """

    def __init__(
        self,
        exports: Mapping[str, Path],
        *,
        batching: Batching | None = None,
        labels: Mapping[str, Mapping[str, int]] | None = None,
        tls: Tls | None = None,
        before: Callable[[str], None] | None = None,
    ) -> None:
        self.models = StubModels(exports, batching=batching, labels=labels)
        self.before = before
        self.seen: list[tuple[str, dict[str, str]]] = []
        self._tls = tls

    def __enter__(self) -> StubServer:
        self._http = _HttpServer(("127.0.0.1", 0), _Handler)
        self._http.stub = self
        # As a name it has two addresses, and gRPC tells of one that fails.
        scheme, host = "http", "127.0.0.1"
        if self._tls is not None:
            self._http.socket = _context(self._tls).wrap_socket(
                self._http.socket, server_side=True, do_handshake_on_connect=False
            )
            scheme = "https"
        self.rest = f"{scheme}://{host}:{self._http.server_port}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        self._grpc = grpc.server(ThreadPoolExecutor(8))
        self._grpc.add_generic_rpc_handlers((_Service(self),))
        if self._tls is None:
            port = self._grpc.add_insecure_port("127.0.0.1:0")
        else:
            port = self._grpc.add_secure_port("127.0.0.1:0", _credentials(self._tls))
        self.grpc = f"{host}:{port}"
        self._grpc.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        self._grpc.stop(0).wait()

    def came(self, route: str, headers: Mapping[str, str]) -> None:
        """Take note of a request, and do with it what the test wants."""
        self.seen.append((route, {name.lower(): v for name, v in headers.items()}))
        if self.before is not None:
            self.before(route)

    def answer_rest(self, method: str, path: str, body: bytes) -> bytes:
        """What REST answers; V2's paths begin with /v2."""
        if path.startswith("/v2/"):
            return stub_v2.answer_rest(self.models, method, path, body)
        pattern = PREDICT if method == "POST" else STATUS
        match = pattern.fullmatch(path)
        if match is None:
            raise StubError("INVALID_ARGUMENT", f"Malformed request: {method} {path}")
        name, version, label, what = match.groups()
        place = (unquote(name), int(version) if version else None, label)
        if what == "metadata":
            return _metadata_json(self.models, *place)
        if what is None:
            return _status_json(self.models, *place)
        document = stub_json.parse(body)
        _, model = self.models.find(*place)
        signature = document.get("signature_name") or "serving_default"
        if signature not in model.signatures:
            raise StubError(
                "INVALID_ARGUMENT",
                f'Serving signature name: "{signature}" not found in signature def',
            )
        infos = model.signatures[signature].inputs
        inputs, as_rows = stub_json.read_inputs(document, infos)
        outputs = model.predict(signature, inputs, [])
        return stub_json.write_outputs(outputs, as_rows=as_rows)


class _HttpServer(ThreadingHTTPServer):
    stub: StubServer
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that go away, as tests of failures do."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    server: _HttpServer

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        stub = self.server.stub
        try:
            stub.came(self.path, dict(self.headers.items()))
            status, answer = 200, stub.answer_rest(self.command, self.path, body)
        except Dropped:
            self.close_connection = True
            return
        except StubError as error:
            status = HTTP_STATUS.get(error.code, 500)
            answer = json.dumps({"error": error.message}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = _answer

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Service(grpc.GenericRpcHandler):
    """PredictionService, ModelService and GRPCInferenceService, by their routes."""

    def __init__(self, stub: StubServer) -> None:
        models = stub.models
        self._stub = stub
        self._routes: dict[str, tuple[Any, Callable[[Any], Any]]] = {
            protos.PREDICT: (protos.PredictRequest, lambda r: _predict(models, r)),
            protos.METADATA: (
                protos.GetModelMetadataRequest,
                lambda r: _metadata(models, *_spec(r.model_spec)),
            ),
            protos.STATUS: (
                protos.GetModelStatusRequest,
                lambda r: _status(models, *_spec(r.model_spec)),
            ),
            **stub_v2.grpc_routes(models),
        }

    def service(self, handler_call_details: Any) -> Any:
        route = handler_call_details.method
        if route not in self._routes:
            return None
        request_class, answer = self._routes[route]

        def handle(request: Any, context: grpc.ServicerContext) -> Any:
            try:
                self._stub.came(route, dict(handler_call_details.invocation_metadata))
                return answer(request)
            except Dropped:
                context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
            except StubError as error:
                context.abort(grpc.StatusCode[error.code], error.message)

        return grpc.unary_unary_rpc_method_handler(
            handle,
            request_deserializer=request_class.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )


def _spec(spec: Any) -> tuple[str, int | None, str | None]:
    version = spec.version.value if spec.HasField("version") else None
    return spec.name, version, spec.version_label or None


def _predict(models: StubModels, request: Any) -> Any:
    version, model = models.find(*_spec(request.model_spec))
    try:
        inputs = {n: protos.read_tensor(t) for n, t in request.inputs.items()}
    except ValueError as error:
        raise StubError("INVALID_ARGUMENT", f"tensor parsing error: {error}") from None
    signature = request.model_spec.signature_name or "serving_default"
    outputs = model.predict(signature, inputs, [*request.output_filter])
    answer = protos.PredictResponse()
    answer.model_spec.name = request.model_spec.name
    answer.model_spec.version.value = version
    answer.model_spec.signature_name = signature
    for name, array in outputs.items():
        answer.outputs[name].CopyFrom(_as_lists(array))
    return answer


def _as_lists(array: np.ndarray) -> Any:
    """RunPredict answers with kAsProtoField: lists of values, no tensor_content."""
    tensor = protos.make_tensor(array)
    if tensor.tensor_content:
        tensor.ClearField("tensor_content")
        fields = {"float32": "float_val", "int64": "int64_val", "bool": "bool_val"}
        field = fields.get(array.dtype.name, "int_val")
        getattr(tensor, field).extend(array.ravel().tolist())
    return tensor


def _metadata(models: StubModels, *place: Any) -> Any:
    version, model = models.find(*place)
    answer = protos.GetModelMetadataResponse()
    answer.model_spec.name = place[0]
    answer.model_spec.version.value = version
    signatures = protos.SignatureDefMap()
    for name, signature in model.signatures.items():
        signatures.signature_def[name].ParseFromString(signature.SerializeToString())
    answer.metadata["signature_def"].Pack(signatures)
    return answer


def _metadata_json(models: StubModels, *place: Any) -> bytes:
    answer = _metadata(models, *place)
    signatures = protos.SignatureDefMap()
    answer.metadata["signature_def"].Unpack(signatures)

    def listed(message: Any) -> Any:
        return json_format.MessageToDict(
            message,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
        )

    return json.dumps(
        {
            "model_spec": listed(answer.model_spec),
            "metadata": {"signature_def": listed(signatures)},
        }
    ).encode()


def _status(models: StubModels, *place: Any) -> Any:
    answer = protos.GetModelStatusResponse()
    for version, state in models.status(*place):
        answer.model_version_status.add(
            version=version, state=protos.VERSION_STATES[state]
        )
    return answer


def _status_json(models: StubModels, *place: Any) -> bytes:
    states = [
        {
            "version": str(version),
            "state": state,
            "status": {"error_code": "OK", "error_message": ""},
        }
        for version, state in models.status(*place)
    ]
    return json.dumps({"model_version_status": states}).encode()


def _context(tls: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.certificate, tls.key)
    if tls.clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(tls.clients)
    return context


def _credentials(tls: Tls) -> grpc.ServerCredentials:
    return grpc.ssl_server_credentials(
        [(tls.key.read_bytes(), tls.certificate.read_bytes())],
        root_certificates=tls.clients.read_bytes() if tls.clients else None,
        require_client_auth=tls.clients is not None,
    )
