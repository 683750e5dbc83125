"""What supervisors need: counts that are kept, sizes of wards, digests, imports, trends.

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-23 23:59:00.000000
"""

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
