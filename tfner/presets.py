"""Published settings by name."""

from __future__ import annotations

from typing import Any

_ELECTRA = {
    "learning_rate": 1e-4,
    "layerwise_lr_decay": 0.8,
    "warmup": 0.1,
    "weight_decay": 0.01,
    "adam_epsilon": 1e-6,
    "bias_correction": False,
    "clip_norm": 1.0,
    "dropout": 0.0,
}
PRESETS: dict[str, dict[str, Any]] = {
    "electra-small": _ELECTRA,
    "electra-base": _ELECTRA,
    "electra-large": {**_ELECTRA, "learning_rate": 5e-5, "layerwise_lr_decay": 0.9},
    "mrc": {
        "task": "span",
        "epochs": 20,
        "batch_size": 16,
        "max_length": 128,
        "learning_rate": 3e-5,
        "warmup": 0.0,
        "weight_decay": 0.01,
        "adam_beta2": 0.98,
        "clip_norm": 1.0,
        "dropout": 0.3,
        "hidden_dropout": 0.1,
        "attention_dropout": 0.1,
        "span_candidates": "pred_and_gold",
        "span_weight": 0.1,
    },
}
"""Published settings by name: `TrainConfig(**PRESETS["electra-base"], train=…)`.

Source: google-research/electra configure_finetuning.py, model/optimization.py,
finetune/tagging/tagging_tasks.py (no dropout before the tagging head);
ShannonAI/mrc-for-flat-nested-ner train/mrc_ner_trainer.py, scripts/mrc_ner/reproduce.
Its one-cycle schedule without warm-up falls linearly from the peak, as tfner's does.
"""
