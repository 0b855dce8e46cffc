"""The Pipelines API server: REST v2beta1, recurring runs, and the engine in the same process."""
