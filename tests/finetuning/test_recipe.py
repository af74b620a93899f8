"""What is decided where nothing is set, and that what is set stays."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.config.train import PRESETS, TrainConfig, read_settings
from tfner.errors import ConfigError
from tfner.finetuning import run, train
from tfner.finetuning.recipe import (
    DECIDED,
    EPOCHS,
    FEWEST_DEV,
    PUBLISHED,
    Facts,
    announced,
    decided,
    dev_fraction,
    resolve,
)

SENTENCES = st.integers(1, 200_000)
WIDTHS = st.none() | st.integers(16, 4_096)
FACTS = st.builds(
    Facts,
    sentences=SENTENCES,
    windows=SENTENCES,
    dev=st.integers(0, 5_000),
    documents=st.booleans(),
    constrained=st.booleans(),
    family=st.sampled_from(["", "bert", "electra", "modernbert"]),
    hidden_size=WIDTHS,
    num_layers=st.none() | st.integers(1, 48),
)
GIVEN = st.fixed_dictionaries(
    {},
    optional={
        "epochs": st.integers(1, 50),
        "batch_size": st.integers(1, 64),
        "learning_rate": st.floats(0, 1),
        "warmup_ratio": st.floats(0, 1),
        "layerwise_lr_decay": st.floats(0, 1),
        "best": st.sampled_from(["f1", "loss"]),
        "patience": st.integers(0, 9),
        "decode": st.sampled_from(["argmax", "viterbi"]),
        "context": st.integers(0, 3),
        "dev_fraction": st.floats(0, 0.9),
    },
)


def found(facts: Facts, **settings: Any) -> dict[str, Any]:
    return resolve(TrainConfig(**settings), facts).to_json()


@given(FACTS, GIVEN, st.sampled_from(["auto", "published"]))
def test_what_is_given_stays_and_all_else_is_decided_once(
    facts: Facts, settings: dict[str, Any], recipe: str
) -> None:
    config = TrainConfig(recipe=recipe, **settings)
    once = resolve(config, facts)
    assert once.to_json() | settings == once.to_json()
    undecided = {"decode"} if recipe == "published" else set()
    assert {n for n in DECIDED if once.to_json()[n] is None} <= undecided
    assert resolve(once, facts) == once == resolve(config, facts)
    untouched = set(TrainConfig.leaves()) - set(DECIDED)
    for name in untouched & set(once.to_json()):
        assert once.to_json()[name] == config.to_json()[name]


@given(FACTS, st.sampled_from(sorted(PRESETS)))
def test_a_preset_wins_over_the_recipe(facts: Facts, preset: str) -> None:
    settings = PRESETS[preset]
    assert found(facts, **settings) == found(facts, **settings) | settings


@given(FACTS, SENTENCES, SENTENCES)
def test_more_windows_mean_fewer_epochs_and_larger_batches(
    facts: Facts, one: int, other: int
) -> None:
    sizes = sorted({one, other})
    values = [found(with_windows(facts, size)) for size in sizes]
    epochs = [v["epochs"] for v in values]
    assert epochs == sorted(epochs, reverse=True)
    limits = [value for _, value in EPOCHS["token"]]
    assert min(limits) <= epochs[-1] <= epochs[0] <= max(limits)
    batches = [v["batch_size"] for v in values]
    assert batches == sorted(batches)
    # An epoch less by rounding must not be more than what a larger corpus adds.
    seen = [size * count for size, count in zip(sizes, epochs, strict=True)]
    assert seen[-1] >= 0.5 * seen[0]


def with_windows(facts: Facts, windows: int) -> Facts:
    return Facts(**{**vars(facts), "windows": windows})


@given(FACTS, WIDTHS, WIDTHS)
def test_wider_encoders_learn_at_lower_rates(facts: Facts, one: Any, other: Any):
    widths = sorted(w for w in (one, other) if w)
    rates = [
        found(Facts(**{**vars(facts), "hidden_size": w}))["learning_rate"]
        for w in widths
    ]
    assert rates == sorted(rates, reverse=True)
    assert all(1e-5 <= rate <= 1e-3 for rate in rates)


def test_a_kind_of_encoder_may_learn_at_another_rate() -> None:
    bert, electra = (
        found(Facts(sentences=9, windows=9, hidden_size=768, family=family))
        for family in ("bert", "electra")
    )
    assert electra["learning_rate"] > bert["learning_rate"]


def test_changes_by_lora_learn_at_a_rate_of_their_own_alike_in_all_layers() -> None:
    facts = Facts(sentences=9, windows=9, hidden_size=768, num_layers=12, family="bert")
    usual, lora = found(facts, layerwise_lr_decay=1.0), found(facts, lora=8)
    assert lora["learning_rate"] == pytest.approx(10 * usual["learning_rate"])
    assert found(facts)["layerwise_lr_decay"] < lora["layerwise_lr_decay"] == 1


@given(FACTS)
def test_the_rate_is_higher_where_it_falls_from_layer_to_layer(facts: Facts) -> None:
    level = found(facts, layerwise_lr_decay=1.0)["learning_rate"]
    falling = found(facts, layerwise_lr_decay=0.8)["learning_rate"]
    assert level < falling <= 2 * level


@given(FACTS)
def test_patience_needs_a_dev_corpus_that_says_something(facts: Facts) -> None:
    settings = found(facts)
    if settings["patience"]:
        assert settings["best"] == "f1"
        assert facts.dev >= FEWEST_DEV
        assert settings["patience"] < settings["epochs"]
    assert (settings["best"] == "last") == (facts.dev < FEWEST_DEV)
    assert found(facts, patience=2)["best"] == "f1"
    assert found(facts, best="last")["patience"] == 0


@given(FACTS)
def test_the_task_is_decided_by_scheme_and_documents(facts: Facts) -> None:
    settings = found(facts)
    assert settings["decode"] == ("viterbi" if facts.constrained else "argmax")
    assert bool(settings["context"]) == facts.documents
    assert "decode" not in found(facts, task="span")
    own = Facts(**{**vars(facts), "constrained": None})
    assert found(own)["decode"] is None
    open_still = found(Facts(**{**vars(facts), "windows": None}))
    assert open_still["epochs"] is None
    assert open_still["decode"] == settings["decode"]


def test_a_number_of_warm_up_steps_takes_the_place_of_a_share() -> None:
    settings = found(Facts(sentences=9, windows=9), warmup_steps=5)
    assert (settings["warmup_steps"], settings["warmup_ratio"]) == (5, None)


def test_the_published_recipe_looks_at_nothing() -> None:
    facts = Facts(sentences=9, windows=9, documents=True, constrained=True)
    settings = found(facts, recipe="published")
    assert settings | PUBLISHED == settings
    assert (settings["epochs"], settings["batch_size"]) == (3, 32)
    assert settings["decode"] is None
    assert dev_fraction("published", 5) == 0.1


def test_a_dev_part_that_would_say_nothing_is_not_held_out() -> None:
    assert [dev_fraction("auto", n) for n in (10, 399, 400)] == [0.0, 0.0, 0.1]


def test_the_decisions_are_said_as_options() -> None:
    facts = Facts(
        sentences=1_800,
        windows=1_800,
        dev=200,
        constrained=True,
        family="bert",
        hidden_size=384,
        num_layers=6,
    )
    config = TrainConfig(batch_size=8)
    told = announced(config, resolve(config, facts), facts)
    head, options = told.split(": ")
    assert "1,800 sentences and an encoder (bert) of 6 layers, 384 wide" in head
    flags = dict(zip(*[iter(options.split())] * 2, strict=True))
    assert "--batch-size" not in flags
    assert flags["--decode"] == "viterbi"
    again = resolve(
        TrainConfig(
            batch_size=8, **read_settings(None, assignments(flags), {}), recipe="auto"
        ),
        facts,
    )
    assert again == resolve(config, facts)


def assignments(flags: dict[str, str]) -> list[str]:
    return [f"{flag[2:].replace('-', '_')}={value}" for flag, value in flags.items()]


def test_what_nobody_decided_is_refused() -> None:
    assert decided(0, "patience") == 0
    with pytest.raises(ConfigError, match="`epochs` is not decided"):
        decided(None, "epochs")


OPEN = {"epochs": None, "batch_size": None, "learning_rate": None, "recipe": "auto"}


def test_a_run_holds_what_was_decided_and_is_repeated_by_it(
    config, heed, weights, same, tmp_path, toy_settings
) -> None:
    said: list[str] = []
    settings = config(**OPEN).replace(epochs=2)
    with heed(said.append):
        bundle = train.train(settings)
    (line,) = [line for line in said if line.startswith("recipe for")]
    assert "--decode viterbi" in line
    assert "--epochs" not in line
    table = tomllib.loads((bundle.directory / "run.toml").read_text("utf-8"))
    assert table["optimizer"]["batch_size"] == 8
    assert table["optimizer"]["best"] == "last"
    assert table["task"]["decode"] == "viterbi"
    assert bundle.task.settings()["decode"] == "viterbi"
    given = read_settings(bundle.directory / "run.toml", [], {})
    again = train.train(TrainConfig(**{**given, "output": str(tmp_path / "again")}))
    assert same(weights(bundle.directory), weights(again.directory))


def test_a_resumed_run_keeps_what_was_decided_when_it_began(
    config, monkeypatch
) -> None:
    from tfner.finetuning import recipe

    settings = config(**OPEN)
    monkeypatch.setattr(recipe, "EPOCHS", {"token": ((1, 2), (9, 2))})
    with monkeypatch.context() as broken:
        broken.setattr(run, "save_result", None)
        with pytest.raises(TypeError):
            train.train(settings)
    monkeypatch.setattr(recipe, "EPOCHS", {"token": ((1, 9), (9, 9))})
    assert len(train.train(settings.replace(resume=True)).metrics["history"]) == 2


def test_a_run_ends_when_dev_stalls_and_is_not_taken_up_again(
    config, heed, monkeypatch
) -> None:
    said: list[str] = []
    settings = config(epochs=9, learning_rate=0.0, patience=2)
    with monkeypatch.context() as broken, heed(said.append):
        broken.setattr(run, "save_result", None)
        with pytest.raises(TypeError):
            train.train(settings)
    assert [line[:9] for line in said if line.startswith("epoch ")] == [
        f"epoch {number}/9"[:9] for number in (1, 2, 3)
    ]
    assert sum("no better epoch on dev for 2" in line for line in said) == 1
    metrics = train.train(settings.replace(resume=True)).metrics
    assert (len(metrics["history"]), metrics["best_epoch"]) == (3, 1)


def test_the_last_epoch_is_kept_if_that_is_wished(config) -> None:
    metrics = train.train(config(learning_rate=0.0, best="last")).metrics
    assert metrics["best_epoch"] == 2
    with pytest.raises(ConfigError, match="`patience` and `best` last contradict"):
        config(best="last", patience=1)


def test_patience_without_dev_is_refused(config) -> None:
    with pytest.raises(ConfigError, match="no dev corpus says when a run stalls"):
        train.train(config(dev=None, dev_fraction=0.0, patience=2))


def test_a_small_corpus_is_learned_whole(config, heed) -> None:
    said: list[str] = []
    with heed(said.append):
        bundle = train.train(config(dev=None, recipe="auto"))
    assert any("are too few to hold some out" in line for line in said)
    assert bundle.config["training"]["dev_fraction"] == 0.0
    assert bundle.metrics["dev"] is None
