"""A student learns what its teacher says, whatever runs the teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.config.distill import DistillConfig
from tfner.corpus import read_corpus
from tfner.document import Document
from tfner.errors import BundleError, ConfigError, CorpusError
from tfner.finetuning.distill import ANSWERS, run_distillation
from tfner.finetuning.teacher import Teacher
from tfner.inference.bundle import Bundle
from tfner.inference.predictor import Predictor
from tfner.models.heads.distillation import distilled_crossentropy
from tfner.models.heads.losses import summed_crossentropy

from .conftest import Stop, stop_in_epoch

pytestmark = pytest.mark.slow


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def test_the_loss_is_the_published_one() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(2, 3, 4)).astype("float32")
    scores, vectors = random.normal(size=(2, 3, 4)), random.normal(size=(2, 3, 5))
    labels = np.array([[1, 2, -100], [0, 3, 3]], np.int32)
    gold = np.array([[1, 1, 0], [0, 0, 0]], np.float32)
    valid = (labels != -100)[..., None]
    wanted = random.normal(size=(2, 3, 5))
    teacher = np.concatenate([softmax(scores), gold[..., None], wanted], -1) * valid
    outputs = {"logits": logits, "words": vectors.astype("float32")}
    total, count = distilled_crossentropy(
        *(labels, teacher.astype("float32"), outputs),
        temperature=3.0,
        gold_weight=0.25,
        hidden_weight=0.5,
    )
    soft = -9 * (softmax(scores / 3) * np.log(softmax(logits / 3))).sum(-1)
    hard = -np.log(np.take_along_axis(softmax(logits), labels[..., None] % 4, -1))
    apart = ((vectors - wanted) ** 2).mean(-1)
    by_word = (1 - 0.25 * gold) * soft + 0.25 * gold * hard[..., 0] + 0.5 * apart
    assert float(count) == 5
    assert float(total) == pytest.approx((by_word * valid[..., 0]).sum(), rel=1e-5)


def test_gold_tags_alone_give_the_usual_loss() -> None:
    logits = np.random.default_rng(1).normal(size=(2, 3, 4)).astype("float32")
    labels = np.array([[1, 2, -100], [0, 3, 3]], np.int32)
    teacher = np.full((2, 3, 5), [0.25] * 4 + [1], np.float32)
    found = distilled_crossentropy(
        labels, teacher, {"logits": logits}, temperature=1.0, gold_weight=1.0
    )
    assert np.allclose(found, summed_crossentropy(labels, logits))


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory, toy_corpus: Path) -> Path:
    """Lines of text: new ones, one twice, and one of the test corpus."""
    path = tmp_path_factory.mktemp("raw") / "raw.txt"
    test = next(iter(read_corpus(toy_corpus / "test.conll"))).text
    lines = [f"{name} lives in {place} no{n}" for n, (name, place) in enumerate(PAIRS)]
    path.write_text("\n".join([*lines, "", lines[0], test]) + "\n", encoding="utf-8")
    return path


PAIRS = [
    (name, place)
    for name in ("anna", "bert", "carla", "dmitri", "emma", "farid")
    for place in ("paris", "rome", "oslo", "lima", "cairo", "quito")
]


@pytest.fixture
def settings(
    toy_settings: dict[str, Any],
    toy_bundle: Path,
    toy_corpus: Path,
    raw: Path,
    tmp_path: Path,
) -> dict[str, Any]:
    shared = {n: v for n, v in toy_settings.items() if n != "encoder"}
    return shared | {
        "teacher": str(toy_bundle),
        "texts": (str(raw),),
        "test": str(toy_corpus / "test.conll"),
        "output": str(tmp_path / "student"),
        "layers": 1,
    }


def probabilities(model: Any, texts: list[str]) -> np.ndarray:
    bundle = Bundle.load(model)
    documents = [Document(str(n), text) for n, text in enumerate(texts)]
    encoded = [bundle.task.encode(document).windows for document in documents]
    outputs = Predictor.of(bundle).outputs(encoded)
    return np.concatenate([o["probs"] for found in outputs for o in found])


def test_a_student_of_all_layers_begins_as_its_teacher_and_stays_near(
    settings: dict[str, Any], toy_bundle: Path, heed: Any
) -> None:
    notes: list[str] = []
    with heed(notes.append):
        still = {"learning_rate": 1e-9, "epochs": 1}
        found = run_distillation(DistillConfig(**settings | still))
    texts = [f"{name} lives in {place}" for name, place in PAIRS[:8]]
    mine, theirs = (
        probabilities(found["bundle"], texts),
        probabilities(toy_bundle, texts),
    )
    assert np.abs(mine - theirs).max() < 1e-4
    bundle = Bundle.load(found["bundle"])
    assert bundle.config["training"]["teacher"] == str(toy_bundle)
    assert bundle.config["training"]["layers"] == 1
    said = "\n".join(notes)
    assert "the student learns 60 gold and 36 raw texts" in said
    assert "2 are empty, repeat others or stand in the corpora" in said


def test_a_teacher_whose_layers_are_taken_is_loaded_once(
    settings: dict[str, Any], toy_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher, loaded = Bundle.load(toy_bundle), []
    load = teacher.load_model
    monkeypatch.setattr(teacher, "load_model", lambda: loaded.append(1) or load())
    run_distillation(DistillConfig(**settings | {"epochs": 1}), teacher=teacher)
    assert loaded == [1]


def test_a_student_of_another_encoder_learns_the_teachers_words(
    settings: dict[str, Any], toy_bundle: Path, encoder_directory: Path
) -> None:
    """Of three gold sentences alone it would learn next to nothing."""
    own = {"layers": None, "encoder": str(encoder_directory), "limit": 3, "epochs": 12}
    found = run_distillation(DistillConfig(**settings | own))
    alone = {"texts": (), "gold_weight": 1.0, "epochs": 12}
    lonely = settings | own | alone | {"output": settings["output"] + "-alone"}
    without = run_distillation(DistillConfig(**lonely))
    assert found["dev"]["f1"] > without["dev"]["f1"] + 0.2
    text = Bundle.load(found["bundle"]).config["training"]["texts"]
    assert list(text) == list(settings["texts"])


def test_vectors_of_words_are_learned_too(settings: dict[str, Any]) -> None:
    chosen = {"hidden_weight": 1.0, "epochs": 1, "learning_rate": 1e-9}
    near = run_distillation(DistillConfig(**settings | chosen))
    assert near["trials"][0]["dev"]["f1"] > 0.5
    log = (Path(near["bundle"]) / "log.csv").read_text(encoding="utf-8")
    assert "loss" in log


def test_vectors_of_another_width_are_refused_before_the_teacher_reads(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    from ..conftest import write_tiny_encoder

    wide = write_tiny_encoder(tmp_path / "wide", layers=1, width=48)
    own = {"layers": None, "encoder": str(wide), "hidden_weight": 1.0}
    with pytest.raises(ConfigError, match="48 wide, the teacher's 32"):
        run_distillation(DistillConfig(**settings | own))


def test_every_kind_of_teacher_gives_the_same_answers(
    toy_bundle: Path, tmp_path: Path
) -> None:
    from tests.clients.stub import StubServer
    from tfner_export.exporter import Serving
    from tfner_export.publish import export

    bundle = Bundle.load(toy_bundle)
    rows = Serving(max_length=64)
    graph = export(
        bundle, tmp_path / "graph", format="saved-model", serving=rows
    ).directory
    foreign = export(bundle, tmp_path / "foreign", format="huggingface").directory
    texts = [f"{name} lives in {place}" for name, place in PAIRS[:3]]
    documents = [
        Document(str(n), text, words=bundle.tokenizer.encode(text).words)
        for n, text in enumerate(texts)
    ]
    tags = tuple(reversed(bundle.label_set.tags))
    expected = list(Teacher(bundle).answers(documents, tags))
    assert [rows.shape for rows in expected] == [(4, len(tags))] * 3
    for place in (graph, foreign):
        found = list(Teacher(Bundle.load(place)).answers(documents, tags))
        assert np.allclose(found, expected, atol=2e-3)
    with StubServer({"chunk": graph}) as server:
        served = Teacher(Bundle.load(f"grpc://{server.grpc}/chunk", assets=graph))
        found = list(served.answers(documents, tags))
    assert np.allclose(found, expected, atol=2e-3)
    with pytest.raises(ConfigError, match="must have the same tags"):
        list(Teacher(bundle).answers(documents, (*tags, "B-NEW")))
    vectors = list(Teacher(bundle, vectors=True).answers(documents, tags))
    assert [rows.shape for rows in vectors] == [(4, len(tags) + 32)] * 3
    assert np.allclose([rows[:, : len(tags)] for rows in vectors], expected, atol=2e-3)
    with pytest.raises(BundleError, match="holds no Keras model"):
        list(Teacher(Bundle.load(graph), vectors=True).answers(documents, tags))


def test_a_resumed_run_ends_as_an_uninterrupted_one_and_does_not_ask_again(
    settings: dict[str, Any],
    weights: Any,
    same: Any,
    monkeypatch: pytest.MonkeyPatch,
    heed: Any,
) -> None:
    said: list[str] = []
    with heed(said.append):
        whole = run_distillation(DistillConfig(**settings))
    told = [line for line in said if line.startswith("teacher: dev F1 ")]
    again = settings | {"output": settings["output"] + "-again"}
    with monkeypatch.context() as patch:
        stop_in_epoch(patch, 2, 2)
        with pytest.raises(Stop):
            run_distillation(DistillConfig(**again))
    workplace = Path(again["output"] + ".training")
    assert (workplace / ANSWERS).is_file()
    with pytest.raises(ConfigError, match="unfinished"):
        run_distillation(DistillConfig(**again))
    monkeypatch.setattr(Teacher, "answers", None)  # nobody asks it
    monkeypatch.setattr(Teacher, "f1", None)
    said.clear()
    with heed(said.append):
        found = run_distillation(DistillConfig(**again, resume=True))
    assert [line for line in said if line.startswith("teacher: dev F1 ")] == told
    assert len(told) == 1
    assert same(*(weights(Path(run["bundle"])) for run in (found, whole)))
    assert not workplace.exists()


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"scheme": "BIOES"}, ConfigError, "Leave out --labels and --scheme"),
        ({"labels": ("PER", "NEW")}, ConfigError, "Leave out --labels and --scheme"),
        ({"layers": 7}, ConfigError, "has 1 layers"),
        ({"teacher": "absent"}, BundleError, "there is no model at absent"),
    ],
)
def test_a_student_that_cannot_be_is_one_sentence(
    settings: dict[str, Any],
    changes: dict[str, Any],
    error: type[Exception],
    sentence: str,
) -> None:
    with pytest.raises(error, match=sentence):
        run_distillation(DistillConfig(**settings | changes))
    assert not Path(settings["output"]).exists()


def test_raw_texts_that_are_all_known_are_refused(
    settings: dict[str, Any], toy_corpus: Path, tmp_path: Path
) -> None:
    known = tmp_path / "known.txt"
    texts = [document.text for document in read_corpus(toy_corpus / "dev.conll")]
    known.write_text("\n".join(texts), encoding="utf-8")
    with pytest.raises(CorpusError, match="no text that is not in the training"):
        run_distillation(DistillConfig(**settings | {"texts": (str(known),)}))


def test_a_model_of_spans_teaches_no_tags(tmp_path: Path) -> None:
    from types import SimpleNamespace

    task = SimpleNamespace(name="span")
    bundle: Any = SimpleNamespace(task=task, directory=tmp_path)
    with pytest.raises(ConfigError, match="a model of task span"):
        Teacher(bundle)
