"""Our SRTP against libsrtp, both ways: long streams with loss, reordering, hold, re-INVITE and a change of SSRC."""

import shutil
import struct
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

import pylibsrtp
import pytest

pytestmark = pytest.mark.interop

ROOT = Path(__file__).parents[2]
PROFILES = {
    "AEAD_AES_128_GCM": (pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
    "AEAD_AES_256_GCM": (pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44),
    "AES_CM_128_HMAC_SHA1_80": (pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
    "AES_CM_128_HMAC_SHA1_32": (pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 30),
}
"The number of each profile in libsrtp, and the bytes of its master key with salt."
PACKETS = 200_000
"Of each direction and profile; the sequence number wraps three times."
REFUSED = 0xFFFF


@pytest.fixture(scope="module")
def pipe() -> Path:
    """Our end on stdin and stdout; `cargo test` has built it where all tests run."""
    built = ROOT / "target" / "quick" / "examples" / "srtp_pipe"
    cargo = shutil.which("cargo") or str(Path.home() / ".cargo" / "bin" / "cargo")
    subprocess.run(
        [cargo, "build", "--quiet", "--profile", "quick", "--package", "srtp", "--example", built.name],
        cwd=ROOT, check=True,
    )  # fmt: skip
    return built


def ask(pipe: Path, profile: str, key: bytes, operation: str, packets: Iterable[bytes]) -> list[bytes | None]:
    """Let our end do the same to each packet; None stands for one that it refused."""
    requests = b"".join(operation.encode() + struct.pack("!H", len(packet)) + packet for packet in packets)
    done = subprocess.run([str(pipe), profile, key.hex()], input=requests, stdout=subprocess.PIPE, check=True)
    return list(_replies(done.stdout))


def _replies(output: bytes) -> Iterator[bytes | None]:
    at = 0
    while at < len(output):
        (length,) = struct.unpack_from("!H", output, at)
        at += 2
        if length == REFUSED:
            yield None
        else:
            yield output[at : at + length]
            at += length


def call() -> Iterator[bytes]:
    """The RTP of one side: a hold, in which only time passes, and after a re-INVITE under the same key a new SSRC."""
    for n in range(PACKETS):
        ssrc = 0xCAFE if n < PACKETS * 3 // 4 else 0xBEEF
        sequence = (40_000 + n) & 0xFFFF
        held = 8_000 * 60 if n > PACKETS // 2 else 0
        timestamp = (n * 160 + held) & 0xFFFF_FFFF
        marker = 0x80 if n in (PACKETS // 2 + 1, PACKETS * 3 // 4) else 0
        yield struct.pack("!BBHII", 0x80, marker, sequence, timestamp, ssrc) + bytes([n & 0xFF]) * 160


def network(random: Random, packets: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Lose 5 % and let the others overtake each other by up to eight places."""
    kept = [(n + random.random() * 8, pair) for n, pair in enumerate(packets) if random.random() >= 0.05]
    return [pair for _, pair in sorted(kept, key=lambda item: item[0])]


def libsrtp(profile: str, key: bytes, *, sends: bool) -> pylibsrtp.Session:
    number, _ = PROFILES[profile]
    kind = pylibsrtp.Policy.SSRC_ANY_OUTBOUND if sends else pylibsrtp.Policy.SSRC_ANY_INBOUND
    return pylibsrtp.Session(pylibsrtp.Policy(key=key, ssrc_type=kind, srtp_profile=number))


@pytest.mark.parametrize("profile", PROFILES)
def test_what_libsrtp_protects_we_unprotect(pipe: Path, profile: str) -> None:
    random = Random(12)
    key = random.randbytes(PROFILES[profile][1])
    session = libsrtp(profile, key, sends=True)
    arrived = network(random, [(plain, session.protect(plain)) for plain in call()])
    opened = ask(pipe, profile, key, "u", [secured for _, secured in arrived])
    assert opened == [plain for plain, _ in arrived]
    assert len(opened) > PACKETS * 0.94


@pytest.mark.parametrize("profile", PROFILES)
def test_what_we_protect_libsrtp_unprotects(pipe: Path, profile: str) -> None:
    random = Random(21)
    key = random.randbytes(PROFILES[profile][1])
    plain = list(call())
    secured = ask(pipe, profile, key, "p", plain)
    assert None not in secured
    session = libsrtp(profile, key, sends=False)
    arrived = network(random, list(zip(plain, (packet for packet in secured if packet), strict=True)))
    assert all(session.unprotect(packet) == original for original, packet in arrived)
    assert len(arrived) > PACKETS * 0.94


@pytest.mark.parametrize("profile", PROFILES)
def test_reports_pass_both_ways_and_a_damaged_one_neither(pipe: Path, profile: str) -> None:
    random = Random(3)
    key = random.randbytes(PROFILES[profile][1])
    reports = [struct.pack("!BBHI", 0x80, 200, 6, 0xCAFE) + random.randbytes(20) for _ in range(1_000)]
    session = libsrtp(profile, key, sends=True)
    secured = [session.protect_rtcp(report) for report in reports]
    damaged = [packet[:-1] + bytes([packet[-1] ^ 1]) for packet in secured]
    mixed = [packet for pair in zip(damaged, secured, strict=True) for packet in pair]
    assert ask(pipe, profile, key, "U", mixed) == [packet for report in reports for packet in (None, report)]
    ours = ask(pipe, profile, key, "P", reports)
    session = libsrtp(profile, key, sends=False)
    assert [session.unprotect_rtcp(packet) for packet in ours if packet] == reports
