"""Names of the variables in google-research's checkpoints.

Variables have names, and kernels are (in, out) as in Keras. Every one of them is read,
passed over by a rule below, or an error.

Source: google-research/electra model/modeling.py, model/optimization.py,
run_pretraining.py, finetune/tagging/tagging_tasks.py; google-research/bert modeling.py,
run_pretraining.py, run_classifier.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras

from tfner.checkpoints.families.bert import TENSORS
from tfner.checkpoints.misfits import SEQUENCES
from tfner.checkpoints.slots import Slot, Suffixes, encoder_slots, layer_slots
from tfner.checkpoints.tensors import Tensors
from tfner.errors import CheckpointError, joined, shorten, unknown
from tfner.models.heads.token_classifier import TokenClassifier

Part = Literal["discriminator", "generator"]

SUFFIXES = Suffixes(
    table="",
    scale="/gamma",
    shift="/beta",
    kernel="/kernel",
    bias="/bias",
    transposed=False,
)

TASKS = "task_specific/"
STEP = "global_step"
# Variables of Adam, by the last part of their names; and counters. `temperature` is
# passed over by transformers' converter too.
OPTIMIZER = ("adam_m", "adam_v")
COUNTERS = (STEP, "temperature")
PRETRAINING = ("generator_predictions/", "discriminator_predictions/")
# Variables that are none of the encoder's, by the start of their names: heads, the
# pooler, and the other half of a pretrained ELECTRA.
PASSED_OVER = {
    "bert": ("bert/pooler/", "cls/", "output_weights", "output_bias", TASKS),
    "electra": ("generator/", *PRETRAINING, TASKS),
    "generator": ("electra/", *PRETRAINING, TASKS),
}


@dataclass(frozen=True)
class Scope:
    """The variable scopes of an encoder in a checkpoint.

    Attributes:
        root: "bert", "electra" (the discriminator) or "generator".
        embeddings: scope of the embeddings; a generator mostly uses those of "electra".
        task: the task whose head is read as well.
    """

    root: str
    embeddings: str
    task: str | None = None

    @property
    def family(self) -> str:
        """The family of the encoder."""
        return "bert" if self.root == "bert" else "electra"

    def variable(self, module: str) -> str:
        """The name of a module here; transformers named its modules after these.

        Example:
            >>> scope = Scope("generator", "electra")
            >>> scope.variable("encoder.layer.3.attention.self.query")
            'generator/encoder/layer_3/attention/self/query'
            >>> scope.variable("embeddings.LayerNorm")
            'electra/embeddings/LayerNorm'
        """
        root = self.embeddings if module.startswith("embeddings.") else self.root
        return f"{root}/" + module.replace(".layer.", ".layer_").replace(".", "/")

    def encoder_slots(self, encoder: keras.Model) -> list[Slot]:
        """Every weight of an encoder, with the variables that fill it."""
        return encoder_slots(encoder, TENSORS, SUFFIXES, renamed=self.variable)

    def tagger_slots(self, model: TokenClassifier) -> list[Slot]:
        """Every weight of a token classifier, with the variables that fill it."""
        head = layer_slots(model.classifier, [head_of(self.task)], SUFFIXES)
        return [*self.encoder_slots(model.encoder), *head]

    def skips(self, name: str) -> bool:
        """Tell whether a variable is none of the model's."""
        if name in COUNTERS or name.rpartition("/")[2] in OPTIMIZER:
            return True
        if self.task is not None and name.startswith(f"{TASKS}{self.task}/"):
            return False
        return name.startswith(PASSED_OVER[self.root])

    def is_foreign(self, name: str) -> bool:
        """Tell whether a variable is of a head that no rule here names.

        It stands beside the encoder; beside a tagger's own head, it is of a CRF.
        """
        if self.skips(name):
            return False
        if self.task is not None:
            return name.startswith(SEQUENCES)
        return not name.startswith((f"{self.root}/", f"{self.embeddings}/"))


def head_of(task: str | None) -> str:
    """The dense layer of a tagging task."""
    return f"{TASKS}{task}/dense"


def find_scope(tensors: Tensors, part: Part, *, place: Path) -> Scope:
    """The scopes of one of the encoders of a checkpoint.

    Args:
        tensors: of the checkpoint.
        part: the encoder; a BERT has but one.
        place: where the checkpoint stands, for messages.

    Raises:
        CheckpointError: it is not there.
    """
    roots = ("generator",) if part == "generator" else ("electra", "bert")
    for root in roots:
        if any(name.startswith(f"{root}/encoder/") for name in tensors.names):
            has_embeddings = any(
                n.startswith(f"{root}/embeddings/") for n in tensors.names
            )
            shared = root == "generator" and not has_embeddings
            return Scope(root, "electra" if shared else root)
    names = " or ".join(f"{root}/encoder/" for root in roots)
    raise CheckpointError(
        f"{place} holds no {'generator' if part == 'generator' else 'BERT or ELECTRA'}"
        f": none of its {len(tensors.names)} variables begins with {names}. The first "
        f"are {', '.join(map(shorten, tensors.names[:3])) or 'none'}."
    )


def find_task(tensors: Tensors, task_name: str | None, *, place: Path) -> str:
    """The task whose head is read.

    Args:
        tensors: of the checkpoint.
        task_name: the task; None for the only one.
        place: where the checkpoint stands, for messages.

    Raises:
        CheckpointError: there is none, or it is not clear which.
    """
    pattern = re.compile(re.escape(TASKS) + "(.+)/dense/kernel")
    tasks = [match[1] for name in tensors.names if (match := pattern.fullmatch(name))]
    if not tasks:
        raise CheckpointError(
            f"{place} holds no tagger: no variable {head_of('TASK')}/kernel. Train one "
            "from this encoder with `tfner train --encoder`."
        )
    if task_name is None and len(tasks) == 1:
        return tasks[0]
    if task_name is None:
        raise CheckpointError(
            f"{place} holds several tasks: {', '.join(tasks)}. Name one of them."
        )
    if task_name not in tasks:
        raise CheckpointError(f"{place}: {unknown('task', task_name, tasks)}")
    return task_name


def read_sizes(tensors: Tensors, scope: Scope, *, place: Path) -> dict[str, int]:
    """The keys of a config that the shapes of variables tell.

    Args:
        tensors: of the checkpoint.
        scope: of the encoder in it.
        place: where the checkpoint stands, for messages.

    Raises:
        CheckpointError: a variable that tells them is missing or no matrix.
    """
    matrices = {
        "pieces": "embeddings.word_embeddings",
        "positions": "embeddings.position_embeddings",
        "types": "embeddings.token_type_embeddings",
        "inner": "encoder.layer.0.intermediate.dense",
    }
    matrices = {key: scope.variable(module) for key, module in matrices.items()}
    matrices["inner"] += SUFFIXES.kernel
    shapes = {
        key: tensors.shape(variable) if variable in tensors.names else ()
        for key, variable in matrices.items()
    }
    problems = [
        f"{matrices[key]} is missing or no matrix"
        for key, shape in shapes.items()
        if len(shape) != 2
    ]
    if problems:
        raise CheckpointError(f"{place}: " + joined(problems, what="variables"))
    pattern = re.compile(rf"{scope.root}/encoder/layer_(\d+)/.*")
    layers = {m[1] for n in tensors.names if (m := pattern.fullmatch(n))}
    return {
        "vocab_size": shapes["pieces"][0],
        "embedding_size": shapes["pieces"][1],
        "max_position_embeddings": shapes["positions"][0],
        "type_vocab_size": shapes["types"][0],
        "hidden_size": shapes["inner"][0],
        "intermediate_size": shapes["inner"][1],
        "num_hidden_layers": len(layers),
    }
