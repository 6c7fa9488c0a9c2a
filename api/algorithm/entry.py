"""An entry of the Dutch Algorithm Register, publication standard 1.0: fields, limits and what Schouw knows of itself.

What only the owner knows (since when it is in use, on which legal basis, who answers) comes from the owner; fields that
are missing are named instead of being made up. Texts are Dutch, at B1 level, as the register asks.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

__all__ = ["OwnerFacts", "RegisterEntry", "make_entry", "missing_facts"]

Text = Annotated[str, Field(min_length=1, max_length=2500)]
Month = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
Link = Annotated[str, Field(pattern=r"^https?://\S+$", max_length=2500)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TitledLink(_Strict):
    """A title with a link, as the standard groups them."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    link: Link | None = None


class LegalBasis(_Strict):
    """A law, with its link."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    link: Link


class OwnerFacts(_Strict):
    """What only the owner knows; `schouw register` reads it from a file."""

    status: Literal["In ontwikkeling", "In gebruik", "Buiten gebruik"] | None = None
    begin_date: Month | None = None
    end_date: Month | None = None
    contact_email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")] | None = None
    website: Link | None = None
    publication_category: Literal["Hoog-risico AI-systeem", "Impactvolle algoritmes", "Overige algoritmes"] | None = (
        None
    )
    url: Link | None = None
    proportionality: Text | None = None
    lawful_basis: Text | None = None
    lawful_basis_grouping: tuple[LegalBasis, ...] = ()
    process_index_url: Link | None = None
    impacttoetsen: Text | None = None
    impacttoetsen_grouping: tuple[TitledLink, ...] = ()
    provider: Annotated[str, Field(max_length=200)] | None = None
    publiccode: Link | None = None
    source_id: Annotated[str, Field(max_length=200)] | None = None
    tags: Annotated[str, Field(max_length=500)] | None = None


class RegisterEntry(OwnerFacts):
    """One entry, publication standard 1.0; what the standard requires is required here."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    description_short: Annotated[str, Field(min_length=1, max_length=350)]
    organization: Annotated[str, Field(min_length=1, max_length=200)]
    category: Annotated[tuple[Literal["Ruimte en infrastructuur", "Verkeer"], ...], Field(min_length=1, max_length=3)]
    status: Literal["In ontwikkeling", "In gebruik", "Buiten gebruik"]
    contact_email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
    publication_category: Literal["Hoog-risico AI-systeem", "Impactvolle algoritmes", "Overige algoritmes"]
    goal: Text
    human_intervention: Text
    risks: Text
    source_data: Text
    source_data_grouping: tuple[TitledLink, ...] = ()
    methods_and_models: Annotated[str, Field(min_length=1, max_length=5000)]
    lang: Literal["nld"] = "nld"
    standard_version: Literal["1.0"] = "1.0"


_WANTED: Final = ("status", "begin_date", "publication_category", "proportionality", "lawful_basis", "impacttoetsen")
_GOAL: Final = """\
De beheerder van bruggen, wegen, tunnels, sluizen en kades wil onderhoud op tijd plannen. Schouw let dag en nacht op \
sensoren en zegt welk object waarschijnlijk onderhoud nodig heeft, wanneer, hoe zeker dat is en waarom. Zo kan een \
reparatie worden gepland en is minder vaak een dure spoedreparatie of een afsluiting nodig."""
_PEOPLE: Final = """\
Schouw adviseert, mensen beslissen. Het systeem voert niets zelf uit: het sluit geen brug en bestelt geen werk. Een \
medewerker bekijkt het advies en de redenen, en legt een besluit vast met naam, tijd, reden en het advies waarop het \
rust. Elk besluit staat in een logboek dat niet ongemerkt te veranderen is. Een later besluit kan een eerder besluit \
herzien. Elk getal is na te rekenen."""
_RISKS: Final = """\
Een alarm kan onterecht zijn. Daarom is vooraf gekozen hoeveel onterechte alarmen per object en per jaar mogen \
voorkomen ({rate}); het systeem toont hoeveel het er echt waren. Schade kan worden gemist, bijvoorbeeld door een \
kapotte sensor of een soort schade die de sensoren niet meten. Daarom telt ontbrekende informatie nooit als veilig: \
het systeem toont dan 'te weinig gegevens'. Inspecties blijven nodig. Kansen hebben een onzekerheid; die staat er \
altijd bij. De sensoren meten de constructie en het weer, geen mensen."""
_SOURCES: Final = """\
Metingen van sensoren aan de objecten: trillingen, scheefstand, temperatuur, vocht en andere grootheden van de \
constructie ({channels} aan {assets}). Gegevens uit het beheersysteem: soort object, bouwjaar, \
kosten en de laatste inspectie. Aangekondigd werk, zoals een omleiding. Besluiten van medewerkers over alarmen. Er \
zijn geen gegevens over personen in de metingen; alleen de naam van wie een besluit neemt wordt bewaard."""
_METHODS: Final = """\
Het systeem leert per object wat normaal is bij welke temperatuur, vochtigheid en verkeersdrukte (statistische \
regressie). Elke nieuwe meting wordt daarmee vergeleken. Een alarm ontstaat pas als het bewijs voor een verandering zo \
sterk is dat het afgesproken aantal onterechte alarmen niet wordt overschreden (sequentiële toets met e-waarden). Uit \
het verloop van de schade volgt de kans op falen binnen 30, 90 en 365 dagen, met een interval van 80 procent, en de \
verwachte kosten van wachten. De ranglijst volgt uit die kosten. Het systeem is zelflerend: het past zijn beeld van \
wat normaal is voortdurend aan nieuwe metingen aan, en gebruikt besluiten van medewerkers (bevestigd, onterecht) om \
alarmen beter af te stellen. Elke stand van het model is na te maken uit het bewaarde journaal. Versie van het model: \
{version}."""


def make_entry(
    owner: OwnerFacts, *, organisation: str, contact_email: str, assets: int, channels: int, rate: float, version: str
) -> RegisterEntry:
    """Make the entry from what the owner knows and what the running configuration says.

    Parameters
    ----------
    rate : float
        False alarms a structure may have in a year.

    Raises
    ------
    ValueError
        If something that the standard requires is missing; the message names it all.
    """
    own: dict[str, Any] = {
        "name": "Schouw: voorspellend onderhoud van infrastructuur",
        "description_short": "Sensoren aan bruggen, wegen, tunnels, sluizen en kades. Het algoritme ziet of een object "
        "verandert en zegt welk object eerst onderhoud nodig heeft, wanneer en waarom. Een medewerker beslist.",
        "organization": organisation,
        "category": ("Ruimte en infrastructuur", "Verkeer"),
        "contact_email": contact_email,
        "goal": _GOAL,
        "human_intervention": _PEOPLE,
        "risks": _RISKS.format(rate=f"{rate:g}".replace(".", ",")),
        "source_data": _SOURCES.format(
            channels=_counted(channels, "meetkanaal", "meetkanalen"), assets=_counted(assets, "object", "objecten")
        ),
        "source_data_grouping": (TitledLink(title="Metingen van sensoren"), TitledLink(title="Beheersysteem")),
        "methods_and_models": _METHODS.format(version=version),
    }
    given = {name: value for name, value in owner.model_dump().items() if value not in (None, ())}
    try:
        return RegisterEntry.model_validate(own | given)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg'].lower()}" for item in error.errors())
        raise ValueError(f"not an entry of the register yet: {faults}; give it in the owner's file") from error


def _counted(count: int, one: str, many: str) -> str:
    """Write a count in Dutch, such as `1 object` and `12.500 objecten`."""
    return f"{count:,} {one if count == 1 else many}".replace(",", ".")


def missing_facts(owner: OwnerFacts) -> list[str]:
    """Name what the owner has not said: first what the standard requires, then what readers expect."""
    return [name for name in _WANTED if getattr(owner, name) is None]
