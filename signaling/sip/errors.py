"""The errors of the SIP package: the peer broke the protocol, or we misused it."""

__all__ = ["CallStateError", "FramingError", "ParseError", "SdpError", "SipError", "UnknownCall"]


class SipError(Exception):
    """Root of every error raised by `signaling.sip`."""


class ParseError(SipError):
    """The peer sent what RFC 3261's grammar does not allow.

    status: the response RFC 3261 wants for a request with this fault (400, 416, 505 ...).
    """

    def __init__(self, fault: str, *, status: int = 400) -> None:
        super().__init__(fault)
        self.fault = fault
        self.status = status


class FramingError(ParseError):
    """A TCP stream lost its message boundaries, so the connection must go (RFC 3261 §18.3)."""


class SdpError(ParseError):
    """A session description that RFC 8866 or RFC 3264 does not allow, or that we cannot accept."""

    def __init__(self, fault: str, *, status: int = 400) -> None:
        super().__init__(fault, status=status)


class CallStateError(SipError):
    """We asked a call for something that its state does not allow."""


class UnknownCall(SipError):
    """We named a call that never was or has ended."""
