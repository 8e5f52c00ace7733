"""TLS: the certificate given in the settings, or one of our own making kept in the data folder."""

import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from signaling.web.secret_file import write_secret

CERTIFICATE = "certificate.pem"
PRIVATE_KEY = "private_key.pem"
VALID_DAYS = 820
"Browsers refuse a certificate that is good for longer than 825 days."
RENEW_DAYS = 30


def server_context(certificate: Path, private_key: Path) -> ssl.SSLContext:
    """TLS 1.2 or later with this certificate. Raises OSError, ssl.SSLError."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, private_key)
    return context


def own_certificate(folder: Path, *, now: datetime, addresses: Iterable[str] = ()) -> tuple[Path, Path]:
    """Certificate and private key in `folder`, made when absent or about to end.

    addresses: IP addresses and names by which clients reach us, beyond those the machine knows of itself. A certificate
    that is still good is kept even if they changed: people have told their browsers to trust it. Raises OSError.
    """
    certificate, private_key = folder / CERTIFICATE, folder / PRIVATE_KEY
    if not (certificate.exists() and private_key.exists() and _is_good(certificate, now)):
        folder.mkdir(parents=True, exist_ok=True)
        _make(certificate, private_key, now, {*own_addresses(), *addresses})
    return certificate, private_key


def _is_good(certificate: Path, now: datetime) -> bool:
    try:
        loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
    except ValueError:
        return False
    return loaded.not_valid_after_utc - now > timedelta(days=RENEW_DAYS)


def own_addresses() -> set[str]:
    """Names and IP addresses of this machine."""
    name = socket.gethostname()
    found = {"localhost", "127.0.0.1", "::1", name, socket.getfqdn()}
    with contextlib.suppress(OSError):  # a host that does not know its own name is still reachable by the others
        found |= {str(entry[4][0]) for entry in socket.getaddrinfo(name, None)}
    return found


def _make(certificate: Path, private_key: Path, now: datetime, addresses: set[str]) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Mediaswitch")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # clients' clocks may be behind
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(_general_names(addresses)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private_key.unlink(missing_ok=True)
    write_secret(private_key, pem)
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))


def _general_names(addresses: set[str]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for address in sorted(addresses):
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(address.partition("%")[0])))
        except ValueError:
            if address.isascii() and 0 < len(address) <= 253:
                names.append(x509.DNSName(address))
    return names
