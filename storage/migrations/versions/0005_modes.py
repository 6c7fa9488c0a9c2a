"""Natural frequencies by period, and the newest averaged spectra."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _key(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "mode",
        sa.Column("asset", _key(64), nullable=False),
        sa.Column("mode", _key(32), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("asset", "mode", "end_ns", name=op.f("pk_mode")),
    )
    op.create_table(
        "spectrum",
        sa.Column("asset", _key(64), nullable=False),
        sa.Column("sampling", _key(16), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("density", sa.LargeBinary(), nullable=False),
        sa.Column("reference", sa.LargeBinary(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("asset", "sampling", name=op.f("pk_spectrum")),
    )


def downgrade() -> None:
    """Change it back."""
    op.drop_table("spectrum")
    op.drop_table("mode")
