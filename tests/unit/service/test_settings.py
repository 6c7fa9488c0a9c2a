"""Settings: one place, checked, documented."""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from domain.errors import ConfigurationError
from service.child_environment import child_environment
from service.settings import Settings, load_settings

DOCS = Path(__file__).resolve().parents[3] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def every_setting() -> Iterator[tuple[str, str, FieldInfo]]:
    """Give name, name in the environment and description of each setting."""
    for name, field in Settings.model_fields.items():
        section: Any = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            for key, inner in section.model_fields.items():
                yield f"{name}.{key}", f"SCHOUW_{name}__{key}".upper(), inner
        else:
            yield name, f"SCHOUW_{name}".upper(), field


def shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def test_every_setting_is_documented_and_nothing_else() -> None:
    rows = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    expected = [
        f"| `{name}` | `{variable}` | {shown(field.default)} | {field.description} |"
        for name, variable, field in every_setting()
    ]
    assert sorted(rows) == sorted(expected)


def test_an_option_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "schouw.toml").write_text("[mqtt]\nport = 1001\nhost = 'file'\n[api]\nport = 1002\n")
    monkeypatch.setenv("SCHOUW_MQTT__PORT", "1003")
    settings = load_settings({"api": {"port": 1004}})
    assert (settings.mqtt.host, settings.mqtt.port, settings.api.port) == ("file", 1003, 1004)


@pytest.mark.parametrize(
    ("text", "named"),
    [("colour = 1\n", "colour"), ("[mqtt]\nprot = 1\n", "mqtt.prot"), ("[mqtt]\nport = 0\n", "mqtt.port: got 0")],
)
def test_a_wrong_file_names_the_key(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "schouw.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"schouw\.toml") as caught:
        load_settings()
    assert named in str(caught.value)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"mqtt": {"port": 0}, "ingest": {"clock": "sundial"}})
    assert "mqtt.port" in str(caught.value)
    assert "ingest.clock" in str(caught.value)


def test_a_variable_that_is_no_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOUW_MQTT_PORT", "1883")
    with pytest.raises(ConfigurationError, match="SCHOUW_MQTT_PORT"):
        load_settings()


@pytest.mark.parametrize("name", ["SCHOUW_TEST_STRICT", "SCHOUW_TEST_LONG"])
def test_a_switch_of_the_test_suite_is_no_wrong_setting(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make long` could not pass: everything that read settings refused its switch."""
    monkeypatch.setenv(name, "1")
    assert load_settings().mqtt.port == 1883


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ({"colour": "blue"}, "colour: no such setting"),
        ({"api": {"prot": 1}}, "api.prot: no such setting"),
        ({"api": {"port": 70_000}}, "api.port: got 70000, expected: "),
        ({"ingest": {"batch_messages": 0}}, "ingest.batch_messages: got 0, expected: "),
        ({"ingest": {"idle_seconds": 1}}, "ingest.idle_seconds: got 1, expected: "),
        ({"mqtt": {"client_id": "x" * 24}}, "mqtt.client_id: got 'xxx"),
        ({"telemetry": {"log_level": "loud"}}, "telemetry.log_level: got 'loud', expected: "),
        (
            {"api": {"allowed_hosts": ["schouw", "*.example.org"]}},
            "api.allowed_hosts: got ['schouw', '*.example.org'], expected: whole names such as schouw.example.org",
        ),
    ],
)
def test_a_wrong_option_names_key_value_and_range(option: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(option)
    assert named in str(caught.value)


@pytest.mark.parametrize(("name", "value"), [("SCHOUW_MQTT__PORT", "0"), ("SCHOUW_API__PAGE_SIZE", "many")])
def test_a_wrong_variable_names_key_and_value(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert f"{name.removeprefix('SCHOUW_').replace('__', '.').lower()}: got '{value}'" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[mqtt\n", "correct it"),
        (b"mqtt = 1\n", "mqtt: got "),
        ("[mqtt]\n".encode("utf-16"), "got byte 0xff at 0, expected UTF-8 text; save it with the encoding UTF-8"),
    ],
)
def test_a_file_that_is_no_toml_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "schouw.toml").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"schouw\.toml") as caught:
        load_settings()
    assert told in str(caught.value)


def test_a_byte_order_mark_and_line_ends_of_windows_are_borne(tmp_path: Path) -> None:
    """Notepad's "UTF-8 with BOM" ended in "Invalid statement (at line 1, column 1)" about a line that looks right."""
    (tmp_path / "schouw.toml").write_bytes(b"\xef\xbb\xbf[mqtt]\r\nport = 1999\r\n")
    assert load_settings().mqtt.port == 1999
    assert load_settings(config=tmp_path / "schouw.toml").mqtt.port == 1999


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "schouw.toml").write_text("[mqtt]\nport = 1999\n")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ConfigurationError, match=r"schouw\.toml: cannot be read \(Permission denied\); change its"):
        load_settings()


def test_settings_that_were_read_go_to_another_process_as_they_are(tmp_path: Path) -> None:
    """`schouw evaluate --jobs 2` ended in a traceback: what was read was of a class that no other process knows."""
    file = tmp_path / "elsewhere.toml"
    file.write_text("[mqtt]\nport = 1999\n")
    read = load_settings({"mqtt": {"password": "secret"}}, config=file)
    assert pickle.loads(pickle.dumps(read)) == read  # noqa: S301 -- what was packed here
    assert read.mqtt.port == 1999
    assert load_settings().mqtt.port == 1883, "the other file was for one call"


def test_settings_do_not_change() -> None:
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.mqtt.port = 1
    assert settings.mqtt.port == 1883


def test_a_missing_file_is_told() -> None:
    with pytest.raises(ConfigurationError, match="a file that is there"):
        load_settings(config=Path("nowhere.toml"))


def test_secrets_are_not_shown() -> None:
    settings = load_settings({"mqtt": {"password": "geheim"}})
    assert "geheim" not in repr(settings)


def inherit(environment: Mapping[str, str | None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Put this over the environment as a child gets it."""
    for name, value in environment.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)


def test_children_read_no_file_beside_what_they_are_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial with a file of its own, started beside the file of production, wrote into the stores of production."""
    (tmp_path / "schouw.toml").write_text("[storage]\ndatabase_url = 'postgresql://production'\n")
    trial = tmp_path / "trial.toml"
    trial.write_text("[mqtt]\nport = 1999\n")
    given = load_settings(config=trial)
    inherit(child_environment(given), monkeypatch)
    assert load_settings().database_address.startswith("sqlite:")
    assert load_settings().mqtt == given.mqtt
    assert load_settings(config=Path("schouw.toml")).database_address == "postgresql://production", "if asked to"


def test_children_inherit_no_setting_that_has_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("schouw_influx__url", "")
    monkeypatch.setenv("SCHOUW_MQTT", '{"username": "gw"}')
    monkeypatch.setenv("SCHOUW_TEST_STRICT", "1")
    given = load_settings({"mqtt": {"username": None}})
    inherit(child_environment(given), monkeypatch)
    assert load_settings().mqtt.username is None
    assert not {"schouw_influx__url", "SCHOUW_MQTT"} & set(os.environ)
    assert os.environ["SCHOUW_TEST_STRICT"] == "1"


def test_a_setting_that_may_have_no_value_has_none_unless_it_is_given() -> None:
    """Children rely on it: what has no value is not in their environment."""
    optional = [name for name, _, field in every_setting() if type(None) in get_args(field.annotation)]
    assert "influx.url" in optional
    assert [name for name, _, field in every_setting() if name in optional and field.default is not None] == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[access]\nsecret = 'kort'\n", "access.secret: got '***', expected: "),
        ("[mqtt]\npassword = 12345\n", "mqtt.password: got '***', expected: "),
        ("[[mqtt]]\npassword = 'kort'\n", "mqtt: got a value of type list, expected: "),
        ("[influx]\nurl = 'ftp://gw:kort@influx'\n", "influx.url: got 'ftp://***@influx', expected: "),
        ("[storage]\ndatabase_url = ['kort']\n", "storage.database_url: got '***', expected: "),
    ],
)
def test_a_wrong_secret_is_not_shown(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "schouw.toml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert told in str(caught.value)
    assert not re.search("kort|12345", str(caught.value))


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        (
            "SCHOUW_API__ALLOWED_HOSTS",
            "a.nl",
            "SCHOUW_API__ALLOWED_HOSTS: got 'a.nl', expected a JSON list such as",
        ),
        (
            "schouw_api__allowed_hosts",
            "[a.nl]",
            "schouw_api__allowed_hosts: got '[a.nl]', expected a JSON list such as",
        ),
        ("SCHOUW_MQTT", "geheim", "SCHOUW_MQTT: got a value of type str, expected a JSON object such as"),
    ],
)
def test_a_variable_that_is_no_json_is_named(name: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was blamed on the settings file, also where there was none."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"environment: {told}")
    assert "schouw.toml" not in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_children_get_every_setting_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    given = load_settings(
        {
            "data_dir": "elsewhere",
            "demo": True,
            "mqtt": {"password": "geheim", "username": "gw"},
            "ingest": {"clock": "stream", "lateness_seconds": 60.0},
            "api": {"allowed_hosts": ["planner.example.org", "[::1]"]},
        }
    )
    inherit(child_environment(given), monkeypatch)
    received = load_settings()
    assert received.model_dump(exclude={"data_dir"}) == given.model_dump(exclude={"data_dir"})
    assert received.data_dir == given.data_dir.absolute()


def test_lateness_follows_the_clock() -> None:
    assert load_settings().lateness_ns == 900 * 10**9
    assert load_settings({"ingest": {"clock": "stream"}}).lateness_ns == 86_400 * 10**9


def test_an_empty_address_of_a_database_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a compose file hands it on where nobody set the variable."""
    monkeypatch.setenv("SCHOUW_STORAGE__DATABASE_URL", "")
    assert load_settings().database_address == "sqlite:///data/operational.sqlite"


# What an empty value says something about: there is none.
MAY_BE_EMPTY = {
    "api.map_tiles_url",
    "api.map_attribution",
    "influx.organisation",
    "influx.token",
    "influx.url",
    "mqtt.password",
    "mqtt.username",
    "storage.database_url",
    "webhooks.source",
}


@pytest.mark.parametrize(("name", "variable"), [(name, variable) for name, variable, _ in every_setting()])
def test_an_empty_variable_is_refused_unless_it_means_none(
    name: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty SCHOUW_DATA_DIR filled the working folder, an empty SCHOUW_API__HOST was an address."""
    monkeypatch.setenv(variable, "")
    if name in MAY_BE_EMPTY:
        section, key = name.split(".")
        value = getattr(getattr(load_settings(), section), key)
        assert not (value.get_secret_value() if isinstance(value, SecretStr) else value)
    else:
        with pytest.raises(ConfigurationError, match=f"{re.escape(name)}|{variable}"):
            load_settings()


@pytest.mark.parametrize("name", ["data_dir", "mqtt.host", "mqtt.ca_file", "owner.contact_url"])
def test_an_empty_value_is_told_with_what_to_do(name: str, tmp_path: Path) -> None:
    section, _, key = name.rpartition(".")
    (tmp_path / "schouw.toml").write_text(f"[{section}]\n{key} = ' '\n" if section else f"{key} = ' '\n")
    with pytest.raises(ConfigurationError, match=f"{name}: got ' ', expected: a value; leave it out for the default"):
        load_settings()


def test_an_empty_user_name_and_password_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOUW_MQTT__USERNAME", "")
    monkeypatch.setenv("SCHOUW_MQTT__PASSWORD", "")
    assert (load_settings().mqtt.username, load_settings().mqtt.password) == (None, None)


def test_kept_readings_must_outlive_the_back_fill_window() -> None:
    with pytest.raises(ConfigurationError, match="kept_readings_days is 14, expected at least 15"):
        load_settings({"ingest": {"backfill_days": 13.0}})
    settings = load_settings({"ingest": {"backfill_days": 13.0}, "retention": {"kept_readings_days": 15}})
    assert settings.ingest.backfill_days == 13.0
