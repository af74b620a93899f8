"""The largest values of numbers that several settings or options share.

Beyond them lie slips of the keyboard, which would take all memory or never come to an
end before anything said so.
"""

from __future__ import annotations

SEED = 4_000_000
LENGTH = 65_536
"""Pieces of a row or window, and positions of an encoder."""
BATCH = 65_536
"""Rows that are computed together."""
STEPS = 100_000_000
"""Updates of a run, and steps between two events of it."""
LAYERS = 1_000
WIDTH = 262_144
"""Units of a layer."""
RATE = 1e30
"""Learning rates: those that are too high end in one sentence by themselves."""
FACTOR = 1_000_000
"""Weights and scales of a loss, norms of a gradient."""
COLUMNS = 1_000
PROCESSES = 1_024
SECONDS = 31_536_000
"""A year."""
