"""Our own JSON, ``/v1``, for apps and pages."""
