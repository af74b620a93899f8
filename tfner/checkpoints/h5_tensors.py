"""Tensors of a `tf_model.h5`, as the TensorFlow models of transformers 4 saved them.

Source: transformers 4, modeling_tf_utils.py and modeling_tf_pytorch_utils.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from tfner.errors import CheckpointError
from tfner.storage.foreign_files import check_files

RENAMED = {"kernel": "weight", "embeddings": "weight", "gamma": "weight"}
RENAMED |= {"beta": "bias", "depthwise_kernel": "depthwise.weight"}
RENAMED |= {"pointwise_kernel": "pointwise.weight"}
"""The last part of a weight's name in Keras -> in PyTorch."""
AXES = {"depthwise_kernel": (1, 2, 0), "pointwise_kernel": (2, 1, 0)}
"""Kernels that are not simply transposed -> Keras' axes in PyTorch's order."""
CONVOLUTION_BIAS = "key_conv_attn_layer.bias"
"""Of ConvBERT, a column in PyTorch."""


class H5Tensors:
    """Tensors of a `tf_model.h5` by their names in PyTorch, laid out as there.

    Args:
        files: the file, or the shards of a model; they stay open.

    Raises:
        CheckpointError: one is damaged, or holds something else.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._held: dict[str, tuple[h5py.Dataset, tuple[int, ...]]] = {}
        self._files = [open_h5(path) for path in files]
        for path, file in zip(files, self._files, strict=True):
            found = dict(_weights(file))
            if not found:
                raise CheckpointError(
                    f"{path} holds no weights as transformers 4 saved them, by layer "
                    "and model. Give the model as model.safetensors."
                )
            self._held |= found
        self.names = list(self._held)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of one, without reading it."""
        dataset, axes = self._held[name]
        shape = tuple(dataset.shape[axis] for axis in axes)
        return (*shape, 1) if name.endswith(CONVOLUTION_BIAS) else shape

    def read(self, name: str) -> NDArray[Any]:
        """One of them, as PyTorch would have it.

        Raises:
            CheckpointError: the file is damaged there.
        """
        dataset, axes = self._held[name]
        return np.reshape(np.transpose(read_dataset(dataset), axes), self.shape(name))


def read_dataset(dataset: h5py.Dataset) -> NDArray[Any]:
    """All of a dataset, also of bfloat16, which Keras stores as pairs of bytes.

    Raises:
        CheckpointError: the file is damaged there.
    """
    try:
        value = dataset[()]
    except OSError as error:
        raise CheckpointError(
            f"{dataset.file.filename} is damaged at {dataset.name}: {error}. Fetch it "
            "again."
        ) from error
    if dataset.attrs.get("dtype") == "bfloat16":  # the upper half of a float32
        value = (value.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return np.asarray(value)


def open_h5(path: Path) -> h5py.File:
    """Open a file, all of which lies in it and in no other.

    Raises:
        CheckpointError: it is damaged, or declares arrays that it does not hold.
        StorageError: it is no regular file.
    """
    check_files(path)
    try:
        file = h5py.File(path, "r")
        _check_arrays(file, path.stat().st_size)
    except Exception as error:  # nothing says what a damaged file raises
        raise CheckpointError(
            f"{path} is damaged or no HDF5 file: {error}. Fetch it again."
        ) from error
    return file


def _check_arrays(file: h5py.File, size: int) -> None:
    """Meet what is damaged, and refuse arrays that take more room than the file has.

    Raises:
        ValueError: they do, or lie in another file.
    """
    wanted = 0

    def add(name: str, item: Any) -> None:
        nonlocal wanted
        if isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise ValueError(f"{name} lies in another file")
            wanted += item.nbytes
            if wanted > size:
                raise ValueError(
                    f"its arrays have {wanted:,} bytes or more, the file {size:,}"
                )

    file.visititems(add)


def _weights(
    file: h5py.File,
) -> Iterator[tuple[str, tuple[h5py.Dataset, tuple[int, ...]]]]:
    """Weights by their names in PyTorch, with their axes in PyTorch's order.

    The path of one is the layer's name, the model's, and its own; in a shard its own.
    """
    found: list[tuple[str, h5py.Dataset]] = []

    def keep(path: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found.append((path, item))

    file.visititems(keep)
    listed = {_text(name) for name in file.attrs.get("layer_names", ())}
    for path, dataset in found:
        layer, *name = path.split("/")
        if path in listed:
            name = ["model", layer, *name]
        if len(name) < 2:
            continue
        kind, axes = name[-1].removesuffix(":0"), tuple(range(dataset.ndim))
        if kind == "kernel" and dataset.ndim == 2:  # ConvBERT's grouped ones are not
            axes = axes[::-1]
        yield torch_name("/".join(name)), (dataset, AXES.get(kind, axes))


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name


def torch_name(name: str) -> str:
    """PyTorch's name of a weight of TensorFlow.

    Args:
        name: such as `tf_bert_model/bert/encoder/layer_._0/output/dense/kernel:0`, the
            model's name first.

    Example:
        >>> torch_name("tf_bert_model/bert/encoder/layer_._0/output/dense/kernel:0")
        'bert.encoder.layer.0.output.dense.weight'
    """
    name = re.sub(r":\d+$", "", name)
    name = re.sub(r"/[^/]*___([^/]*)/", r"/\1/", name)  # layers that TensorFlow splits
    _, *parts = re.sub("//+", "/", name.replace("_._", "/")).split("/")
    return ".".join([*parts[:-1], RENAMED.get(parts[-1], parts[-1])])
