"""Which InfluxDB, and how its three generations differ: names of databases, credentials, addresses."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = ["InfluxKind", "InfluxTarget", "without_password"]

InfluxKind: TypeAlias = Literal["1.8", "2", "3"]


def without_password(url: str) -> str:
    """Give an address as it may be shown: all that stands before its last @ is taken for a user and a password.

    Examples
    --------
    >>> without_password("https://schouw:geh/e@im@influx.example.org:8086"), without_password("http://127.0.0.1:8086")
    ('https://***@influx.example.org:8086', 'http://127.0.0.1:8086')
    """
    return re.sub(r"//.*@", "//***@", url, flags=re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluxTarget:
    """One bucket (2.x) or database (1.8, 3.x) of one server.

    Attributes
    ----------
    url : str
        Without a slash at its end.
    kind : {"1.8", "2", "3"}
        Which generation of server.
    organisation : str
        2.x only.
    bucket : str
        2.x: a bucket; 1.8: a database, or `database/retention-policy`; 3.x: a database.
    token : str
        2.x and 3.x: a token; 1.8: `user:password`; empty: none is sent.
    retention_days : int or None
        How long the server keeps points, made so by `storage.influx_setup`; None: for ever.
    timeout_s : float
        For one request.
    ca_file : str or None
        Certificate authority of the server.
    """

    url: str = field(repr=False)
    kind: InfluxKind = "2"
    organisation: str = ""
    bucket: str = "schouw"
    token: str = field(default="", repr=False)
    retention_days: int | None = None
    timeout_s: float = 10.0
    ca_file: str | None = None

    @property
    def name(self) -> str:
        """Give what tells it from other targets; kept in the data folder, and shown to nobody."""
        return f"{self.url} {self.organisation} {self.bucket}"

    @property
    def shown(self) -> str:
        """Give the address for messages."""
        return without_password(self.url)

    @property
    def database(self) -> str:
        """Give the name of the database for InfluxQL; in 2.x a DBRP mapping of the bucket's name leads there."""
        return self.bucket.partition("/")[0] if self.kind == "1.8" else self.bucket

    @property
    def retention_policy(self) -> str | None:
        """Give the retention policy for InfluxQL; None: the database's default."""
        return (self.bucket.partition("/")[2] or None) if self.kind == "1.8" else None

    @property
    def headers(self) -> dict[str, str]:
        """Give the credentials as a header; `/query` of 1.8 takes a user and password as any web server does."""
        if not self.token:
            return {}
        if self.kind == "1.8":
            return {"Authorization": f"Basic {base64.b64encode(self.token.encode()).decode()}"}
        return {"Authorization": f"{'Token' if self.kind == '2' else 'Bearer'} {self.token}"}
