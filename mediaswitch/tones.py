"""Call progress tones by country, as data.

The figures are those of the list of national tones that ITU-T keeps beside E.180 (Supplement 2; "Various tones used in
national networks" of 2003-02), checked line by line against the collection in Asterisk's sample indications.conf, which
names its sources: that list and, where they are newer or say more, ACIF S002 (Australia), BT SIN 350 (United Kingdom),
IDA TS PSTN1 (Singapore) and OST 45.223-2001 (Russia). North America has the precise tone plan of E.300 Supplement 3.
HK and KR are not in that collection: theirs are the ITU-T list's alone, and so are what India and Japan modulate.
The special information tone is E.180's own.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from mediaswitch import _core
from mediaswitch.media import PlayItem

LEVEL_DBM0 = -16.0
"Of each tone in all; E.180 §8 asks for -15 to -5 at the exchange, less what a line would take."
CONTINUOUS_MS = 1_000
"How much of a tone without pauses is made; it is looped, and each of its frequencies fits a whole number of times."


class Signal(StrEnum):
    """What a tone tells."""

    DIAL = "dial"
    RING_BACK = "ring_back"
    BUSY = "busy"
    CONGESTION = "congestion"


@dataclass(frozen=True, slots=True)
class Tone:
    """Frequencies that sound together, and for how long they sound and pause in turn."""

    hz: tuple[float, ...]
    cadence_ms: tuple[int, ...] = ()
    "Sound, pause, sound, ...; empty: without end."

    def items(self) -> tuple[PlayItem, ...]:
        """One round of it, to be played in a loop."""
        if not self.cadence_ms:
            return (_core.PlayTone(list(self.hz), CONTINUOUS_MS, LEVEL_DBM0),)
        return tuple(
            _core.PlaySilence(ms) if place % 2 else _core.PlayTone(list(self.hz), ms, LEVEL_DBM0)
            for place, ms in enumerate(self.cadence_ms)
        )


def _country(dial: Tone, ring_back: Tone, busy: Tone, congestion: Tone) -> MappingProxyType[Signal, Tone]:
    return MappingProxyType(
        {
            Signal.DIAL: dial,
            Signal.RING_BACK: ring_back,
            Signal.BUSY: busy,
            Signal.CONGESTION: congestion,
        }
    )


def _one(hz: float, ring_back: tuple[int, ...], busy_ms: int, congestion_ms: int) -> MappingProxyType[Signal, Tone]:
    """A country that has one frequency for all, and busy and congestion with pauses as long as their sounds."""
    return _country(
        Tone((hz,)),
        Tone((hz,), ring_back),
        Tone((hz,), (busy_ms, busy_ms)),
        Tone((hz,), (congestion_ms, congestion_ms)),
    )


_PRECISE_DIAL, _PRECISE_RING, _PRECISE_BUSY = (350.0, 440.0), (440.0, 480.0), (480.0, 620.0)
_DOUBLE_RING = (400, 200, 400, 2_000)


def _precise(ring_back: tuple[int, ...], congestion: tuple[int, ...] = (250, 250)) -> MappingProxyType[Signal, Tone]:
    """North America's frequencies, and those who took them over."""
    return _country(
        Tone(_PRECISE_DIAL),
        Tone(_PRECISE_RING, ring_back),
        Tone(_PRECISE_BUSY, (500, 500)),
        Tone(_PRECISE_BUSY, congestion),
    )


TONES = MappingProxyType(
    {
        "AU": _country(
            Tone((413.0, 438.0)),
            Tone((413.0, 438.0), _DOUBLE_RING),
            Tone((425.0,), (375, 375)),
            Tone((425.0,), (375, 375)),
        ),
        "BR": _country(
            Tone((425.0,)),
            Tone((425.0,), (1_000, 4_000)),
            Tone((425.0,), (250, 250)),
            Tone((425.0,), (250, 250, 750, 250)),
        ),
        "CA": _precise((2_000, 4_000)),
        "CN": _one(450.0, (1_000, 4_000), 350, 700),
        "DE": _one(425.0, (1_000, 4_000), 480, 240),
        "ES": _country(
            Tone((425.0,)),
            Tone((425.0,), (1_500, 3_000)),
            Tone((425.0,), (200, 200)),
            Tone((425.0,), (200, 200, 200, 200, 200, 600)),
        ),
        "FR": _one(440.0, (1_500, 3_500), 500, 250),
        "GB": _country(
            Tone(_PRECISE_DIAL),
            Tone((400.0, 450.0), _DOUBLE_RING),
            Tone((400.0,), (375, 375)),
            Tone((400.0,), (400, 350, 225, 525)),
        ),
        "HK": _precise((400, 200, 400, 3_000)),
        "IN": _country(
            Tone((375.0, 400.0, 425.0)),
            Tone((375.0, 400.0, 425.0), _DOUBLE_RING),
            Tone((400.0,), (750, 750)),
            Tone((400.0,), (250, 250)),
        ),
        "IT": _country(
            Tone((425.0,), (200, 200, 600, 1_000)),
            Tone((425.0,), (1_000, 4_000)),
            Tone((425.0,), (500, 500)),
            Tone((425.0,), (200, 200)),
        ),
        "JP": _country(
            Tone((400.0,)),
            Tone((384.0, 400.0, 416.0), (1_000, 2_000)),
            Tone((400.0,), (500, 500)),
            Tone((400.0,), (500, 500)),
        ),
        "KR": _precise((1_000, 2_000), (300, 200)),
        "RU": _one(425.0, (1_000, 4_000), 350, 175),
        "SG": _country(
            Tone((425.0,)),
            Tone((401.0, 425.0, 449.0), _DOUBLE_RING),
            Tone((425.0,), (750, 750)),
            Tone((425.0,), (250, 250)),
        ),
        "TW": _precise((1_000, 2_000)),
        "US": _precise((2_000, 4_000)),
    }
)
"""By ISO 3166 code. What a country modulates (India 400 Hz by 25, Japan 400 by 16, Singapore 425 by 24) is given as the
sum of the frequencies that this makes: the carrier and a band on either side of it."""

SPECIAL_INFORMATION_HZ = (950.0, 1_400.0, 1_800.0)
"One after another, 330 ms each; a pause of 1 s follows."


def special_information() -> tuple[PlayItem, ...]:
    """One round of the tone before an announcement that a number cannot be reached, to be played in a loop."""
    sounds = (_core.PlayTone([hz], 330, LEVEL_DBM0) for hz in SPECIAL_INFORMATION_HZ)
    return (*sounds, _core.PlaySilence(1_000))


def known_country(country: str) -> str:
    """The country itself. Raises ValueError for one whose tones are not known, naming those that are."""
    if country not in TONES:
        raise ValueError(f"no tones of country {country!r} are known, only of {', '.join(sorted(TONES))}")
    return country


def items(country: str, signal: Signal) -> tuple[PlayItem, ...]:
    """One round of a country's tone, to be played in a loop. Raises KeyError for a country that is not known."""
    return TONES[country][signal].items()
