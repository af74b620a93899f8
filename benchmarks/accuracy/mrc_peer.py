"""The published span extraction in PyTorch, written from its formulas.

A side of nested.py and of span_steps.py.
BERT, a dense start and end score, and for every pair of pieces `[h_i; h_j]` -> dense
-> gelu -> dropout -> dense over the whole tensor of pairs; rows padded to the maximum
length; AdamW (0.9, 0.98), a one-cycle schedule, losses over predicted and gold pairs.

Source: ShannonAI/mrc-for-flat-nested-ner models/bert_query_ner.py,
train/mrc_ner_trainer.py, datasets/mrc_ner_dataset.py. It differs in that a span past
the cut counts as missed, and positions are those of words.

Only pairs of a predicted or gold start and end enter the loss, and only the former the
prediction. With `listed`, the same formula is therefore evaluated at these alone: equal
scores and gradients without the tensor of all pairs, in under a quarter of the time.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import AutoTokenizer, BertModel

WEIGHTS = (1 / 2.1, 1 / 2.1, 0.1 / 2.1)
SPEED_STEPS = 24
"""Of the published model, whose speed is measured."""
Row = dict[str, Any]


class BertQueryNER(nn.Module):
    """A model that gives logits of starts, ends and pairs."""

    def __init__(
        self, encoder: str, *, dropout: float = 0.3, listed: bool = False
    ) -> None:
        super().__init__()
        self.listed = listed
        self.bert = BertModel.from_pretrained(encoder, add_pooling_layer=False)
        size = self.bert.config.hidden_size
        self.start, self.end = nn.Linear(size, 1), nn.Linear(size, 1)
        self.hidden, self.match = nn.Linear(2 * size, 2 * size), nn.Linear(2 * size, 1)
        self.dropout = nn.Dropout(dropout)
        for layer in (self.start, self.end, self.hidden, self.match):
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)

    def forward(self, ids: Any, mask: Any, types: Any) -> tuple[Any, ...]:
        """Return start and end logits, and the vectors of the pieces."""
        rows = self.bert(ids, attention_mask=mask, token_type_ids=types)[0]
        return self.start(rows).squeeze(-1), self.end(rows).squeeze(-1), rows

    def match_logits(self, rows: Any, asked: Any) -> Any:
        """Return logits of the pairs that are asked for, one after the other."""
        row, first, last = index = asked.nonzero(as_tuple=True)
        if self.listed:
            return self.pair_logits(torch.cat([rows[row, first], rows[row, last]], -1))
        length = rows.shape[1]
        firsts = rows.unsqueeze(2).expand(-1, -1, length, -1)
        lasts = rows.unsqueeze(1).expand(-1, length, -1, -1)
        return self.pair_logits(torch.cat([firsts, lasts], 3))[index]

    def pair_logits(self, pairs: Any) -> Any:
        """Return logits of vectors of pairs."""
        hidden = functional.gelu(self.hidden(pairs))
        return self.match(self.dropout(hidden)).squeeze(-1)


def encode(record: dict[str, Any], tokenizer: Any, length: int) -> Row:
    """Make a padded row of a record, with its targets and the word of every piece."""
    words = record["context"].split(" ")
    pair = tokenizer(
        record["query"].split(),
        words,
        is_split_into_words=True,
        truncation="only_second",
        max_length=length,
        padding="max_length",
    )
    in_context = [part == 1 for part in pair.sequence_ids()]
    word_of = [
        word if word is not None and inside else -1
        for word, inside in zip(pair.word_ids(), in_context, strict=True)
    ]
    firsts = [w >= 0 and (not i or word_of[i - 1] != w) for i, w in enumerate(word_of)]
    lasts = [w >= 0 and word_of[i + 1] != w for i, w in enumerate(word_of[:-1])]
    spans = [tuple(map(int, span.split(";"))) for span in record["span_position"]]
    begins = {word_of[i]: i for i, first in enumerate(firsts) if first}
    ends = {word_of[i]: i for i, last in enumerate(lasts) if last}
    return {
        "ids": pair["input_ids"],
        "mask": pair["attention_mask"],
        "types": pair["token_type_ids"],
        "firsts": firsts,
        "lasts": [*lasts, False],
        "starts": [begins[s] for s, _ in spans if s in begins],
        "ends": [ends[e] for _, e in spans if e in ends],
        "pairs": [(begins[s], ends[e]) for s, e in spans if s in begins and e in ends],
        "gold": spans,
        "word_of": word_of,
    }


def tensors(rows: list[Row]) -> dict[str, Any]:
    """Make a batch of rows."""
    names = ("ids", "mask", "types", "firsts", "lasts")
    batch = {name: torch.tensor([row[name] for row in rows]) for name in names}
    shape = batch["ids"].shape
    starts, ends = torch.zeros(shape), torch.zeros(shape)
    pairs = torch.zeros((*shape, shape[1]))
    for number, row in enumerate(rows):
        starts[number, row["starts"]] = ends[number, row["ends"]] = 1
        for first, last in row["pairs"]:
            pairs[number, first, last] = 1
    return {**batch, "starts": starts, "ends": ends, "pairs": pairs}


def loss_of(model: BertQueryNER, batch: dict[str, Any]) -> Any:
    """Return the published loss, with predicted and gold candidates."""
    start, end, vectors = model(batch["ids"], batch["mask"], batch["types"])
    firsts, lasts = batch["firsts"], batch["lasts"]
    predicted = (start > 0).unsqueeze(2) & (end > 0).unsqueeze(1)
    gold = (batch["starts"] > 0).unsqueeze(2) & (batch["ends"] > 0).unsqueeze(1)
    asked = ordered(batch) & (predicted | gold)
    parts = (
        (start[firsts], batch["starts"][firsts]),
        (end[lasts], batch["ends"][lasts]),
        (model.match_logits(vectors, asked), batch["pairs"][asked]),
    )
    total = torch.zeros(())
    for weight, (logits, right) in zip(WEIGHTS, parts, strict=True):
        losses = functional.binary_cross_entropy_with_logits(
            logits, right, reduction="sum"
        )
        total = total + weight * losses / (len(right) + 1e-10)
    return total


def ordered(batch: dict[str, Any]) -> Any:
    """Mark pairs of the context's first and last pieces of words, in order."""
    return torch.triu(batch["firsts"].unsqueeze(2) & batch["lasts"].unsqueeze(1))


@torch.no_grad()
def count(model: BertQueryNER, rows: list[Row], batch_size: int) -> tuple[int, int]:
    """Count the spans found, and those of them that are right."""
    model.eval()
    found = right = 0
    for at in range(0, len(rows), batch_size):
        part = rows[at : at + batch_size]
        batch = tensors(part)
        start, end, vectors = model(batch["ids"], batch["mask"], batch["types"])
        asked = ordered(batch) & (start > 0).unsqueeze(2) & (end > 0).unsqueeze(1)
        matching = model.match_logits(vectors, asked) > 0
        for number, first, last in asked.nonzero()[matching].tolist():
            row = part[number]
            found += 1
            right += (row["word_of"][first], row["word_of"][last]) in row["gold"]
    return found, right


def optimizer_of(model: BertQueryNER, rate: float, steps: int) -> tuple[Any, Any]:
    """Make AdamW with the decay exclusions, and the one-cycle schedule."""
    named = list(model.named_parameters())
    plain = [p for n, p in named if "bias" in n or "LayerNorm.weight" in n]
    decayed = [p for n, p in named if not ("bias" in n or "LayerNorm.weight" in n)]
    groups = [
        {"params": decayed, "weight_decay": 0.01},
        {"params": plain, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), eps=1e-8)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=steps + 1, pct_start=0.0, anneal_strategy="linear"
    )
    return optimizer, schedule


def read(path: Path, limit: int | None) -> list[dict[str, Any]]:
    """Read the records of the first sentences."""
    records: list[dict[str, Any]] = json.loads(gzip.decompress(path.read_bytes()))
    return [
        record
        for record in records
        if limit is None or int(record["qas_id"].partition(".")[0]) < limit
    ]


def train(args: argparse.Namespace) -> dict[str, Any]:
    """Train, then score the test file."""
    tokenizer = AutoTokenizer.from_pretrained(args.encoder)
    folder, length, size = args.folder, args.max_length, args.batch_size
    learnt = read(folder / "mrc-ner.train.json.gz", args.limit)
    rows = [encode(record, tokenizer, length) for record in learnt]
    # First, so that the allocator's memory is that of the published model.
    speed = records_per_second(args, rows)
    torch.manual_seed(args.seed)
    model = BertQueryNER(args.encoder, listed=True)
    steps = -(-len(rows) // size) * args.epochs
    optimizer, schedule = optimizer_of(model, args.learning_rate, steps)
    order = random.Random(args.seed)
    for _ in range(args.epochs):
        model.train()
        order.shuffle(rows)
        for at in range(0, len(rows), size):
            take_step(model, optimizer, tensors(rows[at : at + size]))
            schedule.step()
    asked = read(folder / "mrc-ner.test.json.gz", args.test_limit)
    test = [encode(record, tokenizer, length) for record in asked]
    found, right = count(model, test, size)
    support = sum(len(row["gold"]) for row in test)
    return {
        "f1": 2 * right / max(1, found + support),
        "precision": right / max(1, found),
        "recall": right / max(1, support),
        "train_records_per_second": speed,
    }


def take_step(model: BertQueryNER, optimizer: Any, batch: dict[str, Any]) -> None:
    """Take one update."""
    optimizer.zero_grad()
    loss_of(model, batch).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def records_per_second(args: argparse.Namespace, rows: list[Row]) -> float:
    """Measure over some steps how fast the published model trains."""
    model = BertQueryNER(args.encoder)
    optimizer, _ = optimizer_of(model, args.learning_rate, SPEED_STEPS)
    size = args.batch_size
    seconds = []
    for step in range(SPEED_STEPS + 1):
        began = time.perf_counter()
        take_step(model, optimizer, tensors(rows[step * size : (step + 1) * size]))
        seconds.append(time.perf_counter() - began)
    return SPEED_STEPS * size / sum(seconds[1:])  # the first one warms up


def random_step(encoder: str, rows: int, length: int) -> Callable[[], None]:
    """Return a training step on rows of random pieces."""
    random_ids = np.random.default_rng(0).integers(1000, 2000, (rows, length))
    context = torch.arange(length).expand(rows, length) >= length // 5
    model = BertQueryNER(encoder)
    optimizer, _ = optimizer_of(model, 1e-5, 1)
    targets = torch.zeros((rows, length))
    targets[:, length // 2] = 1
    batch = {
        "ids": torch.tensor(random_ids),
        "mask": torch.ones((rows, length), dtype=torch.long),
        "types": context.long(),
        "firsts": context,
        "lasts": context,
        "starts": targets,
        "ends": targets,
        "pairs": targets.unsqueeze(2) * targets.unsqueeze(1),
    }
    return lambda: take_step(model, optimizer, batch)
