"""Whether training can start: the verdict of `check` is that of training."""

from __future__ import annotations

import pytest

from tfner.config.train import TrainConfig
from tfner.corpus.checks.check import check_corpora
from tfner.corpus.checks.verdict import judge
from tfner.corpus.formats.options import ReadOptions
from tfner.errors import TfnerError
from tfner.finetuning.data import load_corpora

GOOD = "".join(f"w{i}\tB-X\n\n" for i in range(20))
NESTED = (
    '{"text": "Mira Sol", "entities": [{"start": 0, "end": 8, "label": "X"}, '
    '{"start": 0, "end": 4, "label": "Y"}]}\n'
)


@pytest.fixture
def judged(tmp_path):
    def judge_contents(*contents, suffix=".bio"):
        paths = []
        for name, content in zip(("train", "dev", "test"), contents, strict=False):
            path = tmp_path / f"{name}{suffix}"
            path.write_text(content, "utf-8")
            paths.append(str(path))
        return judge(check_corpora(paths, options=ReadOptions())), paths

    return judge_contents


def training_starts(paths):
    settings = dict(zip(("train", "dev", "test"), paths, strict=False))
    try:
        load_corpora(TrainConfig().replace(**settings))
    except TfnerError:
        return False
    return True


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        ((GOOD,), "1 file, 1 label"),
        ((GOOD, "a\tB-X\n\n", "b\tO\n\n"), "3 files, 1 label"),
        ((GOOD, "a\tO\n\n"), "2 files, 1 label"),
        (("a\tO\nb\tO\n\n", GOOD), "train.bio holds no entity: check the tag column"),
        ((GOOD, ""), "dev.bio has 1 error"),
        (("", GOOD), "train.bio has 1 error"),
        ((GOOD + "a\n", "b\nc\td\n"), "train.bio has 1 error; "),
        ((GOOD, "a\tB-Y\nb\tB-X\n\n"), "dev.bio holds labels that"),
        ((GOOD, "a\tB-X\n\n", "a\tO\n\n"), "hold the same texts"),
    ],
)
def test_check_says_what_training_will(judged, contents, reason):
    verdict, paths = judged(*contents)
    assert reason in verdict.reason
    assert verdict.can_train == training_starts(paths)
    word = "can" if verdict.can_train else "cannot"
    assert str(verdict) == f"training {word} start: {verdict.reason}"


def test_nested_entities_need_their_task(judged):
    verdict, _ = judged(NESTED, suffix=".jsonl")
    assert verdict.can_train
    assert "tfner train --task span" in verdict.reason


def test_many_new_labels_are_not_all_listed(judged):
    verdict, _ = judged(GOOD, "".join(f"a\tB-Y{i}\n" for i in range(9)))
    assert "Y0, Y1, Y2, Y3, Y4 and 4 more" in verdict.reason
