"""Where the API server keeps experiments, pipelines, runs and recurring runs: one SQLite file."""

from labkubeflow.pipelines.store.database import Database
from labkubeflow.pipelines.store.stores import Stores

__all__ = ["Database", "Stores"]
