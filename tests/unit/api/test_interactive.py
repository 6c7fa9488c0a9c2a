"""Charts that a browser draws itself: the library as it is served, and what each chart is drawn from."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from api.charts.measured import measured_chart
from api.drawing import Drawing
from api.interactive import BUNDLE_PATH, Tip, interactive
from api.languages import Language
from domain.identifiers import AssetId, ChannelName, SensorId
from domain.measurements import SeriesPoint
from tests.unit.api.client import Client
from tests.unit.api.samples import HOUR_NS, NOW_NS, make_status
from tests.unit.api.town import Town

SPEC: dict[str, Any] = {
    "layer": [
        {
            "data": {"values": [{"a": 1.0, "b": 2.0}]},
            "mark": {"type": "point"},
            "encoding": {"x": {"field": "a", "type": "quantitative"}, "y": {"field": "b", "type": "quantitative"}},
        }
    ]
}


@pytest.fixture
def charted(town: Town) -> Client:
    """A town where one channel of one bridge has been heard for two days."""
    points = [SeriesPoint(NOW_NS + (hour - 48) * HOUR_NS, 3.0 + hour / 100, 6, 3.1, 0.05) for hour in range(48)]
    town.series.points[AssetId("brug-042"), SensorId("t1"), ChannelName("tilt.x")] = points
    town.store.statuses = [make_status("brug-042", "t1", "tilt.x", last_time_ns=points[-1].start_ns)]
    return town.client()


@pytest.mark.slow
def test_the_library_is_served_packed_or_plain_and_kept_by_browsers(client: Client) -> None:
    packed = client.get(BUNDLE_PATH, accept_encoding="gzip")
    plain = client.get(BUNDLE_PATH, accept_encoding="identity")
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content  # the client of this test unpacks what says that it is packed
    assert b"window.vegaEmbed" in plain.content
    assert len(gzip.compress(plain.content)) < 320_000
    assert packed.headers["etag"] != plain.headers["etag"]
    assert not packed.headers["etag"].startswith("W/")
    assert "immutable" in packed.headers["cache-control"]
    for held in (packed.headers["etag"], plain.headers["etag"]):
        assert client.get(BUNDLE_PATH, if_none_match=held).status == 304


def test_a_chart_is_drawn_from_rows_words_and_the_locale(charted: Client) -> None:
    answer = charted.get("/assets/brug-042/charts/measured?lang=nl")
    assert answer.status == 200
    given = answer.json()
    assert len(given["spec"]["data"]["values"]) == 48
    assert len(given["tips"]) == 48
    assert given["tips"][-1]["text"].startswith("21 sep 2026 15:13: 3,47")
    assert given["formatLocale"]["decimal"] == ","
    assert given["spec"]["encoding"]["x"]["scale"]["domainRaw"] == {"expr": "shown"}
    assert all(layer["mark"]["clip"] for layer in given["spec"]["layer"])


def test_a_page_names_each_chart_and_the_report_offers_none(charted: Client) -> None:
    page = charted.get("/assets/brug-042?lang=en&days=7").text
    assert 'data-chart="measured"' in page
    assert BUNDLE_PATH in page
    assert 'data-address="/assets/brug-042/charts/_?lang=en&amp;days=7"' in page
    assert f'src="{BUNDLE_PATH}"' not in page  # on request alone
    assert BUNDLE_PATH not in charted.get("/assets/brug-042/report").text


def test_a_chart_that_is_not_there_is_not_found(charted: Client) -> None:
    assert charted.get("/assets/brug-042/charts/pie").status == 404
    assert charted.get("/assets/no-such/charts/measured").status == 404


def test_the_cursor_stands_at_a_moment_or_at_a_point() -> None:
    moment = interactive(SPEC, [Tip(1.0, "one")], Language.ENGLISH)["spec"]["layer"][-1]
    assert (moment["mark"]["type"], "y" in moment["encoding"]) == ("rule", False)
    point = interactive(SPEC, [Tip(1.0, "one", 2.0)], Language.ENGLISH)["spec"]["layer"][-1]
    assert (point["mark"]["type"], point["encoding"]["y"]["field"]) == ("point", "y")


def test_the_still_drawing_is_not_changed_by_the_interactive_one() -> None:
    points = [SeriesPoint(NOW_NS + hour * HOUR_NS, 3.0, 6, 3.1, 0.05) for hour in range(5)]
    chart = measured_chart(Drawing(), points, "tilt.x", "t1", "mrad", Language.ENGLISH)
    before = repr(chart.spec)
    interactive(chart.spec, chart.tips(), Language.ENGLISH)
    assert repr(chart.spec) == before
