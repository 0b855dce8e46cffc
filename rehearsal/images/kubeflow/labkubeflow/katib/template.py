"""A trial's template: what is put in for its placeholders, and what is wrong with it.

Source: kubeflow/katib pkg/controller.v1beta1/experiment/manifest/generator.go.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from .names import Object

PLACEHOLDER = re.compile(r"\$\{trialParameters\.(.+?)\}")
METADATA = re.compile(r"^\$\{trialSpec\.(Name|Namespace|Kind|APIVersion|(Annotations|Labels)\[(.+)\])\}$")
"""A reference to the trial's own metadata instead of a parameter."""


class TemplateError(Exception):
    """A template cannot be used."""


def placeholders(template: Object) -> set[str]:
    """Return the names of all placeholders in a template."""
    return set(PLACEHOLDER.findall(json.dumps(template)))


def render(template: Any, values: Mapping[str, str]) -> Any:
    """Return a template with values for its placeholders.

    Values go into texts only, so none can change what a template is.
    """
    if isinstance(template, dict):
        return {_fill(key, values): render(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [render(item, values) for item in template]
    return _fill(template, values) if isinstance(template, str) else template


def _fill(text: str, values: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda match: values.get(match.group(1), match.group(0)), text)


def values(
    trial_template: Object, assignment: Mapping[str, str], name: str, namespace: str
) -> dict[str, str]:
    """Return the values of a template's placeholders by name.

    Args:
        trial_template: the experiment's `trialTemplate`.
        assignment: the values of the experiment's parameters.
        name: of the trial.
        namespace: of the trial.

    Raises:
        TemplateError: a reference leads nowhere.
    """
    found = {}
    for parameter in trial_template["trialParameters"]:
        reference = parameter["reference"]
        if reference in assignment:
            found[parameter["name"]] = assignment[reference]
        else:
            found[parameter["name"]] = _metadata(reference, trial_template["trialSpec"], name, namespace)
    return found


def _metadata(reference: str, spec: Object, name: str, namespace: str) -> str:
    match = METADATA.match(reference)
    if not match:
        raise TemplateError(f'reference "{reference}" is no parameter of the experiment')
    word, mapping, key = match.groups()
    if mapping:
        entries = (spec.get("metadata") or {}).get(mapping.lower()) or {}
        if key not in entries:
            raise TemplateError(f'reference "{reference}": trialSpec has no such entry')
        return str(entries[key])
    return {
        "Name": name,
        "Namespace": namespace,
        "Kind": str(spec.get("kind")),
        "APIVersion": str(spec.get("apiVersion")),
    }[word]


def lost(wanted: Any, got: Any, path: str = "") -> list[str]:
    """Return the fields of a manifest that the API server did not take over: it knows none of these names.

    What is under `limits` and `requests` is not compared, for quantities are written anew.
    """
    if isinstance(wanted, dict) and isinstance(got, dict):
        missing: list[str] = []
        for key, value in wanted.items():
            field = f"{path}.{key}" if path else key
            if key in ("limits", "requests") or value in (None, "", [], {}):
                continue
            missing += [field] if key not in got else lost(value, got[key], field)
        return missing
    if isinstance(wanted, list) and isinstance(got, list):
        pairs = enumerate(zip(wanted, got, strict=False))
        return [field for index, (a, b) in pairs for field in lost(a, b, f"{path}[{index}]")]
    return []
