"""The only place that speaks FastAPI: routes, wire models, problems. Nothing below imports it."""
