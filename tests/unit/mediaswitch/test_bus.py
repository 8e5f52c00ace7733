"""The bus delivers in order, whatever its subscribers do meanwhile."""

import logging

import pytest

from mediaswitch.bus import Bus


def test_message_published_by_a_handler_is_delivered_after_the_present_one() -> None:
    bus = Bus()
    seen: list[str] = []

    def first(number: int) -> None:
        seen.append(f"first {number}")
        if number == 1:
            bus.publish(2)

    bus.subscribe(int, first)
    bus.subscribe(int, lambda number: seen.append(f"second {number}"))
    bus.publish(1)
    assert seen == ["first 1", "second 1", "first 2", "second 2"]


def test_message_published_while_held_waits_for_the_outermost_release() -> None:
    bus = Bus()
    seen: list[int] = []
    bus.subscribe(int, seen.append)
    with bus.held():
        bus.publish(1)
        with bus.held():
            bus.publish(2)
        assert seen == []
    assert seen == [1, 2]


def test_failing_subscriber_is_logged_and_costs_the_others_nothing(caplog: pytest.LogCaptureFixture) -> None:
    bus = Bus()
    seen: list[int] = []

    def broken(_: int) -> None:
        raise RuntimeError("broken subscriber")

    bus.subscribe(int, broken)
    leave = bus.subscribe(int, seen.append)
    with caplog.at_level(logging.ERROR):
        bus.publish(1)
    leave()
    bus.publish(2)
    assert seen == [1]
    assert "broken subscriber" in caplog.text
