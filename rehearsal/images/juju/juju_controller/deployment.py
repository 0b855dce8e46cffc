"""What a bundle would change in a model."""

from __future__ import annotations

from dataclasses import dataclass

from .charmhub import Bundle, Charm
from .state import Application, Model


@dataclass(frozen=True)
class Plan:
    """The difference between a bundle and a model, and how the client words it."""

    charms: tuple[Charm, ...]
    relations: tuple[tuple[str, str, str], ...]
    changes: tuple[str, ...]


def plan(bundle: Bundle, model: Model) -> Plan:
    """Compare: what is there already is left alone."""
    base = f"{bundle.base_name}@{bundle.base_channel}/stable"
    missing = [charm for name, charm in bundle.charms.items() if name not in model.applications]
    uploads: dict[str, str] = {}
    deploys = []
    for charm in missing:
        uploads[charm.charm] = (
            f"upload charm {charm.charm} from charm-hub for base {base} "
            f"from channel {charm.channel} with architecture=amd64"
        )
        using = "" if charm.charm == charm.name else f" using {charm.charm}"
        deploys.append(
            f"deploy application {charm.name} from charm-hub on {base} with {charm.channel}{using}"
        )
    known = {frozenset((a, b)) for a, b, _ in model.relations}
    relations = tuple(
        (r.provider, r.requirer, r.interface)
        for r in bundle.relations
        if frozenset((r.provider, r.requirer)) not in known
    )
    added = [f"add relation {provider} - {requirer}" for provider, requirer, _ in relations]
    return Plan(tuple(missing), relations, (*uploads.values(), *deploys, *added))


def execute(todo: Plan, model: Model, now: float) -> None:
    """Enter a plan into the model; the reconciler does the rest."""
    for charm in todo.charms:
        hooks = tuple(hook.name for hook in charm.hooks)
        model.applications[charm.name] = Application.new(
            charm.name, charm.channel, charm.revision, hooks, now
        )
    model.relations.extend(todo.relations)
