"""`tfner corpus convert|formats|stats|check|split|clean`."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from tfner.cli.help import Group, add_command
from tfner.cli.options import CorpusOptions, Json, Overwrite, with_groups
from tfner.cli.output import print_json, print_text
from tfner.config import limits
from tfner.config.choices import Splitter
from tfner.corpus import FORMATS, find_format, output_format, write_corpus
from tfner.corpus.checks.check import check_corpora
from tfner.corpus.checks.rendering import MOST, SHOWN, checks_record, render_checks
from tfner.corpus.checks.repair import repair_conll
from tfner.corpus.checks.verdict import judge
from tfner.corpus.comparison import Comparison, corpora_record, render_corpora
from tfner.corpus.formats.brat import check_target
from tfner.corpus.formats.format import Format
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.queries import read_queries
from tfner.corpus.split import split_documents
from tfner.corpus.stats import count_corpus
from tfner.document import Document
from tfner.errors import ConfigError, counted
from tfner.pretraining.text.articles import find_files, read_text
from tfner.pretraining.text.cleaning import (
    RECIPES,
    clean_lines,
    find_recipe,
    rule_names,
)
from tfner.storage.atomic import whole_file, whole_files
from tfner.storage.lines import STANDARD_STREAM
from tfner.storage.output import OutputPolicy, check_file
from tfner.storage.publishing import Version

logger = logging.getLogger(__name__)

app = typer.Typer(
    cls=Group,
    help="Convert, count, check, split and clean corpus files.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

PARTS = ("train", "dev", "test")


Source = Annotated[
    str, typer.Argument(metavar="IN", help="A corpus; - is standard input.")
]
Target = Annotated[
    str, typer.Argument(metavar="OUT", help="A new file; - is standard output.")
]
Queries = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="JSON object label -> query for --to mrc; FILE#NAME takes the one under "
        "NAME of several. Default: the queries of IN, or the labels' names.",
    ),
]


@with_groups
def convert(
    source: Source,
    target: Target,
    options: CorpusOptions,
    to_format: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="FORMAT",
            help="Format of OUT; recognised by its name if not set. "
            f"[{' | '.join(FORMATS)}]",
        ),
    ] = None,
    scheme: Annotated[
        str | None,
        typer.Option(
            metavar="SCHEME", help="Tag scheme of OUT; that of IN if not set."
        ),
    ] = None,
    queries: Queries = None,
    split_words: Annotated[
        str | None,
        typer.Option(
            metavar="HOW",
            help="Find words in texts that have none, and cut words inside which an "
            f"entity begins or ends. [{' | '.join(get_args(Splitter))}]",
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a corpus in another format or tag scheme."""
    documents: Iterable[Document] = options.read(source)
    if split_words is not None:
        from tfner.tokenization.align import with_words
        from tfner.tokenization.words.splitters import find_splitter

        split = find_splitter(split_words)
        documents = (with_words(document, split) for document in documents)
    replaces = check_file(target, overwrite)
    to = output_format(target, to_format)
    if to_format is None and to == "stockmark":  # the suffix .json says no more
        has_queries = find_format(source, options.from_format) == "mrc"
        to = "mrc" if has_queries or queries is not None else to
    entities: Counter[str] = Counter()
    written = write_corpus(
        _counted(documents, entities),
        target,
        format=to,
        scheme=scheme,
        queries=None if queries is None else read_queries(queries),
        replaces=replaces,
    )
    documents_written = counted(written, "document")
    found = counted(entities.total(), "entity", "entities")
    logger.info("%s: %s, %s, %s", target, documents_written, found, to)
    if to == "text" and entities:
        logger.info("note: text files hold no entities; they are left out")


def _counted(
    documents: Iterable[Document], entities: Counter[str]
) -> Iterator[Document]:
    for document in documents:
        entities.update(entity.label for entity in document.entities)
        yield document


def formats(json: Json = False) -> None:
    """List the formats: name, read or written, ends of file names, what they are."""
    records = [format_record(known) for known in FORMATS.values()]
    if json:
        print_json({"formats": records})
        return
    width = max(len(record["name"]) for record in records)
    for record in records:
        ways = " ".join(way for way in ("read", "written") if record[way])
        ends = " ".join(record["suffixes"])
        print_text(f"{record['name']:<{width}}  {ways:<12}  {record['about']}")
        if ends:
            print_text(f"{'':<{width}}  {'':<12}  {ends}")


def format_record(known: Format) -> dict[str, Any]:
    """A format as `formats --json` lists it."""
    return {
        "name": known.name,
        "about": known.about,
        "read": known.scan is not None or known.read is not None,
        "written": known.write is not None or known.write_path is not None,
        "suffixes": [*known.suffixes, *known.names],
    }


@with_groups
def stats(
    sources: Annotated[
        list[str], typer.Argument(metavar="IN…", help="Corpora; - is standard input.")
    ],
    options: CorpusOptions,
    json: Json = False,
) -> None:
    """Count documents, words, entities by label, lengths and nesting.

    Several files are compared: texts that they share, and entities that have more than
    one label in them, which often are errors of annotation.
    """
    _check_raw_text(options, sources)
    comparison = Comparison()
    counts = [
        (path, count_corpus(comparison.watch(options.read(path), path)))
        for path in sources
    ]
    if json:
        print_json(corpora_record(counts, comparison))
    else:
        print_text(render_corpora(counts, comparison))


def _check_raw_text(options: CorpusOptions, sources: list[str]) -> None:
    if options.raw_text is not None and len(sources) != 1:
        raise ConfigError(
            f"--raw-text is for one file at a time. Received: {len(sources)} files"
        )


@with_groups
def check(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="IN…", help="Corpora, the training part first."),
    ],
    options: CorpusOptions,
    repair: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT",
            help="Write IN to OUT, invalid tags replaced as conlleval reads them.",
        ),
    ] = None,
    every: Annotated[
        bool,
        typer.Option(
            "--all", help=f"Print all findings, not {SHOWN} of each kind and file."
        ),
    ] = False,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Report every defect with its line, and whether training can start.

    An error keeps tfner from reading the file. A warning names a defect and how it is
    read. A note names something unusual. Several files are also compared with each
    other: sentences that they share, labels that the first one lacks. The exit code is
    1 if training cannot start.
    """
    _check_raw_text(options, sources)
    settings, from_format = ReadOptions(**options.settings()), options.from_format
    replaces = None
    if repair is not None:
        replaces = _check_repair(sources, from_format, repair, overwrite)
    keep = MOST if every or json else SHOWN
    reports = check_corpora(sources, format=from_format, options=settings, keep=keep)
    verdict = judge(reports)
    failed = any(report.severities["error"] for report in reports)
    changed = None
    if repair is not None and not failed:
        changed = repair_conll(sources[0], repair, settings, replaces=replaces)
    if json:
        print_json(checks_record(reports, verdict) | {"repaired_tags": changed})
    else:
        print_text(render_checks(reports, verdict))
    if changed is not None:
        logger.info("%s: %s", repair, counted(changed, "changed tag"))
    elif repair is not None:
        logger.info("%s was not written: correct the errors by hand first", repair)
    if not verdict.can_train:
        raise typer.Exit(1)


def _check_repair(
    sources: list[str], from_format: str | None, repair: Path, overwrite: bool
) -> Version | None:
    if len(sources) != 1:
        raise ConfigError(
            f"--repair takes one file at a time. Received: {len(sources)} files"
        )
    if find_format(sources[0], from_format) != "conll":
        raise ConfigError("--repair is for column files; spans need no repair")
    return OutputPolicy(repair, overwrite).check()


@with_groups
def split(
    source: Annotated[str, typer.Argument(metavar="IN", help="A corpus.")],
    directory: Annotated[
        Path, typer.Argument(metavar="OUTDIR", help="Directory for the parts.")
    ],
    options: CorpusOptions,
    fractions: Annotated[
        str,
        typer.Option(
            help="Shares of train, dev and test, separated by commas; two numbers are "
            "train and dev."
        ),
    ] = "0.8,0.1,0.1",
    seed: Annotated[
        int,
        typer.Option(
            min=0, max=limits.SEED, help="Number that decides the random split."
        ),
    ] = 0,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Cut a corpus into train, dev and test files of the same format.

    Parts of a format that is only read are JSON lines. Sentences of one document, and
    copies of one sentence, stay in one part.
    """
    shares = _parse_fractions(fractions)
    format, ending = find_format(source, options.from_format), _ending(source)
    if not format_record(FORMATS[format])["written"]:
        format, ending = "jsonl", ".jsonl"
    names = [f"{part}{ending}" for part in _parts(shares)]
    for name in names:
        OutputPolicy(directory / name, overwrite).check()
        if format == "brat":
            check_target(str(directory / name))
    documents = options.read(source)
    parts = [part for part in split_documents(documents, shares, seed) if part]
    with whole_files(directory, overwrite=overwrite) as stage:
        for name, part in zip(names, parts, strict=True):
            write_corpus(part, stage / name, format=format)
    counts = {name: len(part) for name, part in zip(names, parts, strict=True)}
    if json:
        print_json({"directory": str(directory), "documents": counts, "seed": seed})
    else:
        for name, count in counts.items():
            print_text(f"{directory / name}: {counted(count, 'document')}")


def clean(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="IN…",
            help="Files of plain text, JSON lines or WikiExtractor's format, also .gz; "
            "directories of such files.",
        ),
    ],
    target: Target,
    recipe: Annotated[
        str,
        typer.Option(
            metavar="NAME", help=f"Set of cleaning rules: {', '.join(RECIPES)}."
        ),
    ],
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write the sentences of encyclopedia text, one a line, for pretraining.

    Blank lines stay between articles. Prints how many lines each rule removed.
    """
    rules = find_recipe(recipe)
    if json and target == STANDARD_STREAM:
        raise ConfigError("--json and the text cannot both go to standard output")
    replaces = check_file(target, overwrite)
    counts: Counter[str] = Counter(lines=0, articles=0, sentences=0)
    with whole_file(target, replaces=replaces) as stream:
        for source in find_files(sources):
            for line in clean_lines(read_text(source), rules, counts):
                stream.write(f"{line}\n")
    if not counts["sentences"]:
        logger.info("note: no line is prose by the rules of %s", recipe)
    record = {
        **{name: counts[name] for name in ("lines", "articles", "sentences")},
        "removed": {name: counts[name] for name in rule_names(rules)},
    }
    if json:
        print_json({"path": target, **record})
    else:
        logger.info(render_cleaning(target, record))


def render_cleaning(target: str, record: dict[str, Any]) -> str:
    """Render the counts of kept and removed lines as text."""
    return "\n".join(
        [
            f"{target}: {record['sentences']:,} sentences, {record['articles']:,} "
            f"articles of {record['lines']:,} lines",
            *(f"  removed by {n}: {c:,}" for n, c in record["removed"].items()),
        ]
    )


def _ending(source: str) -> str:
    if Path(source).is_dir():
        return ""
    plain = source.removesuffix(".gz")
    return Path(plain).suffix + source[len(plain) :]


def _parts(shares: list[float]) -> list[str]:
    return [part for part, share in zip(PARTS, shares, strict=False) if share]


def _parse_fractions(value: str) -> list[float]:
    try:
        shares = [float(part) for part in value.split(",")]
    except ValueError:
        shares = []
    if not 2 <= len(shares) <= len(PARTS):
        raise ConfigError(
            "--fractions must be two or three numbers, as 0.8,0.1,0.1. "
            f"Received: {value}"
        )
    return shares


for function in (convert, formats, stats, check, split, clean):
    add_command(app, function)
