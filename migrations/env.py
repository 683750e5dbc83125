"""Runs migrations as the schema's owner, politely: it waits seconds for a lock, not minutes."""

import os

from alembic import context
from geoalchemy2 import alembic_helpers
from sqlalchemy import NullPool, create_engine, text

import geo.areas
import geo.heat.tables
import reporting.tables
import routing.tables
from geo.base import Base

#: The modules are imported for their tables.
TABLES = (geo.areas, geo.heat.tables, routing.tables, reporting.tables)


def database_url() -> str:
    """The owner's URL, with the driver named (bare ``postgresql://`` differs between versions)."""
    url = os.environ.get("KERBLINE_OWNER_DATABASE_URL") or os.environ["KERBLINE_DATABASE_URL"]
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def run() -> None:
    """Upgrade or compare, one transaction for each revision."""
    engine = create_engine(database_url(), poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("set lock_timeout = '4s'"))
        # Two deploys at once: the second waits here and then finds nothing to do.
        connection.execute(text("select pg_advisory_lock(1802658114)"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_object=alembic_helpers.include_object,
            process_revision_directives=alembic_helpers.writer,
            render_item=alembic_helpers.render_item,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
