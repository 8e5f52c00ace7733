"""The certificate of our own making."""

import ipaddress
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from signaling.web.tls import CERTIFICATE, RENEW_DAYS, VALID_DAYS, own_certificate, server_context

NOW = datetime(2027, 1, 15, tzinfo=UTC)


def test_certificate_names_this_machine_and_what_clients_use(tmp_path: Path) -> None:
    certificate, key = own_certificate(tmp_path, now=NOW, addresses=["198.51.100.7", "switch.example"])
    loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "switch.example"} <= set(names.get_values_for_type(x509.DNSName))
    addresses = set(names.get_values_for_type(x509.IPAddress))
    assert {ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("198.51.100.7")} <= addresses
    assert loaded.not_valid_after_utc == NOW + timedelta(days=VALID_DAYS)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_certificate_serves_tls(tmp_path: Path) -> None:
    context = server_context(*own_certificate(tmp_path, now=NOW))
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_good_certificate_is_kept_since_browsers_were_told_to_trust_it(tmp_path: Path) -> None:
    first = own_certificate(tmp_path, now=NOW)[0].read_bytes()
    later = NOW + timedelta(days=VALID_DAYS - RENEW_DAYS - 1)
    assert own_certificate(tmp_path, now=later, addresses=["203.0.113.1"])[0].read_bytes() == first


def test_certificate_about_to_end_or_damaged_is_made_anew(tmp_path: Path) -> None:
    first = own_certificate(tmp_path, now=NOW)[0].read_bytes()
    renewed = own_certificate(tmp_path, now=NOW + timedelta(days=VALID_DAYS - RENEW_DAYS))[0].read_bytes()
    assert renewed != first
    (tmp_path / CERTIFICATE).write_text("damaged")
    server_context(*own_certificate(tmp_path, now=NOW))
