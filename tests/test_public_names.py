"""The names a user may rely on; everything else may change."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path

import pytest

import tfner

PUBLIC = {
    "tfner": {
        "Bundle",
        "Corpora",
        "Document",
        "Encoding",
        "Entity",
        "LabelSet",
        "PretrainConfig",
        "Predictor",
        "Score",
        "SpanExtraction",
        "TfnerError",
        "TokenClassification",
        "Tokenizer",
        "TrainConfig",
        "load_tokenizer",
        "pretrain",
        "read_corpus",
        "score",
        "train",
        "write_corpus",
    },
    "tfner_export": {"ServingClient", "export_saved_model"},
}
# Designed, and not built yet: a name leaves this set when it appears.
LATER = {
    "tfner": set(),
    "tfner_export": {"ServingClient"},
}


@pytest.mark.parametrize("package", PUBLIC)
def test_the_public_names_are_those_of_the_design(package: str) -> None:
    names = importlib.import_module(package).__all__
    assert set(names) == PUBLIC[package] - LATER[package]
    assert list(names) == sorted(names)


@pytest.mark.parametrize("package", PUBLIC)
def test_every_public_name_can_be_imported_and_is_documented(package: str) -> None:
    module = importlib.import_module(package)
    for name in module.__all__:
        assert inspect.getdoc(getattr(module, name)), name


@pytest.mark.parametrize("package", PUBLIC)
def test_dir_lists_the_public_names(package: str) -> None:
    module = importlib.import_module(package)
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize("package", PUBLIC)
def test_an_unknown_name_is_an_attribute_error_that_names_it(package: str) -> None:
    module = importlib.import_module(package)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = module.no_such_name


def test_a_public_name_is_one_object_however_it_is_reached() -> None:
    from tfner.document import Document

    assert tfner.Document is Document
    assert tfner.Document is tfner.Document


def test_editors_see_each_public_name_where_it_comes_from() -> None:
    """The imports under TYPE_CHECKING and the ones at first use name the same."""
    tree = ast.parse(Path(inspect.getfile(tfner)).read_text(encoding="utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [
        n for block in blocks for n in block.body if isinstance(n, ast.ImportFrom)
    ]
    seen = {
        alias.asname or alias.name: getattr(
            importlib.import_module(f"{'tfner.' * bool(node.level)}{node.module}"),
            alias.name,
        )
        for node in imports
        for alias in node.names
    }
    assert seen == {name: getattr(tfner, name) for name in tfner.__all__}
