"""What one peer may cost us. Every limit has a name; going over one is answered or dropped, never raised."""

from dataclasses import dataclass

MAX_MESSAGE_BYTES = 65_535
"Head and body together; the largest UDP datagram, and as much for TCP."
MAX_LINE_CHARS = 8_192
"One header line, unfolded."
MAX_HEADER_LINES = 256
MAX_LIST_VALUES = 128
"Values of one list header (Via, Route, Contact ...), however they are spread over lines."
MAX_SDP_LINES = 1_000
MAX_SDP_MEDIA = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Ceilings on the state that requests from the network may create."""

    transactions: int = 100_000
    transactions_per_source: int = 20_000
    "Of one IP address. A trunk keeps about 64 s of its requests here (Timers J and L)."
    calls: int = 10_000
    retry_after_s: int = 5
    "Said in the 503 that refuses what is over a ceiling (RFC 3261 §21.5.4)."
