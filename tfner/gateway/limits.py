"""Limits: how much the gateway takes before it refuses."""

from __future__ import annotations

from collections.abc import Sized
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
        deadline: seconds that a request may wait for its answer.
        idle: seconds in which a client must send, or take, the next bytes.
    """

    max_body: int = 4 * 2**20
    max_texts: int = 1000
    max_characters: int = 200_000
    max_queue: int = 2000
    max_requests: int = 512
    deadline: float = 30.0
    idle: float = 10.0

    def check(self, texts: list[str]) -> None:
        """Refuse texts that are too many or too long.

        Raises:
            Refused: as said.
        """
        if len(texts) > min(self.max_texts, self.max_queue):
            most = min(self.max_texts, self.max_queue)
            raise too_large(
                "too_many_texts",
                f"a request may hold {counted(most, 'text')}; received "
                f"{len(texts):,}. Send several requests, or a stream of NDJSON.",
            )
        for number, text in enumerate(texts):
            if self.is_too_long(text):
                raise too_large(
                    "text_too_long",
                    f"a text may have {self.max_characters:,} characters; text "
                    f"{number + 1} has {len(text):,}. Send it in parts.",
                )

    def is_too_long(self, text: Sized) -> bool:
        """Tell whether a text has more characters than it may."""
        return len(text) > self.max_characters
