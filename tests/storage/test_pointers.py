"""What Git LFS leaves where it has not fetched a file is named as such."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfner import read_corpus
from tfner.errors import StorageError
from tfner.inference.label_files import read_labels
from tfner.storage.pointers import refuse_pointers
from tfner.tokenization import load_tokenizer

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"


def test_pointers_are_told_from_files_and_from_what_is_not_there(
    tmp_path: Path,
) -> None:
    pointer, file = tmp_path / "a.bin", tmp_path / "b.bin"
    pointer.write_text(POINTER, "utf-8")
    file.write_text("version 2", "utf-8")
    refuse_pointers(file, tmp_path, tmp_path / "missing")
    with pytest.raises(StorageError, match=r"a\.bin: a pointer .*`git lfs pull`"):
        refuse_pointers(file, pointer)


@pytest.mark.parametrize(
    "name", ["tokenizer.json", "tokenizer_config.json", "vocab.txt", "spm.model"]
)
def test_files_of_tokenizers_may_be_pointers(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(POINTER, "utf-8")
    with pytest.raises(StorageError, match=rf"{name}: a pointer of Git LFS"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("name", ["a.bio", "a.bio.gz", "a.json", "a.jsonl", "a.txt"])
def test_corpora_may_be_pointers(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(POINTER, "utf-8")
    with pytest.raises(StorageError, match=rf"{name}: a pointer of Git LFS"):
        list(read_corpus(tmp_path / name))


@pytest.mark.parametrize("name", ["labels.txt", "labels.json", "labels.pkl"])
def test_files_of_labels_may_be_pointers(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(POINTER, "utf-8")
    with pytest.raises(StorageError, match=rf"{name}: a pointer of Git LFS"):
        read_labels(tmp_path / name)
