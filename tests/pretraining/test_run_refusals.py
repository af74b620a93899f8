"""Pretraining runs that cannot be are refused before anything is written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tfner.config.pretrain import PretrainConfig
from tfner.errors import ConfigError, TfnerError
from tfner.pretraining.run import pretrain

Make = Callable[..., PretrainConfig]


def failure(config: PretrainConfig) -> str:
    with pytest.raises(TfnerError) as caught:
        pretrain(config)
    return str(caught.value)


def test_what_is_no_run_is_never_replaced(
    make_pretraining: Make, tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    message = failure(make_pretraining(tmp_path, overwrite=True))
    assert "is no pretraining run" in message
    assert (tmp_path / "thesis.tex").read_text() == "mine"


def test_rows_longer_than_max_length_are_refused(
    make_pretraining: Make, tmp_path: Path
) -> None:
    message = failure(make_pretraining(tmp_path / "run", max_length=16))
    assert "rows of 32 pieces" in message
    assert "--max-length 32" in message
    assert not (tmp_path / "run").exists()


def test_a_length_above_the_positions_is_refused(
    make_pretraining: Make, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="`max_length` is 64, but `max_positions` is"):
        make_pretraining(tmp_path / "run", max_positions=50)


def test_a_batch_that_its_parts_do_not_divide_is_refused(
    make_pretraining: Make, tmp_path: Path
) -> None:
    message = failure(make_pretraining(tmp_path / "run", accumulate=3))
    assert "`batch_size` must be a multiple of the 3 parts" in message


def test_another_tokenizer_than_that_of_the_data_is_refused(
    make_pretraining: Make, pretraining_rows: Path, tmp_path: Path
) -> None:
    data = tmp_path / "rows"
    shutil.copytree(pretraining_rows, data)
    for path in (data / "tokenizer").iterdir():
        path.write_text(path.read_text().replace("lives", "dwells"))
    message = failure(make_pretraining(tmp_path / "run", data=str(data)))
    assert "this is not the" in message
