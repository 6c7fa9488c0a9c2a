"""The port of the API; apart from the API itself, for whoever only looks whether it is free."""

from __future__ import annotations

import ipaddress
import socket

from domain.errors import ConfigurationError
from service.settings_sections import AccessSection

__all__ = ["bind"]


def bind(host: str, port: int, access: AccessSection) -> socket.socket:
    """Take the port of the API.

    Raises
    ------
    ConfigurationError
        If it is taken, or the address is not loopback: nothing else is served without authentication.
    """
    if not _is_loopback(host):
        if not access.required:
            raise ConfigurationError(
                f"api.host: got {host!r}, expected a loopback address; nothing but loopback is served without "
                "authentication: set SCHOUW_ACCESS__REQUIRED=true and make keys with `schouw keys create`"
            )
        if not access.secure_cookies:
            raise ConfigurationError(
                f"access.secure_cookies: got false with api.host {host!r}, expected true; cookies without TLS are for "
                "loopback alone"
            )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, because asyncio sends small packets at once (TCP_NODELAY) for such sockets alone: without it
    # answers were seen to wait 40 ms for the acknowledgement of their headers.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"port {port} on {host} cannot be taken for the API ({error.strerror}); stop what uses it, or choose "
            "another with SCHOUW_API__PORT or --api-port"
        ) from error
    return listener


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
