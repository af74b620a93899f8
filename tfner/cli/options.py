"""Groups of options that several commands take, each a dataclass.

A command names a group as one parameter; `with_groups` gives it the group's options
and hands over the group, filled.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, get_args, get_type_hints

import typer

from tfner.config import choices
from tfner.corpus import FORMATS, read_corpus
from tfner.corpus.formats.jsonl import parse_labels
from tfner.document import Document

if TYPE_CHECKING:
    from tfner.inference.predictor import Predictor

Model = Annotated[
    str,
    typer.Argument(help="Bundle, SavedModel, Hugging Face tagger or TF 1 checkpoint."),
]
RawText = Annotated[
    list[str],
    typer.Option(
        metavar="PATH",
        help="Files of plain text, JSON lines or WikiExtractor's format, also .gz; "
        "directories of such files.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace an existing output.")
]
Decode = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Take the likeliest tag of each word, or the likeliest sequence that the "
        "scheme allows; as in training if not set. "
        f"[{' | '.join(get_args(choices.Decode))}]",
    ),
]


def with_groups(function: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameters of a dataclass's type are options, one per field."""
    signature = inspect.signature(function, eval_str=True)
    groups: dict[str, Any] = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if dataclasses.is_dataclass(parameter.annotation)
    }

    def command(**given: Any) -> None:
        filled = {
            name: group(
                **{f.name: given.pop(f.name) for f in dataclasses.fields(group)}
            )
            for name, group in groups.items()
        }
        function(**given, **filled)

    parameters = [
        p.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, p in signature.parameters.items()
        if name not in groups
    ]
    parameters += [p for group in groups.values() for p in _options(group)]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    command.__name__, command.__doc__ = function.__name__, function.__doc__
    return command


def _options(group: Any) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for field in dataclasses.fields(group):
        hints[field.name].__metadata__[0].rich_help_panel = group.heading
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )


@dataclass(frozen=True)
class CorpusOptions:
    """Options for reading a corpus file."""

    heading: ClassVar = "Corpus files"

    from_format: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FORMAT",
            help="Format of the file; recognised by its name if not set. "
            f"[{' | '.join(FORMATS)}]",
        ),
    ] = None
    from_scheme: Annotated[
        str | None,
        typer.Option(
            metavar="SCHEME", help="Tag scheme of the file; detected if not set."
        ),
    ] = None
    join: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="How the words of column files make a text: with spaces, without, or "
            "by the kind of their characters. "
            f"[{' | '.join(get_args(choices.Join))}]",
        ),
    ] = "auto"
    word_column: Annotated[
        int,
        typer.Option(
            help="Column of the words in column files, from 0; negative numbers count "
            "from the end."
        ),
    ] = 0
    tag_column: Annotated[
        int,
        typer.Option(help="Column of the tags in column files, counted likewise."),
    ] = -1
    raw_text: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="File with the sentences of a column file as text, one a line, with "
            "their spaces.",
        ),
    ] = None

    def settings(self) -> dict[str, Any]:
        """The arguments of `read_corpus` beside file and format."""
        return {
            "scheme": self.from_scheme,
            "join": self.join,
            "word_column": self.word_column,
            "tag_column": self.tag_column,
            "raw_text": self.raw_text,
        }

    def read(self, path: str, *, format: str | None = None) -> Iterator[Document]:
        """Documents of a file; `format` is used where none was named."""
        return read_corpus(path, format=self.from_format or format, **self.settings())


@dataclass(frozen=True)
class RawCorpusOptions(CorpusOptions):
    """Options for reading a corpus file of which little is known yet."""

    no_tags: Annotated[
        bool, typer.Option("--no-tags", help="Read columns that hold no tags.")
    ] = False
    comments: Annotated[
        bool,
        typer.Option("--comments", help="Read lines that start with '# ' as comments."),
    ] = False
    tag_names: Annotated[
        str | None,
        typer.Option(
            metavar="TAGS",
            help="Names of integer tags in the order of their numbers: O,B-PER,… or a "
            "file with one a line or a JSON list.",
        ),
    ] = None

    def settings(self) -> dict[str, Any]:
        """The arguments of `read_corpus` beside file and format."""
        return {
            **super().settings(),
            "tag_column": None if self.no_tags else self.tag_column,
            "comments": self.comments,
            "labels": None if self.tag_names is None else parse_labels(self.tag_names),
        }


@dataclass(frozen=True)
class ModelOptions:
    """Options for a model that carries neither tokenizer nor labels."""

    heading: ClassVar = "Models without tokenizer and labels"

    tokenizer: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Tokenizer of a model that carries none, such as an old SavedModel.",
        ),
    ] = None
    label_mapping: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Tags of such a model with their ids: .json or .pkl of tag -> id, or "
            "a config.json with id2label.",
        ),
    ] = None
    segment_id: Annotated[
        int,
        typer.Option(
            min=0,
            max=1,
            help="Segment that such a model was trained with; 1 for those of "
            "google-research/electra.",
        ),
    ] = 0
    lower_case: Annotated[
        bool | None,
        typer.Option(
            "--lower-case/--no-lower-case",
            help="Lower-case the text, where the tokenizer's files do not say; guessed "
            "if not set.",
        ),
    ] = None
    word_splitter: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What splits raw text into words: whitespace, punctuation, mecab or "
            "pieces; guessed if not set.",
        ),
    ] = None

    def extras(self) -> dict[str, Any]:
        """Give the options as `Predictor.load` takes them."""
        return dataclasses.asdict(self)

    def load(self, model: str, **settings: Any) -> Predictor:
        """The predictor of a model, with the other settings of `Predictor.load`."""
        from tfner.inference.predictor import Predictor

        return Predictor.load(model, **settings, **self.extras())
