"""What must be there in InfluxDB before points can be written and read: looked for, and made when asked.

| server | looked for and made | by |
| --- | --- | --- |
| 1.8 | the database and its retention policy | InfluxQL on `/query` |
| 2.x | the bucket, its retention, and the DBRP mapping for InfluxQL | `/api/v2/buckets`, `/api/v2/dbrps` |
| 3.x | the database and its retention | `/api/v3/configure/database` |

The first row runs against a real server in the tests. The others follow the servers' documentation and were only
run against a small server of our own that answers as the documentation says: **untested until run against one**.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from domain.errors import StorageUnavailable
from storage.influx_query import InfluxReader, QueryError, quote_name
from storage.influx_target import InfluxTarget

__all__ = ["mend_influx"]

_DAY_S: Final = 86_400
# A shard holds points of this many days. The default of a week makes a decade of history five hundred shards.
_SHARD_DAYS: Final = 28
_AUTOGEN: Final = "autogen"
_NOT_FOUND: Final = 404


def mend_influx(reader: InfluxReader, target: InfluxTarget, *, make: bool) -> list[str]:
    """Say what is missing, and make it if asked.

    Parameters
    ----------
    make : bool
        Make what is missing; without it nothing is changed.

    Returns
    -------
    list of str
        In words what is missing, or was made; empty when everything is there.

    Raises
    ------
    StorageUnavailable
        If the server is away or refuses.
    """
    mend: dict[str, Callable[[InfluxReader, InfluxTarget, bool], list[str]]] = {
        "1.8": _mend_1,
        "2": _mend_2,
        "3": _mend_3,
    }
    return mend[target.kind](reader, target, make)


def _mend_1(reader: InfluxReader, target: InfluxTarget, make: bool) -> list[str]:  # noqa: FBT001 -- by position
    done: list[str] = []
    database = quote_name(target.database)
    policy = target.retention_policy or _AUTOGEN
    duration = f"{target.retention_days}d" if target.retention_days else "INF"
    shard = f"SHARD DURATION {min(_SHARD_DAYS, target.retention_days or _SHARD_DAYS)}d"
    if [target.database] not in reader.ask({"q": "SHOW DATABASES"}):
        if make:
            creation = f"WITH DURATION {duration} REPLICATION 1 {shard} NAME {quote_name(policy)}"
            reader.ask({"q": f"CREATE DATABASE {database} {creation}"}, change=True)
        return [f"database {target.database!r}"]
    policies = {row[0]: row[1] for row in reader.ask({"q": f"SHOW RETENTION POLICIES ON {database}"})}
    if target.retention_policy is not None and policy not in policies:
        done.append(f"retention policy {policy!r}")
        if make:
            creation = f"ON {database} DURATION {duration} REPLICATION 1 {shard}"
            reader.ask({"q": f"CREATE RETENTION POLICY {quote_name(policy)} {creation}"}, change=True)
    elif target.retention_days is not None and policies.get(policy) != f"{24 * target.retention_days}h0m0s":
        done.append(f"retention of {target.retention_days} days instead of {policies.get(policy)}")
        if make:
            change = f"ALTER RETENTION POLICY {quote_name(policy)} ON {database} DURATION {duration} {shard}"
            reader.ask({"q": change}, change=True)
    return done


def _mend_2(reader: InfluxReader, target: InfluxTarget, make: bool) -> list[str]:  # noqa: FBT001 -- by position
    done: list[str] = []
    organisations = _json(reader, "GET", "/api/v2/orgs", {"org": target.organisation}).get("orgs", [])
    if not organisations:
        raise StorageUnavailable(
            f"InfluxDB at {target.shown}: has no organisation {target.organisation!r} that influx.token may see; "
            "check influx.organisation and influx.token"
        )
    organisation = organisations[0]["id"]
    seconds = (target.retention_days or 0) * _DAY_S
    rules = [{"type": "expire", "everySeconds": seconds, "shardGroupDurationSeconds": _shard_s(target)}]
    found = _json(reader, "GET", "/api/v2/buckets", {"orgID": organisation, "name": target.bucket}).get("buckets", [])
    bucket = found[0] if found else None
    if bucket is None:
        done.append(f"bucket {target.bucket!r}")
        if make:
            wish = {"orgID": organisation, "name": target.bucket, "retentionRules": rules}
            bucket = _json(reader, "POST", "/api/v2/buckets", body=wish)
    elif target.retention_days is not None:
        kept = next((int(rule.get("everySeconds", 0)) for rule in bucket.get("retentionRules", [])), 0)
        if kept != seconds:
            done.append(f"retention of {target.retention_days} days instead of {kept / _DAY_S:g}")
            if make:
                reader.request("PATCH", f"/api/v2/buckets/{bucket['id']}", body={"retentionRules": rules})
    mapping = {"orgID": organisation, "db": target.database}
    if not _json(reader, "GET", "/api/v2/dbrps", mapping).get("content", []):
        done.append(f"DBRP mapping of database {target.database!r}")
        if make and bucket is not None:
            wish = {
                "orgID": organisation,
                "bucketID": bucket["id"],
                "database": target.database,
                "retention_policy": _AUTOGEN,
                "default": True,
            }
            reader.request("POST", "/api/v2/dbrps", body=wish)
    return done


def _mend_3(reader: InfluxReader, target: InfluxTarget, make: bool) -> list[str]:  # noqa: FBT001 -- by position
    found = reader.request("GET", "/api/v3/configure/database", parameters={"format": "json"}).json()
    names = {name for row in found if isinstance(row, dict) for name in row.values()}
    if target.database in names:
        return []
    if make:
        wish: dict[str, Any] = {"db": target.database}
        if target.retention_days:
            wish["retention_period"] = f"{target.retention_days}d"
        reader.request("POST", "/api/v3/configure/database", body=wish)
    return [f"database {target.database!r}"]


def _shard_s(target: InfluxTarget) -> int:
    return min(_SHARD_DAYS, target.retention_days or _SHARD_DAYS) * _DAY_S


def _json(
    reader: InfluxReader, method: str, path: str, parameters: dict[str, str] | None = None, *, body: object = None
) -> dict[str, Any]:
    """Make a request whose answer is an object; not found is an empty one."""
    try:
        found = reader.request(method, path, parameters=parameters, body=body).json()
    except QueryError as error:
        if method == "GET" and error.status == _NOT_FOUND:
            return {}
        raise
    return found if isinstance(found, dict) else {}
