"""`schouw explain`: why an assessment says what it says, and whether it comes out again."""

from __future__ import annotations

from typing import Annotated

import typer

from domain.errors import ConfigurationError
from service.commands.options import Config, DataDir, overrides_of, read_settings

__all__ = ["app"]

app = typer.Typer()


@app.command()
def explain(
    assessment: Annotated[str, typer.Argument(help="The assessment's id, or an asset's for its newest one.")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Only compute the numbers again; exit code 1 when they differ.")
    ] = False,
    language: Annotated[str, typer.Option("--lang", help="nl or en.")] = "nl",
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Explain an assessment from what was stored with it."""
    from api.explaining import explanation_text, say_difference  # noqa: PLC0415 -- the help must not wait for numpy
    from api.languages import Language  # noqa: PLC0415 -- see above
    from domain.identifiers import AssetId  # noqa: PLC0415 -- see above
    from service.explaining import SAME  # noqa: PLC0415 -- see above
    from service.explaining import explain as explain_assessment  # noqa: PLC0415 -- see above
    from service.folder import check_installed  # noqa: PLC0415 -- see above
    from storage.advisory import SqlAdvisoryStore  # noqa: PLC0415 -- see above
    from storage.database import check_schema, open_database  # noqa: PLC0415 -- see above

    settings = read_settings(overrides_of(data_dir), config)
    if language not in {item.value for item in Language}:
        raise ConfigurationError(f"--lang: got {language!r}, expected nl or en")
    check_installed(settings)
    engine = open_database(settings.database_address)
    try:
        check_schema(engine)
        store = SqlAdvisoryStore(engine)
        found = store.assessment(assessment) or store.risk(AssetId(assessment))
        if found is None:
            raise ConfigurationError(
                f"no assessment or asset {assessment!r} in {str(settings.data_dir)!r}; "
                "give an identifier of `schouw export risks`, or another --data-dir"
            )
        explanation = explain_assessment(found, store)
        if explanation is None:
            raise ConfigurationError(
                f"assessment {found.assessment_id!r} was made before its basis was stored; explain a newer one"
            )
        if not verify:
            typer.echo(f"{found.assessment_id} (model {found.model_version})")
            for line in explanation_text(explanation, Language(language)):
                typer.echo(f"- {line}")
        typer.echo(say_difference(explanation, Language(language)))
        if explanation.difference > SAME:
            raise typer.Exit(1)
    finally:
        engine.dispose()
