"""Options of Juju's applications that a lab sets beside those that the charms and the bundle have.

They come from the edition and, above it, from ``applications`` in ``lab.yaml`` and ``LAB_APPLICATIONS``.
Step 83 carries them out (``provision/juju_options.py``); ``lab/vm/settings.rb`` merges them alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from lab.errors import UsageError

OptionValue = str | int | bool
VARIABLE = "LAB_APPLICATIONS"
LOGIN_OPTIONS = {
    "dex-auth": ("public-url", "static-password", "static-username"),
    "oidc-gatekeeper": ("public-url",),
}
"""What step 85 sets. Two steps that set the same option would never come to rest."""

_APPLICATION = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_OPTION = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")


def _check(value: object) -> object:
    if not isinstance(value, Mapping):
        raise ValueError("it must be applications with options: kfp-api: {launcher-image: IMAGE}")
    for application, options in value.items():
        if not (isinstance(application, str) and _APPLICATION.fullmatch(application)):
            raise ValueError(f"{application!r} is no name of an application")
        if not isinstance(options, Mapping):
            raise ValueError(f"{application} must have options: {application}: {{OPTION: VALUE}}")
        for option, given in options.items():
            _check_option(application, option, given)
    return value


def _check_option(application: str, option: object, given: object) -> None:
    if not (isinstance(option, str) and _OPTION.fullmatch(option)):
        raise ValueError(f"{option!r} of {application} is no name of an option")
    if not isinstance(given, OptionValue):
        raise ValueError(
            f"{application}.{option} must be text, a whole number, true or false; what an option wants as "
            f"YAML or JSON is text, too"
        )
    if option in LOGIN_OPTIONS.get(application, ()):
        raise ValueError(f"{application}.{option} belongs to the login, which the lab sets itself")


Applications = Annotated[dict[str, dict[str, OptionValue]], BeforeValidator(_check)]
"""Values of options by application and option."""


def merge(*layers: Mapping[str, Mapping[str, OptionValue]]) -> dict[str, dict[str, OptionValue]]:
    """Return the options of all layers; a later one is stronger, option by option."""
    merged: dict[str, dict[str, OptionValue]] = {}
    for layer in layers:
        for application, options in layer.items():
            merged.setdefault(application, {}).update(options)
    return {application: options for application, options in merged.items() if options}


def stack(below: object, above: object) -> object:
    """Put one layer over another before they are checked; what is of another shape is left for the check."""
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return above
    stacked = dict(below)
    for application, options in above.items():
        old = stacked.get(application)
        if isinstance(old, Mapping) and isinstance(options, Mapping):
            stacked[application] = {**old, **options}
        else:
            stacked[application] = options
    return stacked


def render_options(applications: Mapping[str, Mapping[str, OptionValue]]) -> str:
    """Return the options as ``LAB_APP_CONFIG`` hands them to the scripts: JSON in one line; "" for none."""
    if not applications:
        return ""
    return json.dumps(applications, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def parse_variable(text: str) -> Any:
    """Read the value of ``LAB_APPLICATIONS``: the same as in ``lab.yaml``, as JSON.

    Raises:
        UsageError: It is no JSON. The message does not repeat it.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(
            f"{VARIABLE} is not JSON: {error}.",
            code="LAB-CFG-021",
            hint=f'Write for example: export {VARIABLE}=\'{{"kfp-api": {{"launcher-image": "IMAGE"}}}}\'',
        ) from error
