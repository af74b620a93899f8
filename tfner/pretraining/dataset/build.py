"""Directories of pretraining data: planned, written or resumed, and put in place."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tfner.errors import ConfigError, StorageError
from tfner.pretraining.dataset.manifest import MANIFEST_FILE, Manifest
from tfner.pretraining.dataset.shard_plan import (
    ShardPlan,
    make_shard_plan,
    survey_articles,
)
from tfner.pretraining.dataset.shards import (
    build_shards,
    make_manifest,
    note_of,
    write_whole,
)
from tfner.pretraining.text.articles import check_streams, find_files, read_articles
from tfner.storage.atomic import writing
from tfner.storage.foreign_files import read_json
from tfner.storage.output import Kind, OutputPolicy
from tfner.storage.publishing import publish, refuse_mount
from tfner.tokenization.files import TOKENIZER_FOLDER
from tfner.tokenization.ids import LoadedTokenizer
from tfner.tokenization.specials import special_ids, tokenizer_digest

PLAN_FILE = "plan.json"
WORK = ".building"
RECORDS = Kind("pretraining data", {MANIFEST_FILE: b'"shards"'})


def build_pretraining_data(
    inputs: Sequence[str],
    tokenizer: LoadedTokenizer,
    directory: str | Path,
    *,
    max_length: int = 128,
    seed: int = 0,
    overflow: str = "cut",
    shards: int | None = None,
    processes: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Manifest:
    """Write the records of raw text; equal arguments give equal bytes.

    Shards are written beside the directory, in `DIRECTORY.building`, which stays there
    if the work is interrupted and becomes the directory when the manifest is written.

    Args:
        inputs: files of raw text, or directories of such.
        tokenizer: from `load_tokenizer`, with the special pieces of pretraining.
        directory: becomes the data set.
        max_length: pieces of a record, special ones included, 8 to 512.
        seed: decides the random lengths of segments.
        overflow: `cut` drops the pieces of a sentence beyond its record, as published;
            `carry` begins the next record with them.
        shards: number of files; None takes one for every four million characters.
        processes: None takes one per core. The records do not depend on it.
        resume: keep the finished shards of an interrupted run.
        overwrite: replace what is there.

    Returns:
        The manifest of the finished directory.

    Raises:
        CorpusError: there is no text, or none that can be read.
        StorageError: a file is missing, or the disk is full.
        ConfigError: settings out of range, or what is there was made otherwise.
        TokenizerError: a special piece is missing.
    """
    policy = OutputPolicy(Path(directory), overwrite, resume)
    target = policy.path
    replaces = policy.check(RECORDS)
    refuse_mount(target)
    check_streams(inputs)
    surveys = [survey_articles(f, read_articles(f)) for f in find_files(inputs)]
    with writing(target), TemporaryDirectory() as folder:
        saved = Path(folder)
        tokenizer.save(saved)
        plan = make_shard_plan(
            *(surveys, special_ids(tokenizer), tokenizer_digest(saved)),
            max_length=max_length,
            seed=seed,
            overflow=overflow,
            shards=shards,
        )
        with _prepared(policy.beside(WORK), plan) as place:
            shutil.copytree(saved, place / TOKENIZER_FOLDER, dirs_exist_ok=True)
            processes = min(plan.shards, processes or os.cpu_count() or 1)
            built = build_shards(plan, place, processes=processes)
            manifest = make_manifest(plan, built, place)
            write_whole(place / MANIFEST_FILE, manifest.to_bytes())
            for shard in manifest.shards:
                note_of(place / shard.file).unlink(missing_ok=True)
            publish(place, target, replaces)
            # Not before: without the plan, nothing that stopped here could be resumed.
            (target / PLAN_FILE).unlink()
    return replace(manifest, directory=target)


@contextmanager
def _prepared(work: OutputPolicy, plan: ShardPlan) -> Iterator[Path]:
    """Hold the directory of the unfinished data set, new or as it was left.

    Raises:
        ConfigError: there is one, and neither `resume` nor `overwrite` was asked for;
            it was begun with other settings, or another run is at work there.
    """
    work.check_unfinished()
    planned = json.loads(json.dumps(plan.to_json()))
    with work.working_directory() as directory:
        if any(directory.iterdir()):
            _compare(directory, planned)
        content = json.dumps(planned).encode("utf-8", "replace")
        write_whole(directory / PLAN_FILE, content)
        yield directory


def _compare(work: Path, planned: dict[str, object]) -> None:
    try:
        before = read_json(work / PLAN_FILE)
    except StorageError:
        before = {}
    differing = [key for key, value in planned.items() if before.get(key) != value]
    if differing:
        raise ConfigError(
            f"{work} was begun with other settings or text, so it cannot be resumed. "
            f"Different: {', '.join(differing)}. Add --overwrite instead of --resume "
            "to begin again."
        )
