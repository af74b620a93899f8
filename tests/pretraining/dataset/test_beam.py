"""Apache Beam makes the same data as the local command."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tfner.errors import ConfigError
from tfner.pretraining.dataset import beam


def test_without_beam_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "apache_beam", None)
    with pytest.raises(ConfigError, match=r"pip install 'tfner\[beam\]'"):
        beam.build_pretraining_data(["a.txt"], "tokenizer", "data")


@pytest.mark.skipif(
    importlib.util.find_spec("apache_beam") is None, reason="needs apache-beam"
)
# What Beam's own modules do.
@pytest.mark.filterwarnings("ignore")
def test_beam_and_the_local_command_give_equal_bytes(
    encoder_directory: Path, tmp_path: Path
) -> None:
    from tfner.errors import CorpusError
    from tfner.pretraining.dataset.build import build_pretraining_data
    from tfner.tokenization import load_tokenizer

    for part in range(3):
        articles = [f"anna met {part} {n}.\n" * (n % 7 + 1) for n in range(30)]
        (tmp_path / f"text-{part}").write_text("\n".join(articles), "utf-8")
    inputs = [str(tmp_path / f"text-{part}") for part in range(3)]
    local, piped = tmp_path / "local", tmp_path / "piped"
    build_pretraining_data(
        inputs, load_tokenizer(encoder_directory), local, max_length=32, shards=4
    )
    arguments = ([str(tmp_path / "text-*")], encoder_directory, str(piped))
    beam.build_pretraining_data(*arguments, max_length=32, shards=4)
    names = [path.relative_to(local) for path in sorted(local.rglob("*"))]
    assert [path.relative_to(piped) for path in sorted(piped.rglob("*"))] == names
    for name in names:
        path = local / name
        assert path.is_dir() or path.read_bytes() == (piped / name).read_bytes()
    with pytest.raises(ConfigError, match="exists"):
        beam.build_pretraining_data(*arguments)
    with pytest.raises(CorpusError, match="matches no file"):
        beam.build_pretraining_data(
            ["nothing*"], encoder_directory, str(tmp_path / "x")
        )
