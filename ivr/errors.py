"""What can go wrong in the IVR."""

Place = tuple[str | int, ...]
"A path in the settings, for example ('flows', 'welcome', 'steps', 'menu', 'text')."


class IvrError(Exception):
    """Base of all errors of this package."""


class FlowErrors(IvrError):
    """Flows that cannot be used; `wrong` says where and why."""

    def __init__(self, wrong: list[tuple[Place, str]]) -> None:
        self.wrong = wrong
        super().__init__("; ".join(f"{'.'.join(map(str, place))}: {reason}" for place, reason in wrong))


class SpeechFailed(IvrError):
    """A prompt could not be spoken, or a sound file not be read."""
