"""People log in at a real provider, served over HTTP; what a provider must not get away with does not get in."""

from __future__ import annotations

import html
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from domain.access import Role
from service.oidc import OidcLogin
from service.organisations import LoginProvider
from storage.access import AccessStore
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider, running_provider
from tests.unit.api.client import Answer, Client
from tests.unit.api.organisations import GENEROUS, guard, open_ledger
from tests.unit.api.samples import HOUR_NS
from tests.unit.api.town import SETTINGS, Town, make_town

HOME = "http://testserver"
# The provider speaks plain HTTP, and reading the certificates of all authorities takes longer than the question.
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass
class Browser:
    """Keeps cookies as a browser does, and goes where it is sent only when it is told to."""

    client: Client
    cookies: dict[str, str] = field(default_factory=dict)
    set_cookies: list[str] = field(default_factory=list)

    def get(self, path: str) -> Answer:
        return self.send("GET", path)

    def send(self, method: str, path: str, form: str = "") -> Answer:
        headers = {
            "Accept": "text/html",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }
        if form:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": HOME}
        answer = self.client.send(method, path, headers=headers, content=form.encode() or None)
        for line in answer.headers.get_list("set-cookie"):
            self.set_cookies.append(line)
            name, _, value = line.split(";")[0].partition("=")
            if "Max-Age=0" in line or "expires=Thu, 01 Jan 1970" in line or value in {"", '""', "null"}:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return answer

    def log_in(self, start: str = "/login") -> Answer:
        """Go to the provider and come back."""
        return self.get(self.callback(start))

    def callback(self, start: str = "/login") -> str:
        sent = self.get(start)
        assert sent.status == 302, sent.text
        back = httpx2.get(sent.headers["location"], verify=NO_AUTHORITIES).headers["location"]
        return back.removeprefix(HOME)


@pytest.fixture(scope="module")
def serving() -> Iterator[Provider]:
    with running_provider() as made:
        yield made


@pytest.fixture
def provider(serving: Provider) -> Provider:
    """Let the one provider forget what it was asked, and tell the truth again."""
    vars(serving).update(vars(Provider(key=serving.key, issuer=serving.issuer)))
    return serving


@pytest.fixture
def ledger(tmp_path: Path) -> AccessStore:
    return open_ledger(tmp_path)


def login_of(provider: Provider, **changes: str) -> LoginProvider:
    made = LoginProvider(
        organisation="oost",
        issuer=provider.issuer,
        client_id=CLIENT_ID,
        client_secret=SecretStr(CLIENT_SECRET),
        scopes="openid profile",
        roles_claim="roles",
        name_claim="name",
        roles={"kijken": Role.VIEWER, "plannen": Role.PLANNER, "beheer": Role.ADMIN},
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields of text


def town_with_logins(provider: Provider, ledger: AccessStore) -> Town:
    made = guard(make_town(), ledger)
    made.settings = replace(SETTINGS, public_url=HOME)
    made.access = replace(made.access, login=OidcLogin([login_of(provider)]))
    return made


@pytest.fixture
def town(provider: Provider, ledger: AccessStore) -> Town:
    return town_with_logins(provider, ledger)


@pytest.fixture(scope="module")
def lasting(serving: Provider, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """One application for all tests that change nothing of its town."""
    return town_with_logins(serving, open_ledger(tmp_path_factory.mktemp("lasting"))).client()


@pytest.fixture
def browser(lasting: Client, provider: Provider) -> Browser:  # noqa: ARG001 -- forgets
    return Browser(lasting)


def test_a_person_logs_in_works_and_logs_out(browser: Browser, provider: Provider) -> None:
    sent = browser.get("/assets/brug-042?lang=nl")
    assert sent.status == 303
    back = browser.log_in(sent.headers["location"])
    assert (back.status, back.headers["location"]) == (303, "/assets/brug-042?lang=nl")
    assert browser.get("/assets/brug-042").status == 200
    me = browser.get("/v1/me").json()
    assert (me["kind"], me["name"], me["role"], me["organisation"]) == (
        "person",
        "P. Planner",
        "planner",
        "Gemeente Oost",
    )
    (asked,) = provider.asked
    assert asked["code_challenge"]
    assert asked["nonce"]
    kept = dict(browser.cookies)
    out = browser.send("POST", "/logout", f"csrf_token={me['csrfToken']}")
    assert (out.status, out.headers["location"]) == (303, "/login")
    assert browser.get("/v1/me").status == 401
    browser.cookies = kept
    assert browser.get("/v1/me").status == 401


def test_logging_out_needs_the_forms_own_token(browser: Browser) -> None:
    browser.log_in()
    assert browser.send("POST", "/logout", "csrf_token=x").status == 403
    assert browser.get("/v1/me").status == 200


def test_the_cookie_of_a_session_is_out_of_reach(town: Town) -> None:
    town.access = replace(town.access, secure_cookies=True)
    browser = Browser(town.client())
    browser.log_in()
    (cookie,) = [line for line in browser.set_cookies if line.startswith("__Host-schouw=")]
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax", "Max-Age=36000"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    under_way = next(line for line in browser.set_cookies if line.startswith("schouw-login="))
    assert {"httponly", "secure", "samesite=lax", "path=/login"} <= {part.lower() for part in under_way.split("; ")}


def test_every_login_is_a_session_of_its_own(town: Town) -> None:
    browser = Browser(town.client())
    browser.log_in()
    first = browser.cookies["schouw"]
    browser.log_in()
    assert browser.cookies["schouw"] != first
    town.wall_clock_ns += HOUR_NS
    assert browser.get("/v1/me").status == 401


@pytest.mark.parametrize(
    ("roles", "role"),
    [
        (["plannen"], "planner"),
        (["kijken", "beheer"], "admin"),
        ("kijken", "viewer"),
        (["onbekend", "kijken"], "viewer"),
    ],
)
def test_the_highest_role_that_the_provider_names_holds(
    browser: Browser, provider: Provider, roles: object, role: str
) -> None:
    provider.claims["roles"] = roles
    browser.log_in()
    assert browser.get("/v1/me").json()["role"] == role


@pytest.mark.parametrize("roles", [[], ["onbekend"], None, 7, {"plannen": True}, [7, ["plannen"]]])
def test_who_has_no_role_here_is_not_let_in(browser: Browser, provider: Provider, roles: object) -> None:
    provider.claims["roles"] = roles
    assert browser.log_in().status == 403
    assert browser.get("/v1/me").status == 401


def test_roles_may_stand_deeper(town: Town, provider: Provider) -> None:
    town.access = replace(town.access, login=OidcLogin([login_of(provider, roles_claim="realm_access.roles")]))
    provider.claims["realm_access"] = {"roles": ["beheer"]}
    browser = Browser(town.client())
    browser.log_in()
    assert browser.get("/v1/me").json()["role"] == "admin"


@pytest.mark.parametrize(
    "lie",
    [{"iss": "https://evil.example"}, {"aud": "another"}, {"exp": 1}, {"nonce": "another"}, {"sub": ""}, {"iss": None}],
)
def test_an_identity_token_that_does_not_hold_is_refused(
    browser: Browser, provider: Provider, lie: dict[str, object]
) -> None:
    provider.lies = lie
    assert browser.log_in().status == 401
    assert "schouw" not in browser.cookies


def test_an_identity_token_signed_by_another_is_refused(browser: Browser, provider: Provider) -> None:
    provider.signing_key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"})
    assert browser.log_in().status == 401


def test_a_code_is_taken_once_and_only_where_it_was_asked_for(browser: Browser) -> None:
    callback = browser.callback()
    stranger = Browser(browser.client)
    assert stranger.get(callback).status == 401
    before = dict(browser.cookies)
    assert browser.get(callback).status == 303
    browser.cookies = before
    assert browser.get(callback).status == 401


@pytest.mark.parametrize(
    "question", ["", "?code=x", "?state=x", "?code=x&state=x", "?error=access_denied", "?code=%00&state=%ff"]
)
def test_a_callback_that_nobody_began_is_refused(browser: Browser, question: str) -> None:
    answer = browser.get(f"/login/oost{question}")
    assert answer.status == 401
    # A browser gets the same refusal as a page.
    assert answer.headers["content-type"].startswith("text/html")


def test_a_callback_of_an_unknown_organisation_is_not_there(browser: Browser) -> None:
    assert browser.get("/login/west?code=x&state=y").status == 404


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil", "javascript:1", "/a\nb"]
)
def test_a_login_never_leads_to_another_site(browser: Browser, target: str) -> None:
    start = str(httpx2.URL("/login", params={"next": target}))
    assert browser.log_in(start).headers["location"] == "/"


def test_a_provider_that_is_away_is_told(town: Town) -> None:
    with running_provider() as gone:
        town.access = replace(town.access, login=OidcLogin([login_of(gone)]))
    answer = Browser(town.client()).get("/login")
    assert answer.status == 502
    assert "Traceback" not in answer.text


def test_logins_are_throttled(town: Town, ledger: AccessStore) -> None:
    login = town.access.login
    guard(town, ledger, GENEROUS | {"login": 3})
    town.access = replace(town.access, login=login)
    browser = Browser(town.client())
    assert [browser.get("/login").status for _ in range(4)] == [302, 302, 302, 429]


def test_with_several_organisations_a_person_says_which_without_a_list_of_all(town: Town, provider: Provider) -> None:
    both = [login_of(provider), login_of(provider, organisation="west")]
    town.access = replace(town.access, login=OidcLogin(both))
    browser = Browser(town.client())
    page = browser.get("/login?next=/assets/brug-042")
    assert page.status == 200
    assert "west" not in page.text
    assert 'value="/assets/brug-042"' in page.text
    assert browser.get("/login?organisation=nergens").status == 200
    onward = browser.get("/login?organisation=west")
    assert onward.status == 200  # a page leads on, since a form may not
    link = html.unescape(re.findall(r'<a class="button first" href="([^"]+)"', onward.text)[0])
    assert parse_qs(urlsplit(link).query)["redirect_uri"] == [f"{HOME}/login/west"]


def test_without_logins_the_page_says_so(town: Town) -> None:
    town.access = replace(town.access, login=None)
    page = Browser(town.client()).get("/login")
    assert page.status == 200
    assert "beheerder" in page.text


def test_without_authentication_there_is_nothing_to_log_in_to(town: Town) -> None:
    town.access = replace(town.access, required=False)
    assert Browser(town.client()).get("/login?next=/assets/brug-042").headers["location"] == "/assets/brug-042"
