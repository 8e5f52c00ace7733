"""bridge: ring somebody outside and connect the caller once they answer."""

from typing import Annotated, Literal

from pydantic import AfterValidator, StringConstraints

from ivr.actions import Dial, PlayRinging, StopDialling
from ivr.errors import Place
from ivr.verbs.step import Activity, Call, Seconds, Step, StepName
from mediaswitch.clock import SECOND
from mediaswitch.tones import known_country

Country = Annotated[str, AfterValidator(known_country)]


class Bridge(Step):
    """Ring somebody outside."""

    verb: Literal["bridge"]
    to: Annotated[str, StringConstraints(pattern=r"^sips?:[^\s@]+@[^\s@]+$")]
    "The SIP URI of a trunk or a registered phone."
    timeout_s: Seconds = 30.0
    "How long to let it ring."
    otherwise: StepName | None = None
    "If nobody answers; None: the next step."
    watch: Country | None = None
    "Listen by this country's tones how the call goes and who answers it, for the timeline; None: do not listen."

    def targets(self) -> dict[Place, str]:
        return super().targets() | ({} if self.otherwise is None else {("otherwise",): self.otherwise})

    def begin(self, call: Call) -> Activity:
        return _Ringing(call, self)


class _Ringing(Activity):
    def __init__(self, call: Call, step: Bridge) -> None:
        super().__init__(call)
        self._step = step

    def start(self) -> None:
        self.call.do(PlayRinging(language=self.call.language))
        self.call.wake_in(int(self._step.timeout_s * SECOND))
        self.call.do(Dial(target=self._step.to, watch=self._step.watch))

    def typed(self) -> None:
        self.call.typed.clear()

    def timed_out(self) -> None:
        self.call.do(StopDialling())

    def unanswered(self) -> None:
        self.call.hush()
        self.call.go_on(self._step, self._step.otherwise)
