"""send_digits and mask: what the switch presses for the caller, and what nobody shall see of what he presses."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from ivr.actions import MaskDigits, SendDigits
from ivr.verbs.step import Activity, Call, Step


class Press(Step):
    """Press digits towards the caller's phone, as another company's menu wants them."""

    verb: Literal["send_digits"]
    digits: Annotated[str, StringConstraints(pattern=r"^[0-9*#A-D]{1,32}$")]
    duration_ms: Annotated[int, Field(ge=60, le=2_000)] = 100
    "Of each; they go out 80 ms apart, while the flow goes on."

    def begin(self, call: Call) -> Activity:
        return _Pressing(call, self)


class _Pressing(Activity):
    def __init__(self, call: Call, step: Press) -> None:
        super().__init__(call)
        self._step = step

    def start(self) -> None:
        self.call.do(SendDigits(digits=self._step.digits, duration_ms=self._step.duration_ms))
        self.call.go_on(self._step)


class Mask(Step):
    """Keep the caller's digits from everybody, recording and timeline included, or no longer."""

    verb: Literal["mask"]
    on: bool

    def begin(self, call: Call) -> Activity:
        return _Masking(call, self)


class _Masking(Activity):
    def __init__(self, call: Call, step: Mask) -> None:
        super().__init__(call)
        self._step = step

    def start(self) -> None:
        self.call.do(MaskDigits(on=self._step.on))
        self.call.go_on(self._step)
