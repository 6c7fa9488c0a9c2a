"""Which organisation an asset belongs to."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    with op.batch_alter_table("asset", schema=None) as batch_op:
        batch_op.add_column(sa.Column("organisation", sa.String(length=64), server_default="", nullable=False))
        batch_op.create_index(batch_op.f("ix_asset_organisation"), ["organisation"], unique=False)


def downgrade() -> None:
    """Change it back."""
    with op.batch_alter_table("asset", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_asset_organisation"))
        batch_op.drop_column("organisation")
