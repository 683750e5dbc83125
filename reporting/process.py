"""What uvicorn starts in each of its processes."""

import gc

from fastapi import FastAPI

from reporting import logs
from reporting.app import create_app
from reporting.settings import Settings

#: New objects between two looks for garbage. A request makes some thousands, all freed by counting;
#: Python's default of 700 would look ten times for each.
OBJECTS_BETWEEN_LOOKS = 50_000


def make() -> FastAPI:
    """The application with the settings of this process's environment."""
    logs.configure()
    app = create_app(Settings())
    gc.collect()
    gc.freeze()  # what is loaded now stays: no look for garbage passes over it again
    gc.set_threshold(OBJECTS_BETWEEN_LOOKS, 10, 10)
    return app
