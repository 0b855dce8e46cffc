"""All that the server keeps."""

from __future__ import annotations

from labkubeflow.pipelines.store.database import Database
from labkubeflow.pipelines.store.experiments import Experiments
from labkubeflow.pipelines.store.pipelines import Pipelines
from labkubeflow.pipelines.store.recurring import RecurringRuns
from labkubeflow.pipelines.store.runs import Runs


class Stores:
    """One store for each kind of thing, in one database."""

    def __init__(self, database: Database) -> None:
        self.experiments = Experiments(database)
        self.pipelines = Pipelines(database)
        self.runs = Runs(database)
        self.recurring_runs = RecurringRuns(database)
