"""Documents: their shape, their links, and that their examples are true."""

from __future__ import annotations

import csv
import io
import re
import typing
from pathlib import Path

import pytest

from domain.errors import PayloadCode, PayloadError
from domain.register import AssetType
from domain.units import is_known_unit
from ingest.channels import CHANNEL_DEFAULTS, channel_defaults
from ingest.formats.project import decode_readings, decode_status, decode_waveform
from ingest.register import ASSET_COLUMNS, read_register, read_works
from ingest.topics import TopicKind, parse_topic
from models.compiling import MOVING_STEMS, OTHER_WORDS, moves_reference, only_eases
from models.thresholds import THRESHOLDS, ThresholdKind, failure_mode
from service.settings import load_settings
from tests.unit.api.town import Town

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
ADRS = sorted((DOCS / "adr").glob("*.md"))
WIRE = (DOCS / "wire-format.md").read_text(encoding="utf-8")
GATEWAY = (DOCS / "how-to-point-a-gateway.md").read_text(encoding="utf-8")
REGISTER = (DOCS / "how-to-fill-the-register.md").read_text(encoding="utf-8")
_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def fences(text: str) -> list[tuple[str, str]]:
    return [(match[1], match[2]) for match in _FENCE.finditer(text)]


def refusals(kind: str, payload: bytes) -> list[PayloadError]:
    """Decode an example and give everything that was refused in it."""
    try:
        if kind == "reading":
            return decode_readings(payload, "acc1")[1]
        if kind == "waveform":
            decode_waveform(payload, "acc1")
        else:
            decode_status(payload)
    except PayloadError as error:
        return [error]
    return []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = re.findall(r"\]\((?!https?:|mailto:)([^)#]+)", text)
    assert [target for target in targets if not (page.parent / target).exists()] == []


def headings(page: Path) -> set[str]:
    """Give the anchors of a page as GitHub and GitLab make them."""
    found = re.findall(r"^#+ (.*)$", _FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_into_pages_lead_to_a_heading(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", text)
    pages = [(page.parent / name if name else page, anchor) for name, anchor in targets]
    assert [(linked.name, anchor) for linked, anchor in pages if anchor not in headings(linked)] == []


@pytest.mark.parametrize("adr", ADRS, ids=lambda adr: adr.name)
def test_an_adr_has_its_four_parts_on_one_page(adr: Path) -> None:
    text = adr.read_text(encoding="utf-8")
    number = re.fullmatch(r"(\d{4})-[a-z0-9-]+\.md", adr.name)
    assert number is not None
    assert text.startswith(f"# {number[1]} ")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Alternatives", "Consequences"]
    assert re.search(r"^(Accepted|Superseded by \[ADR)", text, re.MULTILINE)
    assert len(text.splitlines()) <= 90


def test_adrs_are_numbered_without_a_gap() -> None:
    assert [int(adr.name[:4]) for adr in ADRS] == list(range(1, len(ADRS) + 1))


def test_every_word_of_the_glossary_has_one_meaning() -> None:
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    words = [
        word.strip()
        for row in re.findall(r"^\| (?!word |--)([^|]+)\| \S", text, re.MULTILINE)
        for word in row.split(",")
    ]
    assert len(words) > 80
    assert sorted(words) == sorted(set(words))


@pytest.mark.parametrize(("info", "body"), [fence for fence in fences(WIRE) if len(fence[0].split()) == 2])
def test_good_examples_on_the_wire_page_decode(info: str, body: str) -> None:
    assert refusals(info.split()[1], body.encode()) == []


@pytest.mark.parametrize(("info", "body"), [fence for fence in fences(WIRE) if "refused" in fence[0]])
def test_bad_examples_on_the_wire_page_are_refused_with_their_code(info: str, body: str) -> None:
    _, _, kind, code = info.split()
    assert [error.code for error in refusals(kind, body.encode())] == [code]


def test_the_wire_page_has_examples_of_every_kind() -> None:
    kinds = {info.split()[1] for info, _ in fences(WIRE) if len(info.split()) > 1}
    assert kinds == {"reading", "waveform", "status", "refused"}


def test_the_wire_page_explains_every_code() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", WIRE.partition("| code |")[2], re.MULTILINE)
    assert sorted(rows) == sorted(typing.get_args(PayloadCode))


def test_the_wire_page_lists_every_topic_that_is_read() -> None:
    for kind in TopicKind:
        assert f"/{kind}`" in WIRE, kind


def test_units_on_the_wire_page_are_known() -> None:
    listed = re.search(r"\*\*Units\*\*(.*?)\n\n", WIRE, re.DOTALL)
    assert listed is not None
    units = re.findall(r"`([^`]+)`", listed[1])
    assert len(units) > 20
    assert [unit for unit in units if not is_known_unit(unit)] == []


def test_the_message_in_the_gateway_how_to_is_accepted() -> None:
    published = re.search(r"mosquitto_pub .* -t (\S+) -m '(.*)'$", GATEWAY, re.MULTILINE)
    assert published is not None
    topic = parse_topic(published[1])
    assert topic.sensor is not None
    readings, refused = decode_readings(published[2].encode(), topic.sensor)
    assert refused == []
    sensors = csv_rows("csv sensors.csv")
    registered = {(row["asset"], row["sensor"], row["channel"], row["axis"], row["gateway"]) for row in sensors}
    sent = {(topic.asset, topic.sensor, name, axis, topic.gateway) for name, axis, _unit in readings[0].keys}
    assert sent == registered


def test_the_register_in_the_gateway_how_to_fits_together() -> None:
    assets = csv_rows("csv assets.csv")
    assert {row["asset"] for row in csv_rows("csv sensors.csv")} == {row["id"] for row in assets}
    assert {row["type"] for row in assets} <= set(AssetType)


def test_the_settings_in_the_gateway_how_to_are_accepted(tmp_path: Path) -> None:
    (body,) = [body for info, body in fences(GATEWAY) if info == "toml"]
    config = tmp_path / "schouw.toml"
    config.write_text(body, encoding="utf-8")
    assert load_settings(config=config).mqtt.port == 8883


def table(header: str) -> list[list[str]]:
    """Give the cells below a header on the page about the register."""
    rows = REGISTER.partition(f"| {header} |")[2].partition("\n\n")[0].splitlines()[2:]
    assert rows, header
    return [[cell.strip() for cell in row.strip()[1:-1].split("|")] for row in rows]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_register_page_has_every_column_of_assets() -> None:
    assert {name for row in table("column of `assets.csv`") for name in names(row[0])} == ASSET_COLUMNS


def test_the_register_page_has_every_column_of_sensors_that_is_read() -> None:
    told = {name for row in table("column of `sensors.csv`") for name in names(row[0])}
    source = (ROOT / "ingest" / "sensors.py").read_text(encoding="utf-8")
    assert told == set(re.findall(r'row\.(?:text|identifier|choice|number)\("(\w+)"', source))


def test_the_register_page_has_the_defaults_of_every_channel() -> None:
    told = {}
    for names_cell, role, direction, unit in table("channel"):
        for name in names(names_cell):
            told[name] = (re.split(r"[;,]", role)[0], direction, unit)
    for name, (role, direction, unit) in told.items():
        known = channel_defaults(name)
        assert known is not None, name
        assert (role, direction) == (known.role, known.direction), name
        assert known.units[0] == unit if known.has_default_unit else "none by default" in unit, name
    # Every pattern of a channel is met by a name on the page, but raw samples, which a row above the table explains.
    assert {channel_defaults(name) for name in told} | {channel_defaults("waveform")} == {
        defaults for _, defaults in CHANNEL_DEFAULTS
    }


def test_the_register_page_has_every_failure_mode() -> None:
    told = {}
    for kind, first, others in table("type"):
        told[AssetType(names(kind)[0])] = (names(first)[0], others)
    assert set(told) == set(AssetType)
    quantities = {threshold.quantity for threshold in THRESHOLDS} - {"other"}
    for kind, (first, others) in told.items():
        said: dict[str, str] = {}
        for part in others.split(";"):
            if part.strip():
                mode, _, listed = part.partition(":")
                said |= dict.fromkeys(re.findall(r"[a-z_]+", listed.partition("and what")[0]), names(mode)[0])
        for quantity in sorted(quantities):
            assert said.get(quantity, first) == failure_mode(kind, quantity), (kind, quantity)


def test_the_register_page_has_every_failure_level() -> None:
    told = {name: row[1] for row in table("quantity") for name in names(row[0])}
    judged = [threshold for threshold in THRESHOLDS if threshold.quantity != "dominant_frequency"]
    assert {*told, "other"} == {threshold.quantity for threshold in judged}
    for threshold in judged:
        is_ratio = threshold.kind is ThresholdKind.RATIO
        level = f"× {threshold.level:g}" if is_ratio else f"{threshold.level:g} {threshold.unit}"
        assert told.get(threshold.quantity, "× 1.5") == level, threshold.quantity


def test_the_register_page_has_every_word_that_makes_works_move_a_level() -> None:
    rows = table("the kind has")
    assert sorted(name for row in rows for name in names(row[0])) == sorted(MOVING_STEMS)
    for row in rows:
        for kind in row[2].split(", "):
            assert moves_reference(kind) == (row is not rows[-1]), kind
            assert only_eases(kind) == (row is rows[-2]), kind
    (passed_over,) = [part for part in REGISTER.split("\n\n") if part.startswith("Passed over are ")]
    assert sorted(names(passed_over)) == sorted(OTHER_WORDS)


def test_the_works_on_the_register_page_are_accepted(tmp_path: Path) -> None:
    (body,) = [body for info, body in fences(REGISTER) if info == "csv works.csv"]
    files = []
    for name in ("assets.csv", "sensors.csv"):
        (text,) = [text for info, text in fences(GATEWAY) if info == f"csv {name}"]
        files.append(tmp_path / name)
        files[-1].write_text(text, encoding="utf-8")
    path = tmp_path / "works.csv"
    path.write_text(body, encoding="utf-8")
    assert len(read_works(path, read_register(files))) == 3


def csv_rows(info: str) -> list[dict[str, str]]:
    (body,) = [body for found, body in fences(GATEWAY) if found == info]
    return list(csv.DictReader(io.StringIO(body)))


def test_addresses_of_the_api_on_the_pages_are_served() -> None:
    paths = Town().client().get("/v1/openapi.json").json()["paths"]
    served = [re.compile(re.sub(r"{\w+}", "[^/]+", path)) for path in paths]
    named = {
        (page.name, address)
        for page in PAGES
        if page not in ADRS  # they tell of the day they were written
        for address in re.findall(r"(?<!infra)/v1(/(?!openapi\.json)[\w{}/-]*[\w}])", page.read_text(encoding="utf-8"))
    }
    assert len(named) > 20
    assert {item for item in named if not any(path.fullmatch(item[1]) for path in served)} == set()


def test_change_notes_have_a_known_kind() -> None:
    notes = [path.name for path in (ROOT / "changes").glob("*.md") if path.name != "README.md"]
    assert [
        name for name in notes if name.split(".")[-2] not in {"feature", "fix", "breaking", "security", "doc"}
    ] == []


def test_every_alarm_about_sensors_is_explained() -> None:
    sources = [
        path.read_text(encoding="utf-8") for room in ("models", "service") for path in (ROOT / room).rglob("*.py")
    ]
    raised = {kind for source in sources for kind in re.findall(r'"((?:sensor|data|gateway|clock)\.[a-z_]+)"', source)}
    told = set(
        re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", (DOCS / "alarms.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert len(raised) > 8
    assert told == raised
