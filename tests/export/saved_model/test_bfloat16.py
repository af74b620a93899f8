"""SavedModels in bfloat16: half the bytes, nearly the same probabilities."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tfner.errors import ConfigError, ExportError

from ..conftest import LONGEST, TEXTS, make_span_bundle

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle


def export(bundle: Bundle, folder: Path, **settings: Any) -> Any:
    from tfner_export.exporter import Serving
    from tfner_export.publish import export

    serving = Serving(precision="bfloat16", max_length=LONGEST, **settings)
    return export(bundle, folder, format="saved-model", serving=serving)


def stored(saved_model: Path) -> int:
    return sum(path.stat().st_size for path in saved_model.glob("variables/*.data-*"))


def test_an_export_in_bfloat16_is_half_as_large_and_near_the_model(
    bundle: Bundle, saved_model: Path, tmp_path: Path
) -> None:
    from tfner.inference.predictor import Predictor

    result = export(bundle, tmp_path)
    assert 0 < result.max_abs_difference < 0.3
    assert 0.45 < stored(result.saved_model) / stored(saved_model) < 0.6
    assert result.details["oldest_server"] == "2.21"
    own = Predictor.load(bundle.directory).predict(TEXTS)
    predictor = Predictor.load(result.saved_model, verify=True, precision="bfloat16")
    found = predictor.predict(TEXTS)
    entities = [
        {(n, e) for n, d in enumerate(each) for e in d.entities}
        for each in (own, found)
    ]
    spans = [{(n, e.start, e.end, e.label) for n, e in each} for each in entities]
    assert len(spans[0] & spans[1]) > 0.6 * len(spans[0] | spans[1])
    with pytest.raises(ConfigError, match="precision=float32"):
        Predictor.load(result.saved_model, precision="float32")


def test_what_cannot_be_halved_is_refused(
    bundle: Bundle, foreign_bundle: Bundle, vocabulary: Path, tmp_path: Path
) -> None:
    spans = make_span_bundle(tmp_path / "spans", vocabulary)
    out = tmp_path / "out"
    with pytest.raises(ExportError, match="made of taggers"):
        export(spans, out)
    with pytest.raises(ExportError, match="an encoder that tfner has not"):
        export(foreign_bundle, out)
    with pytest.raises(ExportError, match="compared one by one"):
        export(bundle, out, serving_text=True)
    assert not out.exists()
