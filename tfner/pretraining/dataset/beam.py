"""Pretraining data by Apache Beam, for corpora beyond one machine.

The transform of `tfner pretrain-data` as a pipeline: every shard is built by whichever
worker gets it, and has the same bytes as the local one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tfner.errors import ConfigError
from tfner.pretraining.dataset.manifest import MANIFEST_FILE
from tfner.pretraining.dataset.shard_plan import (
    ShardPlan,
    Survey,
    assign_articles,
    make_shard_plan,
    survey_articles,
)
from tfner.pretraining.dataset.shards import BuiltShard, build_shard, make_manifest
from tfner.pretraining.text.articles import Article, articles_of, text_lines
from tfner.storage.beam_files import file_systems, import_beam, match, whole
from tfner.storage.lines import decode_lines
from tfner.tokenization import load_tokenizer
from tfner.tokenization.files import TOKENIZER_FOLDER
from tfner.tokenization.ids import id_reader
from tfner.tokenization.specials import special_ids, tokenizer_digest

Files = tuple[tuple[str, bytes], ...]
Placed = tuple[int, tuple[int, int, Article]]


def build_pretraining_data(
    inputs: Sequence[str],
    tokenizer: str | Path,
    directory: str,
    *,
    max_length: int = 128,
    seed: int = 0,
    overflow: str = "cut",
    shards: int | None = None,
    options: Any = None,
) -> None:
    """Write the records of raw text; equal arguments give what the local command gives.

    The directory is complete when `dataset.json` is in it, which is written last.

    Args:
        inputs: files or patterns that Beam's file systems know, as `gs://bucket/wiki*`.
        tokenizer: its directory on this machine; workers get its files.
        directory: becomes the data set; on a file system that all workers reach.
        max_length: pieces of a record, special ones included, 8 to 512.
        seed: decides the random lengths of segments.
        overflow: see `tfner.pretraining.dataset.segments.pack_sentences`.
        shards: number of files; None takes one for every four million characters.
        options: Beam's PipelineOptions, which name the runner and the workers.

    Raises:
        ConfigError: Beam is not installed, or the directory holds data.
        CorpusError: a pattern matches no file.
        TokenizerError: a special piece is missing.
    """
    beam = import_beam("pretraining data by pipeline")
    paths = match(inputs)
    manifest = f"{directory}/{MANIFEST_FILE}"
    if file_systems().exists(manifest):
        raise ConfigError(f"{manifest} exists. Choose another directory.")
    files, special, digest = _saved(tokenizer)
    with beam.Pipeline(options=options) as pipeline:
        sources = pipeline | "files" >> beam.Create(list(enumerate(paths)))
        plan = (
            sources
            | "survey" >> beam.Map(_survey)
            | "surveys" >> beam.combiners.ToList()
            | "plan"
            >> beam.Map(
                lambda surveys: make_shard_plan(
                    *([survey for _, survey in sorted(surveys)], special, digest),
                    max_length=max_length,
                    seed=seed,
                    overflow=overflow,
                    shards=shards,
                )
            )
        )
        the_plan = beam.pvalue.AsSingleton(plan)
        numbers = plan | "shards" >> beam.FlatMap(
            lambda plan: [(number, None) for number in range(plan.shards)]
        )
        articles = sources | "articles" >> beam.FlatMap(_placed_articles, the_plan)
        built = (
            ((numbers, articles) | "all" >> beam.Flatten())
            | "by shard" >> beam.GroupByKey()
            | "build" >> beam.Map(_write_shard, the_plan, files, directory)
            | "built" >> beam.combiners.ToList()
        )
        _ = built | "manifest" >> beam.Map(_finish, the_plan, files, directory)


def _saved(tokenizer: str | Path) -> tuple[Files, Any, str]:
    """The files of a tokenizer as the data set holds them, its ids and its digest."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        loaded = load_tokenizer(tokenizer)
        loaded.save(folder)
        files = tuple(
            (path.relative_to(folder).as_posix(), path.read_bytes())
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        )
        return files, special_ids(loaded), tokenizer_digest(folder)


def _articles(path: str) -> Iterator[Article]:
    with file_systems().open(path) as stream:
        lines = iter(stream.readline, b"")  # not every stream of Beam's is iterable
        yield from articles_of(text_lines(decode_lines(lines, path), path))


def _survey(source: tuple[int, str]) -> tuple[int, Survey]:
    number, path = source
    return number, survey_articles(path, _articles(path))


def _placed_articles(source: tuple[int, str], plan: ShardPlan) -> Iterator[Placed]:
    """Yield the articles of a file by shard, with their position in the text."""
    number, path = source
    start = sum(survey.characters for survey in plan.inputs[:number])
    numbered = assign_articles(_articles(path), plan, start=start)
    for position, (shard, article) in enumerate(numbered):
        yield shard, (number, position, article)


@cache
def _encoder(files: Files) -> Any:
    """The tokenizer of these files; each worker loads it once."""
    with TemporaryDirectory() as folder:
        for name, content in files:
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return id_reader(load_tokenizer(folder))


def _write_shard(
    group: tuple[int, Iterable[tuple[int, int, Article] | None]],
    plan: ShardPlan,
    files: Files,
    directory: str,
) -> tuple[int, BuiltShard]:
    number, placed = group
    ordered = sorted(item for item in placed if item is not None)
    articles = (article for _, _, article in ordered)
    content, built = build_shard(number, articles, plan, _encoder(files))
    _write(f"{directory}/{built.shard.file}", content)
    return number, built


def _finish(
    built: Iterable[tuple[int, BuiltShard]],
    plan: ShardPlan,
    files: Files,
    directory: str,
) -> None:
    for name, content in files:
        _write(f"{directory}/{TOKENIZER_FOLDER}/{name}", content)
    shards = [shard for _, shard in sorted(built)]
    manifest = make_manifest(plan, shards, Path(directory))
    _write(f"{directory}/{MANIFEST_FILE}", manifest.to_bytes())


def _write(path: str, content: bytes) -> None:
    with whole(path) as stream:
        stream.write(content)
