"""Pipelines: the API server, and the engine that runs compiled pipelines."""
