"""Prediction by every engine beside transformers' pipeline and loops written by hand.

All contestants find entities in the same texts, one after the other in every round, in
one process: `pipeline(batch_size=32)`; PyTorch, and ONNX Runtime in float32 and int8,
in a loop over batches of 32 sorted by length, on the Hugging Face export of the model;
and tfner by each engine and precision that is installed, OpenVINO in int8 as exported.
Then each finds the entities of one short text. Processor seconds tell what it takes,
whatever else the machine does. The texts are words between spaces. MIT Movie's test
part takes five minutes on an idle core:

    python -m benchmarks.speed.engines MODEL engtest.bio \
        --calibrate engtrain.bio --output engines.json
"""

from __future__ import annotations

import logging
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import harness
from tfner import Predictor, read_corpus, score
from tfner.document import Document, Entity
from tfner.errors import TfnerError
from tfner.schemes import decode_tags
from tfner.storage.workers import available_cores

Find = Callable[[Sequence[str]], list[Document]]
Logits = Callable[[Mapping[str, Any]], Any]

BATCH, CALIBRATED, SINGLES = 32, 256, 30
WORD = re.compile(r"\S+")
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
ENGINES = {
    "float32": ("tensorflow", "xla", "openvino", "onnxruntime"),
    "bfloat16": ("openvino",),
    "int8": ("onnxruntime",),
}


def main() -> None:
    """Measure and write."""
    parser = harness.parser(__doc__)
    parser.add_argument("model")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--calibrate", type=Path, help="texts for OpenVINO's int8")
    parser.add_argument("--sentences", type=int, help="texts; all by default")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="+", help="names of contestants")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    gold = list(read_corpus(args.corpus))[: args.sentences]
    texts = [document.text for document in gold]
    short = sorted(texts, key=len)[len(texts) // 2]
    with tempfile.TemporaryDirectory() as folder:
        ways = contestants(args, Path(folder))
        scores = {
            name: round(100 * f1(gold, find(texts)), 2) for name, find in ways.items()
        }
        whole = measured(ways, texts, args.repeats)
        single = measured(ways, [short], SINGLES)
    record = {
        "corpus": args.corpus.name,
        "sentences": len(texts),
        "cores": available_cores(),
        "repeats": args.repeats,
        "short": short,
        "contestants": {
            name: {
                "f1": scores[name],
                **whole[name],
                "sentences_per_processor_second": round(
                    len(texts) / whole[name]["processor_seconds"], 1
                ),
                "short_text_processor_ms": round(
                    1000 * single[name]["processor_seconds"], 2
                ),
                "short_text_ms": round(1000 * single[name]["seconds"], 2),
            }
            for name in ways
        },
    }
    harness.write(record, args.output)
    harness.show(record)


def f1(gold: Sequence[Document], found: Sequence[Document]) -> float:
    """Return the F1 of documents that bear no ids."""
    pairs = zip(gold, found, strict=True)
    return score(gold, [replace(other, id=own.id) for own, other in pairs]).f1


def measured(
    ways: Mapping[str, Find], texts: Sequence[str], repeats: int
) -> dict[str, dict[str, float]]:
    """Return the medians of seconds and processor seconds of every way."""

    def timed(find: Find) -> tuple[float, float]:
        start, processor = time.perf_counter(), time.process_time()
        find(texts)
        return time.perf_counter() - start, time.process_time() - processor

    calls = {name: lambda find=find: timed(find) for name, find in ways.items()}
    for call in calls.values():
        call()
    found = harness.in_turn(calls, repeats)
    medians = {}
    for name, times in found.items():
        seconds, processor = map(statistics.median, zip(*times, strict=True))
        medians[name] = {
            "seconds": round(seconds, 5),
            "processor_seconds": round(processor, 5),
        }
    return medians


def contestants(args: Any, folder: Path) -> dict[str, Find]:
    """Return all that are to be measured, by their names."""
    made = dict(peers(args.model, folder))
    for precision, engines in ENGINES.items():
        for engine in engines:
            name = f"tfner, {engine}, {precision}"
            if args.only and name not in args.only:
                continue
            try:
                predictor = Predictor.load(
                    args.model, engine=engine, precision=precision
                )
                made[name] = predictor.predict
            except TfnerError as error:
                logging.getLogger(__name__).error("%s", error)
    if args.calibrate:
        exported = export_openvino(args, folder)
        made["tfner, openvino, int8"] = Predictor.load(exported).predict
    return {n: f for n, f in made.items() if args.only is None or n in args.only}


def export_openvino(args: Any, folder: Path) -> Path:
    """Export the model for OpenVINO in int8, calibrated with a corpus."""
    texts = folder / "calibration.txt"
    documents = list(read_corpus(args.calibrate))[:CALIBRATED]
    texts.write_text("".join(f"{d.text}\n" for d in documents), encoding="utf-8")
    exported = folder / "openvino"
    flags = ("--format", "openvino", "--precision", "int8", "--calibrate", texts)
    harness.tfner("export", args.model, exported, *flags)
    return exported


def peers(model: str, folder: Path) -> Iterator[tuple[str, Find]]:
    """Yield the other programs, on the model's Hugging Face export."""
    import onnxruntime
    import torch
    import transformers
    from onnxruntime.quantization import QuantType, quantize_dynamic

    torch.set_num_threads(available_cores())
    exported = folder / "huggingface"
    harness.tfner("export", model, exported, "--format", "huggingface")
    pipe = transformers.pipeline(
        "token-classification", str(exported), aggregation_strategy="first"
    )
    yield "pipeline", lambda texts: by_pipeline(pipe, texts)
    tokenizer, tagger = pipe.tokenizer, pipe.model.eval()
    tags = [tagger.config.id2label[n] for n in range(tagger.config.num_labels)]

    def by_torch(features: Mapping[str, Any]) -> Any:
        with torch.inference_mode():
            tensors = {n: torch.from_numpy(a) for n, a in features.items()}
            return tagger(**tensors).logits.numpy()

    yield "sorted PyTorch", Loop(tokenizer, tags, by_torch)
    path, smaller = folder / "model.onnx", folder / "int8.onnx"
    export_onnx(tagger, path)
    quantize_dynamic(path, smaller, weight_type=QuantType.QInt8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = available_cores()
    for file, precision in ((path, "float32"), (smaller, "int8")):
        session = onnxruntime.InferenceSession(file, options)
        loop = Loop(tokenizer, tags, partial(by_onnxruntime, session))
        yield f"sorted ONNX Runtime, {precision}", loop


def by_onnxruntime(session: Any, features: Mapping[str, Any]) -> Any:
    """Return the logits of a session's graph."""
    return session.run(None, dict(features))[0]


def export_onnx(tagger: Any, path: Path) -> None:
    """Write a tagger of transformers with PyTorch's own exporter."""
    import torch

    row = torch.ones((2, 8), dtype=torch.long)
    axes = {0: "batch", 1: "length"}
    tagger.set_attn_implementation("eager")
    torch.onnx.export(
        tagger,
        (row, row, row),
        str(path),
        input_names=list(INPUTS),
        output_names=["logits"],
        dynamic_axes=dict.fromkeys((*INPUTS, "logits"), axes),
        opset_version=17,
        dynamo=False,
    )
    tagger.set_attn_implementation("sdpa")


def by_pipeline(pipe: Any, texts: Sequence[str]) -> list[Document]:
    """Find entities as transformers' documentation shows it."""
    found = pipe(list(texts), batch_size=BATCH)
    return [
        Document(
            str(number),
            text,
            tuple(Entity(e["start"], e["end"], e["entity_group"]) for e in entities),
        )
        for number, (text, entities) in enumerate(zip(texts, found, strict=True))
    ]


class Loop:
    """A loop over batches sorted by length, as one would write it by hand.

    Args:
        tokenizer: of transformers.
        tags: by their ids.
        logits: (B, S, T) of the inputs of a model.
    """

    def __init__(self, tokenizer: Any, tags: Sequence[str], logits: Logits) -> None:
        self._tokenizer, self._tags, self._logits = tokenizer, tags, logits

    def __call__(self, texts: Sequence[str]) -> list[Document]:
        """Find entities."""
        words = [[match.span() for match in WORD.finditer(text)] for text in texts]
        encoded = self._tokenizer(
            [[t[a:b] for a, b in own] for t, own in zip(texts, words, strict=True)],
            is_split_into_words=True,
            truncation=True,
            max_length=512,
        )
        lengths = np.array([len(ids) for ids in encoded["input_ids"]])
        found: list[Document] = [Document("", "")] * len(texts)
        order = np.argsort(lengths, kind="stable")
        for batch in (order[i : i + BATCH] for i in range(0, len(order), BATCH)):
            shape = (len(batch), int(lengths[batch].max()))
            features = {name: np.zeros(shape, np.int64) for name in INPUTS}
            for row, number in enumerate(batch):
                for name in INPUTS:
                    features[name][row, : lengths[number]] = encoded[name][number]
            best = self._logits(features).argmax(-1)
            for row, number in enumerate(batch):
                word_ids = encoded.word_ids(int(number))
                found[number] = self._document(
                    texts[number], words[number], word_ids, best[row].tolist()
                )
        return found

    def _document(
        self,
        text: str,
        words: Sequence[tuple[int, int]],
        word_ids: Sequence[int | None],
        best: Sequence[int],
    ) -> Document:
        tags, last = ["O"] * len(words), None
        for place, word in enumerate(word_ids):
            if word is not None and word != last:
                tags[word] = self._tags[best[place]]
            last = word
        entities = [
            Entity(words[start][0], words[end - 1][1], label)
            for start, end, label in decode_tags(tags)
        ]
        return Document("", text, tuple(entities))


if __name__ == "__main__":
    main()
