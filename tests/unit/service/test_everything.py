"""What `schouw run` hands to its children: every setting, whatever stands in it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import ConfigurationError
from service import everything
from service.child_environment import child_environment
from service.everything import DemoPlan, for_embedded_broker
from service.settings import Settings, load_settings
from simulator.progress import open_checkpoint, resolve_start
from simulator.scenario_file import load_scenario
from storage.journal import Journal

FIRST_DAY_NS = 1_738_368_000_000_000_000
# What an environment can hold at all.
words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
tricky = st.sampled_from(["123", "true", "null", "none", "{}", "[1]", '"quoted"', "a,b", "{", "ünï"])


def through_the_environment(given_settings: Settings) -> Settings:
    environment = child_environment(given_settings)
    with pytest.MonkeyPatch.context() as patched:
        for name, value in environment.items():
            if value is None:
                patched.delenv(name)
            else:
                patched.setenv(name, value)
        return load_settings()


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    secret=words | tricky,
    # A blank one is refused (`test_settings`).
    organisation=(words | tricky).filter(lambda name: bool(name.strip())),
    hosts=st.lists((words | tricky).filter(lambda name: "*" not in name), max_size=3),
    idle=st.floats(60, 400 * 86400),
    future=st.floats(0, 86400),
)
def test_children_get_what_the_parent_has(
    secret: str, organisation: str, hosts: list[str], idle: float, future: float
) -> None:
    made = load_settings(
        {
            "mqtt": {"password": secret, "username": secret},
            "owner": {"organisation": organisation},
            "api": {"allowed_hosts": hosts},
            "ingest": {"idle_seconds": idle, "future_seconds": future},
        }
    )
    received = through_the_environment(made)
    assert received.model_dump(exclude={"data_dir"}) == made.model_dump(exclude={"data_dir"})


def test_every_value_is_one_that_a_process_can_be_given(tmp_path: Path) -> None:
    word = "geheim"
    made = load_settings({"data_dir": tmp_path, "mqtt": {"ca_file": "ca.pem", "password": word}})
    environment: Mapping[str, str | None] = child_environment(made)
    assert all(name.upper().startswith("SCHOUW_") for name in environment)
    assert environment["SCHOUW_MQTT__CA_FILE"] == str(Path("ca.pem").absolute())
    assert environment["SCHOUW_MQTT__PASSWORD"] == word
    assert "SCHOUW_MQTT__KEY_FILE" not in environment


def test_the_embedded_broker_is_listened_to_as_a_whole_unless_it_has_shards(tmp_path: Path) -> None:
    alone = for_embedded_broker(load_settings({"data_dir": tmp_path}))
    assert (alone.mqtt.whole_broker, alone.mqtt.shards) == (True, 0)
    shared = for_embedded_broker(load_settings({"data_dir": tmp_path, "ingest": {"workers": 2}}))
    assert (shared.mqtt.whole_broker, shared.mqtt.shards) == (False, 4)
    mixed = for_embedded_broker(load_settings({"data_dir": tmp_path, "mqtt": {"whole_broker": False}}))
    assert mixed.mqtt.whole_broker is False
    assert not load_settings({"data_dir": tmp_path}).mqtt.whole_broker


def begin(folder: Path, scenario: str) -> str:
    """Prepare a demo as a start does, with a simulator that has come up; give the truth that is written beside it."""
    made = load_settings({"data_dir": folder})
    everything._simulator(made, DemoPlan(scenario, 0.0, live=False, start_ns=FIRST_DAY_NS), {})
    open_checkpoint(resolve_start(load_scenario(scenario), FIRST_DAY_NS, None), folder / "simulator-progress.json")
    return (folder / "truth" / "truth.csv").read_text()


def test_another_scenario_does_not_come_into_a_folder_that_has_one(tmp_path: Path) -> None:
    """It replaced the truth before it was refused; and without the file of its progress all of it was quarantined."""
    truth = begin(tmp_path, "small")
    assert begin(tmp_path, "small") == truth, "the same goes on"
    told = "got scenario 'municipality' for data folder .*; give another folder with --data-dir"
    with pytest.raises(ConfigurationError, match=told):
        begin(tmp_path, "municipality")
    (tmp_path / "simulator-progress.json").unlink()
    with pytest.raises(ConfigurationError, match=told):
        begin(tmp_path, "municipality")
    assert (tmp_path / "truth" / "truth.csv").read_text() == truth
    assert begin(tmp_path, "small") == truth, "one whose progress is lost begins anew"


def test_the_demo_marks_its_journal_as_simulated(tmp_path: Path) -> None:
    begin(tmp_path, "small")
    with contextlib.closing(Journal(tmp_path / "journal.sqlite")) as journal:
        assert journal.holds_simulated()
        journal.mark_simulated()
        assert journal.holds_simulated()
