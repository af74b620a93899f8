"""WordPiece's vocabulary as a tree whose edges are found by binary search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ROOT, INNER_ROOT = 0, 1
"""Nodes from which pieces at the start of a word, and inside of it, are spelled."""
CODE_BITS = 21


class PieceTree(NamedTuple):
    """The pieces of a vocabulary, spelled from two roots.

    Args:
        edges: (E,) int64, rising: the node where an edge begins, shifted by
            `CODE_BITS`, and the character along it. Edge number e leads to node e + 2.
        ids: (E + 2,) int32, the piece that ends at a node, or -1.
    """

    edges: NDArray[np.int64]
    ids: NDArray[np.int32]


def piece_tree(vocabulary: Mapping[str, int], *, prefix: str = "##") -> PieceTree:
    """Make the tree, level by level, so that nodes are numbered as edges are sorted.

    Args:
        vocabulary: pieces and their ids.
        prefix: of the pieces inside a word.
    """
    inner = {p[len(prefix) :]: i for p, i in vocabulary.items() if p.startswith(prefix)}
    roots = [ROOT] * len(vocabulary) + [INNER_ROOT] * len(inner)
    spellings = [list(map(ord, piece)) for piece in (*vocabulary, *inner)]
    numbers = np.array([*vocabulary.values(), *inner.values()], np.int32)
    nodes = np.array(roots, np.int64)
    ids = [np.full(2, -1, np.int32)]
    edges = []
    found, depth = 2, 0
    longer = np.array([len(spelling) > 0 for spelling in spellings], bool)
    while longer.any():
        places = np.flatnonzero(longer)
        codes = np.array([spellings[place][depth] for place in places], np.int64)
        level, edge = np.unique(
            (nodes[places] << CODE_BITS) + codes, return_inverse=True
        )
        nodes[places] = found + edge
        depth += 1
        longer = np.array([len(spelling) > depth for spelling in spellings], bool)
        ends = places[~longer[places]]
        ids.append(np.full(len(level), -1, np.int32))
        ids[-1][nodes[ends] - found] = numbers[ends]
        edges.append(level)
        found += len(level)
    return PieceTree(np.concatenate(edges), np.concatenate(ids))
