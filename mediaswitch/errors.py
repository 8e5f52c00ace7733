"""The control plane's error tree. Each says in words what was wrong; the web layer maps each class to one status."""


class SwitchError(Exception):
    """Base of all errors a caller of the Exchange may meet."""


class NotFound(SwitchError):
    """No such session, leg, agent, number or recording."""


class WrongState(SwitchError):
    """The command does not fit the present state (for example: answering an offer that is gone)."""


class Refused(SwitchError):
    """The command itself is not acceptable (for example: an SDP offer that cannot be used)."""


class Unavailable(SwitchError):
    """We cannot do it now (no free port, shutting down)."""
