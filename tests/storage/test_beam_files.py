"""Beam is named where it is missing."""

from __future__ import annotations

import sys

import pytest

import tfner_export.beam
from tfner.errors import ConfigError


def test_without_beam_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    with pytest.raises(ConfigError, match=r"pip install 'tfner\[beam\]'"):
        _ = tfner_export.beam.EntityHandler
