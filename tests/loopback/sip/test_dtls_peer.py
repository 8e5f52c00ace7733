"""A phone whose handshake is made by OpenSSL here: with the certificate that its SDP names, and with another."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from mediaswitch import timeline as t
from mediaswitch.config import Config, ServerTable, SipTable
from mediaswitch.numbers import Route
from signaling.sip import events as ev
from signaling.sip.dtls import Fingerprint
from signaling.sip.sdp import SessionDescription
from tests.loopback.sip.house import House, Phone, house, until

pytestmark = pytest.mark.loopback


def certificate() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """A fresh self-signed one."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "phone")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return key, builder.sign(key, SHA256())


class DtlsPhone:
    """The media end of a phone: a UDP socket and the server of a handshake."""

    def __init__(self, media: socket.socket) -> None:
        key, self.certificate = certificate()
        context = SSL.Context(SSL.DTLS_METHOD)
        context.use_privatekey(key)
        context.use_certificate(self.certificate)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.set_tlsext_use_srtp(b"SRTP_AES128_CM_SHA1_80")
        self._media, self._tls = media, SSL.Connection(context, None)
        self._tls.set_accept_state()
        self.is_connected = False

    async def serve(self) -> None:
        """Answer what comes until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            datagram, source = await loop.sock_recvfrom(self._media, 2_048)
            if not 20 <= datagram[0] <= 63:
                continue
            self._tls.bio_write(datagram)
            with contextlib.suppress(SSL.Error):
                self._tls.do_handshake()
                self.is_connected = True
            with contextlib.suppress(SSL.Error):
                self._media.sendto(self._tls.bio_read(4_096), source)

    def fingerprint(self) -> Fingerprint:
        """Of the certificate that it shows."""
        return Fingerprint("sha-256", self.certificate.fingerprint(SHA256()))


def offer(port: int, fingerprint: Fingerprint) -> bytes:
    """PCMU under keys of a handshake that the switch begins."""
    lines = [
        "v=0",
        "o=- 7 1 IN IP4 127.0.0.1",
        "s=-",
        "c=IN IP4 127.0.0.1",
        "t=0 0",
        f"m=audio {port} UDP/TLS/RTP/SAVP 0",
        f"a=fingerprint:{fingerprint.render()}",
        "a=setup:passive",
        "a=rtcp-mux",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()


@pytest.fixture
async def switch(tmp_path: Path) -> AsyncIterator[House]:
    config = Config(server=ServerTable(bind_ip="127.0.0.1"), sip=SipTable(port=0, accept_unknown=True))
    async with house(tmp_path, config, [Route(number="1000", flow="test")]) as running:
        yield running


@pytest.mark.parametrize("is_named", [True, False])
async def test_call_of_a_phone_lasts_only_if_it_shows_the_certificate_of_its_sdp(switch: House, is_named: bool) -> None:
    caller = await Phone.open()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as media:
        media.bind(("127.0.0.1", 0))
        media.setblocking(False)
        phone = DtlsPhone(media)
        named = phone.fingerprint() if is_named else Fingerprint("sha-256", bytes(32))
        serving = asyncio.create_task(phone.serve())
        call = caller.call(switch.port, "1000", offer(media.getsockname()[1], named))
        answered = await caller.wait(ev.CallAnswered)
        assert isinstance(answered, ev.CallAnswered)
        told = SessionDescription.parse(answered.answer or b"").media[0]
        assert (told.protocol, told.attribute("setup")) == ("UDP/TLS/RTP/SAVP", "active")
        if is_named:
            await until(lambda: phone.is_connected, deadline_s=15)
            assert not switch.of(t.LegEnded)
            caller.bye(call)
        else:
            await caller.wait(ev.CallEnded)
        await until(switch.is_empty, deadline_s=15)
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
    await caller.transport.close()
