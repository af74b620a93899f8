"""RoBERTa, XLM-R and CamemBERT: BERTs whose positions begin after the padding id.

Source: transformers models/roberta, models/xlm_roberta, models/camembert.
"""

from __future__ import annotations

from tfner.checkpoints.families import bert
from tfner.checkpoints.families.base import Family


def _roberta(name: str, architecture: str) -> Family:
    return Family(
        name=name,
        architecture=architecture,
        encoder="bert",
        prefix="roberta.",
        settings=bert.SETTINGS,
        tensors=bert.TENSORS,
        defaults=bert.DEFAULTS,
        fixed={"family": name, "always_projects": False},
        only=bert.ONLY,
        skipped=("lm_head.",),
        offset=True,
    )


ROBERTA = _roberta("roberta", "Roberta")
XLM_ROBERTA = _roberta("xlm-roberta", "XLMRoberta")
CAMEMBERT = _roberta("camembert", "Camembert")
