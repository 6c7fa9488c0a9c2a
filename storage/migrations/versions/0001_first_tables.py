"""The first tables of the operational store."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "alarm",
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("asset", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=96), nullable=False),
        sa.Column("subject", sa.String(length=160), nullable=False),
        sa.Column("raised_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("cleared_at_ns", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm")),
    )
    with op.batch_alter_table("alarm", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alarm_asset"), ["asset"], unique=False)
        batch_op.create_index("ix_alarm_raised", ["raised_at_ns", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_alarm_revision"), ["revision"], unique=False)

    op.create_table(
        "assessment",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("asset", sa.String(length=64), nullable=False),
        sa.Column("assessed_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment")),
    )
    with op.batch_alter_table("assessment", schema=None) as batch_op:
        batch_op.create_index("ix_assessment_history", ["asset", "assessed_at_ns"], unique=False)
        batch_op.create_index(batch_op.f("ix_assessment_revision"), ["revision"], unique=False)

    op.create_table(
        "asset",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset")),
    )
    op.create_table(
        "channel",
        sa.Column("asset", sa.String(length=64), nullable=False),
        sa.Column("sensor", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=160), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(length=32), nullable=False),
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("interval_s", sa.Float(), nullable=False),
        sa.Column("quality", sa.String(length=8), nullable=False),
        sa.Column("last_time_ns", sa.BigInteger(), nullable=True),
        sa.Column("last_value", sa.Float(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("asset", "sensor", "channel", name=op.f("pk_channel")),
    )
    with op.batch_alter_table("channel", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_channel_number"), ["number"], unique=False)

    op.create_table(
        "dead_letter",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("topic", sa.String(length=1024), nullable=False),
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=2048), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("received_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
    )
    with op.batch_alter_table("dead_letter", schema=None) as batch_op:
        batch_op.create_index("ix_dead_letter_received", ["received_at_ns", "id"], unique=False)

    op.create_table(
        "gateway",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("session", sa.BigInteger(), nullable=True),
        sa.Column("since_ns", sa.BigInteger(), nullable=True),
        sa.Column("received_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway")),
    )
    op.create_table(
        "projection",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_projection")),
    )
    op.create_table(
        "quarantine",
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("asset", sa.String(length=64), nullable=False),
        sa.Column("sensor", sa.String(length=64), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("first_received_ns", sa.BigInteger(), nullable=False),
        sa.Column("last_received_ns", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=1024), nullable=False),
        sa.Column("example", sa.String(length=1024), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "asset", "sensor", name=op.f("pk_quarantine")),
    )
    op.create_table(
        "risk",
        sa.Column("asset", sa.String(length=64), nullable=False),
        sa.Column("state_rank", sa.Integer(), nullable=False),
        sa.Column("negative_cost_eur", sa.Float(), nullable=False),
        sa.Column("assessed_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("asset", name=op.f("pk_risk")),
    )
    with op.batch_alter_table("risk", schema=None) as batch_op:
        batch_op.create_index("ix_risk_rank", ["state_rank", "negative_cost_eur", "asset"], unique=False)
        batch_op.create_index(batch_op.f("ix_risk_revision"), ["revision"], unique=False)


def downgrade() -> None:
    """Change it back."""
    with op.batch_alter_table("risk", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_risk_revision"))
        batch_op.drop_index("ix_risk_rank")

    op.drop_table("risk")
    op.drop_table("quarantine")
    op.drop_table("projection")
    op.drop_table("gateway")
    with op.batch_alter_table("dead_letter", schema=None) as batch_op:
        batch_op.drop_index("ix_dead_letter_received")

    op.drop_table("dead_letter")
    with op.batch_alter_table("channel", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_channel_number"))

    op.drop_table("channel")
    op.drop_table("asset")
    with op.batch_alter_table("assessment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_assessment_revision"))
        batch_op.drop_index("ix_assessment_history")

    op.drop_table("assessment")
    with op.batch_alter_table("alarm", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_alarm_revision"))
        batch_op.drop_index("ix_alarm_raised")
        batch_op.drop_index(batch_op.f("ix_alarm_asset"))

    op.drop_table("alarm")
