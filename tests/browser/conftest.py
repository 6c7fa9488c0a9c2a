"""A real service, and Debian's Chromium that walks through its pages; what the browser complains of fails the test."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.browser.service import (
    DEMO,
    alarms_stored,
    fill_fleet,
    is_complete,
    start_session,
    watch,
    write_organisations,
)
from tests.installation import Installation, stop
from tests.oidc_provider import Provider, running_provider
from tests.servers import require_server

ARGUMENTS = (
    "--no-sandbox",  # as root Chromium does not start with one
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
FLEET = 10_000
ALARMS = 500
_QUIET_S = 4.0


@dataclass
class Site:
    """A running demo; how long each alarm took from the store to the open page, and which never came there."""

    installation: Installation
    seen_after_s: dict[str, float] = field(default_factory=dict)
    never_seen: set[str] = field(default_factory=set)

    @property
    def address(self) -> str:
        return self.installation.address

    def api_pid(self) -> int:
        """Find the process of the API among the children of `schouw run`."""
        listing = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
        pids = [int(line.split()[0]) for line in listing.splitlines() if "service.cli api" in line]
        port = f"SCHOUW_API__PORT={self.installation.api_port}\0".encode()
        (own,) = [pid for pid in pids if port in Path(f"/proc/{pid}/environ").read_bytes() + b"\0"]
        return own


@dataclass(frozen=True)
class Large:
    """A large fleet that is only served, and the process that serves it."""

    installation: Installation
    pid: int

    @property
    def address(self) -> str:
        """Give where it is served, once it is: it may have been started while others were waited for."""
        self.installation.until("an answer", lambda: self.installation.get("/livez") is not None, seconds=90)
        return self.installation.address


@dataclass(frozen=True)
class Guarded:
    """A small fleet behind the logins of two organisations, and the secret of a session for each role."""

    address: str
    secrets: dict[str, str]
    provider: Provider


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = require_server("chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Site]:
    """Run the demo to the end of its history, with the page of alarms open in a browser meanwhile."""
    installation = Installation(
        tmp_path_factory.mktemp("demo") / "data", INGEST__PAUSE_SECONDS=3, API__WARM_CHARTS="true"
    )
    process = installation.start(*DEMO)
    found = Site(installation)
    try:
        installation.until(
            "the first list", lambda: bool((installation.get("/v1/risks") or {}).get("items")), seconds=90
        )
        page = browser.new_page(base_url=found.address)
        page.goto("/alarms?lang=en")
        stored: dict[str, float] = {}

        def look() -> None:
            for identifier in alarms_stored(installation) - stored.keys():
                stored[identifier] = time.monotonic()
            html = unquote(page.locator("main").inner_html())
            for identifier in stored.keys() - found.seen_after_s.keys():
                if identifier in html:
                    found.seen_after_s[identifier] = time.monotonic() - stored[identifier]

        watch(200, lambda: is_complete(installation), look)

        # Alarms about damage may follow the last assessment; all have had their time once none came for a while.
        def is_quiet() -> bool:
            has_damage = any(".condition." in identifier for identifier in stored)
            return has_damage and time.monotonic() > max(stored.values()) + _QUIET_S

        watch(60, is_quiet, look)
        found.never_seen = alarms_stored(installation) - found.seen_after_s.keys()
        page.close()
        yield found
    finally:
        stop(process)


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Large]:
    """Serve ten thousand structures and five hundred open alarms; does not wait until they are served."""
    installation = Installation(tmp_path_factory.mktemp("large") / "data", API__WARM_CHARTS="true")
    fill_fleet(installation.folder, assets=FLEET, alarms=ALARMS)
    with installation.running("api") as process:
        yield Large(installation, process.pid)


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Serve pages where nothing was ever registered, and nothing runs but them."""
    installation = Installation(tmp_path_factory.mktemp("empty") / "data")
    fill_fleet(installation.folder, assets=0, alarms=0)
    with installation.running("api"):
        yield installation


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Serve a few structures to those who are logged in, by the provider of one of two organisations."""
    folder = tmp_path_factory.mktemp("guarded")
    settings = {"ACCESS__REQUIRED": "true", "ACCESS__SECURE_COOKIES": "false"}
    with running_provider() as provider:
        settings["ACCESS__ORGANISATIONS_FILE"] = str(write_organisations(folder, provider.issuer))
        installation = Installation(folder / "data", **settings)
        installation.environ(API__PUBLIC_URL=installation.address)
        fill_fleet(installation.folder, assets=8, alarms=2)
        secrets = {role: start_session(installation.folder, role) for role in ("viewer", "planner")}
        with installation.running("api"):
            installation.until("an answer", lambda: installation.get("/livez") is not None, seconds=90)
            yield Guarded(installation.address, secrets, provider)


class Watched:
    """Opens pages and collects what must not happen: console errors, and requests to other hosts."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []
        # An answer that is an error, and a page all the same, is one that a browser reports on its console.
        self.expected_statuses = {422}

    def open(
        self, address: str, path: str = "/", *, cookies: list[dict[str, Any]] | None = None, **options: Any
    ) -> Page:
        """Open a page of a service in a context of its own."""
        options.setdefault("viewport", {"width": 1280, "height": 900})
        context = self._browser.new_context(base_url=address, **options)
        self._contexts.append(context)
        if cookies:
            context.add_cookies(cookies)  # type: ignore[arg-type]  # plain dicts are its cookies
        page = context.new_page()
        page.on("console", lambda said: self._complain(self._is_error(said), said.text))
        page.on("pageerror", lambda error: self._complain(True, str(error)))
        page.on("request", lambda request: self._complain(not request.url.startswith(address), request.url))
        page.goto(path)
        return page

    def _is_error(self, said: ConsoleMessage) -> bool:
        expected = any(f"responded with a status of {status}" in said.text for status in self.expected_statuses)
        return said.type == "error" and not expected

    def _complain(self, is_wrong: bool, what: str) -> None:  # noqa: FBT001 -- one callback for three kinds
        if is_wrong:
            self.complaints.append(what)

    def close(self) -> None:
        """Close all contexts."""
        while self._contexts:
            self._contexts.pop().close()


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    """Give a way to open pages that fails the test when a browser complains."""
    opener = Watched(browser)
    yield opener
    opener.close()
    assert opener.complaints == []


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of screenshots; its place is printed for whoever wants to look."""
    return tmp_path_factory.mktemp("screenshots")
