"""Round trips of Rasa's formats and Stockmark's JSON over random texts and entities."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tfner.corpus.formats import FORMATS
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.rasa_attributes import ATTRIBUTES
from tfner.corpus.formats.rasa_yaml import UNFIT
from tfner.document import Document, Entity
from tfner.errors import CorpusError

RASA_FORMATS = ["rasa", "rasa-yaml", "stockmark"]
STRANGE = st.sampled_from("[](){}\\\"'-#*<!:, \t|>&%\ufeff\x85\u2028 日本語😀")
ANY = st.characters(exclude_characters="\n\r", exclude_categories=["Cs"])
TEXTS = st.text(STRANGE | ANY, max_size=12)
FIT = TEXTS.map(lambda text: UNFIT.sub("", text))
INTENTS = st.sampled_from([None, "greet", "yes", "a/b: c", "#x", "12"])


@st.composite
def documents(draw, texts):
    text = draw(texts)
    labels = st.sampled_from(["PER", "a:b", "(x)", " ", "役職", "<!--", "[", "\n"])
    labels |= texts.filter(bool)
    kept = st.dictionaries(st.sampled_from(["value", "role", "group"]), texts)
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    entities, notes = [], []
    for start, end in pairwise(cuts):
        if draw(st.booleans()):
            entities.append(Entity(start, end, draw(labels)))
            note = {"start": start, "end": end, "label": entities[-1].label}
            if attributes := draw(kept):
                notes.append(note | {"attributes": attributes})
    metadata = {"intent": intent} if (intent := draw(INTENTS)) else {}
    metadata |= {ATTRIBUTES: notes} if notes else {}
    if draw(st.integers(0, 4)) == 0:
        metadata["metadata"] = draw(st.none() | kept | st.lists(st.integers()))
    return Document("d", text, tuple(entities), metadata=metadata)


def written(corpus, format):
    stream = io.StringIO()
    FORMATS[format].write(corpus, stream)
    return stream.getvalue()


def scanned(content, format):
    """What a file of this content holds, read as standard input."""
    with pytest.MonkeyPatch.context() as patch:
        stream = io.TextIOWrapper(io.BytesIO(content.encode()))
        patch.setattr("sys.stdin", stream)
        return list(FORMATS[format].scan("-", ReadOptions()))


def contents(corpus):
    return [(d.text, d.entities, d.metadata.get(ATTRIBUTES)) for d in corpus]


@pytest.mark.parametrize("format", RASA_FORMATS)
@settings(deadline=None)
@given(data=st.data())
def test_flat_documents_come_back_equal_and_are_written_equal(format, data):
    texts = FIT if format == "rasa-yaml" else TEXTS
    corpus = data.draw(st.lists(documents(texts), min_size=1, max_size=4))
    content = written(corpus, format)
    again = [document for _, document in scanned(content, format)]
    assert contents(again) == contents(corpus)
    assert written(again, format) == content


@pytest.mark.parametrize("format", RASA_FORMATS)
@settings(deadline=None)
@given(content=st.lists(TEXTS, max_size=4).map("\n".join))
@example('{"a": [}')
@example("nlu: [[[")
@example("nlu:\n- intent: a\n  examples: |\n   - [x](")
def test_any_file_is_read_or_refused_without_a_traceback(format, content):
    try:
        found = scanned(content, format)
    except CorpusError:
        return
    assert all(isinstance(document, Document | str) for _, document in found)
