"""Failures of servers, each told in one sentence with its place and its remedy."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, NamedTuple

from tfner.clients.addresses import Address
from tfner.clients.settings import ClientSettings
from tfner.errors import ServingError

SHOWN_REASON = 300
AGAIN = ("429", "502", "503", "RESOURCE_EXHAUSTED", "UNAVAILABLE")
"""Statuses of a server that was too busy, or not there, to take a request."""
TOO_LONG = re.compile(r"larger than max")
"""gRPC's words for a message over a limit, under the status of one too busy."""

UNTOLD = ("404", "405", "501", "UNIMPLEMENTED")
"""Statuses of a server that does not tell what its models take and give."""

Kind = Literal["unreachable", "broken", "tls", "protocol", "deadline", "status"]


class CallFailed(Exception):
    """A request without an answer, or with one that reports a failure.

    Args:
        kind: "unreachable": nobody listens; "broken": the connection ended before the
            answer; "tls": no secure connection came about; "protocol": the server
            speaks another one; "deadline": it took too long; "status": see `status`.
        text: the server's or the library's words.
        status: number of HTTP or name of gRPC's code.
        retry_after: seconds that the server asks to wait.
    """

    def __init__(
        self,
        kind: Kind,
        text: str,
        *,
        status: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(text)
        self.kind, self.text, self.status = kind, text.strip(), status
        self.retry_after = retry_after

    @property
    def again(self) -> bool:
        """Tell whether another attempt may succeed where this one failed.

        A prediction changes nothing on the server: one that broke off may be sent
        again. What was answered with a fault of the request, or took too long, may not.
        """
        if self.kind == "status":
            return self.status in AGAIN and not TOO_LONG.search(self.text)
        return self.kind in ("unreachable", "broken")


class Case(NamedTuple):
    """A failure that servers report in these words.

    Args:
        words: found in the server's message.
        tell: from match, address and settings to the sentence.
    """

    words: str
    tell: Callable[[re.Match[str], Address, ClientSettings], str]


CASES = (
    Case(
        r"Unrecognized servable version label|version_label' set, but",
        lambda m, a, s: (
            f"no version of {a.model} bears the label {a.label!r}. Give one of the "
            "labels in the server's models.config, or a version's number."
        ),
    ),
    Case(
        r"Servable not found for request: Specific|Could not find version"
        r"|[Vv]ersion \S+ (?:is )?not found",
        lambda m, a, s: (
            f"the server has no version {a.version or a.label} of {a.model}. Leave out "
            "the version for the latest, or give one that it lists under "
            f"/v1/models/{a.model}."
        ),
    ),
    Case(
        r"Servable not found for request|Could not find any versions of model"
        r"|Model with name \S+ does not exist|[Uu]nknown model"
        r"|Model with requested name is not found",
        lambda m, a, s: (
            f"the server has no model {a.model}, or has not loaded it yet. Give the "
            "name that its models.config says."
        ),
    ),
    Case(
        r"ask size (\d+) is larger than maximum input batch size (\d+)",
        lambda m, a, s: (
            f"the server takes {m[2]} rows at once, and was sent {m[1]}. Use "
            f"--max-rows {m[2]}."
        ),
    ),
    Case(
        r"different shapes and padding is turned off",
        lambda m, a, s: (
            "the server joined rows of several lengths and may not pad them. Set "
            "pad_variable_length_inputs: true in its batching_parameters.txt, as "
            "`tfner export` writes it."
        ),
    ),
    Case(
        r"0th dimension does not equal the sum",
        lambda m, a, s: (
            "the server batches a signature whose answers have no row for each row "
            "sent. Serve this model without batching: give it a batching_params.pbtxt "
            "of its own."
        ),
    ),
    Case(
        r"[Ss]erving signature (?:name|key):? \"([^\"]*)\" not found",
        lambda m, a, s: (
            f"the model has no signature {m[1]!r}. Export it with this version of "
            "tfner, or give the name of another model."
        ),
    ),
    Case(
        r"does not match signature|Missing named input|keys must be equal to"
        r"|not found in request inputs|does not have named input"
        r"|unexpected inference input",
        lambda m, a, s: (
            "the model takes other inputs than that of the assets. Give the assets of "
            "the model that the server runs with --assets."
        ),
    ),
    Case(
        r"KeyError\W+instances",
        lambda m, a, s: (
            "the server takes requests in rows. Ask it by its second protocol, with "
            f"v2+{a.url}/{a.model}."
        ),
    ),
    Case(
        r"is not in \[0, (\d+)\)",
        lambda m, a, s: (
            f"the model has {m[1]} pieces, and was sent another. Give the assets of "
            "the model that the server runs with --assets."
        ),
    ),
    Case(
        r"larger than max \((\d+) vs\.? (\d+)\)",
        lambda m, a, s: (
            f"a message of {m[1]} bytes is over the limit of {m[2]}. Send fewer rows "
            "at once: use --max-rows."
        ),
    ),
    Case(
        r"batch scheduling queue .* is full|waiting in batching queue",
        lambda m, a, s: (
            "the server is too busy: its queue is full. Send less at once, add "
            "replicas, or raise max_enqueued_batches in batching_parameters.txt."
        ),
    ),
)
STATUSES = {
    ("401", "403", "UNAUTHENTICATED", "PERMISSION_DENIED"): (
        "the server refuses this client. Give what it asks for with --header, or "
        "--certificate and --key."
    ),
    ("404", "405", "UNIMPLEMENTED"): (
        "the server knows no such request. Check that the address names its protocol "
        "and path."
    ),
    ("413",): "the request is too large for the server. Use --max-rows.",
    ("429", "RESOURCE_EXHAUSTED"): (
        "the server is too busy or out of memory. Send fewer rows at once with "
        "--max-rows, or add replicas."
    ),
    ("502", "503", "UNAVAILABLE"): (
        "the server is not there, or not ready yet. Wait for it, or look into its log."
    ),
    ("504", "DEADLINE_EXCEEDED"): (
        "the server did not finish in time. Use a larger --timeout, or fewer rows at "
        "once with --max-rows."
    ),
}
"""What to do where the words tell nothing, by status."""


def explain(
    failure: CallFailed, address: Address, settings: ClientSettings
) -> ServingError:
    """Say in one sentence what failed where, and what to do.

    Args:
        failure: of the last attempt.
        address: of the model.
        settings: of the client.
    """
    words = _of_kind(failure, address, settings)
    if words is None:
        words = _of_status(failure, address, settings)
    return ServingError(f"{address.text}: {words}")


def is_untold(failure: CallFailed) -> bool:
    """Tell whether a server has no such request, rather than no such model.

    KServe's first protocol, for one, has none for what a model takes and gives.
    """
    known = any(re.search(case.words, failure.text) for case in CASES)
    return failure.kind == "status" and failure.status in UNTOLD and not known


def _of_kind(
    failure: CallFailed, address: Address, settings: ClientSettings
) -> str | None:
    reason, secure = shown(failure.text), address.scheme.secure
    tls = "grpcs" if "grpc" in address.scheme.protocol else "https"
    match failure.kind:
        case "unreachable":
            return (
                f"nothing answers at {address.server} ({reason}). Start the server, or "
                "put host and port right: TensorFlow Serving listens on 8500 for gRPC "
                "and on 8501 for REST."
            )
        case "broken":
            return (
                f"the server ended the connection before it answered ({reason}). Look "
                "into its log: it may have run out of memory"
                + ("." if secure else f", or speak TLS alone: then write {tls}://.")
            )
        case "tls":
            return f"no secure connection came about ({reason}). " + (
                "Give the authority that signed the server's certificate with --ca, "
                "and --certificate and --key if the server asks for them."
                if secure
                else f"The server seems to speak TLS: write {tls}://."
            )
        case "protocol":
            return (
                f"the server does not speak this protocol ({reason}). Write http:// "
                "for REST, grpc:// for gRPC, v2+http:// or v2+grpc:// for KServe, and "
                "the port that belongs to it."
            )
        case "deadline":
            return (
                f"no answer within {settings.timeout:g} s. Use a larger --timeout, or "
                "fewer rows at once with --max-rows."
            )
    return None


def _of_status(failure: CallFailed, address: Address, settings: ClientSettings) -> str:
    for case in CASES:
        match = re.search(case.words, failure.text)
        if match:
            return case.tell(match, address, settings)
    for statuses, words in STATUSES.items():
        if failure.status in statuses:
            return f"{words} It answered {failure.status}: {shown(failure.text)}"
    return f"the server answered {failure.status}: {shown(failure.text)}"


def shown(text: str) -> str:
    """The first line of a server's words, shortened."""
    line = " ".join(text.split())
    return line[:SHOWN_REASON] or "no reason was given"
