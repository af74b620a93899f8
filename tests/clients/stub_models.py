"""Exported models as TensorFlow Serving runs them: the session loader, by version.

Source: tensorflow/serving at 9d981c5c, servables/tensorflow/predict_util.cc
(PreProcessPrediction, RunPredict), model_servers/server_core.cc
(ServableRequestFromModelSpec), model_servers/get_model_status_impl.cc,
core/basic_manager.cc (GetUntypedServableHandle).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tests.clients.stub_batching import Arrays, Batching, BatchingSession, StubError

DEFAULT = "serving_default"


class StubModel:
    """One version of a model.

    Args:
        directory: holds `saved_model.pb`.
        batching: settings of the batcher; None to run each request alone.
    """

    def __init__(self, directory: Path, batching: Batching | None) -> None:
        import tensorflow as tf

        self.batcher = None if batching is None else BatchingSession(batching)
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        with self._session.graph.as_default():
            meta = tf.compat.v1.saved_model.load(
                self._session, ["serve"], str(directory)
            )
        self.signatures = dict(meta.signature_def)

    def predict(
        self, signature_name: str, inputs: Arrays, wanted: list[str]
    ) -> dict[str, np.ndarray]:
        """Run a signature; all its outputs unless some are wanted."""
        name = signature_name or DEFAULT
        if name not in self.signatures:
            raise StubError(
                "FAILED_PRECONDITION", f'Serving signature key "{name}" not found.'
            )
        signature = self.signatures[name]
        _check_inputs(signature, inputs)
        for alias in wanted:
            if alias not in signature.outputs:
                raise StubError(
                    "INVALID_ARGUMENT",
                    f"output tensor alias not found in signature: {alias} Outputs "
                    f"expected to be in the set {{{','.join(signature.outputs)}}}.",
                )
        fetched = tuple(sorted(wanted or signature.outputs))

        def run(fed: Arrays) -> dict[str, np.ndarray]:
            return self._run(signature, fed, fetched)

        if self.batcher is None:
            return run(inputs)
        return self.batcher.run((name, fetched), run, inputs)

    def _run(self, signature: Any, fed: Arrays, fetched: tuple[str, ...]) -> Any:
        import tensorflow as tf

        tensor = self._session.graph.get_tensor_by_name
        feeds = {
            tensor(signature.inputs[n].name).ref(): np.array(a) for n, a in fed.items()
        }
        fetches = [tensor(signature.outputs[name].name) for name in fetched]
        try:
            # Session.run would compare shapes with the graph's, as no server does.
            found = self._session._do_run(None, [], fetches, feeds, None, None)
        except tf.errors.OpError as error:
            code = tf.errors.error_codes.Code.Name(error.error_code)
            raise StubError(code, error.message) from None
        return dict(zip(fetched, found, strict=True))


def _check_inputs(signature: Any, inputs: Arrays) -> None:
    """As VerifyRequestInputsSize, and as a function refuses tensors of other types."""
    sent, taken = set(inputs), set(signature.inputs)
    if len(sent) != len(taken):
        extra, missing = ",".join(sorted(sent - taken)), ",".join(sorted(taken - sent))
        raise StubError(
            "INVALID_ARGUMENT",
            f"input size does not match signature: {len(sent)}!={len(taken)} len({{"
            f"{','.join(sorted(sent))}}}) != len({{{','.join(sorted(taken))}}}). Sent "
            f"extra: {{{extra}}}. Missing but required: {{{missing}}}.",
        )
    for name in sorted(taken):
        if name not in inputs:
            raise StubError(
                "INVALID_ARGUMENT",
                f"Signature input {name} not found in request inputs or default inputs",
            )
        kind, given = numpy_type(signature.inputs[name]), inputs[name].dtype
        if kind != given:
            raise StubError(
                "INVALID_ARGUMENT",
                f"Expects arg[0] to be {kind.name} but {given.name} is provided",
            )


def numpy_type(info: Any) -> np.dtype:
    """The type of the arrays that a TensorInfo describes."""
    import tensorflow as tf

    return np.dtype(tf.as_dtype(info.dtype).as_numpy_dtype)


class StubModels:
    """Models by name and version.

    Args:
        exports: by name a directory of `saved_model.pb`, or of versions of one.
        batching: as for `StubModel`.
        labels: by name the versions by label, as in `models.config`.
    """

    def __init__(
        self,
        exports: Mapping[str, Path],
        *,
        batching: Batching | None = None,
        labels: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        self.labels = labels or {}
        self.versions: dict[str, dict[int, StubModel]] = {}
        for name, directory in exports.items():
            found = {
                int(path.name): path
                for path in directory.iterdir()
                if path.name.isdigit() and (path / "saved_model.pb").is_file()
            } or {int(directory.name): directory}
            self.versions[name] = {
                version: StubModel(path, batching) for version, path in found.items()
            }

    def find(
        self, name: str, version: int | None = None, label: str | None = None
    ) -> tuple[int, StubModel]:
        """The version asked for, or the latest."""
        if not name:
            raise StubError("INVALID_ARGUMENT", "ModelSpec has no name specified.")
        if label:
            version = self.labels.get(name, {}).get(label)
            if version is None:
                raise StubError(
                    "INVALID_ARGUMENT", f"Unrecognized servable version label: {label}"
                )
        versions = self.versions.get(name, {})
        if version is None and versions:
            version = max(versions)
        if version not in versions:
            asked = (
                f"Latest({name})" if version is None else f"Specific({name}, {version})"
            )
            raise StubError("NOT_FOUND", f"Servable not found for request: {asked}")
        return version, versions[version]

    def status(
        self, name: str, version: int | None = None, label: str | None = None
    ) -> list[tuple[int, str]]:
        """Versions and their states, as GetModelStatus lists them."""
        if label:
            version, _ = self.find(name, label=label)
        found = sorted(self.versions.get(name, {}), reverse=True)
        if version is not None and version not in found:
            raise StubError(
                "NOT_FOUND", f"Could not find version {version} of model {name}"
            )
        if not found:
            raise StubError("NOT_FOUND", f"Could not find any versions of model {name}")
        return [(v, "AVAILABLE") for v in found if version in (None, v)]
