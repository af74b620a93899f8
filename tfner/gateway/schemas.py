"""Requests and answers of the gateway's own interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tfner.document import Document, Word
from tfner.errors import counted
from tfner.gateway.errors import SHOWN, Refused, invalid
from tfner.gateway.offsets import Offsets, Unit

Schema = TypeVar("Schema", bound=BaseModel)
Position = Annotated[int, Field(ge=0)]


class Strict(BaseModel):
    """An object whose keys and types are as they are named, and no others."""

    model_config = ConfigDict(extra="forbid", strict=True)


class GivenDocument(Strict):
    """A text with an id and, if they are known, its words."""

    id: str | None = Field(None, description="Given back; its number if left out.")
    text: str
    words: list[tuple[Position, Position]] | None = Field(
        None, description="Start and end of each word, in the unit of `offsets`."
    )


class Options(Strict):
    """Options of an answer."""

    model: str | None = Field(
        None, description="Name of a model; needed only where several are served."
    )
    version: str | int | None = Field(
        None, description="Version of the model; the newest if left out."
    )
    min_score: float = Field(
        0.0, ge=0, le=1, description="Leave out entities with a lower score."
    )
    labels: list[str] | None = Field(
        None, description="Labels to give; all if left out."
    )
    offsets: Unit = Field(
        "characters",
        description="Unit of start and end: characters (Python), utf16 (JavaScript, "
        "Java) or bytes of UTF-8 (Go, Rust).",
    )


class LineOptions(Options):
    """The options of a stream, which stand in the address."""

    model_config = ConfigDict(strict=False)


class EntitiesRequest(Options):
    """Texts or documents, and how they are answered."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["texts"]}, {"required": ["documents"]}]
        }
    )

    texts: list[str] = Field(default_factory=list)
    documents: list[GivenDocument] = Field(default_factory=list)

    def to_documents(self) -> Sequence[str | Document]:
        """Give what is to be predicted, as `Predictor.predict` takes it.

        Raises:
            Refused: texts and documents are given, or neither; or words are not in
                order or not in the text.
        """
        given = self.model_fields_set
        if ("texts" in given) == ("documents" in given):
            raise invalid("give one of `texts` and `documents`.")
        if "texts" in given:
            return self.texts
        return [
            to_document(given, number, self.offsets)
            for number, given in enumerate(self.documents, start=1)
        ]


class FoundEntity(BaseModel):
    """An entity: half-open positions, label, the text between, and a score."""

    start: int
    end: int
    label: str
    text: str
    score: float


class FoundDocument(BaseModel):
    """The entities of one text."""

    id: str
    entities: list[FoundEntity]


class EntitiesAnswer(BaseModel):
    """The entities of all texts, in the order in which they were asked for."""

    model: str
    version: str
    documents: list[FoundDocument]


class Problem(BaseModel):
    """The reason of a refusal."""

    code: str
    message: str


class ErrorAnswer(BaseModel):
    """The answer to a request that is refused."""

    error: Problem


class PlainErrorAnswer(BaseModel):
    """The answer to a request that is refused, as model servers give it."""

    error: str


def read(schema: type[Schema], body: bytes) -> Schema:
    """Read a JSON body.

    Raises:
        Refused: it is no JSON, or not as the schema wants it.
    """
    try:
        return schema.model_validate_json(body)
    except ValidationError as error:
        raise refusal(error.errors(include_url=False, include_input=False)) from None


def refusal(problems: Sequence[Any]) -> Refused:
    """Say in one sentence what is wrong, without the client's text.

    Args:
        problems: as pydantic lists them.
    """
    place = ".".join(str(part)[:SHOWN] for part in problems[0]["loc"])
    reason = f"{place}: {problems[0]['msg']}" if place else problems[0]["msg"]
    others = len(problems) - 1
    more = f" ({counted(others, 'more problem')})" if others else ""
    return invalid(f"the request is not as it should be: {reason}{more}.")


def to_document(given: GivenDocument, number: int, unit: Unit) -> Document:
    """The document to predict.

    Args:
        given: as a client sent it.
        number: its id if it has none, from 1.
        unit: of its words.

    Raises:
        Refused: the words are not in order or not in the text.
    """
    name = str(number) if given.id is None else given.id
    if given.words is None:
        return Document(name, given.text)
    offsets = Offsets(given.text, unit)
    try:
        words = tuple(
            Word(offsets.inside(start), offsets.inside(end))
            for start, end in given.words
        )
        return Document(name, given.text, words=words)
    except ValueError:
        raise invalid(
            f"document {number}: words must be in order, without overlap, between "
            f"characters and inside the text, in {unit}."
        ) from None


def to_answer(document: Document, options: Options) -> dict[str, Any]:
    """One document's entities as they are answered."""
    offsets = Offsets(document.text, options.offsets)
    return {
        "id": document.id,
        "entities": [
            {
                "start": offsets.outside(entity.start),
                "end": offsets.outside(entity.end),
                "label": entity.label,
                "text": document.surface(entity),
                "score": round(score, 4),
            }
            for entity in document.entities
            if (score := 1.0 if entity.score is None else entity.score)
            >= options.min_score
            and is_wanted(entity.label, options.labels)
        ],
    }


def is_wanted(label: str, labels: Sequence[str] | None) -> bool:
    """Tell whether entities of a label are to be given."""
    return labels is None or label in labels
