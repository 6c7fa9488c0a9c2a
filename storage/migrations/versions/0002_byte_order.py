"""PostgreSQL: identifiers in the order of their bytes, as SQLite has them, whatever the database's language is.

A list is paged by its keys, and the planner's own system may compare them: the order must not depend on how somebody
created the database.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEYS = {
    "alarm": {"id": 200, "asset": 64},
    "assessment": {"id": 160, "asset": 64},
    "asset": {"id": 64},
    "channel": {"asset": 64, "sensor": 64, "channel": 160},
    "dead_letter": {"id": 64},
    "gateway": {"id": 64},
    "quarantine": {"gateway": 64, "asset": 64, "sensor": 64},
    "risk": {"asset": 64},
}


def upgrade() -> None:
    """Change the schema."""
    _collate("C")


def downgrade() -> None:
    """Change it back."""
    _collate("default")


def _collate(collation: str) -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    for table, columns in _KEYS.items():
        for column, length in columns.items():
            op.alter_column(table, column, type_=sa.String(length, collation=collation), existing_nullable=False)
