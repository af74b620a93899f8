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

from tfner.cli.flags import flag
from tfner.config import choices
from tfner.config.reading import ReadingConfig
from tfner.config.sections import Section, documented, setting
from tfner.corpus import read_corpus
from tfner.corpus.corpora import reading_settings
from tfner.document import Document

if TYPE_CHECKING:
    from tfner.inference.predictor import Predictor

Model = Annotated[
    str,
    typer.Argument(help="Bundle, SavedModel, Hugging Face tagger or TF 1 checkpoint."),
]
NoVerify = Annotated[
    bool,
    typer.Option(
        "--no-verify",
        help="Do not compare the model's files with the digests saved with them.",
    ),
]
TrustGraph = Annotated[
    bool,
    typer.Option(
        "--trust-graph",
        help="Run a SavedModel even if its graph has operators that no tagger needs: "
        "they may read or write files, or run other code.",
    ),
]
EncoderOf = Annotated[
    str | None,
    typer.Option(
        metavar="DIR",
        help="Encoder of a model that was saved without it; the one it was trained "
        "from if not set.",
    ),
]
ServedModel = Annotated[
    str,
    typer.Argument(
        help="Bundle, SavedModel, Hugging Face tagger or TF 1 checkpoint; or a model "
        "on a server, such as grpc://localhost:8500/chunk."
    ),
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


@dataclass(frozen=True)
class EngineOptions:
    """Options for what computes a model; see `tfner.inference.engines`."""

    heading: ClassVar = "Engine"

    engine: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What computes the model; auto is the fastest that is installed and "
            "passes the model's self-test. TensorFlow for a bundle, and for an export "
            "what it was made for, if not set. "
            f"[{' | '.join(get_args(choices.Engine))}]",
        ),
    ] = None
    precision: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Number format of its products: float32 for a bundle, and for an "
            "export what it was made in, if not set. "
            f"[{' | '.join(get_args(choices.EnginePrecision))}]",
        ),
    ] = None
    trust_graph: TrustGraph = False


def with_groups(function: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameters of a dataclass's type are options, one per field."""
    signature = inspect.signature(function, eval_str=True)
    groups: dict[str, Any] = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if dataclasses.is_dataclass(parameter.annotation)
    }

    def command(**given: Any) -> None:
        filled = {name: _fill(group, given) for name, group in groups.items()}
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


def _fill(group: Any, given: dict[str, Any]) -> Any:
    """Make a group of its options, which are taken out of those that were given."""
    values = {f.name: given.pop(f.name) for f in dataclasses.fields(group)}
    if issubclass(group, Section):  # its flags have no defaults but None
        values = {name: value for name, value in values.items() if value is not None}
    return group(**values)


def _options(group: Any) -> Iterator[inspect.Parameter]:
    if issubclass(group, Section):
        yield from map(flag, group.leaves().values())
        return
    hints = get_type_hints(group, include_extras=True)
    for field in dataclasses.fields(group):
        hints[field.name].__metadata__[0].rich_help_panel = group.heading
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )


@documented
@dataclass(frozen=True, kw_only=True)
class CorpusOptions(ReadingConfig):
    """Options for reading one corpus."""

    raw_text: str | None = setting(None, metavar="FILE")
    """File with the sentences of a column file as text, one a line, with their
    spaces."""
    no_tags: bool = setting(False, switch=True)
    """Read columns of which none holds tags."""

    def settings(self, *, tags: str = "needed") -> dict[str, Any]:
        """The arguments of `read_corpus` beside file and format."""
        return {
            **reading_settings(self),
            "raw_text": self.raw_text,
            "tags": "none" if self.no_tags else tags,
        }

    def read(
        self, path: str, *, format: str | None = None, tags: str = "needed"
    ) -> Iterator[Document]:
        """Documents of a corpus.

        Args:
            path: a file, a directory, or "-".
            format: used where `--from` names none.
            tags: see `ReadOptions`.
        """
        settings = self.settings(tags=tags)
        return read_corpus(path, format=self.from_format or format, **settings)


@dataclass(frozen=True)
class ModelOptions:
    """Options for a model of another program, or one that was saved in part."""

    heading: ClassVar = "Parts that a model does not carry"

    encoder: EncoderOf = None
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
            help="Tags of the model with their ids: .json or .pkl of tag -> id, .txt "
            "of one a line, or a config.json with id2label.",
        ),
    ] = None
    scheme: Annotated[
        str | None,
        typer.Option(
            metavar="SCHEME",
            help="Scheme of the model's tags, also IO, BMES or BMEWO; found by the "
            "tags, or by what is predicted first, if not set.",
        ),
    ] = None
    segment_id: Annotated[
        int,
        typer.Option(
            min=0,
            max=1,
            help="Segment that the model was trained with; 1 for those of "
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
            help="What splits raw text into words; guessed if not set. "
            f"[{' | '.join(get_args(choices.TokenizerSplitter))}]",
        ),
    ] = None

    no_verify: NoVerify = False

    def extras(self) -> dict[str, Any]:
        """Give the options as `Bundle.load` takes them."""
        given = dataclasses.asdict(self)
        digests = not given.pop("no_verify")
        return {**given, "digests": digests}

    def settings(self, reading: CorpusOptions) -> dict[str, Any]:
        """Give the options as `Predictor.load` takes them.

        Args:
            reading: how its texts are read; tags without a label mean one label there
                and in the model.
        """
        return {**self.extras(), "label": reading.label}

    def load(self, model: str, reading: CorpusOptions, **settings: Any) -> Predictor:
        """The predictor of a model.

        Args:
            model: to open.
            reading: see `settings`.
            **settings: others of `Predictor.load`.
        """
        from tfner.inference.predictor import Predictor

        return Predictor.load(model, **self.settings(reading), **settings)
