"""The search: which parameters to try next.

Suggestions depend on nothing but what the experiment's objects say, so that a controller that was restarted
goes on as the one before would have. optuna does the work; it is imported when the first suggestion is due.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from . import space
from .space import LISTS, Parameter

if TYPE_CHECKING:
    import optuna

Assignment = dict[str, str]
"""A value of each parameter, as text."""

SETTINGS: Mapping[str, Mapping[str, int]] = {
    "random": {"random_state": 0},
    "grid": {},
    "tpe": {"startup_trials": 0, "ei_candidates": 1, "random_state": 0},
    "multivariate-tpe": {"startup_trials": 0, "ei_candidates": 1, "random_state": 0},
}
"""The algorithms there are, with the least value of each of their settings; all are whole numbers.

Names and settings as in kubeflow/katib pkg/suggestion/v1beta1/optuna/service.py.
"""


class SearchError(Exception):
    """There is no such algorithm, or it cannot be used in this way."""


@dataclass(frozen=True)
class Try:
    """A trial that was made before.

    Attributes:
        assignment: its parameters.
        value: what came of it; None while it runs, or if it failed.
        running: whether it has not ended yet.
    """

    assignment: Assignment
    value: float | None
    running: bool = False


@dataclass(frozen=True)
class Search:
    """What is searched, and how.

    Attributes:
        algorithm: one of `SETTINGS`.
        settings: the algorithm's settings by name.
        parameters: the space.
        maximise: whether greater values are better.
        salt: makes experiments differ that set no `random_state`; the same text gives the same suggestions.
    """

    algorithm: str
    settings: Mapping[str, str]
    parameters: Sequence[Parameter]
    maximise: bool
    salt: str

    def check(self, most: int | None) -> None:
        """See that the search is possible.

        Args:
            most: how many trials the experiment may take, if that is limited.

        Raises:
            SearchError: it is not, and why.
        """
        known = SETTINGS.get(self.algorithm)
        if known is None:
            raise SearchError(f'algorithm "{self.algorithm}" is not one of {", ".join(SETTINGS)}')
        for name, value in self.settings.items():
            if name not in known:
                raise SearchError(f'algorithm {self.algorithm} has no setting "{name}"')
            if not value.isdecimal() or int(value) < known[name]:
                raise SearchError(f'setting {name}: "{value}" is no whole number of at least {known[name]}')
        if self.algorithm == "grid":
            try:
                count = space.size(self.parameters)
            except space.SpaceError as error:
                raise SearchError(f"{error.field}: {error}") from None
            if most is not None and most > count:
                raise SearchError(f"maxTrialCount {most} is more than the grid's {count} combinations")

    def suggest(self, before: Sequence[Try], count: int) -> list[Assignment]:
        """Return what to try next: `count` assignments, fewer when a grid comes to its end.

        Args:
            before: all trials so far, in the order of their suggestions.
            count: how many are wanted.
        """
        if self.algorithm == "grid":
            return self._grid([item.assignment for item in before], count)
        return self._ask(before, count)

    def _grid(self, before: Sequence[Assignment], count: int) -> list[Assignment]:
        names = [parameter.name for parameter in self.parameters]
        every = itertools.product(*(parameter.grid() for parameter in self.parameters))
        assignments = (dict(zip(names, chosen, strict=True)) for chosen in every)
        return list(itertools.islice((item for item in assignments if item not in before), count))

    def _ask(self, before: Sequence[Try], count: int) -> list[Assignment]:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        distributions = {parameter.name: _distribution(parameter) for parameter in self.parameters}
        known = list(before)
        chosen = []
        for _ in range(count):
            study = optuna.create_study(
                sampler=self._sampler(len(known)), direction="maximize" if self.maximise else "minimize"
            )
            for item in known:
                study.add_trial(self._past(item, distributions))
            params = study.ask(distributions).params
            chosen.append({item.name: _text(item, params[item.name]) for item in self.parameters})
            known.append(Try(chosen[-1], None, running=True))
        return chosen

    def _sampler(self, index: int) -> optuna.samplers.BaseSampler:
        import optuna

        seed = self._seed(index)
        if self.algorithm == "random":
            return optuna.samplers.RandomSampler(seed=seed)
        return optuna.samplers.TPESampler(
            n_startup_trials=int(self.settings.get("startup_trials", 10)),
            n_ei_candidates=int(self.settings.get("ei_candidates", 24)),
            multivariate=self.algorithm == "multivariate-tpe",
            seed=seed,
        )

    def _seed(self, index: int) -> int:
        # Each suggestion has a sampler of its own: one that went on would have to be kept somewhere.
        start = self.settings.get("random_state", self.salt)
        return int.from_bytes(hashlib.sha256(f"{start}/{index}".encode()).digest()[:4], "big")

    def _past(
        self, item: Try, distributions: dict[str, optuna.distributions.BaseDistribution]
    ) -> optuna.trial.FrozenTrial:
        import optuna

        states = optuna.trial.TrialState
        ended = states.FAIL if item.value is None else states.COMPLETE
        state = states.RUNNING if item.running else ended
        params = {parameter.name: _value(parameter, item.assignment) for parameter in self.parameters}
        return optuna.trial.create_trial(
            state=state, value=item.value, params=params, distributions=distributions
        )


def _distribution(parameter: Parameter) -> optuna.distributions.BaseDistribution:
    from optuna import distributions

    if parameter.kind in LISTS:
        return distributions.CategoricalDistribution(parameter.values)
    if parameter.step is None:
        return distributions.FloatDistribution(float(parameter.low), float(parameter.high))
    # Numbers with a step are counted: what optuna would round, this does not have to.
    steps = (parameter.high - parameter.low) // parameter.step
    return distributions.IntDistribution(0, int(steps))


def _text(parameter: Parameter, value: Any) -> str:
    if parameter.kind in LISTS:
        return str(value)
    if parameter.step is None:
        return repr(float(value))
    return space.text(parameter.low + parameter.step * int(value))


def _value(parameter: Parameter, assignment: Assignment) -> Any:
    text = assignment[parameter.name]
    if parameter.kind in LISTS:
        return text
    if parameter.step is None:
        return float(text)
    return int((Decimal(text) - parameter.low) / parameter.step)
