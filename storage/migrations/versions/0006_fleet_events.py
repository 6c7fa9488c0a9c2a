"""Which event an alarm belongs to that struck many structures at once, and whether another spoke for it already."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    identifier = sa.String(length=200).with_variant(sa.String(length=200, collation="C"), "postgresql")
    with op.batch_alter_table("alarm", schema=None) as batch_op:
        batch_op.add_column(sa.Column("event_id", identifier, nullable=False, server_default=""))
        batch_op.add_column(sa.Column("is_echo", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.create_index(batch_op.f("ix_alarm_event_id"), ["event_id"], unique=False)


def downgrade() -> None:
    """Change it back."""
    with op.batch_alter_table("alarm", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_alarm_event_id"))
        batch_op.drop_column("is_echo")
        batch_op.drop_column("event_id")
