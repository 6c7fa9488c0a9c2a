"""How far a sensor's clock is from ours."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    with op.batch_alter_table("channel", schema=None) as batch_op:
        batch_op.add_column(sa.Column("skew_s", sa.Float(), nullable=True))


def downgrade() -> None:
    """Change it back."""
    with op.batch_alter_table("channel", schema=None) as batch_op:
        batch_op.drop_column("skew_s")
