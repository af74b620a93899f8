"""Tensors of a `tf_model.h5`, as the TensorFlow models of transformers 4 saved them.

Source: transformers 4, modeling_tf_utils.py and modeling_tf_pytorch_utils.py.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from tfner.errors import CheckpointError

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
        path: the file, which stays open.

    Raises:
        CheckpointError: it is damaged, or holds something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: dict[str, tuple[h5py.Dataset, tuple[int, ...]]] = {}
        try:
            self._file = h5py.File(path, "r")
            self._file.visititems(self._keep)
        except (OSError, RuntimeError) as error:
            raise CheckpointError(
                f"{path} is damaged or no HDF5 file: {error}. Fetch it again."
            ) from error
        if not self._held:
            raise CheckpointError(
                f"{path} holds no weights as transformers 4 saved them, by layer and "
                "model. Give the model as model.safetensors."
            )
        self.names = list(self._held)

    def _keep(self, path: str, item: Any) -> None:
        """Note a weight: its path is the layer's name, the model's, and its own."""
        _, *name = path.split("/")
        if not isinstance(item, h5py.Dataset) or len(name) < 2:
            return
        short, axes = torch_name("/".join(name)), tuple(range(item.ndim))
        kind = name[-1].removesuffix(":0")
        if kind == "kernel":
            axes = axes[::-1]
        self._held[short] = (item, AXES.get(kind, axes))

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
        try:
            value = np.transpose(dataset[()], axes)
        except OSError as error:
            raise CheckpointError(
                f"{self._path} is damaged at {name}: {error}. Fetch it again."
            ) from error
        return np.reshape(value, self.shape(name))


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
