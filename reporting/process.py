"""What uvicorn starts in each of its processes."""

from fastapi import FastAPI

from reporting import logs
from reporting.app import create_app
from reporting.settings import Settings


def make() -> FastAPI:
    """The application with the settings of this process's environment."""
    logs.configure()
    return create_app(Settings())
