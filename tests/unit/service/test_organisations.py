"""The organisations file: read whole, or refused with all that is wrong in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.access import Role
from domain.errors import ConfigurationError
from service.organisations import budgets_of, read_organisations
from service.settings import Settings
from service.settings_sections import AccessSection, OwnerSection

OWNER = OwnerSection(organisation="Gemeente Alleen")
FILE = """
[[organisation]]
id = "oost"
name = "Gemeente Oost"
contact_name = "Team"
contact_url = "https://oost.test/"
contact_email = "a@oost.test"
maintenance_budget_eur = 2_500_000
[organisation.oidc]
issuer = "https://login.oost.test/"
client_id = "schouw"
client_secret_file = "oost.secret"
[organisation.oidc.roles]
plannen = "planner"
[[organisation]]
id = "west"
name = "Gemeente West"
contact_name = "Team"
contact_url = "https://west.test/"
contact_email = "a@west.test"
"""


def write(folder: Path, text: str) -> Path:
    (folder / "oost.secret").write_text("geheim\n")
    path = folder / "organisations.toml"
    path.write_text(text)
    return path


def test_without_a_file_one_organisation_owns_everything() -> None:
    shared = read_organisations(None, OWNER)
    (only,) = shared.organisations
    assert (only.id, only.name, only.register_names, shared.providers) == ("", "Gemeente Alleen", None, ())


def test_the_first_also_owns_what_names_nobody(tmp_path: Path) -> None:
    shared = read_organisations(write(tmp_path, FILE), OWNER)
    assert [item.register_names for item in shared.organisations] == [("", "oost"), ("west",)]
    assert shared.organisations[0].maintenance_budget_eur == 2_500_000
    (provider,) = shared.providers
    assert (provider.organisation, provider.issuer, provider.roles) == (
        "oost",
        "https://login.oost.test",
        {"plannen": Role.PLANNER},
    )
    assert provider.client_secret.get_secret_value() == "geheim"
    assert "geheim" not in repr(provider)


def test_the_file_and_a_secret_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = write(tmp_path, f"\ufeff{FILE}")
    (tmp_path / "oost.secret").write_text("\ufeffgeheim\r\n")
    (provider,) = read_organisations(path, OWNER).providers
    assert provider.client_secret.get_secret_value() == "geheim"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('id = "west"', 'id = "oost"'), "an id twice"),
        (('id = "west"', 'id = "West !"'), r"organisation\.1\.id"),
        (("planner", "boss"), r"roles\.plannen"),
        (("oost.secret", "nowhere.secret"), "cannot be read"),
        (("client_id", "client"), r"oidc\.client_id: field required; .*oidc\.client:"),
        (('[[organisation]]\nid = "west"', '[[organisation]\nid = "west"'), "correct it"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        read_organisations(write(tmp_path, FILE.replace(*change)), OWNER)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_organisations(tmp_path / "nowhere.toml", OWNER)


def test_budgets_are_those_of_the_owner_and_of_each_organisation_that_has_its_own(tmp_path: Path) -> None:
    path = write(tmp_path, FILE.replace("2_500_000", "2_500_000\nfalse_alarms_per_year = 0.02"))
    settings = Settings(owner=OwnerSection(false_alarms_per_year=0.2), access=AccessSection(organisations_file=path))
    # The first organisation owns what names nobody, so its budget holds there too.
    assert budgets_of(settings) == {"": 0.02, "oost": 0.02}
    assert budgets_of(Settings()) == {"": 0.03}
