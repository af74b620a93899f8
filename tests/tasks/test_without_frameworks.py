"""Encoding and decoding need neither TensorFlow nor Keras."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tfner.tasks.token_classification import TokenClassification

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import sys
for name in ("tensorflow", "keras", "torch", "transformers"):
    sys.modules[name] = None  # importing it now fails
import numpy as np
from tfner import Bundle, Document
task = Bundle.load(sys.argv[1]).task
document = Document("1", "anna met xyzzyxyzzy in paris")
windows = task.encode(document).windows
assert len(windows) == 2, windows
eye = np.eye(len(task.label_set.tags), dtype="float32")
ids = iter([1, 0, 0, 0, 3])
outputs = [{"probs": eye[[next(ids) for _ in w.word_index]]} for w in windows]
found = task.decode(document, windows, outputs)
print([(e.start, e.end, e.label) for e in found.entities])
"""


def test_a_bundle_encodes_and_decodes_where_both_are_blocked(
    tmp_path: Path, make_task: Callable[..., TokenClassification]
) -> None:
    task = make_task()
    model = {"encoder": {"class": "bert", "config": {}}, "dropout": 0.1}
    config = {"tfner_schema": 1, "task": task.settings(), "model": model}
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    labels = json.dumps(task.label_set.to_json())
    (tmp_path / "labels.json").write_text(labels, "utf-8")
    task.tokenizer.save(tmp_path / "tokenizer")
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[(0, 4, 'PER'), (23, 28, 'LOC')]\n"
