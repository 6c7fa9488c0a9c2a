"""The organisations that share one service, read from a TOML file; [how](../docs/access.md).

The first one also owns assets that name no organisation in the register. Secrets stand in files of their own.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from domain.access import Organisation, Role
from domain.errors import ConfigurationError
from service.settings import Settings
from service.settings_sections import OwnerSection

__all__ = ["LoginProvider", "SharedService", "budgets_of", "read_organisations"]

_NAME: Final = r"^[a-z0-9]+(-[a-z0-9]+)*$"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _OidcTable(_Strict):
    issuer: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret_file: Path
    scopes: str = "openid profile email"
    roles_claim: str = "roles"
    name_claim: str = "name"
    roles: Annotated[dict[str, Role], Field(min_length=1)]


class _OrganisationTable(_Strict):
    id: Annotated[str, Field(pattern=_NAME, max_length=64)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    contact_name: str
    contact_url: str
    contact_email: str
    maintenance_budget_eur: Annotated[float | None, Field(ge=0)] = None
    false_alarms_per_year: Annotated[float | None, Field(ge=0.001, le=10)] = None
    register_file: Path | None = None
    public_page: bool = False
    oidc: _OidcTable | None = None


class _File(_Strict):
    organisation: Annotated[list[_OrganisationTable], Field(min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginProvider:
    """Where people of one organisation log in (OpenID Connect).

    Attributes
    ----------
    roles : dict of str to Role
        What a value of `roles_claim` means here; who has none of them is not let in.
    """

    organisation: str
    issuer: str
    client_id: str
    client_secret: SecretStr
    scopes: str
    roles_claim: str
    name_claim: str
    roles: dict[str, Role]


@dataclass(frozen=True, slots=True)
class SharedService:
    """All organisations, where their people log in, and the files of what only they know, by organisation."""

    organisations: tuple[Organisation, ...]
    providers: tuple[LoginProvider, ...]
    register_files: Mapping[str, Path] = field(default_factory=dict)

    def find(self, asked: str) -> Organisation:
        """Give the organisation of an id that a command was given; empty means the only one that there is.

        Raises
        ------
        ConfigurationError
            If there is none of that id, or several share the service and none was named.
        """
        for organisation in self.organisations:
            if organisation.id == asked or (not asked and len(self.organisations) == 1):
                return organisation
        names = ", ".join(repr(organisation.id) for organisation in self.organisations if organisation.id)
        if names:
            raise ConfigurationError(f"got organisation {asked!r}, expected one of {names}; give --organisation")
        raise ConfigurationError(
            f"got organisation {asked!r}, but one organisation has this service to itself; leave --organisation out, "
            "or name those that share it in access.organisations_file"
        )


def read_organisations(path: Path | None, owner: OwnerSection) -> SharedService:
    """Read the file; without one there is one organisation, which owns everything.

    Raises
    ------
    ConfigurationError
        If the file or a secret cannot be read, or says something wrong; all faults at once.
    """
    if path is None:
        only = Organisation(
            id="",
            name=owner.organisation,
            contact_name=owner.contact_name,
            contact_url=owner.contact_url,
            contact_email=owner.contact_email,
        )
        return SharedService((only,), ())
    try:
        found = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig"))).organisation
    except OSError as error:
        raise ConfigurationError(
            f"access.organisations_file: {str(path)!r} cannot be read ({error.strerror})"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"access.organisations_file: {path.name}: {error}; correct it") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg'].lower()}" for item in error.errors())
        raise ConfigurationError(f"access.organisations_file: {path.name}: {faults}") from error
    names = [table.id for table in found]
    if len(set(names)) != len(names):
        raise ConfigurationError(f"access.organisations_file: {path.name}: got an id twice, expected each once")
    return SharedService(
        tuple(_organisation(table, is_first=table is found[0]) for table in found),
        tuple(_provider(table.id, table.oidc, path) for table in found if table.oidc is not None),
        {table.id: path.parent / table.register_file for table in found if table.register_file is not None},
    )


def budgets_of(settings: Settings) -> dict[str, float]:
    """Give the alarm budgets by the organisation that an asset names; the empty name holds for all others.

    Raises
    ------
    ConfigurationError
        As `read_organisations`.
    """
    shared = read_organisations(settings.access.organisations_file, settings.owner)
    budgets = {"": settings.owner.false_alarms_per_year}
    for organisation in shared.organisations:
        if organisation.false_alarms_per_year is not None:
            budgets |= dict.fromkeys(organisation.register_names or ("",), organisation.false_alarms_per_year)
    return budgets


def _organisation(table: _OrganisationTable, *, is_first: bool) -> Organisation:
    return Organisation(
        id=table.id,
        name=table.name,
        contact_name=table.contact_name,
        contact_url=table.contact_url,
        contact_email=table.contact_email,
        register_names=("", table.id) if is_first else (table.id,),
        maintenance_budget_eur=table.maintenance_budget_eur,
        false_alarms_per_year=table.false_alarms_per_year,
        is_public=table.public_page,
    )


def _provider(organisation: str, table: _OidcTable, path: Path) -> LoginProvider:
    secret_file = path.parent / table.client_secret_file
    try:
        secret = secret_file.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"access.organisations_file: client_secret_file {str(secret_file)!r} of {organisation!r} cannot be read"
        ) from error
    return LoginProvider(
        organisation=organisation,
        issuer=table.issuer.rstrip("/"),
        client_id=table.client_id,
        client_secret=SecretStr(secret),
        scopes=table.scopes,
        roles_claim=table.roles_claim,
        name_claim=table.name_claim,
        roles=table.roles,
    )
