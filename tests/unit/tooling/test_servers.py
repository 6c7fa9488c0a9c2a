"""What a missing server means: a skip with its remedy, or a failure in strict mode."""

from __future__ import annotations

import pytest
from _pytest.outcomes import Failed, Skipped

from tests import servers
from tests.servers import require_server


def test_a_server_that_is_there_is_given_by_its_path() -> None:
    assert require_server("sh").endswith("/sh")


def test_a_missing_server_skips_with_reason_and_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCHOUW_TEST_STRICT", raising=False)
    monkeypatch.setattr(servers, "find_server", lambda _program: None)
    with pytest.raises(Skipped, match=r"mosquitto is not installed; on Debian: sudo apt-get install .* mosquitto$"):
        require_server("mosquitto")


def test_a_missing_server_fails_in_strict_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOUW_TEST_STRICT", "1")
    monkeypatch.setattr(servers, "find_server", lambda _program: None)
    with pytest.raises(Failed, match=r"mosquitto is not installed.*SCHOUW_TEST_STRICT=1"):
        require_server("mosquitto")
