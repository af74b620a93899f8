"""Other programs that find entities, by the weights of one model where they can.

All but spaCy run the Hugging Face export of a tagger of BERT's kind.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import harness
from tfner import read_corpus
from tfner.document import Document, Entity
from tfner.schemes import decode_tags
from tfner.storage.workers import available_cores

Find = Callable[[Sequence[str]], list[Document]]
Features = dict[str, Any]
Logits = Callable[[Features], Any]

BATCH, CALIBRATED = 32, 256
WORD = re.compile(r"\S+")
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OPENVINO = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}
"""Number format of what is not quantised, by precision."""
KERAS_HUB = {
    "token_ids": "input_ids",
    "padding_mask": "attention_mask",
    "segment_ids": "token_type_ids",
}


class Peers:
    """The peers of a model.

    Args:
        model: a bundle.
        folder: an empty one, for their files.
        calibrate: corpus of which OpenVINO learns how large numbers become; without
            one its kernels alone are of int8.
        spacy: pipeline of `spacy_peer.py`; None to leave it out.
    """

    def __init__(
        self,
        model: str,
        folder: Path,
        *,
        calibrate: Path | None = None,
        spacy: Path | None = None,
    ) -> None:
        self._model, self._folder = model, folder
        self._calibrate, self._spacy = calibrate, spacy

    def ways(self) -> dict[str, Callable[[], Find]]:
        """Return what makes each, by name; ImportError tells that it is not there."""
        ways: dict[str, Callable[[], Find]] = {
            "pipeline": lambda: partial(by_pipeline, self.pipe),
            "sorted PyTorch": self._torch,
            "sorted KerasHub": self._keras_hub,
        }
        for precision in ("float32", "int8"):
            name = f"sorted ONNX Runtime, {precision}"
            ways[name] = partial(self._onnxruntime, precision)
        for precision in OPENVINO:
            name = f"sorted OpenVINO, {precision}"
            ways[name] = partial(self._openvino, precision)
        if self._spacy:
            ways["spaCy, another model"] = partial(by_spacy, self._spacy)
        return ways

    @cached_property
    def exported(self) -> Path:
        """The model as transformers reads it."""
        folder = self._folder / "huggingface"
        harness.tfner("export", self._model, folder, "--format", "huggingface")
        return folder

    @cached_property
    def pipe(self) -> Any:
        """The pipeline of transformers."""
        import torch
        import transformers

        torch.set_num_threads(available_cores())
        return transformers.pipeline(
            "token-classification", str(self.exported), aggregation_strategy="first"
        )

    @cached_property
    def graph(self) -> Path:
        """The model in ONNX, as PyTorch's own exporter writes it."""
        path = self._folder / "model.onnx"
        export_onnx(self.pipe.model.eval(), path)
        return path

    def operations(self, texts: Sequence[str]) -> float:
        """Count the operations of matrix products; see `operations`."""
        encoded = self.pipe.tokenizer(list(texts))["input_ids"]
        return operations(self.pipe.model.config, map(len, encoded))

    def _loop(self, logits: Logits) -> Loop:
        config = self.pipe.model.config
        tags = [config.id2label[number] for number in range(config.num_labels)]
        return Loop(self.pipe.tokenizer, tags, logits)

    def _torch(self) -> Find:
        import torch

        tagger = self.pipe.model.eval()

        def logits(features: Features) -> Any:
            with torch.inference_mode():
                tensors = {n: torch.from_numpy(a) for n, a in features.items()}
                return tagger(**tensors).logits.numpy()

        return self._loop(logits)

    def _onnxruntime(self, precision: str) -> Find:
        import onnxruntime
        from onnxruntime.quantization import QuantType, quantize_dynamic

        path = self.graph
        if precision == "int8":
            path = self._folder / "int8.onnx"
            quantize_dynamic(self.graph, path, weight_type=QuantType.QInt8)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = available_cores()
        session = onnxruntime.InferenceSession(path, options)
        return self._loop(lambda features: session.run(None, features)[0])

    def _openvino(self, precision: str) -> Find:
        import openvino

        core = openvino.Core()
        model = core.read_model(self.graph)
        if precision == "int8":
            model = self._quantized(model)
        settings = {
            "INFERENCE_PRECISION_HINT": OPENVINO[precision],
            "INFERENCE_NUM_THREADS": available_cores(),
            "PERFORMANCE_HINT": "LATENCY",
        }
        compiled = core.compile_model(model, "CPU", settings)
        request, output = compiled.create_infer_request(), compiled.output(0)
        return self._loop(lambda features: request.infer(features)[output])

    def _quantized(self, model: Any) -> Any:
        import nncf

        if self._calibrate is None:
            return nncf.compress_weights(model)
        documents = islice(read_corpus(self._calibrate), CALIBRATED)
        batches: list[Features] = []
        self._loop(self._kept(batches))([document.text for document in documents])
        return nncf.quantize(
            model,
            nncf.Dataset(batches),
            model_type=nncf.ModelType.TRANSFORMER,
            subset_size=len(batches),
        )

    def _kept(self, batches: list[Features]) -> Logits:
        """Logits of nothing, which keep what they are to be made of."""
        tags = self.pipe.model.config.num_labels

        def keep(features: Features) -> Any:
            batches.append(features)
            return np.zeros((*features[INPUTS[0]].shape, tags))

        return keep

    def _keras_hub(self) -> Find:
        return self._loop(by_keras_hub(self.exported, self._folder / "keras_hub"))


def by_keras_hub(exported: Path, folder: Path) -> Logits:
    """Return the logits of KerasHub's backbone with a dense layer.

    Args:
        exported: a BERT tagger as transformers has it.
        folder: gets a copy with a pooler of zeros, without which KerasHub reads no
            encoder. It is not computed.
    """
    import keras
    import keras_hub
    from safetensors.numpy import load_file, save_file

    name = "model.safetensors"
    tensors = load_file(exported / name)
    kernel, bias = tensors["classifier.weight"], tensors["classifier.bias"]
    width = kernel.shape[1]
    for part, shape in {"weight": (width, width), "bias": (width,)}.items():
        tensors[f"bert.pooler.dense.{part}"] = np.zeros(shape, np.float32)
    shutil.copytree(exported, folder)
    save_file(tensors, folder / name, {"format": "pt"})
    backbone = keras_hub.models.BertBackbone.from_preset(str(folder))
    head = keras.layers.Dense(len(bias))
    model = keras.Model(backbone.input, head(backbone.output["sequence_output"]))
    head.set_weights([kernel.T, bias])
    return lambda features: model.predict_on_batch(
        {own: features[name] for own, name in KERAS_HUB.items()}
    )


def by_spacy(directory: Path) -> Find:
    """Return what finds entities by a pipeline that `spacy_peer.py` has trained."""
    import spacy

    pipeline = spacy.load(directory)

    def find(texts: Sequence[str]) -> list[Document]:
        return [
            Document(
                str(number),
                found.text,
                tuple(Entity(e.start_char, e.end_char, e.label_) for e in found.ents),
            )
            for number, found in enumerate(pipeline.pipe(texts))
        ]

    return find


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


def operations(config: Any, lengths: Iterable[int]) -> float:
    """Count the multiplications and additions of the matrix products of a tagger.

    Args:
        config: of transformers, of an encoder of BERT's kind.
        lengths: pieces of each text; padding is no work.
    """
    width, inner = config.hidden_size, config.intermediate_size
    dense = config.num_hidden_layers * (4 * width**2 + 2 * width * inner)
    dense += width * config.num_labels
    attention = config.num_hidden_layers * 2 * width
    return float(sum(2 * n * (dense + attention * n) for n in lengths))
