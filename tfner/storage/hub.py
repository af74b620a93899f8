"""Models on the Hugging Face hub, and KerasHub's presets on Kaggle.

They are fetched once, then read from the local cache of the hub's own client.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tfner.errors import StorageError, nearest
from tfner.recommended import recommended
from tfner.storage.remote import local_copy

PRESET = "keras_hub:"
"""Before the name of a preset of KerasHub, or its handle on Kaggle."""
HANDLE, HANDLE_SLASHES = "kaggle://", 3
HUB_ID = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")


def is_hub_id(name: str | Path) -> bool:
    """Tell whether a name may be that of a model on the hub, and not a path.

    Example:
        >>> is_hub_id("google/electra-small-discriminator"), is_hub_id("./model")
        (True, False)
    """
    return HUB_ID.fullmatch(str(name)) is not None


def fetch_model(name: str, patterns: Iterable[str]) -> Path:
    """The directory of a model in the local cache, with what of it the hub has.

    Args:
        name: hub id.
        patterns: of the files that are wanted.

    Raises:
        StorageError: there is no such model, or no way to it.
    """
    import huggingface_hub
    from huggingface_hub import errors

    try:
        return Path(
            huggingface_hub.snapshot_download(name, allow_patterns=list(patterns))
        )
    except errors.GatedRepoError as error:
        raise StorageError(
            f"its owner asks for an agreement first. Agree on "
            f"https://huggingface.co/{name}, and run `hf auth login`.",
            path=name,
        ) from error
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise StorageError(
            f"no such directory, and the hub has none of this name. {_hint(name)}",
            path=name,
        ) from error
    except (OSError, ValueError, RuntimeError) as error:
        raise StorageError(
            "no such directory, and the model hub does not give it "
            f"({_first_line(error)}). {_bring(name)}",
            path=name,
        ) from error


def local_model(name: str | Path) -> str | Path:
    """Fetch a preset or a remote directory; return any other name as it is.

    Args:
        name: `keras_hub:` and what `fetch_preset` takes; or as for `local_copy`.

    Raises:
        StorageError: there is none, or no way to it.
    """
    preset = str(name).removeprefix(PRESET)
    return local_copy(name) if preset == str(name) else fetch_preset(preset)


def fetch_preset(name: str) -> Path:
    """The directory of a KerasHub preset in kagglehub's cache.

    Args:
        name: KerasHub's, such as `bert_base_en`, or a handle on Kaggle, such as
            `keras/bert/keras/bert_base_en`.

    Raises:
        StorageError: KerasHub is not installed, it has no such preset, or there is no
            way to it.
    """
    place = PRESET + name
    try:
        import kagglehub
        import keras_hub
    except ImportError as error:
        raise StorageError(
            'a preset by name needs KerasHub: pip install "tfner[keras_hub]". The '
            f"directory of one needs no package. Received: {error}.",
            path=place,
        ) from error
    presets = keras_hub.models.Backbone.presets
    handle = presets[name]["kaggle_handle"] if name in presets else name
    handle = handle.removeprefix(HANDLE)
    if handle.count("/") < HANDLE_SLASHES:
        near = nearest(name, presets)
        meant = f" Did you mean {PRESET + near!r}?" if near else ""
        raise StorageError(
            f"KerasHub has no preset of this name.{meant} They are on "
            "https://keras.io/keras_hub/presets.",
            path=place,
        )
    try:
        return Path(kagglehub.model_download(handle))
    except (OSError, ValueError, RuntimeError) as error:
        command = f"kagglehub.model_download('{handle}', output_dir='DIR')"
        raise StorageError(
            f"Kaggle does not give it ({_first_line(error)}). Where there is a "
            f'network, run `python -c "import kagglehub; {command}"`; then bring DIR '
            "here, and give it instead.",
            path=place,
        ) from error


def cached_model(hub_id: str, files: Iterable[str]) -> Path | None:
    """The directory of a model in the local cache; None without any of the files."""
    from huggingface_hub import try_to_load_from_cache

    for file in files:
        path = try_to_load_from_cache(hub_id, file)
        if isinstance(path, str):
            return Path(path).parent
    return None


def _hint(name: str) -> str:
    near = nearest(name, recommended())
    meant = f" Did you mean {near!r}?" if near else ""
    return f"Check it; `tfner encoders` lists short names.{meant}"


def _bring(hub_id: str) -> str:
    """How to come by a model without a network."""
    if "/" not in hub_id:
        return _hint(hub_id)
    return (
        f"Where there is a network, run `hf download {hub_id} --local-dir DIR`; then "
        "bring DIR here, and give it instead."
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
