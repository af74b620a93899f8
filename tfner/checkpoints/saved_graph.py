"""The graph of a SavedModel, looked through before TensorFlow runs it.

A SavedModel is a program: among TensorFlow's operators are some that read and write
files, print, or call Python. Those of a tagger compute; what names files in its graph
is the saver, of which nothing runs but the restoring of variables, and the initialisers
of tables, which read assets.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from tfner.checkpoints.graph_files import asset_files, out_of_place
from tfner.checkpoints.graph_operators import FILES, OPERATORS
from tfner.errors import CheckpointError, counted, listed, shorten
from tfner.storage.foreign_files import check_files, read_bytes

SAVED_MODEL = "saved_model.pb"
ASSETS = "assets"
LARGEST = 32 << 20
"""Bytes of a graph, of which TensorFlow may make 50 times as many in memory; that of
MiniLM with all signatures has 3.4 million."""
LARGEST_CONSTANT = 1 << 28
"""Numbers of a constant, which may be many more than the bytes that declare it."""
REMEDY = "If you trust whoever made it, give --trust-graph (trust_graph=True in Python)"


def check_graph(directory: Path) -> None:
    """Refuse a SavedModel whose graph does more than taggers do.

    Args:
        directory: holds `saved_model.pb`.

    Raises:
        CheckpointError: the graph has operators that no tagger needs, names files
            outside of its assets, or is damaged.
        StorageError: a file is no regular one, or too large.
    """
    place = directory / SAVED_MODEL
    for graph in read_graphs(place):
        if found := foreign_operators(graph):
            names = (name if name.isalnum() else shorten(name) for name in found)
            raise CheckpointError(
                f"{place}: its graph has {counted(len(found), 'operator')} that no "
                "tagger needs, and that may read or write files or run other code: "
                f"{listed(names)}. {REMEDY}."
            )
        _check_assets(directory, graph)
        _check_constants(place, graph)


def read_graphs(place: Path) -> Any:
    """Read the graphs of a `saved_model.pb`.

    Raises:
        CheckpointError: it is damaged, or something else.
        StorageError: it is no regular file, or too large.
    """
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from tensorflow.core.protobuf import saved_model_pb2

    check_files(place)
    if place.stat().st_size > LARGEST:
        raise CheckpointError(
            f"{place}: of a graph at most {LARGEST:,} bytes are looked through, which "
            f"is enough where it holds no weights. {REMEDY}."
        )
    content = saved_model_pb2.SavedModel()
    try:
        content.ParseFromString(read_bytes(place, largest=LARGEST))
    except DecodeError as error:
        raise CheckpointError(
            f"{place} is damaged, or no SavedModel in the binary format. Restore it, "
            "or export the model again."
        ) from error
    if not content.meta_graphs:
        raise CheckpointError(
            f"{place} is empty: it holds no graph. Restore it, or export the model "
            "again."
        )
    return content.meta_graphs


def foreign_operators(graph: Any) -> list[str]:
    """Name the operators of a graph that no tagger needs, or that are at a wrong place.

    Args:
        graph: a MetaGraphDef.
    """
    found = {node.op for node in nodes_of(graph)}
    placed = out_of_place(graph) if found & FILES else set()
    return sorted((found - OPERATORS - FILES) | placed)


def nodes_of(graph: Any) -> Iterator[Any]:
    """The nodes of the graph itself, and those of each function.

    Args:
        graph: a MetaGraphDef.
    """
    yield from graph.graph_def.node
    for function in graph.graph_def.library.function:
        yield from function.node_def


def _check_assets(directory: Path, graph: Any) -> None:
    for asset in asset_files(graph):
        path = PurePosixPath(asset.filename)
        if path.is_absolute() or ".." in path.parts or "\0" in asset.filename:
            raise CheckpointError(
                f"{directory / SAVED_MODEL}: its graph reads a file outside of its "
                f"assets: {shorten(asset.filename)}. {REMEDY}."
            )
        check_files(directory / ASSETS / path)


def _check_constants(place: Path, graph: Any) -> None:
    """Refuse constants that are small in the file and take gigabytes in memory."""
    for node in (n for n in nodes_of(graph) if n.op == "Const"):
        count = 1
        for axis in node.attr["value"].tensor.tensor_shape.dim:
            count *= axis.size
        if count > LARGEST_CONSTANT:
            raise CheckpointError(
                f"{place}: its graph has a constant of {count:,} numbers; at most "
                f"{LARGEST_CONSTANT:,} are made. {REMEDY}."
            )
