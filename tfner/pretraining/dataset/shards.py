"""Shards of pretraining records, made of raw text by several processes.

The text is read twice: once to count it, which decides how many shards there are and
which articles go where, and once to hand whole shards to the processes. A shard depends
on its articles and the seed alone, so that their number and a break change nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import asdict
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from tfner.errors import ConfigError, CorpusError, StorageError
from tfner.pretraining.dataset.manifest import Manifest, Shard
from tfner.pretraining.dataset.rows import Record, pack_records
from tfner.pretraining.dataset.segments import article_random, pack_sentences
from tfner.pretraining.dataset.shard_plan import ShardPlan, assign_articles
from tfner.pretraining.text.articles import Article, read_articles
from tfner.storage.atomic import write_bytes
from tfner.storage.digests import digest_of
from tfner.storage.foreign_files import read_json
from tfner.storage.workers import submit, worker_pool
from tfner.tokenization.directories import load_tokenizer
from tfner.tokenization.files import TOKENIZER_FOLDER
from tfner.tokenization.ids import id_reader
from tfner.tokenization.specials import SpecialIds

logger = logging.getLogger(__name__)

Encode = Callable[[str], list[int]]
Job = tuple[int, list[Article], ShardPlan, Path]


class BuiltShard(NamedTuple):
    """A shard's entry in the manifest, and the counts of its records."""

    shard: Shard
    counts: dict[str, int]


def build_shard(
    number: int,
    articles: Iterable[Article],
    plan: ShardPlan,
    encode: Encode,
) -> tuple[bytes, BuiltShard]:
    """Make the records of a shard.

    Args:
        number: of the shard.
        articles: its text.
        plan: settings of the records.
        encode: from a line to the ids of its pieces.

    Returns:
        The content of the file, and its entry in the manifest.
    """
    special = plan.special_ids
    counts: Counter[str] = Counter()
    records: list[Record] = []
    for article in articles:
        counts["articles"] += 1
        counts["lines"] += len(article)
        for first, second, cut in pack_sentences(
            map(encode, article),
            max_length=plan.max_length,
            rng=article_random(article, plan.seed),
            carry=plan.overflow == "carry",
        ):
            record = _record(first, second, special)
            records.append(record)
            counts["pieces"] += len(record.input_ids)
            counts["cut_pieces"] += cut
            counts["unknown_pieces"] += record.input_ids.count(special.unk)
            counts["two_segments"] += bool(second)
    counts["records"] = len(records)
    content = pack_records(
        records,
        max_length=plan.max_length,
        vocab_size=special.vocab_size,
        pad=special.pad,
    )
    digest = hashlib.sha256(content).hexdigest()
    shard = Shard(
        plan.file(number), len(records), counts["pieces"], len(content), digest
    )
    return content, BuiltShard(shard, dict(counts))


def _record(first: list[int], second: list[int], special: SpecialIds) -> Record:
    ids = [special.cls, *first, special.sep]
    if not second:
        return Record(ids, len(ids))
    return Record([*ids, *second, special.sep], len(ids))


def make_manifest(
    plan: ShardPlan, built: Sequence[BuiltShard], directory: Path
) -> Manifest:
    """Make the manifest of all shards.

    Args:
        plan: settings of the records.
        built: the shards in order.
        directory: of the data set.

    Raises:
        CorpusError: the tokenizer found nothing in the text, or the text has changed
            since it was counted.
    """
    counts: Counter[str] = Counter()
    for shard in built:
        counts.update(shard.counts)
    planned = sum(survey.articles for survey in plan.inputs)
    if counts["articles"] != planned:
        raise CorpusError(
            f"the text changed while it was read: {counts['articles']:,} articles "
            f"instead of {planned:,}. Run again with --overwrite"
        )
    if not counts["records"]:
        raise CorpusError(
            f"the tokenizer finds no piece in {counts['articles']:,} articles"
        )
    return Manifest(
        directory=directory,
        max_length=plan.max_length,
        seed=plan.seed,
        overflow=plan.overflow,
        special_ids=plan.special_ids,
        vocabulary_digest=plan.vocabulary_digest,
        counts=dict(sorted(counts.items())),
        inputs=tuple(survey._asdict() for survey in plan.inputs),
        shards=tuple(shard for shard, _ in built),
    )


def build_shards(
    plan: ShardPlan,
    directory: Path,
    *,
    processes: int,
) -> list[BuiltShard]:
    """Write all shards into a directory, but for those that are whole there already.

    Args:
        plan: names the text and the settings of the records.
        directory: holds the tokenizer, and possibly shards of an interrupted run.
        processes: number of processes.

    Raises:
        CorpusError: the text is none that can be used.
        StorageError: it cannot be read, or a shard cannot be written.
        ConfigError: a process was killed.
    """
    articles = (a for s in plan.inputs for a in read_articles(s.path))
    numbered = groupby(assign_articles(articles, plan), key=itemgetter(0))
    found = {n: finished_shard(directory, plan, n) for n in range(plan.shards)}
    filled: set[int] = set()

    def jobs() -> Iterator[Job]:
        for number, group in numbered:
            filled.add(number)
            if found[number] is None:
                yield number, [article for _, article in group], plan, directory
        # An article longer than a shard leaves the next one without any.
        for number in sorted(found.keys() - filled):
            if found[number] is None:
                yield number, [], plan, directory

    tokenizer = directory / TOKENIZER_FOLDER
    for number, shard in _write_shards(jobs(), tokenizer, processes):
        found[number] = shard
        logger.info(f"{shard.shard.file}: {shard.shard.records:,} records")
    return [shard for _, shard in sorted(found.items()) if shard is not None]


def _write_shards(
    jobs: Iterator[Job], tokenizer: Path, processes: int
) -> Iterator[tuple[int, BuiltShard]]:
    """Do the jobs in order; at most one more than there are processes is in memory."""
    if processes == 1:
        encode = id_reader(load_tokenizer(tokenizer))
        for job in jobs:
            yield _write_shard(job, encode)
        return
    pending: deque[Future[tuple[int, BuiltShard]]] = deque()
    try:
        # Ctrl-C lets the others finish their shards, which --resume then finds.
        with worker_pool(
            processes, _prepare_process, tokenizer, finish_jobs=True
        ) as pool:
            for job in jobs:
                if len(pending) > processes:
                    yield pending.popleft().result()
                pending.append(submit(pool, _write_in_process, job))
            while pending:
                yield pending.popleft().result()
    except BrokenProcessPool as error:
        raise ConfigError(
            "a process was killed, as happens where memory runs out. Received: "
            f"processes={processes}. The same command with fewer --processes and with "
            "--resume goes on"
        ) from error


_of_this_process: dict[str, Encode] = {}


def _prepare_process(tokenizer: Path) -> None:
    _of_this_process["encode"] = id_reader(load_tokenizer(tokenizer))


def _write_in_process(job: Job) -> tuple[int, BuiltShard]:
    return _write_shard(job, _of_this_process["encode"])


def _write_shard(job: Job, encode: Encode) -> tuple[int, BuiltShard]:
    number, articles, plan, directory = job
    content, built = build_shard(number, articles, plan, encode)
    path = directory / built.shard.file
    write_whole(path, content)
    note = {"shard": asdict(built.shard), "counts": built.counts}
    write_whole(note_of(path), json.dumps(note).encode())
    return number, built


def note_of(path: Path) -> Path:
    """The file beside a whole shard, as long as there is no manifest."""
    return path.with_suffix(".json")


def finished_shard(directory: Path, plan: ShardPlan, number: int) -> BuiltShard | None:
    """Find a shard of an earlier run; None if it is not there or not whole.

    Args:
        directory: of the unfinished data set.
        plan: decides the name of the file.
        number: of the shard.
    """
    path = directory / plan.file(number)
    with suppress(StorageError, OSError, KeyError, TypeError):
        note = read_json(note_of(path))
        shard = Shard(**note["shard"])
        if digest_of(path) == shard.sha256:
            return BuiltShard(shard, note["counts"])
    return None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears only when all of it is written.

    Raises:
        StorageError: the place cannot be written, or the disk is full.
    """
    remedy = "Finished shards stay: make room and run again with --resume."
    write_bytes(path, content, remedy=remedy)
