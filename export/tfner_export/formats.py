"""Models in the format of transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.checkpoints.huggingface import save_token_classifier
from tfner.errors import CheckpointError
from tfner.inference.bundle import staged, write_json
from tfner.tokenization.directories import CONFIG_FILE, JAPANESE_CLASS
from tfner.tokenization.huggingface import SETTINGS_FILE, TOKENIZER_FILE

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle
    from tfner.inference.huggingface import ForeignBundle

GENERIC_CLASS = "PreTrainedTokenizerFast"
MASKS = ("[MASK]", "<mask>")


def export_huggingface(bundle: Bundle | ForeignBundle, directory: str | Path) -> Path:
    """Write a model so that `transformers.pipeline("ner", model=...)` runs it.

    An existing `directory` is replaced; whether it may be is for the caller to ask.

    Args:
        bundle: a trained model with tfner's own encoder.
        directory: becomes a Hugging Face token-classification directory.

    Returns:
        The directory.

    Raises:
        CheckpointError: the format cannot express the model.
        BundleError: the directory cannot be written.
    """
    directory = Path(directory)
    model, task = bundle.load_model(), bundle.task
    if model.crf is not None:
        raise CheckpointError(
            f"{bundle.directory} has a CRF, which no token-classification model of "
            "transformers has. Use --format saved-model, or train with --head softmax."
        )
    with staged(directory) as stage:
        save_token_classifier(model, task.label_set.tags, stage)
        task.tokenizer.save(stage)
        if (stage / TOKENIZER_FILE).is_file():
            write_json(
                stage / CONFIG_FILE, tokenizer_config(stage, longest=task.max_length)
            )
    return directory


def tokenizer_config(directory: Path, *, longest: int) -> dict[str, Any]:
    """What transformers has to know beside a `tokenizer.json`."""
    definition = _read(directory / TOKENIZER_FILE)
    settings = _read(directory / SETTINGS_FILE)
    vocab = definition["model"]["vocab"]
    if not isinstance(vocab, dict):
        vocab = {piece: number for number, (piece, _) in enumerate(vocab)}
    pieces = {number: piece for piece, number in vocab.items()}
    pieces |= {token["id"]: token["content"] for token in definition["added_tokens"]}
    known = set(pieces.values())
    model = definition["model"]
    roles = {
        "cls_token": pieces.get(next(iter(settings["prefix_ids"]), None)),
        "sep_token": pieces.get(next(iter(settings["suffix_ids"]), None)),
        "pad_token": pieces.get(settings["pad_id"]),
        "unk_token": model.get("unk_token") or pieces.get(model.get("unk_id")),
        "mask_token": next((piece for piece in MASKS if piece in known), None),
    }
    config: dict[str, Any] = {
        "tokenizer_class": GENERIC_CLASS,
        "model_max_length": longest,
        **{role: piece for role, piece in roles.items() if piece is not None},
    }
    if settings["kind"] == "mecab-wordpiece":
        # No tokenizer.json holds MeCab.
        config |= {
            "tokenizer_class": JAPANESE_CLASS,
            "word_tokenizer_type": "mecab",
            "subword_tokenizer_type": "wordpiece",
            "mecab_kwargs": {"mecab_dic": "ipadic"},
            "do_lower_case": settings["lower_case"],
        }
    return config


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
