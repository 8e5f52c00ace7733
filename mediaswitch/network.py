"""Addresses and ports of this machine."""

import socket

from mediaswitch.config import Config

_ANYWHERE = {"0.0.0.0", "::"}  # compared with, not bound to
_OUTSIDE = ("192.0.2.1", 9)
"A documentation address (RFC 5737): connecting a UDP socket to it chooses a route and sends nothing."


def announced_ip(config: Config) -> str:
    """The address told to callers and browsers: public_ip, else bind_ip, else that of the default route."""
    if config.server.public_ip is not None:
        return config.server.public_ip
    if config.server.bind_ip not in _ANYWHERE:
        return config.server.bind_ip
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_OUTSIDE)
        except OSError:  # no network at all: only this machine can call
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def split_media_ports(config: Config) -> tuple[int, tuple[int, int]]:
    """The one UDP range as (first port for WebRTC, range for RTP). Raises OSError when no port of it is free.

    WebRTC takes as many consecutive ports as there are workers; those already taken by another server are passed over.
    """
    low, high = config.media.ports
    workers = config.media.workers
    for first in range(low, high - workers - 2):
        if all(_is_free(config.server.bind_ip, port) for port in range(first, first + workers)):
            rtp_low = first + workers
            return first, (rtp_low + rtp_low % 2, high)
    raise OSError(f"no free UDP port for WebRTC in {low}-{high}")


def _is_free(ip: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((ip, port))
        except OSError:
            return False
        return True
