"""The measures that other tests lean on: they must hear what is there, and miss what is not."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.rtp import RtpPacket, breaks, parse
from tests.support.tone import (
    concatenate,
    from_mulaw,
    gaps,
    level_db,
    mulaw,
    resample,
    tone,
    tone_db,
    tones_heard,
    when_heard,
)


def stream(count: int) -> list[RtpPacket]:
    """Packets as a steady sender's: 20 ms apart."""
    return [RtpPacket(k * 20_000_000, 0, k == 0, 65_530 + k & 0xFFFF, k * 160, 7, b"") for k in range(count)]


def test_a_tone_is_heard_beside_a_louder_one_and_silence_is_not() -> None:
    both = tone(440, 1) + tone(700, 1, level_db=-34)
    assert tones_heard(both, 8000, [440, 700, 1000]) == {440, 700}
    assert tones_heard(np.zeros(8000), 8000, [440]) == set()


def test_level_is_measured_against_a_full_scale_sine() -> None:
    assert level_db(tone(440, 1, level_db=-20)) == pytest.approx(-20, abs=0.01)
    assert tone_db(tone(440, 1, level_db=-20), 8000, 440) == pytest.approx(-20, abs=0.1)


def test_mulaw_keeps_a_tone_within_its_quantisation() -> None:
    sent = tone(440, 1)
    assert np.max(np.abs(from_mulaw(mulaw(sent)) - sent)) < 0.006
    assert mulaw(np.zeros(1)) == b"\xff"


def test_resampling_keeps_pitch_and_length() -> None:
    at_48k = resample(tone(440, 1), 8000, 48000)
    assert len(at_48k) == 48000
    assert tone_db(at_48k, 48000, 440) == pytest.approx(-14, abs=0.2)


def test_stretches_of_a_tone_are_found_with_their_times() -> None:
    samples = concatenate([np.zeros(4000), tone(440, 1), np.zeros(8000), tone(440, 0.5)])
    assert when_heard(samples, 8000, 440) == [(0.5, 1.5), (2.5, 3.0)]


def test_a_gap_is_found_and_a_pause_shorter_than_asked_is_not() -> None:
    samples = concatenate([tone(440, 0.5), np.zeros(800), tone(440, 0.5), np.zeros(80), tone(440, 0.5)])
    [(begin, end)] = gaps(samples, 8000)
    assert begin == pytest.approx(0.5, abs=0.006)
    assert end == pytest.approx(0.6, abs=0.006)


def test_a_steady_stream_has_no_break_even_where_numbers_wrap() -> None:
    assert breaks(stream(20)) == []


def test_each_kind_of_leap_is_a_break() -> None:
    packets = stream(6)
    last = packets[5]
    leaps = [replace(last, ssrc=8), replace(last, sequence=3), replace(last, timestamp=0)]
    assert [len(breaks([*packets[:5], leap])) for leap in leaps] == [1, 1, 1]


def test_a_timestamp_that_leaves_the_clock_is_a_break_and_a_late_packet_is_not() -> None:
    packets = stream(100)
    leaped = [replace(p, timestamp=p.timestamp + 480) if k >= 50 else p for k, p in enumerate(packets)]
    assert breaks(leaped) == ["timestamp leaps +60 ms"]
    late = [replace(p, at_ns=p.at_ns + 200_000_000) if k % 10 else p for k, p in enumerate(packets)]
    assert breaks(late) == []


def test_a_lost_packet_is_a_break() -> None:
    packets = stream(10)
    del packets[5]
    assert len(breaks(packets)) == 1


def test_what_is_not_rtp_is_not_a_packet() -> None:
    assert parse(b"\x80" * 11, 0) is None
    assert parse(b"\x00" * 20, 0) is None
