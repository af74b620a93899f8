"""Limits: how much the gateway takes before it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tfner.errors import counted
from tfner.gateway.errors import too_large


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of a request and of all of them together, each process for itself.

    Args:
        max_body: bytes of a request, or of a line of a stream.
        max_texts: texts of a request.
        max_characters: characters of a text.
        max_queue: texts that wait, or are being worked on, for one model.
        max_requests: requests that are being answered.
        deadline: seconds that a request may wait for its answer, and that its body
            may take to arrive.
        idle: seconds in which a client must send a request's head, go on with its
            body, or take what it is sent.
    """

    max_body: int = 4 * 2**20
    max_texts: int = 1000
    max_characters: int = 200_000
    max_queue: int = 2000
    max_requests: int = 512
    deadline: float = 30.0
    idle: float = 10.0

    def check(self, lengths: Sequence[int]) -> None:
        """Refuse texts that are too many or too long.

        Args:
            lengths: characters of each text.

        Raises:
            Refused: as said.
        """
        most = min(self.max_texts, self.max_queue)
        if len(lengths) > most:
            raise too_large(
                "too_many_texts",
                f"a request may hold {counted(most, 'text')}; received "
                f"{len(lengths):,}. Send several requests, or a stream of NDJSON.",
            )
        for number, length in enumerate(lengths, start=1):
            if length > self.max_characters:
                raise too_large(
                    "text_too_long",
                    f"a text may have {self.max_characters:,} characters; text "
                    f"{number} has {length:,}. Send it in parts.",
                )
