"""How this machine reaches the API that it started: an address to connect to, and a name that is answered."""

from __future__ import annotations

import contextlib
import ipaddress
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Final, cast

from service.settings_sections import ApiSection

__all__ = ["OwnApi"]

# Asked directly, whatever proxy the environment names for questions to the world.
_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class OwnApi:
    """The API of this installation, as seen from this machine.

    Attributes
    ----------
    address : str
        Scheme, host and port to connect to.
    name : str or None
        The `Host` to send; None for that of the address.
    shown : str
        What people are told to open.
    """

    address: str
    name: str | None = None
    shown: str = ""

    @classmethod
    def of(cls, section: ApiSection) -> OwnApi:
        """Read from the settings where the API listens and which names it answers to.

        Examples
        --------
        >>> OwnApi.of(ApiSection(host="0.0.0.0", allowed_hosts=("schouw.example.org",)))
        OwnApi(address='http://127.0.0.1:8000', name='schouw.example.org', shown='http://127.0.0.1:8000')
        >>> OwnApi.of(ApiSection(host="::1")).address
        'http://[::1]:8000'
        """
        host = _reachable(section.host)
        address = f"http://{host}:{section.port}"
        allowed = {name.lower() for name in section.allowed_hosts}
        # What a header cannot carry is answered to nobody.
        names = [name for name in section.allowed_hosts if name.isascii() and name.isprintable()]
        is_answered = host.lower() in allowed or "*" in allowed
        return cls(address, None if is_answered or not names else names[0], section.public_url or address)

    def answers(self, *, timeout_s: float = 2.0) -> bool:
        """Tell whether something answers there; a refusal is an answer too."""
        try:
            with self.asking("/livez", timeout_s=timeout_s):
                return True
        except urllib.error.HTTPError:
            return True
        except (OSError, HTTPException):
            return False

    @contextlib.contextmanager
    def asking(self, path: str, *, timeout_s: float) -> Iterator[HTTPResponse]:
        """Ask for a path, and give the answer while it is read.

        Raises
        ------
        OSError
            If nothing answers; `urllib.error.HTTPError` if the answer is a refusal.
        """
        headers = {"Host": self.name} if self.name is not None else {}
        question = urllib.request.Request(self.address + path, headers=headers)  # noqa: S310 -- our own address
        with _OPENER.open(question, timeout=timeout_s) as answer:
            yield cast("HTTPResponse", answer)


def _reachable(host: str) -> str:
    """Give the address to connect to of one to listen on, as it stands in a URL."""
    try:
        listened = ipaddress.ip_address(host)
    except ValueError:
        return host  # a name
    if listened.is_unspecified:
        return "[::1]" if listened.version == 6 else "127.0.0.1"  # noqa: PLR2004 -- of the internet protocol
    return f"[{host}]" if listened.version == 6 else host  # noqa: PLR2004 -- see above
