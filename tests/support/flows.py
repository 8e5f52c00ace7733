"""Walks a flow by hand: each method is something that happens, and returns what the flow then asks for."""

import tomllib
from pathlib import Path
from typing import Any

from ivr import actions as a
from ivr import events as e
from ivr.flow import Flow, check_flows
from ivr.machine import FlowMachine
from mediaswitch.clock import SECOND

QUEUES = {"sales": 20.0, "support": 30.0}


def flows_of(toml: str, folder: Path = Path("/")) -> dict[str, Flow]:
    """The checked flows of a settings text."""
    tables: dict[str, Any] = tomllib.loads(toml)["flows"]
    return check_flows(tables, queues=QUEUES, folder=folder)


class Walk:
    """One caller of the flow `f`."""

    def __init__(self, steps: str, *, language: str = "en", folder: Path = Path("/")) -> None:
        flow = flows_of(f'[flows.f]\nlanguages = ["en", "zh"]\n{steps}', folder)["f"]
        self.machine = FlowMachine(flow, language=language, folder=folder)
        self.now = 0
        self.saying = 0
        "Number of the newest Say."

    def happens(self, event: e.Event) -> list[a.Action]:
        done = self.machine.handle(event, now=self.now)
        for action in done:
            self.saying = action.number if isinstance(action, a.Say) else self.saying
        return done

    def begin(self) -> list[a.Action]:
        return self.happens(e.Begun())

    def press(self, *digits: str) -> list[a.Action]:
        return [action for digit in digits for action in self.happens(e.Digit(digit=digit))]

    def heard(self) -> list[a.Action]:
        """What is being said has been heard to its end."""
        return self.happens(e.Said(number=self.saying))

    def wait(self, seconds: float) -> list[a.Action]:
        """Time passes; time-outs come as they are due."""
        until, done = self.now + round(seconds * SECOND), []
        while (at := self.machine.next_timeout) is not None and at <= until:
            self.now = at
            done += self.happens(e.TimeOut())
        self.now = until
        return done


def words(actions: list[a.Action]) -> list[str]:
    """What is said, leaving out all else."""
    parts = [part for action in actions if isinstance(action, a.Say) for part in action.parts]
    return [part.text if isinstance(part, a.Words) else part.path.name for part in parts]
