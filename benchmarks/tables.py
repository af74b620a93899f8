"""Writes the README's table of results from the JSON files in `benchmarks/results`.

    python benchmarks/tables.py

A figure reaches the README in no other way.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS, README = HERE / "results", HERE.parent / "README.md"
START, END = "<!-- results -->\n", "<!-- end of results -->\n"


def main() -> None:
    """Replace what stands between the two marks."""
    text = README.read_text(encoding="utf-8")
    before, after = text.split(START)[0], text.split(END)[1]
    README.write_text(before + START + tables() + END + after, encoding="utf-8")


def tables() -> str:
    """Everything between the marks."""
    lines = (
        jnlpba_line(),
        averaging_line(),
        other_lines(),
        japanese_lines(),
        pretraining_line(),
        gain_lines(),
        nested_line(),
        nested_peer_line(),
        equality_line(),
    )
    return "\n".join([training_table(), heads_table(), "".join(lines)])


def load(name: str) -> dict[str, Any]:
    """One result file."""
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    return found


def training_table() -> str:
    """F1 and speed beside the PyTorch program, a line a corpus."""
    lines = [
        "| corpus | seeds | entity F1 | PyTorch | strict F1 | PyTorch | sentences/s | "
        "PyTorch | ratio |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for title, name in (("MIT Movie", "mit_movie"), ("JNLPBA, first 5,000", "jnlpba")):
        record = load(name)
        ours, peer = record["summary"]["tfner"], record["summary"]["peer"]
        cells = [title, seeds(record["runs"])]
        for key in ("f1", "f1_strict"):
            cells += [f"{ours[key]:.3f}", f"{peer[key]:.3f}"]
        rate = "train_sentences_per_second"
        cells += [f"{ours[rate]:.0f}", f"{peer[rate]:.0f}"]
        cells.append(f"{record['summary']['speed_ratio']:.2f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def seeds(runs: list[dict[str, Any]]) -> str:
    """The seeds of a corpus, and those of the peer where it ran fewer."""
    ours = [str(run["seed"]) for run in runs]
    peers = [str(run["seed"]) for run in runs if "peer" in run]
    fewer = f" (PyTorch {', '.join(peers)})" if peers not in ([], ours) else ""
    return ", ".join(ours) + fewer


def heads_table() -> str:
    """F1 and broken sequences of heads and decoders, a line a corpus."""
    lines = [
        "| corpus | softmax, argmax | broken sequences | softmax, viterbi | CRF |",
        "|---|---|---|---|---|",
    ]
    for title, name in (
        ("MIT Movie", "heads_mit_movie"),
        ("JNLPBA, first 3,000, 2 epochs", "heads_jnlpba"),
    ):
        record = load(name)
        found, total = record["summary"], record["test_sentences"]
        f1 = [
            f"{found[side]['f1']:.3f} ± {found[side]['f1_sd']:.3f}"
            for side in ("softmax argmax", "softmax viterbi", "crf viterbi")
        ]
        broken = f"{found['softmax argmax']['invalid_sequences']:.0f} of {total:,}"
        lines.append(f"| {' | '.join([title, f1[0], broken, *f1[1:]])} |")
    return "\n".join(lines) + "\n"


def jnlpba_line() -> str:
    """The whole corpus, with the rate that `find-lr` led to, in a sentence."""
    record = load("jnlpba_full")
    test, word = record["test"], record["word_level"]
    return (
        "- JNLPBA, all of it, 3 epochs at 1.5e-4, a tenth held out as dev, seed "
        f"{record['seed']}: entity precision {test['precision']:.3f}, recall "
        f"{test['recall']:.3f}, F1 {test['f1']:.3f} (95 % interval "
        f"{test['interval']['low']:.3f} to {test['interval']['high']:.3f}); word level "
        f"F1 {word['f1']:.3f}.\n"
    )


def averaging_line() -> str:
    """With and without moving averages, in a sentence."""
    record = load("averaging")
    means = {
        name: sum(run[name] for run in record["runs"]) / len(record["runs"])
        for name in ("last", "averaged")
    }
    return (
        f"- MIT Movie with `--ema {record['settings']['ema']}`: F1 "
        f"{means['averaged']:.3f}, without {means['last']:.3f} (seed "
        f"{seeds(record['runs'])}).\n"
    )


def other_lines() -> str:
    """Prediction and trimming, in sentences."""
    trimming = load("trimming")
    lines = [
        f"- `tfner predict` on {run['sentences']:,} sentences: "
        f"{run['sentences_per_second']:.0f} a second, peak memory "
        f"{run['peak_memory_mb']:,} MB."
        for run in load("prediction")["runs"]
    ]
    lines.append(
        f"- The exported model stops at the longest row: {trimming['ratio']:.1f} times "
        f"faster than computing all {trimming['max_length']} positions "
        f"({trimming['rows']} sentences of MIT Movie's test file, batches of "
        f"{trimming['batch_size']}), largest difference "
        f"{trimming['max_abs_difference']:.1g}."
    )
    return "\n".join(lines) + "\n"


def japanese_lines() -> str:
    """Tokenization, words and the whole way in Japanese, in sentences."""
    tokens, japanese = load("tokenization_ja"), load("japanese")
    equal, total = (sum(tokens[key].values()) for key in ("equal_lines", "lines"))
    ratios, run = tokens["speed_ratio"], japanese["run"]
    test, mean = japanese["parts"]["test"], run["summary"]["test"]
    lost = test["words_lost"]["128"]
    trials = ", ".join(str(trial["seed"]) for trial in run["trials"])
    lines = [
        f"- Japanese tokenization: {equal:,} of {total:,} lines equal to transformers' "
        f"`BertJapaneseTokenizer`, {ratios['peer_call']:.1f} times as fast as calling "
        f"it (which gives no offsets), {ratios['peer_pieces']:.1f} times as fast as "
        "its bare `tokenize`.",
        f"- {japanese['corpus']}: {test['entities_off_mecab_words']} of "
        f"{test['entities']} test entities do not fall on MeCab's words; at 128 pieces "
        f"windows lose {lost['window']} words, cutting off would lose "
        f"{lost['truncate']}.",
        f"- The whole way by the command line on it, an ELECTRA of {run['layers']} "
        f"layers, {run['width']} wide, from {run['encoder']} (no pretraining): test F1 "
        f"{mean['mean']:.3f}, standard deviation {mean['sd']:.3f} (seeds {trials}); "
        "the SavedModel scores as the bundle, largest difference "
        f"{run['max_abs_difference']:.1g}.",
    ]
    return "\n".join(lines) + "\n"


def pretraining_line() -> str:
    """How fast a pretraining step is, in a sentence."""
    record = load("pretraining")
    settings, ratios = record["settings"], record["ratios"]
    ours = record["sides"]["tfner"]
    return (
        f"- Pretraining step of ELECTRA-small, {settings['batch_size']} x "
        f"{settings['length']} pieces: {ours['tokens_per_second']:,.0f} a second on "
        f"one core, {ours['share_of_peak']:.0%} of its matrix-product peak; "
        f"{ratios['transformers']:.1f} times a PyTorch step of transformers' models, "
        f"{ratios['transformers-slots']:.1f} times one that takes the vocabulary "
        "product at hidden pieces alone.\n"
    )


def gain_lines() -> str:
    """What pretraining is worth, a line a run."""
    lines = []
    for name in ("pretrained_mlm", "pretrained"):
        record = load(name)
        run, found = record["pretraining"], record["summary"]
        ours, new = found["pretrained"], found["random"]
        what = "masked language model" if run["objective"] == "mlm" else "ELECTRA"
        after = " from the weights of the former" if run["encoder"] else ""
        lines.append(
            f"- {record['corpus']}, tagger from {run['num_layers']} layers, "
            f"{run['hidden_size']} wide, pretrained as {what} on "
            f"{' and '.join(run['texts'])}{after}, {run['steps']:,} steps of "
            f"{run['batch_size']} x {run['max_length']} pieces: test F1 "
            f"{ours['mean']:.3f} ± {ours['sd']:.3f}; from new weights "
            f"{new['mean']:.3f} ± {new['sd']:.3f} (seeds {seeds(record['runs'])}): "
            f"{found['gain']:+.3f}.\n"
        )
    return "".join(lines)


def nested_line() -> str:
    """Nested entities of GENIA, in sentences."""
    record = load("nested")
    settings, found = record["settings"], record["summary"]
    ours, tagger = found["tfner"], found["tagger"]
    longer = record["runs"][0]["tagger_of_same_time"]
    return (
        f"- GENIA, nested, first {settings['limit']:,} sentences, {settings['epochs']} "
        f"epochs (seed {seeds(record['runs'])}): F1 {ours['f1']:.3f}, "
        f"{ours['inner_recall']:.1%} of the inner entities found; with the thresholds "
        f"that dev chose (`--tune-thresholds`) {ours['tuned_f1']:.3f} and "
        f"{ours['tuned_inner_recall']:.1%}; a tagger of the outermost ones, trained "
        f"{settings['tagger_epochs']} epochs, {tagger['f1']:.3f} and "
        f"{tagger['inner_recall']:.1%}; one trained {longer['epochs']} epochs, which "
        f"takes as long as the span extraction, {longer['f1']:.3f} and "
        f"{longer['inner_recall']['recall']:.1%}.\n"
    )


def nested_peer_line() -> str:
    """Span extraction beside the published model in PyTorch, in sentences."""
    record = load("nested_peer")
    settings, found = record["settings"], record["summary"]
    ours, peer, tagger = (
        f"{found[side]['f1']:.3f} ± {found[side]['f1_sd']:.3f}"
        for side in ("tfner", "peer", "tagger")
    )
    inner = [f"{found[side]['inner_recall']:.1%}" for side in ("tfner", "tagger")]
    return (
        f"- The published span extraction in PyTorch, on the first "
        f"{settings['limit']:,} GENIA sentences of at most {settings['max_length']} "
        f"pieces, {settings['epochs']} epochs, one core (seeds "
        f"{seeds(record['runs'])}): F1 {peer}; tfner {ours} at "
        f"{found['speed_ratio']:.0f} times its speed, {found['tfner']['tuned_f1']:.3f} "
        f"with the thresholds that dev chose; a tagger of the outermost entities in "
        f"about the same time {tagger} (inner entities found: {' and '.join(inner)})."
        f"\n{span_steps_line()}"
    )


def span_steps_line() -> str:
    """Seconds and memory of steps of span extraction, in a sentence."""
    parts = []
    for shape in load("span_steps")["shapes"]:
        ours, peer = shape["tfner"], shape["peer"]
        if "seconds" in peer:
            theirs = f"{peer['seconds']:.1f} s, {peer['peak_mb'] / 1000:.1f} GB"
        else:
            theirs = f"at least {peer['computed_mb'] / 1000:.1f} GB (computed)"
        parts.append(
            f"{shape['rows']} x {shape['pieces']} pieces {ours['seconds']:.2f} s and "
            f"{ours['peak_mb'] / 1000:.1f} GB at the most (PyTorch {theirs})"
        )
    return f"- A training step of span extraction: {'; '.join(parts)}.\n"


def equality_line() -> str:
    """Runs that should end alike, in a sentence."""
    record = load("equality")
    worst = max(
        record[kind]["largest_difference_of_weights"]
        for kind in ("mirrored", "two_workers", "accumulate_4")
    )
    kills = record["kills"]
    return (
        "- Two devices, two processes, or a batch in four parts, against one device "
        f"(no dropout, {record['mirrored']['steps']} steps): largest difference of the "
        f"final weights {worst:.1g}. After {kills['kills']} kills at random moments: "
        f"{kills['largest_difference_of_weights']:.1g}.\n"
    )


if __name__ == "__main__":
    main()
