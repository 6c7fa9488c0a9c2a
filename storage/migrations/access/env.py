"""Run the migrations of the tables of access on the connection that `storage.database` hands over."""

from alembic import context

from storage.access_tables import access_metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=access_metadata,
    version_table="alembic_version_access",
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
