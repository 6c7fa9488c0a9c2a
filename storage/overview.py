"""Questions about all assets at once, for pages: counts, search, trend, places; implements `Overview`.

Each answers in one or two statements, whatever the number of assets. What is only searched here and now
(names, types, data quality) is read from the JSON that the rows carry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Engine, Row, Select, Text, and_, case, cast, func, or_, select

from domain.identifiers import AssetId
from domain.measurements import DataQuality, SensorStatus
from domain.records import (
    HORIZONS_DAYS,
    STANDING_STATES,
    AlarmState,
    FailureProbability,
    RiskAssessment,
    RiskState,
    is_about_condition,
)
from domain.register import Asset, AssetType
from storage.advisory import sensor_status
from storage.database import translated
from storage.overview_rows import (
    SILENT_INTERVALS,
    SILENT_LEAST_S,
    FleetTally,
    GatewayRow,
    ListFilter,
    PlaceRow,
    StatedChance,
)
from storage.ownership import Organisations, own_asset, own_gateway, own_row
from storage.protocols import RankKey
from storage.ranking import ranked_row, ranking
from storage.tables import (
    alarm_table,
    assessment_table,
    asset_table,
    channel_table,
    gateway_table,
    quarantine_table,
    risk_table,
)

__all__ = ["SqlOverview"]

_STATES: Final = tuple(RiskState)
_UNDECIDED: Final = tuple(state.value for state in STANDING_STATES)
_NS_PER_S: Final = 1_000_000_000
_NS_PER_DAY: Final = 86_400 * 10**9
_NS_PER_YEAR: Final = 365.25 * 86_400e9
_BEFORE_ALL_NS: Final = -(2**63)
# What means something in a pattern of LIKE.
_ESCAPED: Final = str.maketrans({sign: f"/{sign}" for sign in "/%_"})
_NINETY: Final = HORIZONS_DAYS.index(90)


class _AssetPart(msgspec.Struct):
    """What a map and a matrix need of an asset's detail; the rest of the text is passed over."""

    name: str
    type: AssetType
    lat: float | None = None
    lon: float | None = None
    emergency_repair_cost_eur: float | None = None
    condition_inspected: int | None = None


class _RiskPart(msgspec.Struct):
    """The same of an assessment."""

    state: RiskState
    data_quality: DataQuality
    indicative_condition: int | None = None
    probability_of_failure: tuple[FailureProbability, ...] = ()


# Whole fleets are read at once: reading the few fields from the text takes a quarter of decoding it all.
_asset_decoder: Final = msgspec.json.Decoder(_AssetPart)
_risk_decoder: Final = msgspec.json.Decoder(_RiskPart)


class SqlOverview:
    """Counts and lists over the whole fleet, read from SQL.

    Parameters
    ----------
    engine : Engine
        Of the database that `OperationalProjection` writes.
    organisations : sequence of str or None
        Only assets that carry one of these names in the register; None: all.
    """

    def __init__(self, engine: Engine, organisations: Organisations = None) -> None:
        self._engine = engine
        self._organisations = organisations

    def of(self, organisations: Sequence[str]) -> SqlOverview:
        """Give the same questions as one organisation may ask them."""
        return SqlOverview(self._engine, tuple(organisations))

    def ranked(
        self, wanted: ListFilter, *, after: RankKey | None = None, limit: int = 100
    ) -> Sequence[tuple[RankKey, Asset, RiskAssessment]]:
        """List newest assessments in the order of the ranking, those that pass a filter."""
        table = risk_table.c
        query = ranking(self._organisations, after=after, limit=limit).where(*_about(wanted))
        if wanted.states:
            query = query.where(table.state_rank.in_([_STATES.index(state) for state in wanted.states]))
        if wanted.qualities:
            query = query.where(
                table.detail["data_quality"].as_string().in_([quality.value for quality in wanted.qualities])
            )
        if wanted.advices:
            query = query.where(table.detail["advice"].as_string().in_(wanted.advices))
        return [ranked_row(row) for row in self._all(query)]

    def unassessed(self, wanted: ListFilter, *, limit: int = 100) -> Sequence[Asset]:
        """List assets of the register that were never assessed, by identifier."""
        query = self._never_assessed(select(asset_table.c.detail), wanted).order_by(asset_table.c.id).limit(limit)
        return [msgspec.convert(row.detail, Asset) for row in self._all(query)]

    def unassessed_count(self, wanted: ListFilter) -> int:
        """Count what `unassessed` lists without a limit."""
        query = select(func.count().label("rows")).select_from(asset_table)
        return int(self._all(self._never_assessed(query, wanted))[0].rows)

    def earlier(self, assets: Sequence[AssetId], before_ns: int) -> Mapping[AssetId, RiskAssessment]:
        """Give each asset's last final assessment at or before a time, as revised; those without one are left out."""
        if not assets:
            return {}
        table = assessment_table.c
        last = (
            select(table.asset, func.max(table.assessed_at_ns).label("at_ns"))
            .where(
                table.asset.in_(assets),
                table.assessed_at_ns <= before_ns,
                own_asset(table.asset, self._organisations),
            )
            .group_by(table.asset)
            .subquery()
        )
        query = select(table.asset, table.detail).join(
            last, and_(last.c.asset == table.asset, last.c.at_ns == table.assessed_at_ns)
        )
        query = query.order_by(table.revision)
        return {AssetId(row.asset): msgspec.convert(row.detail, RiskAssessment) for row in self._all(query)}

    def daily(self, asset: AssetId, start_ns: int) -> Sequence[RiskAssessment]:
        """Give an asset's last final assessment of each day (UTC) from a time on, as revised, oldest first."""
        table = assessment_table.c
        wanted = (table.asset == asset, table.assessed_at_ns >= start_ns)
        day = table.assessed_at_ns - table.assessed_at_ns % _NS_PER_DAY
        last = select(func.max(table.assessed_at_ns).label("at_ns")).where(*wanted).group_by(day)
        query = (
            select(table.assessed_at_ns, table.detail)
            .where(table.asset == asset, table.assessed_at_ns.in_(last))
            .order_by(table.assessed_at_ns, table.revision)
        )
        details = {row.assessed_at_ns: row.detail for row in self._all(query)}
        return [msgspec.convert(detail, RiskAssessment) for detail in details.values()]

    def stated(self, every_ns: int) -> Sequence[StatedChance]:
        """Give the first final statement about each asset at every whole multiple of a span, by asset and time."""
        table = assessment_table.c
        chance = table.detail[("probability_of_failure", _NINETY, "value")].as_float()
        query = (
            select(
                table.asset,
                table.assessed_at_ns,
                chance.label("chance"),
                table.detail["model_version"].as_string().label("version"),
            )
            .where(table.assessed_at_ns % every_ns == 0, own_asset(table.asset, self._organisations))
            .order_by(table.asset, table.assessed_at_ns, table.revision.desc())
        )
        # The last one of a time to be put down is the first that was said.
        found = {(row.asset, row.assessed_at_ns): row for row in self._all(query) if row.chance is not None}
        return [StatedChance(AssetId(row.asset), row.assessed_at_ns, row.chance, row.version) for row in found.values()]

    def elsewhere(self, asset: AssetId, within_ns: int) -> Mapping[str, int]:
        """Give for each alarm of an asset how many other assets got one of its kind within some time of it."""
        own, other = alarm_table.c, alarm_table.alias("other")
        query = (
            select(own.id, func.count(other.c.asset.distinct()).label("assets"))
            .join(
                other,
                and_(
                    other.c.raised_at_ns >= own.raised_at_ns - within_ns,
                    other.c.raised_at_ns <= own.raised_at_ns + within_ns,
                    other.c.kind == own.kind,
                    other.c.asset != own.asset,
                ),
            )
            .where(
                own.asset == asset,
                own_asset(own.asset, self._organisations),
                own_asset(other.c.asset, self._organisations),
            )
            .group_by(own.id)
        )
        return {row.id: int(row.assets) for row in self._all(query)}

    def alarmed_since(self) -> Mapping[AssetId, int]:
        """Give each asset when the oldest alarm about its condition that stands was raised; others are left out."""
        table = alarm_table.c
        query = (
            select(table.asset, table.kind, func.min(table.raised_at_ns).label("raised_at_ns"))
            .where(table.state.in_(_UNDECIDED), own_asset(table.asset, self._organisations))
            .group_by(table.asset, table.kind)
        )
        found: dict[AssetId, int] = {}
        for row in self._all(query):
            if is_about_condition(row.kind):
                asset = AssetId(row.asset)
                found[asset] = min(row.raised_at_ns, found.get(asset, row.raised_at_ns))
        return found

    def advised_since(self, advice: str, assets: Sequence[AssetId]) -> Mapping[AssetId, int]:
        """Give since when assets have had an advice: its first final assessment behind the last day without it.

        Of each day (UTC) only its beginning is read, from the newest back to the first that says otherwise: 0.4 ms for
        an advice of ninety days, 3 ms for one that nobody followed for two years.
        """
        if not assets:
            return {}
        asset, other, first = asset_table.c.id, assessment_table.alias("other").c, assessment_table.alias("first").c
        without = (
            select(other.assessed_at_ns)
            .where(
                other.asset == asset,
                other.assessed_at_ns % _NS_PER_DAY == 0,
                other.detail["advice"].as_string() != advice,
            )
            .order_by(other.assessed_at_ns.desc())
            .limit(1)
            .correlate(asset_table)
            .scalar_subquery()
        )
        begun = (
            select(first.assessed_at_ns)
            .where(
                first.asset == asset,
                first.assessed_at_ns > func.coalesce(without, _BEFORE_ALL_NS),
                first.detail["advice"].as_string() == advice,
            )
            .order_by(first.assessed_at_ns)
            .limit(1)
            .correlate(asset_table)
            .scalar_subquery()
        )
        query = select(asset, begun.label("begun_ns")).where(asset.in_(assets), own_row(self._organisations))
        return {AssetId(row.id): int(row.begun_ns) for row in self._all(query) if row.begun_ns is not None}

    def tally(self) -> FleetTally:
        """Count what stands above the list."""
        quality = risk_table.c.detail["data_quality"].as_string()
        # PostgreSQL takes no expression with a parameter in GROUP BY for the same expression in SELECT.
        graded = (
            select(risk_table.c.state_rank, quality.label("quality"))
            .join(asset_table, asset_table.c.id == risk_table.c.asset)
            .where(own_row(self._organisations))
            .subquery()
        )
        states = self._all(
            select(graded.c.state_rank, graded.c.quality, func.count().label("rows")).group_by(
                graded.c.state_rank, graded.c.quality
            )
        )
        alarms = self._all(
            select(alarm_table.c.kind, alarm_table.c.state, func.count().label("rows"))
            .where(own_asset(alarm_table.c.asset, self._organisations))
            .group_by(alarm_table.c.kind, alarm_table.c.state)
        )
        assets = self._count(asset_table, own_row(self._organisations))
        condition = [row for row in alarms if is_about_condition(row.kind)]
        return FleetTally(
            assets=assets,
            states={
                state: sum(row.rows for row in states if row.state_rank == rank) for rank, state in enumerate(_STATES)
            },
            unassessed=assets - sum(row.rows for row in states),
            without_data=sum(row.rows for row in states if row.quality == DataQuality.NONE.value),
            open_condition_alarms=sum(row.rows for row in condition if row.state in _UNDECIDED),
            open_other_alarms=sum(row.rows for row in alarms if row.state in _UNDECIDED)
            - sum(row.rows for row in condition if row.state in _UNDECIDED),
            dismissed_alarms=sum(row.rows for row in condition if row.state == AlarmState.DISMISSED.value),
            expired_alarms=sum(row.rows for row in condition if row.state == AlarmState.CLEARED.value),
            asset_years=self._asset_years(),
            quarantined=self._count(quarantine_table, own_gateway(quarantine_table.c.gateway, self._organisations)),
        )

    def revision(self) -> int:
        """Give the newest revision of any assessment or alarm."""
        newest = 0
        for table in (risk_table, alarm_table):
            query = select(func.max(table.c.revision).label("newest"))
            (row,) = self._all(query.where(own_asset(table.c.asset, self._organisations)))
            newest = max(newest, int(row.newest or 0))
        return newest

    def places(self) -> Sequence[PlaceRow]:
        """List every asset with where it lies and how it stands, by identifier."""
        detail, risk = cast(asset_table.c.detail, Text), cast(risk_table.c.detail, Text)
        query = (
            select(asset_table.c.id, detail.label("detail"), risk.label("risk"))
            .outerjoin(risk_table, risk_table.c.asset == asset_table.c.id)
            .where(own_row(self._organisations))
            .order_by(asset_table.c.id)
        )
        return [_place(row) for row in self._all(query)]

    def grades(self, now_ns: int) -> Mapping[DataQuality, int]:
        """Count the channels of each grade; one that fell silent counts as without data, whatever it said last."""
        graded = select(_grade(now_ns).label("grade")).where(self._own_channels()).subquery()
        rows = self._all(select(graded.c.grade, func.count().label("rows")).group_by(graded.c.grade))
        return {DataQuality(row.grade): row.rows for row in rows}

    def troubled(self, now_ns: int, *, limit: int = 100) -> Sequence[SensorStatus]:
        """List channels without data and of low grade, the worst first, then by asset, sensor and channel."""
        table, grade = channel_table.c, _grade(now_ns)
        is_better = case((grade == DataQuality.NONE.value, 0), else_=1)
        query = (
            select(channel_table)
            .where(grade.in_((DataQuality.NONE.value, DataQuality.LOW.value)), self._own_channels())
            .order_by(is_better, table.asset, table.sensor, table.channel)
            .limit(limit)
        )
        return [sensor_status(row) for row in self._all(query)]

    def gateways(self, now_ns: int) -> Sequence[GatewayRow]:
        """List the gateways that the register names or that were heard, by identifier."""
        table, said = channel_table.c, gateway_table.c
        silent = func.sum(case((_grade(now_ns) == DataQuality.NONE.value, 1), else_=0))
        own = select(table.gateway, func.count().label("channels"), silent.label("silent")).where(self._own_channels())
        counted = {row.gateway: (int(row.channels), int(row.silent)) for row in self._all(own.group_by(table.gateway))}
        heard = select(said.id, said.state, said.since_ns).where(own_gateway(said.id, self._organisations))
        states = {row.id: (row.state, row.since_ns) for row in self._all(heard)}
        return [
            GatewayRow(name, *states.get(name, (None, None)), *counted.get(name, (0, 0)))
            for name in sorted({*counted, *states})
        ]

    def _never_assessed(self, query: Select[Any], wanted: ListFilter) -> Select[Any]:
        return query.outerjoin(risk_table, risk_table.c.asset == asset_table.c.id).where(
            risk_table.c.asset.is_(None), own_row(self._organisations), *_about(wanted)
        )

    def _own_channels(self) -> ColumnElement[bool]:
        return own_asset(channel_table.c.asset, self._organisations)

    def _asset_years(self) -> float:
        """Add up how long each asset has been watched: from its first to its last final assessment."""
        table = assessment_table.c
        spans = (
            select((func.max(table.assessed_at_ns) - func.min(table.assessed_at_ns)).label("span_ns"))
            .where(table.asset == asset_table.c.id)
            .correlate(asset_table)
            .scalar_subquery()
        )
        total = select(func.sum(spans).label("total_ns")).select_from(asset_table)
        (row,) = self._all(total.where(own_row(self._organisations)))
        return float(row.total_ns or 0) / _NS_PER_YEAR

    def _count(self, table: Any, condition: ColumnElement[bool]) -> int:
        return int(self._all(select(func.count().label("rows")).select_from(table).where(condition))[0].rows)

    def _all(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with translated(self._engine), self._engine.connect() as db:
            return db.execute(query).all()


def _grade(now_ns: int) -> ColumnElement[str]:
    """Give the grade of a channel as it is now: what has been silent for too long has none."""
    table = channel_table.c
    allowed_ns = case(
        (table.interval_s * SILENT_INTERVALS > SILENT_LEAST_S, table.interval_s * SILENT_INTERVALS * _NS_PER_S),
        else_=SILENT_LEAST_S * _NS_PER_S,
    )
    is_silent = or_(table.last_time_ns.is_(None), now_ns - table.last_time_ns > allowed_ns)
    return case((is_silent, DataQuality.NONE.value), else_=table.quality)


def _about(wanted: ListFilter) -> list[ColumnElement[bool]]:
    """Narrow a query over assets to some types and to a text in the name or the identifier."""
    detail, conditions = asset_table.c.detail, []
    if wanted.types:
        conditions.append(detail["type"].as_string().in_([kind.value for kind in wanted.types]))
    if wanted.text:
        # Both sides by the database's own rule, so that a name is found as it is spelt whatever that rule is.
        part = func.lower(f"%{wanted.text.translate(_ESCAPED)}%")
        conditions.append(
            or_(
                func.lower(detail["name"].as_string()).like(part, escape="/"),
                func.lower(asset_table.c.id).like(part, escape="/"),
            )
        )
    return conditions


def _place(row: Row[Any]) -> PlaceRow:
    asset = _asset_decoder.decode(row.detail)
    risk = None if row.risk is None else _risk_decoder.decode(row.risk)
    return PlaceRow(
        id=AssetId(row.id),
        name=asset.name,
        type=asset.type,
        lat=asset.lat,
        lon=asset.lon,
        emergency_repair_cost_eur=asset.emergency_repair_cost_eur,
        condition_inspected=asset.condition_inspected,
        state=None if risk is None else risk.state,
        data_quality=DataQuality.NONE if risk is None else risk.data_quality,
        indicative_condition=None if risk is None else risk.indicative_condition,
        chances=() if risk is None else risk.probability_of_failure,
    )
