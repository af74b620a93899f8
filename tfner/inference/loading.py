"""Open a model of any kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfner.checkpoints.saved_graph import ASSETS, SAVED_MODEL
from tfner.clients.addresses import is_address
from tfner.engines import engine_of
from tfner.errors import BundleError, ConfigError, StorageError
from tfner.inference.bundle import NO_MODEL, ON_SERVER, Bundle
from tfner.inference.exported import GraphBundle, SavedModelBundle
from tfner.inference.external import (
    EstimatorBundle,
    Extras,
    GoogleBundle,
    HuggingFaceBundle,
)
from tfner.inference.native_bundle import (
    CONFIG,
    local_model,
    native_bundle,
    refuse_encoder,
)
from tfner.inference.served import SERVER_SETTINGS, ServedBundle
from tfner.inference.weights import WEIGHTS
from tfner.storage.digests import DIGESTS, check_digests
from tfner.storage.foreign_files import check_directory, read_json

UNCHECKED = (
    f"Restore them; with --no-verify, or without {DIGESTS}, they are not compared."
)


def open_model(
    model: str | Path,
    *,
    encoder: str | Path | None = None,
    digests: bool = True,
    trust_graph: bool = False,
    **extras: Any,
) -> Bundle:
    """Open whatever can predict.

    Args:
        model: a bundle, an exported graph, the directory of a SavedModel's versions, a
            Hugging Face token-classification directory or hub id, a checkpoint that
            google-research/electra has fine-tuned, or the address of a model on a
            server.
        encoder: of a bundle that was saved without it; see `NativeBundle`.
        digests: compare its files with the digests that were saved with them, if there
            are any.
        trust_graph: of a SavedModel: run it even if its graph has operators that no
            tagger needs, which may read and write files or run other code.
        **extras: see `Extras`; of a SavedModel without assets, or a checkpoint. See
            `ServedBundle` for a model on a server.

    Raises:
        BundleError: it is none of these.
        ConfigError: an extra was given that the model carries itself.
    """
    if is_address(model):
        refuse_encoder(model, encoder)
        return open_served(str(model), digests=digests, **extras)
    _refuse_server(model, extras)
    model = local_model(model)
    exported = exported_directory(Path(model))
    if exported is None:
        return open_bundle(model, encoder=encoder, digests=digests, **extras)
    refuse_encoder(exported, encoder)
    _check_files(exported, digests)
    if (engine := engine_of(exported)) is not None:
        return GraphBundle(exported, engine, **extras)
    if (exported / ASSETS / CONFIG).is_file():
        return SavedModelBundle(exported, trust_graph=trust_graph, **extras)
    return EstimatorBundle(exported, trust_graph=trust_graph, **extras)


def open_bundle(
    model: str | Path,
    *,
    encoder: str | Path | None = None,
    digests: bool = True,
    **extras: Any,
) -> Bundle:
    """Open what holds a Keras model.

    Args:
        model: as for `open_model`.
        encoder: as for `open_model`.
        digests: as for `open_model`.
        **extras: see `Extras`; of a checkpoint.

    Raises:
        BundleError: it is none, or a SavedModel, which holds no Keras model.
        ConfigError: an extra was given that the model carries itself.
    """
    from tfner.checkpoints.loading import is_google

    if is_address(model):
        raise BundleError(ON_SERVER.format(model))
    model = local_model(model)
    directory = Path(model)
    if exported_directory(directory) is not None:
        raise BundleError(NO_MODEL.format(model))
    _check_files(directory, digests)
    if is_google(directory):
        refuse_encoder(model, encoder)
        return GoogleBundle(model, **extras)
    if _is_huggingface(directory):
        refuse_encoder(model, encoder)
        return HuggingFaceBundle(model, **extras)
    Extras(**extras).refuse(model)
    if "registered_name" in _config(directory):
        raise BundleError(
            f"{model} is a preset of KerasHub, which holds an encoder, and no tagger. "
            "Train one from it with `tfner train --encoder`."
        )
    if not directory.exists():
        raise BundleError(
            f"there is no model at {model}. Give a directory that `tfner train` or "
            "`tfner export` wrote, or a Hugging Face token-classification model."
        )
    bundle = native_bundle(directory, encoder=encoder, digests=digests)
    if bundle.directory != directory:  # of several trials
        _check_files(bundle.directory, digests)
    return bundle


def _check_files(model: Path, wanted: bool) -> None:
    """Compare the files of a model with their digests, if that is wanted.

    Raises:
        BundleError: some have changed, are missing, or are no files.
    """
    try:
        check_directory(model)
        if wanted:
            check_digests(model, remedy=UNCHECKED)
    except StorageError as error:
        raise BundleError(str(error)) from error


def open_served(
    address: str,
    *,
    assets: str | Path | None = None,
    digests: bool = True,
    **settings: Any,
) -> ServedBundle:
    """Open a model on a server.

    Args:
        address: of the model.
        assets: the bundle that was exported, an export of any version, or its assets.
        digests: as for `open_model`.
        **settings: see `ServedBundle`.

    Raises:
        BundleError: the assets are damaged, or of a newer tfner.
        ConfigError: see `ServedBundle`.
    """
    found = _assets(assets)
    if found is not None:
        exported = (found.parent / SAVED_MODEL).is_file()
        _check_files(found.parent if exported else found, digests)
    return ServedBundle(address, assets=found, **settings)


def _assets(directory: str | Path | None) -> Path | None:
    """The assets of an export of any version, or the bundle, in a directory."""
    if directory is None:
        return None
    here = Path(local_model(directory))
    if (here / CONFIG).is_file():
        return here
    exported = exported_directory(here)
    return here if exported is None else exported / ASSETS


def _refuse_server(model: str | Path, extras: dict[str, Any]) -> None:
    """Refuse settings of a server for a model that lies here.

    Raises:
        ConfigError: there are some.
    """
    given = [name for name in SERVER_SETTINGS if name in extras]
    if given:
        names = ", ".join(f"`{name}`" for name in given)
        raise ConfigError(f"{model} is not on a server. Leave out {names}.")


def exported_directory(directory: Path) -> Path | None:
    """The directory of an exported graph; None if there is none.

    It is this one, or that of the newest version of a SavedModel below.
    """
    if (directory / SAVED_MODEL).is_file() or engine_of(directory) is not None:
        return directory
    if not directory.is_dir():
        return None
    versions = [
        path
        for pattern in ("*", "*/*")
        for path in directory.glob(pattern)
        if path.name.isdigit() and (path / SAVED_MODEL).is_file()
    ]
    return max(versions, key=lambda path: int(path.name), default=None)


def _is_huggingface(directory: Path) -> bool:
    """Whether it is a Hugging Face directory, or looks like a hub id."""
    if not directory.exists():
        owner = directory.parts[0] if len(directory.parts) == 2 else ""
        return bool(owner.strip("./"))
    from tfner.checkpoints.tensors import ADAPTER, WEIGHT_FILES

    if (directory / WEIGHTS).exists():
        return False
    if "model_type" in _config(directory):
        return True
    return any((directory / name).exists() for name in (*WEIGHT_FILES, ADAPTER))


def _config(directory: Path) -> dict[str, Any]:
    """The content of a `config.json`; empty if there is none that can be read."""
    try:
        return read_json(directory / CONFIG)
    except StorageError:
        return {}
