"""One experiment: from what there is to what there should be, as often as something changes.

Nothing is remembered between two rounds: all that matters is in the objects.
Sources: kubeflow/katib pkg/controller.v1beta1/experiment/experiment_controller.go and
suggestion/suggestion_controller.go.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence

from . import medianstop, metrics, names, objects, restart, summary, trials, validation
from .cluster import Cluster
from .conditions import completed, finish, holds, mark, now, remove
from .defaults import complete
from .names import (
    CREATED,
    DEPLOYMENT_READY,
    FAILED,
    RESTARTING,
    RUNNING,
    SUCCEEDED,
    Object,
)
from .search import Search, Try
from .space import Parameter, size
from .template import TemplateError

_LOG = logging.getLogger(__name__)

LOOK_SECONDS = 3.0
"""How often the log of a running trial is looked at that may be stopped early."""


class Reconciler:
    """Brings experiments forward.

    Args:
        cluster: where they live.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def experiment(self, namespace: str, name: str) -> float | None:
        """Do what is to be done for an experiment now.

        Returns:
            After how many seconds to look again, if not only after the next change.

        Raises:
            KubeError: the API server refused; it may be tried again.
        """
        path = f"{names.collection('experiments', namespace)}/{name}"
        experiment = self._cluster.get(path)
        if experiment is None or experiment["metadata"].get("deletionTimestamp"):
            return None
        before = experiment.get("status") or {}
        status = experiment["status"] = copy.deepcopy(before)
        spec = complete(experiment["spec"])
        found: list[Object] = []
        if self._begin(experiment, spec):
            found = self._round(experiment, spec)
        if status != before:
            self._cluster.replace(f"{path}/status", experiment)
        stoppable = any(item["spec"].get("earlyStoppingRules") and not summary.ended(item) for item in found)
        return LOOK_SECONDS if stoppable else None

    def _begin(self, experiment: Object, spec: Object) -> bool:
        """See to a new experiment; tell whether there is anything to be done for it."""
        status = experiment["status"]
        if holds(status, CREATED):
            return True
        status["startTime"] = now()
        mark(status, CREATED, "ExperimentCreated", "Experiment is created")
        # While the controller is away nobody asks the webhook, and anything gets in.
        wrong = validation.errors(
            {**experiment, "spec": spec},
            None,
            lambda job: self._cluster.try_job(experiment["metadata"]["namespace"], job),
        )
        if wrong:
            text = f"Experiment is invalid: {'; '.join(wrong)}"
            finish(status, FAILED, "ExperimentFailed", text)
            self._cluster.tell(experiment, "ExperimentFailed", text, warning=True)
        return not wrong

    def _round(self, experiment: Object, spec: Object) -> list[Object]:
        status = experiment["status"]
        suggestion = self._suggestion(experiment)
        if completed(status):
            if restart.wanted(spec, status):
                remove(status, SUCCEEDED, FAILED)
                status.pop("completionTime", None)
                mark(status, RESTARTING, "ExperimentRestarting", "Experiment is restarted")
            else:
                self._end_suggestion(spec, suggestion)
                if not summary.active(status):
                    return []
        found = self._trials(experiment)
        goal = summary.summarise(spec, status, found)
        if found:
            summary.judge(spec, status, goal=goal, exhausted=_exhausted(spec, suggestion))
        if not completed(status):
            self._add_trials(experiment, spec, suggestion, found)
        return found

    def _trials(self, experiment: Object) -> list[Object]:
        namespace, name = experiment["metadata"]["namespace"], experiment["metadata"]["name"]
        found = self._cluster.of_experiment(names.collection("trials", namespace), name)
        jobs = {
            job["metadata"]["name"]: job for job in self._cluster.of_experiment(names.jobs(namespace), name)
        }
        return [
            trials.keep(self._cluster, trial, jobs.get(trial["metadata"]["name"]))
            for trial in found
            if not trial["metadata"].get("deletionTimestamp")
        ]

    def _suggestion(self, experiment: Object) -> Object | None:
        metadata = experiment["metadata"]
        path = f"{names.collection('suggestions', metadata['namespace'])}/{metadata['name']}"
        found = self._cluster.get(path)
        if found is not None:
            found.setdefault("status", {})
        return found

    def _end_suggestion(self, spec: Object, suggestion: Object | None) -> None:
        if suggestion is None or completed(suggestion["status"]) or spec["resumePolicy"] == "LongRunning":
            return
        status = suggestion["status"]
        reason = "Suggestion is succeeded"
        mark(status, RUNNING, reason, "Suggestion is not running", value=False)
        mark(status, DEPLOYMENT_READY, reason, "Deployment is not ready", value=False)
        text = "Suggestion is succeeded, can't be restarted"
        finish(status, SUCCEEDED, "Experiment is succeeded", text)
        self._write_status(suggestion)

    def _add_trials(
        self, experiment: Object, spec: Object, suggestion: Object | None, found: list[Object]
    ) -> None:
        missing = summary.missing(spec, experiment["status"])
        if missing < 0 and suggestion is not None:
            self._drop_trials(suggestion, found, -missing)
        if missing <= 0:
            return
        if suggestion is None:
            made = objects.suggestion(experiment, spec)
            self._cluster.create(names.collection("suggestions", made["metadata"]["namespace"]), made)
            suggestion = self._suggestion(experiment)
            if suggestion is None:
                return
        suggestion = self._suggest(experiment, spec, suggestion, found, len(found) + missing)
        known = {trial["metadata"]["name"] for trial in found}
        for entry in suggestion["status"].get("suggestions", []):
            if entry["name"] in known:
                continue
            try:
                trial = objects.trial(experiment, spec, entry)
            except TemplateError as error:
                finish(experiment["status"], FAILED, "ExperimentFailed", f"Trial cannot be made: {error}")
                return
            self._cluster.create(names.collection("trials", trial["metadata"]["namespace"]), trial)

    def _drop_trials(self, suggestion: Object, found: list[Object], count: int) -> None:
        """Delete the youngest trials that have not ended: fewer may run at a time than did."""
        going = [trial["metadata"]["name"] for trial in found if not summary.ended(trial)][-count:]
        namespace = suggestion["metadata"]["namespace"]
        for name in going:
            self._cluster.delete(f"{names.collection('trials', namespace)}/{name}")
        status = suggestion["status"]
        status["suggestions"] = [item for item in status.get("suggestions", []) if item["name"] not in going]
        self._request(suggestion, len(status["suggestions"]))

    def _suggest(
        self, experiment: Object, spec: Object, suggestion: Object, found: list[Object], total: int
    ) -> Object:
        """Have as many suggestions as there are to be trials."""
        status = suggestion["status"]
        made = status.setdefault("suggestions", [])
        if not holds(status, CREATED):
            status["startTime"] = now()
            mark(status, CREATED, "SuggestionCreated", "Suggestion is created")
            mark(status, DEPLOYMENT_READY, "DeploymentReady", "Suggestions are made by the controller itself")
        mark(status, RUNNING, "SuggestionRunning", "Suggestion is running")
        if len(made) >= total:
            return suggestion
        fresh = _search(experiment, spec).suggest(_tries(made, found), total - len(made))
        if not fresh:
            return suggestion
        rules = self._rules(spec, found)
        free = objects.new_names(experiment, {item["name"] for item in made})
        for assignment in fresh:
            entry: Object = {
                "name": next(free),
                "parameterAssignments": [
                    {"name": name, "value": value} for name, value in assignment.items()
                ],
            }
            if rules:
                entry["earlyStoppingRules"] = rules
            made.append(entry)
        return self._request(suggestion, total)

    def _request(self, suggestion: Object, total: int) -> Object:
        status = suggestion["status"]
        status["suggestionCount"] = len(status["suggestions"])
        if suggestion["spec"].get("requests") != total:
            suggestion["spec"]["requests"] = total
            metadata = suggestion["metadata"]
            path = f"{names.collection('suggestions', metadata['namespace'])}/{metadata['name']}"
            suggestion["metadata"] = self._cluster.replace(path, suggestion)["metadata"]
        return self._write_status(suggestion)

    def _write_status(self, suggestion: Object) -> Object:
        metadata = suggestion["metadata"]
        path = f"{names.collection('suggestions', metadata['namespace'])}/{metadata['name']}/status"
        return self._cluster.replace(path, suggestion)

    def _rules(self, spec: Object, found: Sequence[Object]) -> list[Object]:
        if not spec.get("earlyStopping"):
            return []
        histories = [trials.history(item) for item in found if holds(item.get("status") or {}, SUCCEEDED)]
        return medianstop.rules(spec["earlyStopping"], spec["objective"], histories)


def _search(experiment: Object, spec: Object) -> Search:
    algorithm = spec["algorithm"]
    return Search(
        algorithm=algorithm["algorithmName"],
        settings={item["name"]: item["value"] for item in algorithm.get("algorithmSettings", [])},
        parameters=[Parameter.read(item) for item in spec["parameters"]],
        maximise=spec["objective"]["type"] == "maximize",
        salt=experiment["metadata"]["uid"],
    )


def _exhausted(spec: Object, suggestion: Object | None) -> bool:
    """Tell whether there is nothing left to suggest: only a grid comes to an end."""
    if suggestion is None or spec["algorithm"]["algorithmName"] != "grid":
        return False
    made = suggestion["status"].get("suggestions", [])
    return len(made) >= size([Parameter.read(item) for item in spec["parameters"]])


def _tries(made: Sequence[Object], found: Sequence[Object]) -> list[Try]:
    """Return what was suggested, with what came of it."""
    known = {trial["metadata"]["name"]: trial for trial in found}
    return [_try(entry, known.get(entry["name"])) for entry in made]


def _try(entry: Object, trial: Object | None) -> Try:
    assignment = {item["name"]: item["value"] for item in entry["parameterAssignments"]}
    if trial is None or not summary.ended(trial):
        return Try(assignment, None, running=True)
    observation = (trial.get("status") or {}).get("observation")
    return Try(assignment, metrics.number(metrics.objective_value(observation, trial["spec"]["objective"])))
