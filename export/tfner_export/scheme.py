"""The scheme of a foreign model's tags, which an export must know."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tfner.corpus import read_corpus
from tfner.inference.external import ForeignBundle
from tfner.inference.predictor import Predictor
from tfner.samples import english, japanese

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle

logger = logging.getLogger("tfner.export")


def settle_scheme(bundle: Bundle) -> None:
    """Decide on the scheme of a bundle by what it predicts for the sample corpora.

    Nothing is to be done where the tags tell their scheme.

    Args:
        bundle: gets the task of the scheme that was found.
    """
    if not isinstance(bundle, ForeignBundle) or not bundle.open_schemes:
        return
    predictor = Predictor.of(bundle)
    for sample in (english("dev"), japanese("dev")):
        predictor.predict(document.text for document in read_corpus(sample))
        if predictor.task is not bundle.task:
            bundle.settle(predictor.task.label_set.scheme.name)
            return
    logger.warning(
        "%s: its tags may be of %s, and its predictions for the sample texts do not "
        "tell; %s is taken. Name the right one: --scheme.",
        *(bundle.directory, " or ".join(bundle.open_schemes), bundle.open_schemes[0]),
    )
