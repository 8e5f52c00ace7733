"""Digits in INFO: the two legacy bodies that phones and carriers still send (no RFC covers them)."""

from typing import NamedTuple

DIGITS = "0123456789*#ABCD"
DEFAULT_DURATION_MS = 160
MAX_DURATION_MS = 10_000


class InfoDigit(NamedTuple):
    """A digit and how long it was pressed."""

    digit: str
    duration_ms: int


def parse_info_digit(content_type: str, body: bytes) -> InfoDigit | None:
    """Return the digit in an INFO body, or None if there is none that we know."""
    text = body.decode("ascii", "replace").strip()
    if content_type == "application/dtmf":
        return _digit(text, "")
    fields: dict[str, str] = {}
    for line in text.splitlines():  # application/dtmf-relay
        name, _, value = line.partition("=")
        fields[name.strip().lower()] = value.strip()
    return _digit(fields.get("signal", ""), fields.get("duration", ""))


def _digit(signal: str, duration: str) -> InfoDigit | None:
    digit = {"10": "*", "11": "#"}.get(signal, signal.upper())
    if len(digit) != 1 or digit not in DIGITS:
        return None
    is_number = duration.isascii() and duration.isdigit() and len(duration) < 7
    return InfoDigit(digit, min(int(duration), MAX_DURATION_MS) if is_number else DEFAULT_DURATION_MS)
