"""Charts: what they are drawn from, their words, and that a drawing can stand in a page under a strict policy."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from api.charts.frequency import frequency_chart
from api.charts.life import life_chart
from api.charts.measured import measured_chart, thinned
from api.charts.timeline import EventRow, timeline_chart
from api.drawing import Drawing
from api.languages import Language
from domain.measurements import SeriesPoint
from domain.records import RemainingLife, RiskState
from tests.unit.api.client import Client
from tests.unit.api.samples import DAY_NS, HOUR_NS, NOW_NS, make_risk
from tests.unit.api.town import Town

NBSP = "\u00a0"


@pytest.fixture(scope="module")
def drawing() -> Drawing:
    return Drawing()


def hours(count: int, value: float = 3.0, *, start: int = 0) -> list[SeriesPoint]:
    return [SeriesPoint(NOW_NS + (start + hour) * HOUR_NS, value, 6, 3.1, 0.05) for hour in range(count)]


def lines(svg: str | None) -> int:
    """Count the lines and areas of the data, those without a label of the legend."""
    return len(re.findall(r'<path [^>]*d="M[^"]{40,}"[^>]*(?:stroke|fill)="var\(--chart-(?:1|2|band)\)"', svg or ""))


def test_many_hours_become_few_means_that_keep_what_is_outside() -> None:
    points = hours(1000, 3.1)
    points[501] = replace(points[501], value=9.0)
    means = thinned(points, 100)
    assert len(means) == 100
    assert means[0].value == pytest.approx(3.1)
    assert [place for place, mean in enumerate(means) if mean.outside] == [50]
    assert means[50].value == pytest.approx((9 * 3.1 + 9.0) / 10)


def test_a_mean_over_an_unknown_expectation_has_none() -> None:
    points = [*hours(3), replace(hours(1)[0], expected=None, band=None)]
    assert thinned(points, 1)[0].expected is None
    assert thinned(hours(4), 1)[0].band == pytest.approx(0.05)


def test_the_words_say_what_the_drawing_shows(drawing: Drawing) -> None:
    chart = measured_chart(drawing, hours(48), "natural_frequency_1", "acc1", "Hz", Language.ENGLISH)
    assert chart.title == "Natural frequency\N{NO-BREAK SPACE}1, acc1"
    assert "48 values over 2 days" in chart.sentence
    assert "is 3.000\N{NO-BREAK SPACE}Hz. 48 of 48 lie outside the band" in chart.sentence
    assert chart.rows[0][1:] == ("3.000\N{NO-BREAK SPACE}Hz", "3.100 ± 0.050\N{NO-BREAK SPACE}Hz")
    dutch = measured_chart(drawing, hours(48), "natural_frequency_1", "acc1", "Hz", Language.DUTCH)
    assert "48 van de 48 liggen buiten de band" in dutch.sentence
    assert ">3,10<" in (dutch.svg or "")


def test_one_value_is_no_plural(drawing: Drawing) -> None:
    """It said "1 values over 0 minutes", and "1 of 1 lie outside"."""
    said = measured_chart(drawing, hours(1), "natural_frequency_1", "acc1", "Hz", Language.ENGLISH).sentence
    assert said.startswith("One value, of ")
    assert said.endswith(": 3.000\N{NO-BREAK SPACE}Hz. 1 of 1 lies outside the band of what is normal.")
    dutch = measured_chart(drawing, hours(1), "natural_frequency_1", "acc1", "Hz", Language.DUTCH).sentence
    assert dutch.startswith("Eén waarde, van ")
    assert "1 van de 1 ligt buiten de band" in dutch


def test_a_label_of_thousands_keeps_its_noughts(drawing: Drawing) -> None:
    """Coordinates are cut to two decimals; `400.000` is Dutch for a large amount and once was cut too."""
    spec = {
        "data": {"values": [{"y": 0.123456}, {"y": 400_000}]},
        "mark": "point",
        "encoding": {"y": {"field": "y", "type": "quantitative", "axis": {"format": ",.0f"}}},
    }
    svg = drawing.svg(spec, Language.DUTCH) or ""
    assert ">400.000<" in svg
    assert not re.search(r'="[^"]*\d\.\d{3,}[^"]*"', svg)


def test_a_hole_in_the_measurements_breaks_the_line(drawing: Drawing) -> None:
    whole = measured_chart(drawing, hours(48), "tilt.x", "t1", "mrad", Language.ENGLISH)
    holed = measured_chart(drawing, [*hours(20), *hours(20, start=60)], "tilt.x", "t1", "mrad", Language.ENGLISH)
    assert (lines(whole.svg), lines(holed.svg)) == (3, 6)  # band, expected and measured, each in two pieces


def test_a_drawing_has_no_style_of_its_own_and_takes_colours_from_the_theme(drawing: Drawing) -> None:
    first = measured_chart(drawing, hours(48), "tilt.x", "t1", "mrad", Language.ENGLISH).svg or ""
    second = measured_chart(drawing, hours(47), "tilt.x", "t1", "mrad", Language.ENGLISH).svg or ""
    assert "style" not in first
    assert "<script" not in first
    assert "var(--chart-1)" in first
    assert not re.search(r'"#[0-9a-f]{6}"', first)
    identifiers = set(re.findall(r'id="([^"]+)"', first))
    assert not identifiers & set(re.findall(r'id="([^"]+)"', second))


def test_a_chart_that_cannot_be_drawn_is_none_and_asks_no_network(drawing: Drawing) -> None:
    assert drawing.svg({"mark": 3}, Language.ENGLISH) is None
    remote = {"data": {"url": "http://127.0.0.1:9/x.json"}, "mark": "point", "encoding": {}}
    assert "<path" not in (drawing.svg(remote, Language.ENGLISH) or "")


def test_the_same_chart_is_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    drawing, asked = Drawing(), []

    def draw(text: str, **_: object) -> str:
        asked.append(text)
        return '<svg viewBox="0 0 1 1"></svg>'

    monkeypatch.setattr("api.drawing.vl_convert.vegalite_to_svg", draw)
    spec = {"mark": "point", "encoding": {}}
    assert drawing.svg(spec, Language.DUTCH) == drawing.svg(spec, Language.DUTCH)
    assert len(asked) == 1
    drawing.svg(spec, Language.ENGLISH)
    assert len(asked) == 2


def test_the_fan_joins_health_with_the_forecast(drawing: Drawing) -> None:
    risk = make_risk("brug-042", RiskState.ACT, 1.0, health_index=0.5, remaining_life=RemainingLife(50, 100, 400))
    chart = life_chart(drawing, risk, [], Language.ENGLISH)
    assert chart is not None
    assert "Health is 0.50 now. The failure level is reached in about 3 months" in chart.sentence
    assert "within 2 to 13 months" in chart.sentence
    assert life_chart(drawing, replace(risk, remaining_life=None), [], Language.ENGLISH) is None
    assert life_chart(drawing, replace(risk, health_index=None), [], Language.ENGLISH) is None


def test_frequency_and_temperature_are_joined_by_hour(drawing: Drawing) -> None:
    warm = [SeriesPoint(point.start_ns, 10.0 + place % 5, 6, None, None) for place, point in enumerate(hours(60))]
    chart = frequency_chart(drawing, hours(60), warm, "natural_frequency_1", "acc1", Language.DUTCH)
    assert chart is not None
    assert chart.sentence.startswith("60 keer zowel een frequentie als een temperatuur")
    assert chart.rows[0] == ("10,0 tot 10,7 °C", "3,000", "3,000")
    assert frequency_chart(drawing, hours(5), hours(5, start=50), "natural_frequency_1", "a", Language.DUTCH) is None


def test_the_timeline_marks_what_happened(drawing: Drawing) -> None:
    history = [
        make_risk("brug-042", RiskState.WATCH, 1.0, assessed_at_ns=NOW_NS - days * DAY_NS) for days in range(40, 0, -1)
    ]
    events = [
        EventRow(NOW_NS - 9 * DAY_NS, None, "alarm", "Alarm", "Signs of settlement", "", ""),
        EventRow(NOW_NS - 5 * DAY_NS, NOW_NS, "works", "Works", "Resurfacing", "", ""),
    ]
    chart = timeline_chart(drawing, history, events, Language.ENGLISH)
    assert chart is not None
    assert "was 31% on 12 Aug 2026" in chart.sentence
    assert "var(--act-mark)" in (chart.svg or "")
    assert "var(--chart-3)" in (chart.svg or "")
    assert timeline_chart(drawing, [], events, Language.ENGLISH) is None


def test_scale_and_legend_stand_where_a_phone_shows_the_chart(drawing: Drawing) -> None:
    """A phone shows the newest end of what is wider than it; scale and legend were at the other end, out of sight."""
    measured = measured_chart(drawing, hours(48), "tilt", "acc1", "mrad", Language.ENGLISH)
    history = [
        make_risk("brug-042", RiskState.WATCH, 1.0, assessed_at_ns=NOW_NS - days * DAY_NS) for days in range(40, 0, -1)
    ]
    alarm = EventRow(NOW_NS - 9 * DAY_NS, None, "alarm", "Alarm", "Signs of settlement", "", "")
    timeline = timeline_chart(drawing, history, [alarm], Language.ENGLISH)
    assert timeline is not None
    for chart, tick in ((measured, "3.10"), (timeline, "100%")):
        svg = chart.svg or ""
        # Right of its axis a label begins at it, left of it a label ends there.
        assert re.search(rf'<text text-anchor="start" transform="translate\(7,[^>]*>{tick}<', svg)
        (width,) = re.findall(r'viewBox="0 0 ([\d.]+)', svg)
        (legend,) = re.findall(r'role-legend" aria-hidden="true"><g transform="translate\(([\d.]+)', svg)
        assert float(legend) > float(width) / 2


def test_a_chart_is_about_as_large_as_it_is_asked_for(drawing: Drawing) -> None:
    """It is laid out once, with room for labels and legend as they usually are; a page scales away what remains."""
    chart = measured_chart(drawing, hours(48), "tilt", "acc1", "mrad", Language.ENGLISH)
    (size,) = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', chart.svg or "")
    assert [float(side) for side in size] == [
        pytest.approx(chart.spec["width"], rel=0.02),
        pytest.approx(chart.spec["height"], rel=0.1),
    ]


def test_the_asset_page_draws_and_tells(client: Client) -> None:
    html = client.get("/assets/brug-042?lang=en").text
    assert html.count("<svg xmlns") == 3  # timeline, measured, remaining life
    for part in ("Expected and measured", "Tilt (x), tilt_1", "No sensor here measures a natural frequency"):
        assert part in html
    assert 'value="tilt_1/tilt.x" selected' in html
    other = client.get("/assets/brug-042?lang=en&channel=t1/temperature&days=7").text
    assert "Nothing was measured in this period" in other
    assert client.get("/assets/brug-042?days=8").status == 400


def test_an_asset_without_sensors_says_so_instead_of_drawing(client: Client) -> None:
    html = client.get("/assets/kade-3?lang=en").text
    assert "<svg xmlns" not in html
    for part in ("There is no history to draw yet", "No sensor of this structure has ever sent a reading"):
        assert part in html


@pytest.mark.slow
def test_announced_works_stand_on_the_timeline(town: Town) -> None:
    town.works = {"brug-042": ((NOW_NS - 3 * DAY_NS, NOW_NS - 2 * DAY_NS, "sensor swap", "tilt_1"),)}
    assert "Sensor swap (tilt_1)" in town.client().get("/assets/brug-042?lang=en").text


def test_a_first_assessment_is_a_point_on_an_axis_of_days(drawing: Drawing) -> None:
    """Its axis ran over minutes, with the tick ":40" and no line."""
    (only,) = [make_risk("brug-042", RiskState.ACT, 1.0)]
    chart = timeline_chart(drawing, [only], [], Language.ENGLISH)
    assert chart is not None
    labels = re.findall(r"<text[^>]*>([^<]+)</text>", chart.svg or "")
    assert labels
    assert not any(re.fullmatch(r":\d\d", label) for label in labels), labels
    assert chart.spec["layer"][1]["mark"]["point"]
