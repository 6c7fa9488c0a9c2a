"""Natural frequencies and spectra over HTTP."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api.examples import MODE, SPECTRUM
from tests.unit.api.client import Client
from tests.unit.api.samples import DAY_NS, NOW_NS
from tests.unit.api.test_routes import pages
from tests.unit.api.town import Town

LAST_NS = NOW_NS // DAY_NS * DAY_NS


@pytest.fixture
def town_of_modes(town: Town) -> Town:
    """Five days of two modes."""
    for day in range(5):
        end_ns = LAST_NS - (4 - day) * DAY_NS
        for number in (1, 2):
            point = replace(MODE, mode=f"100-{number}", start_ns=end_ns - DAY_NS, end_ns=end_ns, periods=day + 1)
            town.modes.rows.append(replace(point, frequency_hz=3.0 * number - 0.01 * day))
    town.modes.averages.append(SPECTRUM)
    return town


def test_the_newest_of_every_mode_is_listed_in_full(town_of_modes: Town) -> None:
    body = town_of_modes.client().get("/v1/assets/brug-042/modes").json()
    assert body["next"] is None
    assert [item["mode"] for item in body["items"]] == ["100-1", "100-2"]
    assert body["items"][1] == {
        "mode": "100-2",
        "start": "2026-09-20T00:00:00Z",
        "end": "2026-09-21T00:00:00Z",
        "blocks": 24,
        "temperatureDegc": 4.2,
        "frequencyHz": 5.96,
        "frequencyUncertaintyHz": 0.005,
        "compensatedHz": 3.166,
        "compensatedUncertaintyHz": 0.005,
        "referenceHz": 3.202,
        "referenceUncertaintyHz": 0.002,
        "dampingRatio": 0.014,
        "dampingUncertainty": 0.002,
        "share": 0.58,
        "firstSeen": "2025-08-03T00:00:00Z",
        "periods": 5,
        "dataAgeSeconds": body["items"][1]["dataAgeSeconds"],
    }
    assert 0 < body["items"][1]["dataAgeSeconds"] < 2 * 86_400


def test_one_mode_over_time_is_paged_and_cut(town_of_modes: Town) -> None:
    client = town_of_modes.client()
    path = "/v1/assets/brug-042/modes?mode=100-1"
    whole = client.get(path).json()["items"]
    assert [item["frequencyHz"] for item in whole] == pytest.approx([3.0, 2.99, 2.98, 2.97, 2.96])
    assert [item for part in pages(client, path) for item in part] == whole
    cut = client.get(f"{path}&start=2026-09-19T00:00:00Z&end=2026-09-21T02:00:00%2B02:00").json()["items"]
    assert [item["end"] for item in cut] == ["2026-09-19T00:00:00Z", "2026-09-20T00:00:00Z"]
    assert [len(part) for part in pages(client, "/v1/assets/brug-042/modes")] == [2]


def test_an_asset_without_modes_has_none_and_an_unknown_one_is_not_there(client: Client) -> None:
    for what in ("modes", "spectrum"):
        assert client.get(f"/v1/assets/brug-042/{what}").json()["items"] == []
        assert client.get(f"/v1/assets/nergens/{what}").status == 404
    assert client.get("/v1/assets/brug-042/modes?mode=100-9").json()["items"] == []


def test_a_stretch_of_time_needs_its_mode(client: Client) -> None:
    answer = client.get("/v1/assets/brug-042/modes?start=2026-09-19T00:00:00Z")
    assert answer.status == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["mode"]


def test_a_spectrum_stands_beside_its_reference(town_of_modes: Town) -> None:
    answer = town_of_modes.client().get("/v1/assets/brug-042/spectrum")
    (item,) = answer.json()["items"]
    assert item["densityPerHz"] == list(SPECTRUM.density)
    assert item["referencePerHz"] == list(SPECTRUM.reference)
    assert (item["binHz"], item["referencePeriods"], item["tonesHz"]) == (0.05, 30, [16.66])
    assert answer.headers["etag"]
