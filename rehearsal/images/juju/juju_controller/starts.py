"""Keeps pods from starting all at once.

On an emulated processor twenty of them would take each other's time until none answers its probes, and in the
end neither does the node.
"""

from __future__ import annotations

from collections.abc import Mapping

from .lifecycle import Pod

AT_ONCE = 4
PATIENCE = 90.0
"""Seconds after which a pod that is not ready no longer keeps others from starting."""


class Starts:
    """The applications whose pods are on their way.

    Args:
        at_once: how many there may be.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._begun: dict[tuple[str, str], float] = {}

    def begin(self, model: str, application: str, now: float) -> None:
        """Note that an application's pod has been asked for."""
        self._begun[model, application] = now

    def forget(self, model: str) -> None:
        """Drop what is known of a model."""
        self._begun = {key: begun for key, begun in self._begun.items() if key[0] != model}

    def full_until(self, model: str, pods: Mapping[str, tuple[Pod, ...]], now: float) -> float | None:
        """Return when the next pod may start if none gets ready before; None if it may now."""
        starting = [
            begun + PATIENCE
            for (space, name), begun in self._begun.items()
            if space == model and now < begun + PATIENCE and not any(pod.ready for pod in pods.get(name, ()))
        ]
        return min(starting) if len(starting) >= self._at_once else None
