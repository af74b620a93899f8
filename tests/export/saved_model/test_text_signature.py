"""The signature that takes raw text finds what the Predictor finds."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tfner.document import Entity
from tfner.errors import ExportError
from tfner.inference.bundle import Bundle

from ..conftest import LONGEST, TEXTS, WORDS, make_bundle

if TYPE_CHECKING:
    from tfner_export.exporter import Source

MODELS: dict[str, dict[str, Any]] = {
    "argmax": {},
    "viterbi": {"decode": "viterbi", "scheme": "BIOES"},
    "crf": {"head": "crf", "overlap": 9},
    "mean": {"pool": "mean"},
    "truncate": {"on_overflow": "truncate", "segment_id": 1},
}
"""Settings of a task."""


def source_of(bundle: Bundle, **serving: Any) -> Source:
    from tfner_export.exporter import Serving, Source

    return Source(bundle, Serving(max_length=LONGEST, serving_text=True, **serving))


def differing(source: Source, texts: list[str], *, at_once: int) -> list[str]:
    """The texts in which the graph finds others than the Predictor."""
    import tensorflow as tf

    from tfner.inference.predictor import Predictor
    from tfner_export.saved_model.text import verification
    from tfner_export.saved_model.text_signature import serving_text

    signature = [tf.TensorSpec([None], tf.string)]
    graph = tf.function(serving_text(source), input_signature=signature)
    expected = verification.expect(Predictor.of(source.bundle), texts)
    assert sum(len(e.entities) for e in expected) > len(texts)
    assert sum(e.tie for e in expected) < len(texts) // 4
    found: list[list[Entity]] = []
    for start in range(0, len(texts), at_once):
        fed = verification.as_input(texts[start : start + at_once])
        outputs = {name: t.numpy() for name, t in graph(tf.constant(fed)).items()}
        found += verification.read_entities(outputs)
    return [
        e.text
        for e, entities in zip(expected, found, strict=True)
        if verification.differ(e, entities)
    ]


def texts_for_tests() -> list[str]:
    from tfner_export.saved_model.text.nasty import nasty_texts

    return [*TEXTS, " ".join(WORDS * 40), *nasty_texts(120, words=WORDS, seed=3)]


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_entities_are_the_predictors(
    name: str, vocabulary: Path, tmp_path: Path
) -> None:
    bundle = make_bundle(tmp_path / "bundle", vocabulary, **MODELS[name])
    assert differing(source_of(bundle), texts_for_tests(), at_once=31) == []


@pytest.mark.slow
def test_an_encoder_that_takes_one_text_a_row_finds_the_same(
    foreign_bundle: Bundle,
) -> None:
    assert differing(source_of(foreign_bundle), texts_for_tests(), at_once=200) == []


@pytest.fixture(scope="module")
def exported(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tfner_export import export_saved_model

    folder = tmp_path_factory.mktemp("text")
    result = export_saved_model(bundle, folder, max_length=LONGEST, serving_text=True)
    assert result.signatures[-1] == "serving_text"
    return result.saved_model


RUN = """
import json, sys
import numpy as np
import tensorflow as tf

def plain(value):
    return value.decode() if isinstance(value, bytes) else value

with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    meta = tf.compat.v1.saved_model.load(session, ["serve"], sys.argv[1])
    signature = meta.signature_def["serving_text"]
    fetches = {key: info.name for key, info in signature.outputs.items()}
    for texts in json.load(sys.stdin):
        fed = np.array([bytes(text) for text in texts], object)
        found = session.run(fetches, {signature.inputs["text"].name: fed})
        lists = {key: array.tolist() for key, array in found.items()}
        print(json.dumps({k: [[*map(plain, r)] for r in v] for k, v in lists.items()}))
assert not any(name.startswith("tfner") for name in sys.modules)
"""


@pytest.mark.slow
def test_a_process_without_tfner_runs_it(exported: Path, bundle: Bundle) -> None:
    from tfner.inference.predictor import Predictor

    texts = [*TEXTS, "", "anna\x00 met Bérť"]
    invalid = b"anna \xff\xfe met \xe3\x81"
    fed = [text.encode() for text in texts]
    batches = [fed, fed[:1], [], [invalid, b"rome"]]
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(exported)],
        input=json.dumps([[list(text) for text in batch] for batch in batches]),
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
        env={"PATH": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    together, alone, none, mixed = map(json.loads, done.stdout.splitlines())
    expected = Predictor.of(bundle).predict(texts)
    for number, document in enumerate(expected):
        columns = (together[name][number] for name in ("start", "end", "label"))
        found = [row for row in zip(*columns, strict=True) if row[0] >= 0]
        assert found == [(e.start, e.end, e.label) for e in document.entities]
        empty = len(together["start"][number]) - len(found)
        assert together["label"][number][len(found) :] == [""] * empty
        assert together["score"][number][len(found) :] == [0] * empty
    assert [len(row) for row in alone["start"]] == [len(expected[0].entities)]
    assert none == {"start": [], "end": [], "label": [], "score": []}
    assert len(mixed["start"]) == 2


@pytest.mark.slow
def test_a_graph_that_finds_others_is_not_published(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tfner_export import export_saved_model
    from tfner_export.saved_model import text_signature

    honest = text_signature.find_words

    def without_the_last(codes: Any, classes: Any) -> Any:
        words = honest(codes, classes)
        return type(words)(words.starts, words.ends - 1)

    monkeypatch.setattr(text_signature, "find_words", without_the_last)
    with pytest.raises(
        ExportError, match=r"serving_text finds other .* --serving-text"
    ):
        export_saved_model(bundle, tmp_path, max_length=LONGEST, serving_text=True)
    assert not [*tmp_path.glob("chunk/[0-9]*")]


class Given:
    """A bundle of which nothing but its task is looked at."""

    def __init__(self, task: Any) -> None:
        self.directory, self.task = Path("model"), task


def test_what_the_graph_cannot_do_is_refused_with_the_reason(vocabulary: Path) -> None:
    from tfner.schemes import LabelSet
    from tfner.tasks.token_classification import TokenClassification
    from tfner.tokenization import load_tokenizer
    from tfner.tokenization.huggingface import FastTokenizer
    from tfner_export.saved_model.text_signature import check_text

    tokenizer: Any = load_tokenizer(vocabulary)
    definition, settings = tokenizer.definition, tokenizer.settings

    def task(tokenizer: Any = tokenizer, **changes: Any) -> TokenClassification:
        return TokenClassification(tokenizer, LabelSet(["PER"]), **changes)

    def other(change: dict[str, Any], **changed: Any) -> TokenClassification:
        made = FastTokenizer({**definition, **change}, replace(settings, **changed))
        return task(made)

    special = definition["added_tokens"]
    number = len(definition["model"]["vocab"])
    added = [*special, {**special[0], "id": number, "content": "movie"}]
    refused = {
        "cut by the word splitter whitespace": other({}, splitter="whitespace"),
        "normalizer of its tokenizer is NFC": other({"normalizer": {"type": "NFC"}}),
        "pre_tokenizer of its tokenizer is None": other({"pre_tokenizer": None}),
        "such as 'movie' in the text": other({"added_tokens": added}),
        "sentences before and after": task(context=1),
        "refuses texts longer than a window": task(on_overflow="error"),
    }
    for reason, made in refused.items():
        source: Any = Given(made)
        with pytest.raises(ExportError, match=reason) as caught:
            check_text(source_of(source))
        assert str(caught.value).endswith("Leave out --serving-text.")
    fine: Any = Given(task())
    check_text(source_of(fine))
