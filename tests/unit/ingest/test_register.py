from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from domain.errors import RegisterError
from domain.register import LAST_END_NS, AssetType, Channel, Direction, Register, Role
from ingest.register import read_register, read_works

_ASSETS = """id,name,type,lat,lon,built_year,planned_repair_cost_eur,emergency_repair_cost_eur,closure_hours,\
closure_cost_eur_per_hour,crew_lead_days,condition_inspected,inspected_on,nen_id,beheerder
brug-042,Hogebrug,bridge,52.1,4.3,1931,40000,,12,350.5,14,3,2025-04-01,NL.IMGEO.0042 ,Gemeente
tunnel-1,"Tunnel, oost",TUNNEL,,,,,,,,,,,,
"""
_SENSORS = """asset,sensor,channel,unit,axis,gateway,position,interval_s,role,direction,failure_threshold
brug-042,acc1,vibration_rms,mm/s,z,gw-7,midden,600,,,4.5
brug-042,acc1,natural_frequency_1,,,gw-7,midden,3600,,,
brug-042,clim,temperature,°C,,gw-7,,600,,,
tunnel-1,clim,humidity,%RH,,gw-8,,600,condition,,
tunnel-1,hal,noise_level,dB,,gw-8,,600,condition,up,85
"""


def _write(folder: Path, **files: str | bytes) -> list[Path]:
    paths = []
    for name, text in files.items():
        path = folder / f"{name}.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        paths.append(path)
    return paths


def _channel(register: Register, sensor: str, name: str) -> Channel:
    return next(c for c in register.channels if (c.sensor, c.channel) == (sensor, name))


def _faults(paths: list[Path]) -> list[str]:
    with pytest.raises(RegisterError) as caught:
        read_register(paths)
    return str(caught.value).splitlines()


@pytest.fixture
def register(tmp_path: Path) -> Register:
    return read_register(_write(tmp_path, assets=_ASSETS, sensors=_SENSORS))


def test_assets_are_read_with_defaults_and_the_owner_s_own_columns_unchanged(register: Register) -> None:
    bridge, tunnel = register.assets
    assert (bridge.id, bridge.name, bridge.type, bridge.lat, bridge.lon) == (
        "brug-042",
        "Hogebrug",
        "bridge",
        52.1,
        4.3,
    )
    assert (bridge.built_year, bridge.condition_inspected, bridge.inspected_on) == (1931, 3, "2025-04-01")
    assert bridge.emergency_repair_cost_eur == 120_000.0
    assert (bridge.closure_hours, bridge.closure_cost_eur_per_hour, bridge.crew_lead_days) == (12.0, 350.5, 14.0)
    assert bridge.external_ids == {"nen_id": "NL.IMGEO.0042 ", "beheerder": "Gemeente"}
    assert (tunnel.name, tunnel.type, tunnel.lat, tunnel.external_ids) == ("Tunnel, oost", AssetType.TUNNEL, None, {})


def test_channels_get_role_direction_and_unit_by_their_name(register: Register) -> None:
    rms = _channel(register, "acc1", "vibration_rms.z")
    assert (rms.role, rms.direction, rms.unit, rms.interval_s) == (Role.CONDITION, Direction.UP, "mm/s", 600.0)
    assert (rms.position, rms.failure_threshold, rms.gateway, rms.derived) == ("midden", 4.5, "gw-7", False)
    frequency = _channel(register, "acc1", "natural_frequency_1")
    assert (frequency.unit, frequency.direction) == ("Hz", Direction.DOWN)
    temperature = _channel(register, "clim", "temperature")
    assert (temperature.unit, temperature.role) == ("Cel", Role.ENVIRONMENT)


def test_a_row_may_make_an_environment_a_condition_and_name_what_is_not_known(register: Register) -> None:
    humidity = _channel(register, "clim", "humidity")
    assert (humidity.role, humidity.direction) == (Role.CONDITION, Direction.UP)
    noise = _channel(register, "hal", "noise_level")
    assert (noise.role, noise.direction, noise.unit, noise.failure_threshold) == ("condition", "up", "dB", 85.0)


def test_the_order_of_files_and_rows_does_not_matter(tmp_path: Path, register: Register) -> None:
    head, *rows = _SENSORS.splitlines()
    paths = _write(tmp_path, sensors="\n".join([head, "", *reversed(rows)]), assets=_ASSETS)
    assert read_register(paths) == register


def test_excel_writes_semicolons_decimal_commas_a_mark_and_crlf(tmp_path: Path, register: Register) -> None:
    assets = _ASSETS.replace('"Tunnel, oost"', "#").replace("52.1,4.3", "52@1,4@3").replace("350.5", "350@5")
    excel = assets.replace(",", ";").replace("@", ",").replace("#", "Tunnel, oost").replace("\n", "\r\n")
    paths = _write(tmp_path, assets=b"\xef\xbb\xbf" + excel.encode(), sensors=_SENSORS.replace("4.5", '"4.5"'))
    assert read_register(paths) == register


@pytest.mark.parametrize("line", ["sep=;\r\n", '"sep=;"\n', "SEP=;;;;\n", "sep=; \n"])
def test_the_line_by_which_excel_knows_the_separator_is_taken_at_its_word(
    tmp_path: Path, register: Register, line: str
) -> None:
    """It was read as the names of the columns, so that every column was missing."""
    assets = _ASSETS.replace('"Tunnel, oost"', "#").replace(",", ";").replace("#", "Tunnel, oost")
    paths = _write(tmp_path, assets=f"\ufeff{line}{assets}".encode(), sensors="sep=,\n" + _SENSORS)
    assert read_register(paths) == register


def test_faults_below_the_separator_are_told_with_the_lines_of_the_file(tmp_path: Path) -> None:
    # The header has more commas than semicolons; the line above it is believed all the same.
    (fault,) = _faults(_write(tmp_path, assets="sep=;\nid;type;built_year;a,b,c,d\nb1;road;old;x\n"))
    assert fault.startswith(f"{tmp_path}/assets.csv, line 3, column built_year: got 'old', expected a whole number")
    with pytest.raises(RegisterError, match=r"assets\.csv, line 2: got 'name', expected also a column 'id'"):
        read_register(_write(tmp_path, assets="sep=,\nname\nx\n"))


@pytest.mark.parametrize(
    ("cell", "remedy"),
    [
        ("250.000", "expected 250000 where the point marks thousands, or 250,0 where it is the decimal point"),
        ("3.600", "expected 3600 where the point marks thousands, or 3,6 where it is the decimal point"),
        ("+12.345", "expected +12345 where the point marks thousands, or +12,345 where it is the decimal point"),
        ("1.250.000", "expected 1250000, without points between the thousands"),
        ("1.250,50", "expected 1250,50, without points between the thousands"),
    ],
)
def test_a_point_that_may_mark_thousands_is_refused(tmp_path: Path, cell: str, remedy: str) -> None:
    """Excel in Dutch writes 250000 as 250.000, which was taken for 250 euros."""
    assets = "id;type;planned_repair_cost_eur;emergency_repair_cost_eur;closure_hours;crew_lead_days;lat;lon\n"
    sensors = "asset;sensor;channel;unit;gateway;interval_s;failure_threshold\n"
    paths = _write(
        tmp_path,
        assets=f"{assets}b1;bridge;{cell};{cell};{cell};{cell};52.123;4.567\n",
        sensors=f"{sensors}b1;s1;vibration_rms;mm/s;gw;{cell};{cell}\n",
    )
    faults = _faults(paths)
    columns = ["planned_repair_cost_eur", "emergency_repair_cost_eur", "closure_hours", "crew_lead_days"]
    assert [fault.partition("column ")[2].partition(":")[0] for fault in faults] == [
        *columns,
        "interval_s",
        "failure_threshold",
    ]
    assert all(fault.endswith(f"got {cell!r}, {remedy}") for fault in faults)


def test_what_cannot_be_thousands_is_a_decimal_point(tmp_path: Path) -> None:
    head = "id;type;lat;lon;closure_hours;built_year;planned_repair_cost_eur\n"
    (asset,) = read_register(_write(tmp_path, assets=f"{head}b1;bridge;52.123;-4.567;0.125;1931;12.50\n")).assets
    assert (asset.lat, asset.lon, asset.closure_hours, asset.built_year) == (52.123, -4.567, 0.125, 1931)
    assert asset.planned_repair_cost_eur == 12.5
    plain = "id,type,planned_repair_cost_eur\nb1,bridge,250.000\n"
    (asset,) = read_register(_write(tmp_path, assets=plain)).assets
    assert asset.planned_repair_cost_eur == 250.0


def test_a_year_with_a_point_is_told_how_it_should_be(tmp_path: Path) -> None:
    (fault,) = _faults(_write(tmp_path, assets="id;type;built_year\nb1;bridge;1.931\n"))
    assert "column built_year: got '1.931', expected 1931 where the point marks thousands" in fault


@pytest.mark.parametrize(
    ("planned", "emergency", "known"),
    [
        ("40000", "", (40_000.0, 120_000.0)),
        ("40000", "0", (40_000.0, 120_000.0)),
        ("", "21000", (7_000.0, 21_000.0)),
        ("0", "21000", (7_000.0, 21_000.0)),
        ("40000", "50000", (40_000.0, 50_000.0)),
        ("", "", (None, None)),
        ("0", "", (0.0, None)),
    ],
)
def test_either_cost_follows_from_the_other(
    tmp_path: Path, planned: str, emergency: str, known: tuple[float | None, float | None]
) -> None:
    """With an emergency repair alone, the planned one was its type's: dearer, so that waiting cost nothing at all."""
    head = "id,type,planned_repair_cost_eur,emergency_repair_cost_eur\n"
    (asset,) = read_register(_write(tmp_path, assets=f"{head}b1,bridge,{planned},{emergency}\n")).assets
    assert (asset.planned_repair_cost_eur, asset.emergency_repair_cost_eur) == known


@pytest.mark.parametrize("unit", ["m/s2", "g"])
def test_a_waveform_becomes_the_channels_that_are_computed_from_it(tmp_path: Path, unit: str) -> None:
    sensors = (
        "asset,sensor,channel,unit,axis,gateway,interval_s,role,direction,failure_threshold\n"
        f"brug-042,raw,acceleration,{unit},z,gw-7,60,,,\n"
        "brug-042,raw,vibration_rms,mm/s2,z,gw-7,60,,both,900\n"
    )
    register = read_register(_write(tmp_path, assets=_ASSETS, sensors=sensors))
    derived = {channel.channel: channel for channel in register.channels}
    assert {name: channel.unit for name, channel in derived.items()} == {
        "vibration_rms.z": "mm/s2",
        "vibration_peak.z": unit,
        "crest_factor.z": "1",
        "kurtosis.z": "1",
        "dominant_frequency.z": "Hz",
    }
    assert all(channel.derived and channel.role is Role.CONDITION for channel in register.channels)
    rms = derived[next(name for name in derived if name.startswith("vibration_rms"))]
    assert (rms.failure_threshold, rms.direction) == (900.0, Direction.BOTH)


def test_a_reading_in_another_quantity_stands_beside_the_waveform(tmp_path: Path) -> None:
    sensors = (
        "asset,sensor,channel,unit,axis,gateway,interval_s\n"
        "brug-042,raw,waveform,m/s2,,gw-7,60\nbrug-042,raw,vibration_rms,mm/s,,gw-7,60\n"
    )
    register = read_register(_write(tmp_path, assets=_ASSETS, sensors=sensors))
    assert not _channel(register, "raw", "vibration_rms").derived
    assert _channel(register, "raw", "vibration_peak").derived
    assert len(register.channels) == 5


def test_every_fault_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    assets = (
        "id,name,type,lat,lon,built_year,planned_repair_cost_eur,condition_inspected,inspected_on\n"
        "brug 1,A,bridge,52,4,,,,\n"
        "b2,B,castle,,,,,,\n"
        "b3,C,road,95,4,,,,\n"
        "b4,D,road,52,,,,,\n"
        'b5,E,lock,,,19x1,"40.000,00",7,1 april\n'
        "b5,F,lock,,,,,,\n"
        "b6,G,,,,,-5,,\n"
        "b7,H,road,1,2,3,4,5,2025-01-01,too,many\n"
    )
    faults = _faults(_write(tmp_path, assets=assets))
    found = [fault.removeprefix(f"{tmp_path}/assets.csv, ") for fault in faults]
    assert [fault.partition(":")[0] for fault in found] == [
        "line 9",
        "line 2, column id",
        "line 3, column type",
        "line 4, column lat",
        "line 5, column lon",
        "line 6, column planned_repair_cost_eur",
        "line 6, column built_year",
        "line 6, column condition_inspected",
        "line 6, column inspected_on",
        "line 7, column id",
        "line 8, column type",
        "line 8, column planned_repair_cost_eur",
    ]
    assert "got 'brug 1', expected an identifier of the form" in found[1]
    assert "got 'castle', expected one of bridge, road, tunnel, lock, quay or other" in found[2]
    assert "stands in" in found[9]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("nope,s,temperature,Cel,,gw,60,,", "column asset: got 'nope', expected the id of an asset"),
        ("brug-042,a b,temperature,Cel,,gw,60,,", "column sensor"),
        ("brug-042,s,temp erature,Cel,,gw,60,,", "column channel"),
        ("brug-042,s,,Cel,,gw,60,,", "column channel"),
        ("brug-042,s,temperature,Cel,a.b,gw,60,,", "column axis"),
        ("brug-042,s,vibration_rms.x,mm/s,z,gw,60,,", "column axis"),
        ("brug-042,s,temperature,mm/s,,gw,60,,", "column unit: got 'mm/s', expected a unit that converts to Cel"),
        ("brug-042,s,temperature,furlong,,gw,60,,", "column unit"),
        ("brug-042,s,vibration_rms,,z,gw,60,,", "column unit"),
        ("brug-042,s,noise,,,gw,60,condition,", "column unit"),
        ("brug-042,s,noise,dB,,gw,60,,", "column role: got '', expected one of condition, environment or operation"),
        ("brug-042,s,temperature,Cel,,gw,60,cause,", "column role: got 'cause'"),
        ("brug-042,s,temperature,Cel,,gw,,,", "column interval_s"),
        ("brug-042,s,temperature,Cel,,gw,0,,", "column interval_s"),
        ("brug-042,s,temperature,Cel,,gw,inf,,", "column interval_s"),
        ("brug-042,s,temperature,Cel,,,60,,", "column gateway"),
        ("brug-042,s,waveform,m/s2,,gw,60,,3", "column failure_threshold: got '3', expected nothing here"),
    ],
)
def test_a_faulty_row_of_sensors_is_told(tmp_path: Path, row: str, fault: str) -> None:
    head = "asset,sensor,channel,unit,axis,gateway,interval_s,role,failure_threshold\n"
    faults = _faults(_write(tmp_path, assets=_ASSETS, sensors=head + row))
    assert len(faults) == 1
    assert f"sensors.csv, line 2, {fault}" in faults[0]


def test_a_channel_twice_and_a_waveform_under_two_names_are_told(tmp_path: Path) -> None:
    sensors = (
        "asset,sensor,channel,unit,axis,gateway,interval_s\n"
        "brug-042,s,humidity,%RH,,gw,60\nbrug-042,s,humidity,%,,gw,60\n"
        "brug-042,s,waveform,g,z,gw,60\nbrug-042,s,acceleration,g,z,gw,60\n"
    )
    faults = _faults(_write(tmp_path, assets=_ASSETS, sensors=sensors))
    assert ["line 3" in faults[0], "line 5" in faults[1]] == [True, True]


def test_many_faults_are_cut_off_with_their_number(tmp_path: Path) -> None:
    faults = _faults(_write(tmp_path, assets="id,type\n" + "a b,road\n" * 80))
    assert len(faults) == 51
    assert faults[-1] == "and 30 more; mend these first"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "got an empty file"),
        (b"\n\n", "got an empty file"),
        (b"id,type\n", "got no assets"),
        (b"name\nx\n", "expected also a column 'id'"),
        (b"id,id,type\na,b,road\n", "each name once"),
        (b"id,type\nbr\xfcg,road\n", "got byte 0xfc at 10, expected UTF-8"),
        (b'id,type,name\nb1,road,"open', "balanced double quotes"),
        (b"sep=;\n", "got an empty file"),
        (b"sep=|\nid|type\nb1|road\n", r"line 1: got 'sep=\|', expected 'sep=;' or 'sep=,'; save the table with"),
    ],
)
def test_a_file_that_is_no_table_is_told(tmp_path: Path, content: bytes, fault: str) -> None:
    with pytest.raises(RegisterError, match=fault):
        read_register(_write(tmp_path, assets=content))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RegisterError, match="cannot be read: No such file"):
        read_register([tmp_path / "assets.csv"])
    with pytest.raises(RegisterError, match="got no assets in no files"):
        read_register([])


def _geojson(tmp_path: Path, document: Any) -> list[Path]:
    path = tmp_path / "register.geojson"
    path.write_text(json.dumps(document))
    return [path]


def _feature(**properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [4.3, 52.1]},
        "properties": {"id": "brug-042", "name": "Hogebrug", "type": "bridge"} | properties,
    }


def test_geojson_gives_the_same_register_as_tables(tmp_path: Path, register: Register) -> None:
    sensors = [
        {"sensor": c.sensor, "channel": c.quantity, "unit": c.unit, "gateway": c.gateway, "interval_s": c.interval_s}
        | {"axis": c.channel.partition(".")[2], "position": c.position, "failure_threshold": c.failure_threshold}
        for c in register.channels
        if c.asset == "brug-042"
    ]
    document = {"type": "FeatureCollection", "features": [_feature(sensors=sensors, beheerder="X", nr=7, geom=None)]}
    read = read_register(_geojson(tmp_path, document))
    assert read.channels == tuple(channel for channel in register.channels if channel.asset == "brug-042")
    assert (read.assets[0].lat, read.assets[0].lon) == (52.1, 4.3)
    assert read.assets[0].external_ids == {"beheerder": "X", "nr": "7"}


def test_geojson_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (path,) = _geojson(tmp_path, {"type": "FeatureCollection", "features": [_feature()]})
    plain = read_register([path])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_register([path]) == plain


def test_a_line_has_its_middle_and_a_feature_s_id_may_stand_outside(tmp_path: Path) -> None:
    feature = _feature()
    del feature["properties"]["id"]
    feature |= {"id": "weg-1", "geometry": {"type": "LineString", "coordinates": [[4.0, 52.0, 1.0], [4.5, 52.5, 1.0]]}}
    (asset,) = read_register(_geojson(tmp_path, {"type": "FeatureCollection", "features": [feature]})).assets
    assert (asset.id, asset.lat, asset.lon) == ("weg-1", 52.25, 4.25)


@pytest.mark.parametrize(
    ("feature", "fault"),
    [
        (3, r"features\[0\]: got 3"),
        (_feature(sensors=3), r"features\[0\], sensors"),
        (_feature(sensors=[3]), r"features\[0\], sensors\[0\]"),
        (_feature(lat="x", lon=4), r"features\[0\], column lat"),
        (_feature(built_year=True), "column built_year"),
        (_feature(name={}), "column name"),
        (_feature() | {"geometry": {"coordinates": [100_000.0, 450_000.0]}}, "column lat: got 450000.0"),
        (_feature() | {"geometry": {"coordinates": "x"}}, "geometry"),
        (_feature() | {"geometry": 3}, "geometry"),
        (_feature() | {"geometry": {"coordinates": []}}, "geometry"),
    ],
)
def test_a_faulty_feature_is_told(tmp_path: Path, feature: Any, fault: str) -> None:
    with pytest.raises(RegisterError, match=fault):
        read_register(_geojson(tmp_path, {"type": "FeatureCollection", "features": [feature]}))


@pytest.mark.parametrize("text", ["", "{}", "[]", "x", '{"type":"Feature","features":[]}', "[" * 100_000])
def test_a_file_that_is_no_feature_collection_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "register.geojson"
    path.write_text(text)
    with pytest.raises(RegisterError, match="expected"):
        read_register([path])


def test_works_are_read(tmp_path: Path, register: Register) -> None:
    text = (
        "asset,kind,sensor,start,end\n"
        "tunnel-1,lubrication,,2026-11-23T10:00:00+01:00,2026-11-23T12:00\n"
        "brug-042,sensor swap,acc1,2026-11-23,2026-11-23\n"
    )
    swap, lubrication = read_works(_write(tmp_path, works=text)[0], register)
    day = 1_795_392_000_000_000_000
    hour = 3_600_000_000_000
    assert (swap.asset, swap.kind, swap.sensor) == ("brug-042", "sensor swap", "acc1")
    assert (swap.start_ns, swap.end_ns) == (day, day + 24 * hour)
    assert (lubrication.sensor, lubrication.start_ns, lubrication.end_ns) == (None, day + 9 * hour, day + 12 * hour)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("nope,x,,2026-11-23,2026-11-24", "column asset"),
        ("brug-042,x,nope,2026-11-23,2026-11-24", "column sensor"),
        ("brug-042,,,2026-11-23,2026-11-24", "column kind"),
        ("brug-042,x,,,2026-11-24", "column start"),
        ("brug-042,x,,23-11-2026,2026-11-24", "column start: got '23-11-2026', expected an ISO 8601 date"),
        ("brug-042,x,,2300-01-01,2300-01-02", "column start: got '2300-01-01', expected a time from 1678 to 2261"),
        ("brug-042,x,,1500-01-01,2026-11-24", "column start: got '1500-01-01', expected a time from 1678 to 2261"),
        (
            "brug-042,x,,2026-11-23T10:00Z,2026-11-23T10:00Z",
            "column end: got '2026-11-23T10:00Z', expected a time after",
        ),
    ],
)
def test_faulty_works_are_told(tmp_path: Path, register: Register, row: str, fault: str) -> None:
    with pytest.raises(RegisterError, match=f"works.csv, line 2, {fault}"):
        read_works(_write(tmp_path, works="asset,kind,sensor,start,end\n" + row)[0], register)


@pytest.mark.parametrize("end", ["2299-12-31", "2600-01-01T00:00:00Z", "9999-12-30", "9999-12-31", "9999-12-31T23:59Z"])
def test_works_until_a_time_far_ahead_have_no_end(tmp_path: Path, register: Register, end: str) -> None:
    text = f"asset,kind,sensor,start,end\nbrug-042,load limit,,2026-11-23,{end}\n"
    (works,) = read_works(_write(tmp_path, works=text)[0], register)
    assert works.end_ns == LAST_END_NS < 2**63


def test_amounts_beyond_all_reason_are_told(tmp_path: Path) -> None:
    faults = _faults(_write(tmp_path, assets="id,type,planned_repair_cost_eur,closure_hours\nb,road,1e308,1e9\n"))
    assert "planned_repair_cost_eur: got '1e308', expected a number from 0 to" in faults[0]
    assert "closure_hours: got '1e9', expected a number from 0 to" in faults[1]


def test_a_unit_too_long_for_a_database_is_told(tmp_path: Path) -> None:
    text = _SENSORS.replace("noise_level,dB", "noise_level,vehicles per hour and per open lane")
    assert "expected a unit of at most 32 characters" in _faults(_write(tmp_path, assets=_ASSETS, sensors=text))[0]


@pytest.mark.parametrize("name", ["\ud800", "NUL \0 here"])
def test_letters_that_nothing_can_store_are_told(tmp_path: Path, name: str) -> None:
    document = {"type": "FeatureCollection", "features": [_feature(name=name)]}
    with pytest.raises(
        RegisterError, match=r"expected text without the character NUL|text that is not JSON: .*surrogate"
    ):
        read_register(_geojson(tmp_path, document))
