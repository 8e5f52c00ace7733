"""Call progress tones as data."""

import pytest

from mediaswitch import _core
from mediaswitch.tones import CONTINUOUS_MS, TONES, Signal, items, special_information


def test_every_country_has_every_signal_in_whole_rounds() -> None:
    for country, signals in TONES.items():
        assert set(signals) == set(Signal), country
        for signal, tone in signals.items():
            assert len(tone.cadence_ms) % 2 == 0, (country, signal)
            assert all(300 <= hz <= 650 for hz in tone.hz), (country, signal)
            assert all(hz * CONTINUOUS_MS % 1_000 == 0 for hz in tone.hz), "a loop without a step"


def test_callers_can_tell_ringing_from_busy_from_congestion() -> None:
    same = {"AU", "JP"}  # one tone for busy and for congestion
    for country, signals in TONES.items():
        told = [(tone.hz, tone.cadence_ms) for tone in signals.values()]
        assert len(set(told)) == (3 if country in same else 4), country


def test_a_round_of_ring_back_is_played_as_sound_and_silence() -> None:
    first, pause, second, rest = items("GB", Signal.RING_BACK)
    assert isinstance(first, _core.PlayTone)
    assert isinstance(second, _core.PlayTone)
    assert (first.hz, first.duration_ms, second.duration_ms) == ([400.0, 450.0], 400, 400)
    assert isinstance(pause, _core.PlaySilence)
    assert isinstance(rest, _core.PlaySilence)
    assert (pause.duration_ms, rest.duration_ms) == (200, 2_000)


def test_a_modulated_tone_is_its_carrier_between_two_bands_of_the_same_distance() -> None:
    for country, carrier, by in (("IN", 400.0, 25.0), ("JP", 400.0, 16.0), ("SG", 425.0, 24.0)):
        assert TONES[country][Signal.RING_BACK].hz == (carrier - by, carrier, carrier + by), country


def test_rings_are_longer_than_their_busy_tones_and_pause_for_seconds() -> None:
    for country, signals in TONES.items():
        ring = signals[Signal.RING_BACK].cadence_ms
        assert 670 <= sum(ring[:-1]) <= 2_500, country
        assert 2_000 <= ring[-1] <= 6_000, country
        assert 300 <= sum(signals[Signal.BUSY].cadence_ms) <= 1_500, country


def test_the_special_information_tone_rises_in_three_steps() -> None:
    *sounds, pause = special_information()
    assert [sound.hz for sound in sounds if isinstance(sound, _core.PlayTone)] == [[950.0], [1_400.0], [1_800.0]]
    assert isinstance(pause, _core.PlaySilence)
    assert pause.duration_ms == 1_000


def test_an_unknown_country_is_named() -> None:
    with pytest.raises(KeyError, match="XX"):
        items("XX", Signal.BUSY)
