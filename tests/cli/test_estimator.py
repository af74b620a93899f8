"""SavedModels of TensorFlow 1's Estimator: a graph without tokenizer or labels."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.errors import BundleError, ConfigError
from tfner.inference.batching import POSITIONS
from tfner.inference.predictor import Predictor
from tfner.schemes import LabelSet
from tfner.tokenization import load_tokenizer

MAX_LENGTH = 512
TEXT = (
    "ノルウェーの劇作家ヘンリック・イプセンの劇詩『ペール・ギュント』の登場人物に因んで"
    "命名された。"
)
ENTITIES = [
    {"start": 0, "end": 5, "label": "GPE"},
    {"start": 9, "end": 19, "label": "PERSON"},
    {"start": 23, "end": 31, "label": "WORK_OF_ART"},
]
TAGS = ["B-PERSON", "E-PERSON", "O", "S-GPE", "S-PERSON", "S-WORK_OF_ART"]
TAG_OF_PIECE = {"ノルウェー": "S-GPE", "ヘン": "S-PERSON", "ペー": "S-WORK_OF_ART"}
INPUTS = ("input_ids", "input_mask", "segment_ids", "labeled_positions")
Write = Callable[..., Path]


def write_saved_model(
    directory: Path,
    pieces: list[str],
    *,
    inputs: tuple[str, ...] = INPUTS,
    row_length: int | None = MAX_LENGTH,
    variable: str | None = "electra/embeddings/word_embeddings",
    knows_tags: bool = True,
) -> Path:
    """A graph that knows the tag of a word by its first piece, as V1 code writes it.

    It does so only for rows whose `segment_ids` are 1 just where `input_mask` is; in
    all others everything is O.
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    tags = [TAGS.index(TAG_OF_PIECE.get(piece, "O")) for piece in pieces]
    with tf.Graph().as_default(), v1.Session() as session:
        rows = [None, row_length]
        fed = {name: v1.placeholder(tf.int32, rows, name=name) for name in inputs}
        known = np.eye(len(TAGS), dtype="f")[tags] * 9
        table = tf.constant(known)  # what freezing a graph makes of a variable
        if variable is not None:
            table = v1.get_variable(variable, initializer=known, use_resource=False)
        same = tf.equal(fed["segment_ids"], fed["input_mask"])
        trusted = tf.cast(tf.reduce_all(same, axis=1), tf.float32)[:, None, None]
        rows = tf.gather(table, fed["input_ids"], name="rows")
        rows = tf.gather(rows, fed["labeled_positions"], batch_dims=1)
        outside = tf.one_hot(TAGS.index("O"), len(TAGS))
        columns = tf.reduce_max(tf.math.count_nonzero(fed["labeled_positions"], 1))
        probs = tf.nn.softmax(rows * trusted + outside)[:, :columns]
        shape = [None, None, len(TAGS) if knows_tags else None]
        given = {
            "chunk_predictions": tf.argmax(probs, -1),
            "chunk_probs": v1.placeholder_with_default(probs, shape),
        }
        session.run(v1.global_variables_initializer())
        info = v1.saved_model.build_tensor_info
        signature = v1.saved_model.build_signature_def(
            {name: info(tensor) for name, tensor in fed.items()},
            {name: info(tensor) for name, tensor in given.items()},
            "tensorflow/serving/predict",
        )
        builder = v1.saved_model.Builder(str(directory))
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": signature}
        )
        builder.save()
    return directory


@pytest.fixture(scope="module")
def pieces(japanese_vocabulary: Path) -> list[str]:
    return (japanese_vocabulary / "vocab.txt").read_text("utf-8").splitlines()


@pytest.fixture(scope="module")
def write(tmp_path_factory: pytest.TempPathFactory, pieces: list[str]) -> Write:
    """Writes an EXPORT_DIR/chunk/<unix seconds>, and returns EXPORT_DIR."""

    def write(**settings: Any) -> Path:
        folder = tmp_path_factory.mktemp("exported")
        write_saved_model(folder / "chunk" / "1600000000", pieces, **settings)
        return folder

    return write


@pytest.fixture(scope="module")
def exported(write: Write) -> Path:
    return write()


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("labels") / "chunk_label_mapping.pkl"
    path.write_bytes(pickle.dumps({tag: n for n, tag in enumerate(TAGS)}, -1))
    return path


@pytest.fixture(scope="module")
def given(japanese_vocabulary: Path, labels: Path) -> list[Any]:
    return ["--tokenizer", japanese_vocabulary, "--label-mapping", labels]


def entities(line: str) -> list[dict[str, Any]]:
    kept = ("start", "end", "label")
    return [{key: e[key] for key in kept} for e in json.loads(line)["entities"]]


@pytest.mark.parametrize("version", ["", "chunk", "chunk/1600000000"])
def test_it_predicts_the_documented_entities(tfner, exported, given, version) -> None:
    flags = [*given, "--segment-id", "1", "--text", TEXT]
    result = tfner("predict", exported / version, *flags)
    assert result.code == 0, result.err
    assert entities(result.out) == ENTITIES
    assert "words are MeCab/ipadic's" in result.err
    assert "reference variable" not in result.err


def test_segment_ids_are_0_unless_told(tfner, exported, given) -> None:
    result = tfner("predict", exported, *given, "--text", TEXT)
    assert entities(result.out) == []


@pytest.mark.parametrize("row_length", [MAX_LENGTH, 64, None])
def test_texts_longer_than_a_row_are_read_to_their_end(
    tfner, write, given, row_length
) -> None:
    flags = [*given, "--segment-id", "1", "--text", TEXT * 40]
    found = entities(tfner("predict", write(row_length=row_length), *flags).out)
    assert [e["start"] for e in found] == [
        e["start"] + n * len(TEXT) for n in range(40) for e in ENTITIES
    ]


def test_rows_that_cost_their_full_length_are_run_a_few_at_once(
    exported: Path, japanese_vocabulary: Path, labels: Path, monkeypatch: Any
) -> None:
    given = {"tokenizer": japanese_vocabulary, "label_mapping": labels, "segment_id": 1}
    predictor = Predictor.load(exported, **given)
    graph, shapes = predictor.run._run, []

    def watched(**features: Any) -> Any:
        shapes.append(tuple(features["input_ids"].shape))
        return graph(**features)

    monkeypatch.setattr(predictor.run, "_run", watched)
    texts = [TEXT[:end] for end in (5, 9, 19, 22, 31, len(TEXT))] * 4
    found = predictor.predict(texts)
    assert max(rows * length for rows, length in shapes) <= POSITIONS
    assert sum(rows for rows, _ in shapes) == len(texts)
    for text, document in zip(texts, found, strict=True):
        ends = [e.end for e in document.entities]
        assert ends == [e["end"] for e in ENTITIES if e["end"] <= len(text)]


@pytest.mark.parametrize(("segment_id", "f1"), [(1, 1.0), (0, 0.0)])
def test_it_is_scored(tfner, exported, given, tmp_path, segment_id, f1) -> None:
    gold = tmp_path / "gold.jsonl"
    record = {"id": "1", "text": TEXT, "entities": ENTITIES}
    gold.write_text(json.dumps(record) + "\n", "utf-8")
    flags = [*given, "--segment-id", segment_id, "--json"]
    result = tfner("evaluate", exported, gold, *flags)
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert (found["f1"], found["support"]) == (f1, 3)


def test_a_corpus_s_own_words_are_not_those_of_the_model(
    tfner, exported, given, tmp_path
) -> None:
    gold = tmp_path / "gold.conll"
    cut = ["ノル", "ウェー", "の劇", "作家ヘン", "リック・イプセン", "の劇詩。"]
    gold.write_text("".join(f"{word}\tO\n" for word in cut), "utf-8")
    flags = [*given, "--segment-id", "1", "--from", "conll"]
    assert entities(tfner("predict", exported, gold, *flags).out) == ENTITIES[:2]


@pytest.mark.parametrize(
    ("said", "end"),
    [
        ([], 4),
        (["--lower-case"], 4),
        (["--no-lower-case"], None),
        (["--lower-case", "--word-splitter", "whitespace"], 5),
        (["--word-splitter", "mecab"], 4),
    ],
)
def test_what_a_bare_vocabulary_leaves_open_can_be_said(
    tfner, exported, given, pieces, tmp_path, said, end
) -> None:
    mine = ["oslo" if piece == "ノルウェー" else piece for piece in pieces]
    (tmp_path / "vocab.txt").write_text("".join(f"{p}\n" for p in mine), "utf-8")
    flags = ["--tokenizer", tmp_path, *given[2:], "--segment-id", "1", *said]
    result = tfner("predict", exported, *flags, "--text", "OSLO劇")
    found = [] if end is None else [{"start": 0, "end": end, "label": "GPE"}]
    assert entities(result.out) == found
    assert ("text is lower-cased" in result.err) == ("lower-case" not in "".join(said))
    assert ("ipadic" in result.err) == ("--word-splitter" not in said)


def test_an_unknown_word_splitter_is_refused(tfner, exported, given) -> None:
    flags = [*given, "--word-splitter", "mecap", "--text", TEXT]
    assert "did you mean 'mecab'" in tfner("predict", exported, *flags).sentence


def test_python_takes_the_same_and_objects_of_ones_own(
    exported: Path, japanese_vocabulary: Path, labels: Path
) -> None:
    files = Predictor.load(
        exported, tokenizer=japanese_vocabulary, label_mapping=labels, segment_id=1
    )
    tokenizer = load_tokenizer(japanese_vocabulary)
    objects = Predictor.load(
        exported,
        tokenizer=tokenizer,
        label_mapping=LabelSet.from_tags(TAGS),
        segment_id=1,
        verify=True,
    )
    assert files.predict([TEXT]) == objects.predict([TEXT])
    assert len(files.predict([TEXT])[0].entities) == 3
    with pytest.raises(ConfigError, match="`lower_case` and `word_splitter`"):
        Predictor.load(
            exported, tokenizer=tokenizer, label_mapping=labels, lower_case=True
        )


@pytest.mark.parametrize("missing", ["--tokenizer", "--label-mapping"])
def test_the_error_names_both_flags(tfner, exported, given, missing) -> None:
    at = given.index(missing)
    rest = given[:at] + given[at + 2 :]
    sentence = tfner("predict", exported, *rest, "--text", TEXT).sentence
    assert "--tokenizer DIR and --label-mapping FILE" in sentence
    assert str(exported) in sentence


def test_labels_of_another_number_are_refused(tfner, exported, given, tmp_path) -> None:
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(TAGS[:-1]))
    flags = [*given[:2], "--label-mapping", path, "--text", TEXT]
    sentence = tfner("predict", exported, *flags).sentence
    assert "predicts 6 tags, the labels are 5." in sentence


def test_a_graph_that_does_not_say_its_tags_is_refused(tfner, write, given) -> None:
    result = tfner("predict", write(knows_tags=False), *given, "--text", TEXT)
    assert "predicts an unknown number of tags" in result.sentence


def test_a_larger_vocabulary_is_refused(
    tfner, exported, write, given, pieces, tmp_path
) -> None:
    more = [*pieces, "乙", "丙"]
    (tmp_path / "vocab.txt").write_text("".join(f"{p}\n" for p in more), "utf-8")
    flags = ["--tokenizer", tmp_path, *given[2:], "--text", "丙"]
    sentence = tfner("predict", exported, *flags).sentence
    assert f"knows {len(pieces)} pieces, the tokenizer has {len(more)}" in sentence
    for name in ("table", None):  # of no name that says how many pieces there are
        sentence = tfner("predict", write(variable=name), *flags).sentence
        assert "cannot run on what the tokenizer gives" in sentence


def test_a_graph_with_other_inputs_is_refused(tfner, write, given) -> None:
    other = write(inputs=(*INPUTS, "chunk_labels"))
    result = tfner("predict", other, *given, "--text", TEXT)
    assert "is no tagger that takes ['input_ids'" in result.sentence
    assert "its signature takes ['chunk_labels'" in result.sentence


@pytest.mark.parametrize("part", ["saved_model.pb", "variables.index", "variables.d*"])
def test_a_damaged_one_is_refused(tfner, exported, given, tmp_path, part) -> None:
    copy = shutil.copytree(exported, tmp_path / "copy")
    (path,) = copy.rglob(part)
    path.write_bytes(path.read_bytes()[:50])
    result = tfner("predict", copy, *given, "--text", TEXT)
    assert "cannot be loaded as a SavedModel" in result.sentence


def test_a_hostile_pickle_is_refused(tfner, exported, given, tmp_path) -> None:
    path, marker = tmp_path / "labels.pkl", tmp_path / "was-run"
    path.write_bytes(b"cos\nsystem\n(S'touch %s'\ntR." % str(marker).encode())
    result = tfner(
        "predict", exported, *given[:2], "--label-mapping", path, "--text", TEXT
    )
    assert result.sentence.startswith(f"{path}: a pickle of labels may hold one dict")
    assert not marker.exists()


def test_a_bundle_takes_no_other_tokenizer(tfner, toy_bundle, given) -> None:
    result = tfner("predict", toy_bundle, *given, "--text", TEXT)
    assert result.sentence == (
        f"{toy_bundle} carries its own tokenizer and labels. "
        "Leave out --tokenizer, --label-mapping."
    )


def test_a_segment_id_is_0_or_1(tfner, exported, given) -> None:
    result = tfner("predict", exported, *given, "--segment-id", "2", "--text", TEXT)
    assert result.code == 2


def test_it_holds_no_model_to_export(exported: Path) -> None:
    from tfner.inference.loading import open_bundle

    with pytest.raises(BundleError, match="holds no Keras model"):
        open_bundle(exported)
