"""Logging in with OpenID Connect: Authlib does the protocol (discovery, code with PKCE, nonce, signatures).

Each organisation has a provider of its own. What the provider says of a person is read from the signed identity
token alone: who it is, and which of the values of the roles claim mean a role here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth
from fastapi import Request, Response
from joserfc.errors import JoseError

from api.gate import Person
from api.problems import ProblemError
from domain.access import Role
from service.organisations import LoginProvider

__all__ = ["OidcLogin", "role_of"]

_TIMEOUT_S: Final = 10.0
_ORDER: Final = tuple(Role)


class OidcLogin:
    """Logins at the providers of organisations.

    Parameters
    ----------
    providers : sequence of LoginProvider
        One for each organisation whose people log in.
    """

    def __init__(self, providers: Sequence[LoginProvider]) -> None:
        self._providers = {provider.organisation: provider for provider in providers}
        self._oauth = OAuth()
        for provider in providers:
            self._oauth.register(
                name=provider.organisation,
                client_id=provider.client_id,
                client_secret=provider.client_secret.get_secret_value(),
                server_metadata_url=f"{provider.issuer}/.well-known/openid-configuration",
                client_kwargs={
                    "scope": provider.scopes,
                    "code_challenge_method": "S256",
                    "timeout": _TIMEOUT_S,
                },
            )

    @property
    def organisations(self) -> tuple[str, ...]:
        """Organisations whose people can log in."""
        return tuple(self._providers)

    async def start(self, request: Request, organisation: str, callback: str) -> Response:
        """Send the person to the provider."""
        client: Any = self._oauth.create_client(organisation)
        try:
            answer: Response = await client.authorize_redirect(request, callback)
        except (httpx2.HTTPError, OAuthError, RuntimeError, ValueError, KeyError) as error:
            raise _away(organisation) from error
        return answer

    async def finish(self, request: Request, organisation: str) -> Person:
        """Find out who came back."""
        provider = self._providers[organisation]
        client: Any = self._oauth.create_client(organisation)
        try:
            token = await client.authorize_access_token(
                request,
                claims_options={"iss": {"essential": True, "values": [provider.issuer, f"{provider.issuer}/"]}},
            )
        except httpx2.HTTPError as error:
            raise _away(organisation) from error
        except (OAuthError, JoseError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            # Authlib raises the last three for answers that are none, such as a state that is not ours.
            raise ProblemError(
                401, "Login did not succeed", "The login is not one that began here, or was refused; begin at /login."
            ) from error
        claims = token.get("userinfo")
        if not isinstance(claims, Mapping) or not claims.get("sub"):
            raise ProblemError(401, "Login did not succeed", "The provider did not say who this is.")
        role = role_of(claims, provider)
        if role is None:
            raise ProblemError(
                403,
                "No role here",
                "The login works, but your organisation gives you no role in Schouw; ask its manager.",
            )
        subject = str(claims["sub"])[:255]
        names = (claims.get(name) for name in (provider.name_claim, "preferred_username", "email"))
        name = next((str(found) for found in names if found), subject)
        return Person(subject, name[:200], role)


def role_of(claims: Mapping[str, Any], provider: LoginProvider) -> Role | None:
    """Give the highest role that the roles claim means; dots lead into nested claims, as Keycloak has them."""
    found: Any = claims
    for part in provider.roles_claim.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    values = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    held = [provider.roles[value] for value in values if isinstance(value, str) and value in provider.roles]
    return max(held, key=_ORDER.index, default=None)


def _away(organisation: str) -> ProblemError:
    return ProblemError(
        502, "Login is away", f"The login of {organisation!r} does not answer as it should; try again in a while."
    )
