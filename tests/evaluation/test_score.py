"""Scores of Documents against Documents."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

import pytest

from tfner.document import Document, Entity, Word
from tfner.errors import ConfigError, CorpusError, LabelError
from tfner.evaluation import score
from tfner.schemes import decode_tags

TEXT = "Ada met Bob in Rome"
WORDS = (Word(0, 3), Word(4, 7), Word(8, 11), Word(12, 14), Word(15, 19))
ADA, BOB, ROME = Entity(0, 3, "PER"), Entity(8, 11, "PER"), Entity(15, 19, "LOC")


def document(*entities: Entity, id: str = "1") -> Document:
    return Document(id, TEXT, entities)


def tagged(tags: str, *, id: str = "1", scheme: str | None = "IOB2") -> Document:
    names = tuple(tags.split())
    entities = tuple(
        Entity(WORDS[start].start, WORDS[end - 1].end, label)
        for start, end, label in decode_tags(names)
    )
    metadata = {"scheme": scheme} if scheme else {}
    return Document(id, TEXT, entities, WORDS[: len(names)], names, metadata)


def test_exact_counts_equal_borders_and_labels() -> None:
    guess = [Entity(0, 3, "PER"), Entity(8, 11, "LOC"), Entity(12, 19, "LOC"), ROME]
    found = score([document(ADA, BOB, ROME)], [document(*guess)])
    assert (found.precision, found.recall) == (0.5, 2 / 3)
    assert found.f1 == pytest.approx(4 / 7)
    assert (found.support, found.predicted, found.convention) == (3, 4, "exact")


def test_figures_of_each_label_and_their_means() -> None:
    found = score([document(ADA, BOB, ROME)], [document(ADA, ROME)])
    assert found.per_label["PER"] == {
        "precision": 1.0,
        "recall": 0.5,
        "f1": pytest.approx(2 / 3),
        "support": 2,
        "predicted": 1,
    }
    assert found.per_label["LOC"]["f1"] == 1.0
    assert found.macro["f1"] == pytest.approx((2 / 3 + 1) / 2)
    assert found.weighted["f1"] == pytest.approx((2 * 2 / 3 + 1) / 3)
    assert found.micro["f1"] == found.f1


def test_labels_that_only_one_side_has_are_listed_with_zeros() -> None:
    found = score([document(ADA)], [document(Entity(0, 3, "ORG"))])
    assert list(found.per_label) == ["ORG", "PER"]
    assert found.per_label["ORG"]["support"] == 0
    assert found.per_label["ORG"]["predicted"] == 1
    assert found.per_label["PER"]["predicted"] == 0
    assert {row["f1"] for row in found.per_label.values()} == {0.0}


@pytest.mark.parametrize("documents", [[], [document()]], ids=["none", "without any"])
def test_a_corpus_without_entities_scores_zero_with_support_zero(
    documents: list[Document],
) -> None:
    found = score(documents, documents)
    assert (found.f1, found.support, found.per_label) == (0.0, 0, {})
    assert found.macro["f1"] == found.weighted["f1"] == 0.0


def test_nested_entities_are_counted_like_any_other() -> None:
    outer, inner = Entity(0, 11, "ORG"), Entity(0, 3, "PER")
    same_range = Entity(0, 11, "PER")
    gold = document(outer, inner, same_range)
    assert score([gold], [gold]).f1 == 1.0
    assert score([gold], [document(inner)]).recall == pytest.approx(1 / 3)


def test_an_entity_that_is_given_twice_counts_once() -> None:
    found = score([document(ADA, ADA)], [document(ADA, ADA, ADA)])
    assert (found.f1, found.support, found.predicted) == (1.0, 1, 1)


def test_scores_of_entities_do_not_matter() -> None:
    assert score([document(ADA)], [document(Entity(0, 3, "PER", 0.1))]).f1 == 1.0


def test_generators_are_read_side_by_side() -> None:
    open_documents = 0

    def one_by_one(step: int) -> Iterable[Document]:
        nonlocal open_documents
        for number in range(50):
            open_documents += step
            assert abs(open_documents) <= 1
            yield document(ADA, id=str(number))

    assert score(one_by_one(1), one_by_one(-1)).support == 50


def test_permuted_documents_are_refused_by_their_first_difference() -> None:
    gold = [document(ADA, id=name) for name in "abc"]
    with pytest.raises(CorpusError, match=r"number 2 is 'b' in gold but 'c' predicted"):
        score(gold, [gold[0], gold[2], gold[1]])


@pytest.mark.parametrize(
    ("right", "guess", "side"), [("ab", "a", "predicted"), ("a", "ab", "gold")]
)
def test_a_side_that_ends_early_is_named(right: str, guess: str, side: str) -> None:
    gold = [document(id=name) for name in right]
    predicted = [document(id=name) for name in guess]
    with pytest.raises(CorpusError, match=f"{side} documents end before number 2, 'b'"):
        score(gold, predicted)


def test_another_text_under_the_same_id_is_refused() -> None:
    with pytest.raises(CorpusError, match=r"document '1' with the text 'Ada.*'Eve'"):
        score([document()], [Document("1", "Eve")])


def test_repeated_ids_are_matched_by_order() -> None:
    gold = [document(ADA), document(BOB)]
    assert score(gold, gold).f1 == 1.0
    assert score(gold, gold[::-1]).f1 == 0.0


def test_an_unknown_convention_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="'exakt'; did you mean 'exact'"):
        score([], [], convention="exakt")


def test_conlleval_and_strict_differ_from_exact_where_tags_are_invalid() -> None:
    found = score([tagged("B-PER O O O O")], [tagged("B-PER O I-PER O O")])
    values = {name: figures["f1"] for name, figures in figures_of(found).items()}
    assert values["exact"] == values["conlleval"] == pytest.approx(2 / 3)
    assert values["strict"] == 1.0


def figures_of(found: object) -> dict[str, dict[str, float]]:
    conventions = found.conventions  # type: ignore[attr-defined]
    assert "not available" not in conventions.values()
    return conventions


@pytest.mark.parametrize(
    ("guess", "reason"),
    [
        (document(ADA), "the predicted document '1' has no tags"),
        (tagged("B-PER O"), "split '1' into different words"),
    ],
)
def test_word_conventions_need_tags_over_the_same_words(
    guess: Document, reason: str
) -> None:
    gold = [tagged("O O O O O", id="0"), tagged("B-PER O O O O")]
    predicted = [gold[0], guess]
    found = score(gold, predicted)
    assert found.f1 == 1.0
    assert found.conventions["conlleval"] == "not available"
    assert found.conventions["strict"] == "not available"
    for convention in ("conlleval", "strict"):
        with pytest.raises(ConfigError, match=reason):
            score(gold, predicted, convention=convention)


def test_strict_needs_the_name_of_a_scheme() -> None:
    gold = [tagged("I-PER O O O O", scheme=None)]
    found = score(gold, gold)
    assert found.conventions["strict"] == "not available"
    assert found.conventions["conlleval"] != "not available"
    assert "repaired_tags" not in found.coverage
    assert score(gold, gold, convention="strict", scheme="IOB1").f1 == 1.0
    assert score(gold, gold, convention="strict", scheme="IOB2").support == 0
    with pytest.raises(ConfigError, match="does not name its tag scheme"):
        score(gold, gold, convention="strict")
    with pytest.raises(LabelError, match="unknown tag scheme"):
        score(gold, gold, scheme="none")


def test_each_side_is_read_strictly_in_its_own_scheme() -> None:
    gold = [tagged("I-PER O O O I-LOC", scheme="IOB1")]
    predicted = [tagged("B-PER O O O B-LOC", scheme="IOB2")]
    assert score(gold, predicted, convention="strict").f1 == 1.0
    unnamed = [replace(gold[0], metadata={"scheme": "of another kind"})]
    assert score(gold, unnamed, convention="strict").f1 == 1.0


def test_entities_off_the_borders_of_the_models_words_are_counted_and_missed() -> None:
    gold = document(ADA, Entity(8, 10, "PER"), Entity(15, 19, "LOC"))
    found = score([gold], [tagged("B-PER O O O B-LOC")])
    assert found.coverage["entities_off_word_boundaries"] == 1
    assert found.coverage["gold_entities"] == 3
    assert found.recall == pytest.approx(2 / 3)


def test_coverage_counts_repaired_tags_and_keeps_the_predictors_counts() -> None:
    counts = {"words_without_pieces": 4}
    predicted = [tagged("O I-PER O O I-LOC")]
    found = score([document()], predicted, counts=counts)
    assert found.coverage == {
        "words_without_pieces": 4,
        "documents": 1,
        "gold_entities": 0,
        "entities_off_word_boundaries": 0,
        "repaired_tags": 2,
    }


def test_counts_that_cannot_be_known_are_left_out() -> None:
    assert score([document()], [document()]).coverage == {
        "documents": 1,
        "gold_entities": 0,
    }


def test_json_has_the_keys_that_evaluate_promises() -> None:
    found = score([tagged("B-PER O O O O")], [document(ADA)])
    record = json.loads(json.dumps(found.to_json()))
    assert record["f1"] == record["conventions"]["exact"]["f1"] == 1.0
    assert record["conventions"]["strict"] == "not available"
    assert record["per_label"]["PER"]["support"] == 1
    assert set(record) == {
        "f1",
        "precision",
        "recall",
        "support",
        "predicted",
        "convention",
        "per_label",
        "macro",
        "weighted",
        "conventions",
        "coverage",
        "interval",
    }
