"""``python -m reporting``."""

from reporting.cli import app

app()
