"""Raw text, its pretraining data, and settings of short runs."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.config.pretrain import PRETRAIN_PRESETS, PretrainConfig
from tfner.pretraining.dataset.build import build_pretraining_data
from tfner.tokenization import load_tokenizer


@pytest.fixture(scope="session")
def make_pretraining(pretraining_rows: Path) -> Callable[..., PretrainConfig]:
    """Settings of a run of one layer, 8 rows a step."""

    def config(output: Path, **changes: Any) -> PretrainConfig:
        settings = PRETRAIN_PRESETS["tiny"] | {
            "data": str(pretraining_rows),
            "output": str(output),
            "num_layers": 1,
            "hidden_size": 32,
            "intermediate_size": 64,
            "embedding_size": 16,
            "batch_size": 8,
            "steps": 6,
            "save_every": 2,
            "log_every": 3,
            "jit_compile": False,
        }
        return PretrainConfig(**settings | changes)

    return config


@pytest.fixture(scope="session")
def finished(
    make_pretraining: Callable[..., PretrainConfig],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The directory of a run of six steps; read it only."""
    from tfner.pretraining.run import pretrain

    output = tmp_path_factory.mktemp("finished") / "run"
    pretrain(make_pretraining(output))
    return output


def raw_text(articles: int, *, first: int = 0) -> str:
    """Articles of one to twelve sentences of one to thirty words, all different."""
    random = np.random.default_rng(first)
    texts = []
    for number in range(first, first + articles):
        lengths = random.integers(1, 30, random.integers(1, 13))
        texts.append("".join(f"anna met {number} {'x ' * n}.\n" for n in lengths))
    return "\n".join(texts)


@pytest.fixture(scope="session")
def text_files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Raw text: 40 articles in a plain file, 30 in a gzip one."""
    folder = tmp_path_factory.mktemp("text")
    (folder / "a.txt").write_text(raw_text(40), "utf-8")
    packed = gzip.compress(raw_text(30, first=40).encode())
    (folder / "b.txt.gz").write_bytes(packed)
    return [str(folder / "a.txt"), str(folder / "b.txt.gz")]


@pytest.fixture(scope="session")
def pretraining_data(
    tmp_path_factory: pytest.TempPathFactory,
    text_files: list[str],
    encoder_directory: Path,
) -> Path:
    """Records of at most 32 pieces in 4 shards; read it only."""
    folder = tmp_path_factory.mktemp("data") / "data"
    tokenizer = load_tokenizer(encoder_directory)
    build_pretraining_data(
        text_files, tokenizer, folder, max_length=32, shards=4, processes=1
    )
    return folder
