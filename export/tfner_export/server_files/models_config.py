"""`models.config`: the models that a server runs, their versions and their labels.

Labels can only be moved to a version that is loaded already, and a configuration with
one that is not is refused whole, its version policy included
(tensorflow/serving model_servers/server_core.cc, ReloadConfig and
UpdateModelVersionLabelMap). So the policy must load a new version before the labels
name it, and must not drop what they named until then: `latest`, with room for all from
the stable version on and for the next one. `specific` would wait for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfner.clients.descriptors import message_class
from tfner.storage import remote
from tfner_export.server_files.text_files import keep

MODELS_CONFIG = "models.config"
STABLE, CANARY = "stable", "canary"
ROOT = "/models"
"""Where a server in a container finds EXPORT_DIR."""
HEADER = """\
# The number of versions and the labels change with every export; all else that you
# change stays, models that you add as well. To take the newest version back, write the
# number of the one before at "stable". Labels need a server that runs with
# --allow_version_labels_for_unavailable_models and
# --model_config_file_poll_wait_seconds=30 (or another number above 0).
"""

ModelServerConfig: Any = message_class("tensorflow.serving.ModelServerConfig")


def update_models_config(
    export_dir: Path,
    models: Mapping[str, Sequence[int]],
    *,
    name: str,
    canary: bool,
) -> int:
    """List every model of EXPORT_DIR, and label the newest version of one.

    Args:
        export_dir: local or remote, and then the server reads it there, too.
        models: versions of the models on disk, oldest first.
        name: of the model that has got a version.
        canary: the label "stable" stays where it is.

    Returns:
        Versions of the model that a server keeps in memory from now on; 0 if the file
        does not tell.

    Raises:
        StorageError: the file cannot be read or written.
    """
    root = remote.address(export_dir) if remote.is_remote(export_dir) else ROOT

    def change(config: Any) -> None:
        entries = config.model_config_list.config
        known = {entry.name: entry for entry in entries}
        for other, versions in models.items():
            if other not in known:
                entry = entries.add(name=other, base_path=f"{root}/{other}")
                entry.model_platform = "tensorflow"
                move_labels(entry, versions, canary=False)
            elif other == name:
                move_labels(known[other], versions, canary=canary)

    config = keep(export_dir / MODELS_CONFIG, ModelServerConfig, HEADER, change)
    entries = config.model_config_list.config if config else ()
    served = (entry.model_version_policy for entry in entries if entry.name == name)
    return sum(min(p.latest.num_versions, len(models[name])) for p in served)


def move_labels(entry: Any, versions: Sequence[int], *, canary: bool) -> None:
    """Give the labels of a model to its newest version, and keep what they named.

    Args:
        entry: a ModelConfig; a policy other than `latest` stays.
        versions: on disk, oldest first.
        canary: "stable" stays where it is, if that version is there.
    """
    labels, newest = entry.version_labels, versions[-1]
    labels[CANARY] = newest
    if not canary or labels.get(STABLE) not in versions:
        labels[STABLE] = newest
    policy = entry.model_version_policy
    if policy.WhichOneof("choice") in (None, "latest"):
        needed = sum(version >= labels[STABLE] for version in versions)
        policy.latest.num_versions = needed + 1
