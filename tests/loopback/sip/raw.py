"""A SIP peer written out by hand over UDP, for what our own user agent would never send."""

import asyncio
import contextlib
import itertools
import socket
from collections.abc import AsyncIterator

from signaling.sip.headers import Headers
from signaling.sip.message import Request, Response, parse_message
from signaling.sip.reply import make_response

DEADLINE_S = 5.0


class RawPeer:
    """One call of a phone that builds its messages itself."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.connect(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self._target = port
        self._branches = itertools.count(1)
        self._cseq = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, port: int) -> AsyncIterator["RawPeer"]:
        """Open a peer that talks to a port of 127.0.0.1."""
        peer = cls(port)
        try:
            yield peer
        finally:
            peer._socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.send(data)

    def build(
        self,
        method: str,
        number: str,
        to: str,
        body: bytes = b"",
        kind: str = "application/sdp",
        cseq: int | None = None,
    ) -> Request:
        """Return a request of this call with a fresh branch."""
        if cseq is None:
            self._cseq += 1
            cseq = self._cseq
        branch = f"z9hG4bKraw{self.port}x{next(self._branches)}"
        headers = Headers([("via", f"SIP/2.0/UDP 127.0.0.1:{self.port};branch={branch};rport")])
        for name, value in (
            ("from", "<sip:raw@127.0.0.1>;tag=raw"),
            ("to", to),
            ("call-id", f"raw-{self.port}"),
            ("cseq", f"{cseq} {method}"),
            ("contact", f"<sip:raw@127.0.0.1:{self.port}>"),
            ("max-forwards", "70"),
        ):
            headers.add(name, value)
        if body:
            headers.add("content-type", kind)
        return Request(method, f"sip:{number}@127.0.0.1:{self._target}", headers, body)

    def send_invite(self, number: str, *, body: bytes) -> Request:
        """Send a new INVITE."""
        request = self.build("INVITE", number, f"<sip:{number}@127.0.0.1>", body)
        self.send(request.to_bytes())
        return request

    def send_ack(self, ok: Response, *, body: bytes = b"") -> None:
        """Acknowledge a 2xx."""
        self.send(self.build("ACK", "x", str(ok.to), body, cseq=ok.cseq.number).to_bytes())

    def send_within(self, ok: Response, method: str, body: bytes = b"", kind: str = "application/sdp") -> None:
        """Send a request within the dialog that a 2xx made."""
        self.send(self.build(method, "x", str(ok.to), body, kind).to_bytes())

    def send_bye(self, ok: Response) -> None:
        """Hang up."""
        self.send_within(ok, "BYE")

    def accept(self, request: Request) -> None:
        """Answer a request with 200."""
        self.send(make_response(request, 200).to_bytes())

    async def receive(self) -> Request | Response:
        """Wait for one message."""
        async with asyncio.timeout(DEADLINE_S):
            return parse_message(await asyncio.get_running_loop().sock_recv(self._socket, 65_535))

    async def final(self) -> Response:
        """Wait for a final response to the latest request, passing over repeats of earlier ones."""
        while True:
            message = await self.receive()
            if isinstance(message, Response) and message.status >= 200 and message.cseq.number == self._cseq:
                return message

    async def request(self) -> Request:
        """Wait for a request."""
        while True:
            message = await self.receive()
            if isinstance(message, Request):
                return message
