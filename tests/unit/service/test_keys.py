"""`schouw keys`, and the access that settings ask for."""

from __future__ import annotations

import errno
import stat
import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Thread

import pytest
from typer.testing import CliRunner

from domain.access import Right, Role
from domain.errors import ConfigurationError, StorageUnavailable
from service.access import _kept, make_access, open_ledger, shared_service
from service.cli import app
from service.settings import Settings


def run(folder: Path, *words: str) -> str:
    answer = CliRunner().invoke(app, ["keys", *words, "--data-dir", str(folder)], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def test_a_key_is_made_shown_once_listed_and_revoked(tmp_path: Path) -> None:
    secret = run(tmp_path, "create", "--name", "BI", "--role", "planner", "--right", "risks:read").strip()
    ledger = open_ledger(Settings(data_dir=tmp_path))
    found = ledger.find_key(secret, now_ns=time.time_ns())
    assert found is not None
    assert (found.role, found.rights) == (Role.PLANNER, frozenset({Right.READ_RISKS}))
    listed = run(tmp_path, "list")
    assert secret not in listed
    assert "\tvalid\t-\tplanner\trisks:read\t" in listed
    run(tmp_path, "revoke", found.id)
    assert "\trevoked\t" in run(tmp_path, "list")
    assert ledger.find_key(secret, now_ns=time.time_ns()) is None


@pytest.mark.slow
def test_no_command_warns_of_a_library(tmp_path: Path) -> None:
    """`keys list` loads all of access, whose library for logins warned at each start while httpx was beside it."""
    run(tmp_path, "create", "--name", "BI")
    words = [sys.executable, "-W", "error", "-m", "service.cli", "keys", "list", "--data-dir", str(tmp_path)]
    ran = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_looking_for_keys_makes_nothing(tmp_path: Path) -> None:
    """In an empty folder it made a database, which looked like an installation."""
    folder = tmp_path / "empty"
    answer = CliRunner().invoke(app, ["keys", "list", "--data-dir", str(folder)])
    assert (answer.exit_code, answer.stdout) == (0, "")
    assert "No keys in" in answer.stderr
    with pytest.raises(ConfigurationError, match="got key 'k0'"):
        run(folder, "revoke", "k0")
    assert not folder.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["create", "--name", " "], "got --name '', expected 1 to 200 readable characters"),
        (["create", "--name", "a\tvalid\tb"], "which system it is for"),
        (["create", "--name", "x" * 201], "which system it is for"),
        (["create", "--name", "x", "--organisation", "nergens"], "got organisation 'nergens'"),
        (["create", "--name", "x", "--right", "audit:read"], "does not have audit:read"),
        (["revoke", "k0"], "got key 'k0'"),
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, words: list[str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        run(tmp_path, *words)


def test_an_organisation_that_is_alone_needs_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file of organisations it said "expected one of ''; give --organisation", which was given."""
    with pytest.raises(ConfigurationError, match="leave --organisation out, or name those that share it"):
        run(tmp_path, "create", "--name", "BI", "--organisation", "oost")
    (tmp_path / "organisations.toml").write_text(
        '[[organisation]]\nid = "oost"\nname = "Oost"\ncontact_name = "T"\ncontact_url = "https://x.test"\n'
        'contact_email = "a@x.test"\n'
    )
    monkeypatch.setenv("SCHOUW_ACCESS__ORGANISATIONS_FILE", str(tmp_path / "organisations.toml"))
    run(tmp_path, "create", "--name", "BI")
    assert "\tvalid\toost\t" in run(tmp_path, "list")
    with pytest.raises(ConfigurationError, match="expected one of 'oost'; give --organisation"):
        run(tmp_path, "create", "--name", "BI", "--organisation", "west")


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    ledger = open_ledger(settings)
    first, second = (make_access(settings, ledger, shared_service(settings)).secret for _ in range(2))
    assert first == second
    assert len(first) == 64
    assert stat.S_IMODE((tmp_path / "access.secret").stat().st_mode) == 0o600
    (tmp_path / "access.secret").write_bytes(b"cut")
    assert len(make_access(settings, ledger, shared_service(settings)).secret) == 64


def test_processes_that_begin_at_once_have_one_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second took the file that the first had just made for one that was cut short, and made another."""
    begun = Event()

    def slowly(size: int) -> str:
        begun.set()
        mine = f"{len(threads)}" * 2 * size
        time.sleep(0.2)
        return mine

    monkeypatch.setattr("service.access.secrets.token_hex", slowly)
    threads: list[Thread] = []
    found: list[bytes] = []
    for _ in range(2):
        threads.append(Thread(target=lambda: found.append(_kept(tmp_path / "access.secret"))))
        threads[-1].start()
        begun.wait()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    ("code", "error", "told"),
    [(errno.ENOSPC, StorageUnavailable, "free the disk"), (errno.EACCES, ConfigurationError, "SCHOUW_ACCESS__SECRET")],
)
def test_a_disk_that_is_full_at_the_first_start_is_no_wrong_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, error: type[Exception], told: str
) -> None:
    """The API ended as if a setting were wrong, upon which `schouw run` stopped all the others."""
    settings = Settings(data_dir=tmp_path)
    ledger = open_ledger(settings)

    def fail(*_: object, **__: object) -> None:
        raise OSError(code, "said by the system")

    monkeypatch.setattr("service.access._kept", fail)
    with pytest.raises(error, match=told):
        make_access(settings, ledger, shared_service(settings))


def test_who_made_and_revoked_a_key_stands_in_the_trail(tmp_path: Path) -> None:
    """Keys are the widest door there is, and were made without a trace."""
    run(tmp_path, "create", "--name", "BI")
    (key,) = (ledger := open_ledger(Settings(data_dir=tmp_path))).list_keys()
    run(tmp_path, "revoke", key.id)
    rows = [(row.caller_kind, row.method, row.path) for row in ledger.audit()]
    assert rows == [("operator", "RUN", f"keys/revoke/{key.id}"), ("operator", "RUN", f"keys/create/{key.id}")]
    assert all(row.caller_id for row in ledger.audit())
