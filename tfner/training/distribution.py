"""Devices to train on: one, the GPUs of this machine, several machines, a TPU.

Whatever they are, the plan of batches is the same: each replica takes its rows of it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from tfner.data.packing import BatchPlan
from tfner.data.pipeline import WindowTable, window_batches
from tfner.errors import ConfigError, TrainingError
from tfner.training.keras_internals import averages_of_workers

logger = logging.getLogger(__name__)

CLUSTER = "TF_CONFIG"
EXAMPLE = (
    '{"cluster": {"worker": ["host1:12345", "host2:12345"]}, '
    '"task": {"type": "worker", "index": 0}}'
)
STEPS_ON_TPU = 32
CONNECT_SECONDS = 20
WORKER_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)


@dataclass(frozen=True)
class Distribution:
    """The devices of a run, and the strategy by which it uses them.

    Args:
        kind: none, mirrored, multi-worker or tpu.
        strategy: TensorFlow's; its default one for a single device.
        is_chief: this process writes and scores; other workers only compute.
    """

    kind: str
    strategy: tf.distribute.Strategy
    is_chief: bool = True

    @property
    def replicas(self) -> int:
        """Number of copies of the model that compute a step together."""
        return int(self.strategy.num_replicas_in_sync)

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """The context in which models and optimizers are made."""
        if self.kind == "none":
            return contextlib.nullcontext()
        return self.strategy.scope()  # type: ignore[no-any-return]

    def host(self) -> contextlib.AbstractContextManager[Any]:
        """The context of everything but training: the processor of a TPU's machine."""
        if self.kind == "tpu":
            return tf.device("CPU")  # type: ignore[no-any-return]
        return contextlib.nullcontext()

    def steps_per_execution(self, wanted: int | None) -> int:
        """Steps per call of the device: those wanted, or what suits it.

        Raises:
            ConfigError: Keras cannot do several with this strategy.
        """
        if self.kind in ("mirrored", "multi-worker") and (wanted or 1) > 1:
            raise ConfigError(
                f"Keras cannot take several steps at once on {self.replicas} replicas. "
                f"Received: steps_per_execution={wanted}, strategy={self.kind}. "
                "Give --steps-per-execution 1 or --strategy none."
            )
        return wanted or (STEPS_ON_TPU if self.kind == "tpu" else 1)

    def on_cpu(self) -> bool:
        """Tell whether a run without a strategy has nothing but the processor."""
        return self.kind == "none" and not tf.config.list_logical_devices("GPU")

    def compiles(self, wanted: bool) -> tuple[bool, bool]:
        """Decide what XLA compiles.

        `fit` fails under a strategy if it is to compile the step; a TPU compiles it
        unasked.

        Returns:
            True to compile the whole step, and True to compile its gradient alone.
        """
        if self.kind == "none":
            return wanted, False
        return False, wanted and self.kind != "tpu"

    def batches(self, table: WindowTable, plan: BatchPlan, *, skip: int) -> Any:
        """Make the dataset of `fit`: on every replica its rows of each batch.

        Args:
            table: the windows.
            plan: its rows divide by the replicas.
            skip: steps of the plan that are done.
        """
        if self.kind == "none":
            return window_batches(table, plan).skip(skip)

        def own(context: Any) -> Any:
            count = self.replicas // context.num_input_pipelines
            first = context.input_pipeline_id * count
            shard = plan.shard(self.replicas, slice(first, first + count))
            return window_batches(table, shard).skip(skip * count)

        return self.strategy.distribute_datasets_from_function(own)

    def check_agreement(self, *numbers: int) -> None:
        """Compare numbers of all workers, each of which must call this.

        Raises:
            TrainingError: they see different data or checkpoints.
        """
        if self.kind != "multi-worker":
            return
        own = tf.constant([numbers], tf.int64)
        found = self.strategy.gather(self._per_replica(own), axis=0).numpy()
        if (found != found[0]).any():
            raise TrainingError(
                "the workers see different corpora, settings or checkpoints. Give all "
                "the same command, and an --output on a file system that they share."
            )

    def any(self, flag: bool) -> bool:
        """Tell whether a flag is set on one of the workers, each of which must call."""
        if self.kind != "multi-worker":
            return flag
        own = tf.constant([flag], tf.int64)
        found = self.strategy.gather(self._per_replica(own), axis=0)
        return bool(found.numpy().any())

    def wait(self) -> None:
        """Let every worker come to this point."""
        self.check_agreement(0)

    def _per_replica(self, value: Any) -> Any:
        return self.strategy.experimental_distribute_values_from_function(
            lambda _: value
        )

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Make `fit` work on several workers and report the loss of one.

        Only the chief logs notes: the others would repeat them.

        Raises:
            TrainingError: another worker has stopped.
        """
        if self.kind != "multi-worker":
            yield
            return
        try:
            notes = contextlib.nullcontext() if self.is_chief else warnings_alone()
            with averages_of_workers(), notes:
                yield
        except WORKER_LOST as error:
            raise TrainingError(
                "another worker has stopped or cannot be reached; it may have said "
                "why. Start all of them again, with --resume to go on after the last "
                "finished epoch."
            ) from error


@contextlib.contextmanager
def warnings_alone() -> Iterator[None]:
    """Let tfner log warnings and no notes, as long as the context lasts."""
    package = logging.getLogger("tfner")
    level = package.level
    package.setLevel(logging.WARNING)
    try:
        yield
    finally:
        package.setLevel(level)


def distribution(strategy: str, *, tpu: str | None = None) -> Distribution:
    """The devices that a setting names; must be called before TensorFlow is used.

    Args:
        strategy: auto, none, mirrored, multi-worker or tpu.
        tpu: name or address of a TPU, or local.

    Raises:
        ConfigError: they do not exist, or `TF_CONFIG` is not understood.
    """
    cluster = read_cluster() if strategy in ("auto", "multi-worker") else None
    if strategy == "auto":
        strategy = _found(cluster, tpu)
    if strategy == "tpu":
        found = Distribution("tpu", connect_tpu(tpu or "local"))
    elif strategy == "multi-worker":
        found = _workers(cluster)
    elif strategy == "mirrored":
        found = _mirrored()
    else:
        return Distribution("none", tf.distribute.get_strategy())
    if found.replicas == 1:
        logger.info(
            "--strategy %s: there is one device, trained on as with none", strategy
        )
        return Distribution("none", tf.distribute.get_strategy())
    logger.info("%s: %s replicas", strategy, found.replicas)
    return found


def _found(cluster: dict[str, Any] | None, tpu: str | None) -> str:
    """The strategy that `auto` stands for on this machine."""
    if tpu:
        return "tpu"
    if cluster is not None and len(_members(cluster)) > 1:
        return "multi-worker"
    return "mirrored" if len(tf.config.list_logical_devices("GPU")) > 1 else "none"


def _mirrored() -> Distribution:
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    devices = [device.name for device in tf.config.list_logical_devices(kind)]
    return Distribution("mirrored", tf.distribute.MirroredStrategy(devices))


def _workers(cluster: dict[str, Any] | None) -> Distribution:
    if cluster is None:
        raise ConfigError(
            f"--strategy multi-worker needs {CLUSTER}, which names the workers. "
            f"Set it on each, as in {CLUSTER}='{EXAMPLE}'."
        )
    if len(_members(cluster)) == 1:
        return _mirrored()
    task = cluster["task"]
    chief = "chief" if "chief" in cluster["cluster"] else "worker"
    return Distribution(
        "multi-worker",
        tf.distribute.MultiWorkerMirroredStrategy(),
        is_chief=(task["type"], task["index"]) == (chief, 0),
    )


def read_cluster() -> dict[str, Any] | None:
    """Read `TF_CONFIG`; None if it is not set.

    Raises:
        ConfigError: it is no JSON, or does not name the workers and this one's place.
    """
    text = os.environ.get(CLUSTER, "").strip()
    if not text:
        return None
    try:
        found = json.loads(text)
        members = _members(found)
        task = found["task"]
        kind, index = task["type"], task["index"]
    except ValueError as error:
        raise _malformed(f"is no JSON ({error})") from error
    except KeyError as error:
        raise _malformed(f"has no {error}") from error
    except (AttributeError, TypeError) as error:
        raise _malformed("is of another form") from error
    addresses = found["cluster"].get(kind)
    if kind not in ("chief", "worker") or not addresses:
        raise _malformed(f"has the task type {kind!r}, which is not in its cluster")
    if type(index) is not int or not 0 <= index < len(addresses):
        raise _malformed(
            f"has the task index {index!r}; its cluster has {len(addresses)} {kind}s, "
            "counted from 0"
        )
    if len(set(members)) < len(members):
        raise _malformed("names an address twice")
    return dict(found)


def _members(found: dict[str, Any]) -> list[str]:
    """The addresses of all workers, the chief first."""
    cluster = found["cluster"]
    members = [*cluster.get("chief", []), *cluster["worker"]]
    if not all(isinstance(member, str) for member in members):
        raise TypeError
    return members


def _malformed(what: str) -> ConfigError:
    return ConfigError(f"{CLUSTER} {what}. It must be as in {CLUSTER}='{EXAMPLE}'.")


def connect_tpu(name: str) -> tf.distribute.Strategy:
    """Connect to a TPU and clear its memory.

    Raises:
        ConfigError: it is not there.
    """
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name)
        if name != "local":
            _check_reachable(resolver.master())
            tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    except Exception as error:  # nothing says what this raises
        reason = str(error).strip().partition("\n")[0].partition(". ")[0]
        raise ConfigError(
            f"the TPU {name!r} cannot be used: {reason or type(error).__name__}. Give "
            "its name or grpc:// address with --tpu, local on a TPU VM, or --strategy "
            "none."
        ) from error


def _check_reachable(address: str) -> None:
    """Try an address first, because connecting to a dead cluster waits for ever."""
    host, _, port = address.removeprefix("grpc://").rpartition(":")
    socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
