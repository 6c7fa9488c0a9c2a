"""What the service hands to the API: stores, questions it may ask, and settings.

The API owns no clock, no connection and no environment; all of them arrive here, so a test hands in
a fake store and a clock that is moved by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from api.algorithm.entry import OwnerFacts
from api.answer_cache import AnswerCache
from api.cloud_events import WebhookRooms
from api.drawing import Drawing
from api.gate import Access
from api.known_keys import KnownKeys
from api.onboarding import Onboarding
from api.readiness import PartState, Readiness
from domain.calibration import Calibration
from domain.explanations import Explanation
from domain.identifiers import AssetId
from domain.records import RiskAssessment
from domain.register import Works
from storage.overview_rows import Overview
from storage.protocols import AdvisoryStore, DecisionLog, ModalStore, SeriesStore

__all__ = ["Access", "ApiRooms", "ApiSettings", "PartState", "Readiness"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """How the API presents itself.

    Attributes
    ----------
    allowed_hosts : tuple of str
        Names that a `Host` header may carry, without port; `*` allows any. Anything else is refused,
        so that a web page elsewhere cannot point its own name at a loopback address (DNS rebinding).
    demo : bool
        True puts a banner on every page and a `Schouw-Demo` header on every answer.
    page_size_default, page_size_max : int
        Items on a page when the caller names no size, and at most.
    organisation : str
        Whose assets these are; stands on the page and in the OpenAPI document.
    contact_name, contact_url, contact_email : str
        Who answers questions about this API.
    public_url : str
        Scheme, host and port that callers use, without a path; empty: relative to the document.
    public_page : bool
        Whether anybody may see how it works, without a login.
    owner_facts : OwnerFacts
        What only the owner knows, for the Algorithm Register.
    organisation_facts : mapping of str to OwnerFacts
        The same of each organisation that said it; who runs a service does not speak for those who share it.
    body_bytes_max : int
        Largest request body. A decision is well under 10 kB; four of them leave room.
    false_alarms_per_year : float
        What the detector promises: false alarms about the condition of one structure in a year.
    theme_css : bytes
        The owner's own values for the tokens of `tokens.css`; empty: the neutral theme.
    logo, logo_type : bytes, str
        The owner's sign and its media type; empty: ours.
    map_tiles_url, map_attribution : str
        Background of the map as `https://.../{z}/{x}/{y}.png` and whom to thank for it; empty: none, and no request
        leaves for one.
    """

    allowed_hosts: tuple[str, ...]
    demo: bool
    organisation: str
    contact_name: str
    contact_url: str
    contact_email: str
    page_size_default: int = 100
    page_size_max: int = 500
    public_url: str = ""
    body_bytes_max: int = 65_536
    false_alarms_per_year: float = 0.03
    public_page: bool = True
    owner_facts: OwnerFacts = field(default_factory=OwnerFacts)
    organisation_facts: Mapping[str, OwnerFacts] = field(default_factory=dict)
    theme_css: bytes = b""
    logo: bytes = b""
    logo_type: str = ""
    map_tiles_url: str = ""
    map_attribution: str = ""


def _no_works(_asset: AssetId) -> Sequence[Works]:
    return ()


def _no_explanation(_assessment: RiskAssessment, _store: AdvisoryStore) -> Explanation | None:
    return None


def _no_calibration(_store: AdvisoryStore, _overview: Overview, _log: DecisionLog, now_ns: int) -> Calibration:
    return Calibration(now_ns, now_ns, 0, 0, 0, 0, (), None, None, ())


@dataclass(frozen=True, slots=True)
class ApiRooms:
    """Everything the routes may ask.

    Attributes
    ----------
    readiness : callable
        Asks every part; answers within a second or so.
    metrics : callable
        Telemetry in the Prometheus text format.
    now_ns : callable
        The clock that data age by, Unix nanoseconds: the wall's, or the stream's progress in a replay.
    wall_clock_ns : callable
        The clock that people decide by.
    works : callable
        Gives the announced works of an asset, as the register has them.
    explain : callable
        Computes an assessment again from its basis, beside what the given store knows; None where it has no basis.
    calibrate : callable
        Compares statements and recorded outcomes of the given stores, known until the given time.
    calibrations : dict
        What that gave last, by organisation, with what it was made at.
    """

    store: AdvisoryStore
    overview: Overview
    series: SeriesStore
    modes: ModalStore
    decisions: DecisionLog
    readiness: Callable[[], Readiness]
    metrics: Callable[[], bytes]
    now_ns: Callable[[], int]
    wall_clock_ns: Callable[[], int]
    settings: ApiSettings
    works: Callable[[AssetId], Sequence[Works]] = _no_works
    explain: Callable[[RiskAssessment, AdvisoryStore], Explanation | None] = _no_explanation
    calibrate: Callable[[AdvisoryStore, Overview, DecisionLog, int], Calibration] = _no_calibration
    onboarding: Onboarding | None = None
    drawing: Drawing = field(default_factory=Drawing)
    access: Access = field(default_factory=Access)
    webhooks: WebhookRooms | None = None
    known: KnownKeys = field(default_factory=KnownKeys)
    repeats: dict[tuple[str, bytes, bytes, str], object] = field(default_factory=dict)
    answers: AnswerCache = field(default_factory=AnswerCache)
    calibrations: dict[str | None, tuple[tuple[int, int], Calibration]] = field(default_factory=dict)
