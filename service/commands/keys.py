"""`schouw keys`: keys of systems that ask the API."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from domain.access import ROLE_RIGHTS, Right, Role
from domain.errors import ConfigurationError
from service.commands.options import Config, DataDir, overrides_of, read_settings

if TYPE_CHECKING:
    from storage.access import ApiKey

__all__ = ["app"]

app = typer.Typer(help="Keys of systems that ask the API.")
_keys = typer.Typer(help="Keys of systems that ask the API.", no_args_is_help=True)
app.add_typer(_keys, name="keys")

_NS_PER_DAY: Final = 86_400_000_000_000
_NAME_MOST: Final = 200


@_keys.command("create")
def create(
    name: Annotated[str, typer.Option(help="Which system it is for.")],
    role: Annotated[Role, typer.Option(help="Rights of this role.")] = Role.VIEWER,
    right: Annotated[list[Right] | None, typer.Option(help="Only these of the role's rights; repeat it.")] = None,
    organisation: Annotated[str, typer.Option(help="Whose things it sees; id in the organisations file.")] = "",
    days: Annotated[int, typer.Option(help="Days until it expires.", min=1, max=3650)] = 365,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Make a key; it is shown once, and only its hash is kept."""
    from service.access import open_ledger, shared_service  # noqa: PLC0415 -- the help must not wait for SQLAlchemy
    from service.folder import prepare_folder  # noqa: PLC0415 -- see above
    from service.operator_trail import note_operator  # noqa: PLC0415 -- see above

    name = name.strip()
    if not (name.isprintable() and 0 < len(name) <= _NAME_MOST):
        raise ConfigurationError(
            f"got --name {name[:60]!r}, expected 1 to {_NAME_MOST} readable characters that say which system it is for"
        )
    settings = read_settings(overrides_of(data_dir), config)
    organisation = shared_service(settings).find(organisation).id
    strange = set(right or ()) - ROLE_RIGHTS[role]
    if strange:
        raise ConfigurationError(f"role {role.value} does not have {', '.join(sorted(strange))}; give another --role")
    prepare_folder(settings)
    now_ns = time.time_ns()
    with contextlib.closing(open_ledger(settings)) as ledger:
        secret, key = ledger.create_key(
            name=name,
            organisation=organisation,
            role=role,
            rights=frozenset(right) if right else ROLE_RIGHTS[role],
            now_ns=now_ns,
            expires_at_ns=now_ns + days * _NS_PER_DAY,
        )
    note_operator(settings, f"keys/create/{key.id}", organisation=organisation)
    typer.echo(f"Key {key.id}, until {_day(key.expires_at_ns)}. It is shown this once; keep it safe:", err=True)
    typer.echo(secret)


@_keys.command("list")
def list_keys(data_dir: DataDir = None, config: Config = None) -> None:
    """List all keys with their state and last use; nothing is made by looking."""
    from service.access import open_ledger  # noqa: PLC0415 -- see above

    settings = read_settings(overrides_of(data_dir), config)
    found: Sequence[ApiKey] = ()
    if settings.has_access_tables:
        with contextlib.closing(open_ledger(settings)) as ledger:
            found = ledger.list_keys()
    if not found:
        typer.echo(f"No keys in {str(settings.data_dir)!r}; `schouw keys create` makes one.", err=True)
        return
    now_ns = time.time_ns()
    typer.echo("id\tstate\torganisation\trole\trights\tcreated\texpires\tlast used\tname")
    for key in found:
        expired = key.expires_at_ns is not None and key.expires_at_ns <= now_ns
        state = "revoked" if key.revoked_at_ns is not None else "expired" if expired else "valid"
        rights = "all" if key.rights == ROLE_RIGHTS[key.role] else ",".join(sorted(key.rights))
        days = (_day(key.created_at_ns), _day(key.expires_at_ns), _moment(key.last_used_ns))
        typer.echo("\t".join((key.id, state, key.organisation or "-", key.role.value, rights, *days, key.name)))


@_keys.command("revoke")
def revoke(
    key: Annotated[str, typer.Argument(help="Identifier, as `schouw keys list` shows it.")],
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Revoke a key, at once and for good."""
    from service.access import open_ledger  # noqa: PLC0415 -- see above
    from service.operator_trail import note_operator  # noqa: PLC0415 -- see above

    settings = read_settings(overrides_of(data_dir), config)
    revoked = None
    if settings.has_access_tables:
        with contextlib.closing(open_ledger(settings)) as ledger:
            revoked = ledger.key(key) if ledger.revoke_key(key, now_ns=time.time_ns()) else None
    if revoked is None:
        raise ConfigurationError(f"got key {key!r}, expected a standing one of `schouw keys list`")
    note_operator(settings, f"keys/revoke/{key}", organisation=revoked.organisation)
    typer.echo(f"Key {key} is revoked.")


def _day(time_ns: int | None) -> str:
    return "-" if time_ns is None else datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).date().isoformat()


def _moment(time_ns: int | None) -> str:
    if time_ns is None:
        return "never"
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
