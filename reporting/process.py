"""What uvicorn starts in each of its processes."""

from fastapi import FastAPI

from reporting.app import create_app
from reporting.settings import Settings


def make() -> FastAPI:
    """The application with the settings of this process's environment."""
    return create_app(Settings())
