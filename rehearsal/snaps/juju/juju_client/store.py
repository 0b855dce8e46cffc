"""The client's files under ~/.local/share/juju, in the formats of the real client."""

from __future__ import annotations

import os
import sys

from . import yamlite
from .errors import JujuError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FIRST_RUN = (
    "Since Juju 3 is being run for the first time, it has downloaded the latest public cloud information.\n"
)
_CONFINED = (
    "WARNING Installing Juju in a strictly confined Snap. To ensure correct operation, "
    "create the ~/.local/share/juju directory manually.\n"
)


def home(environ: dict[str, str] | os._Environ[str]) -> str:
    """The directory of the client's files."""
    if environ.get("JUJU_DATA"):
        return environ["JUJU_DATA"]
    base = environ.get("XDG_DATA_HOME") or os.path.join(environ.get("HOME", "/root"), ".local", "share")
    return os.path.join(base, "juju")


def prepare(directory: str) -> None:
    """Create the directory as the strictly confined client can: itself, but never its parents.

    Raises:
        UsageError: the parent directory is missing (exit code 2, as the real client's).
    """
    if not os.path.isdir(directory):
        parent = os.path.dirname(directory)
        if not os.path.isdir(parent):
            sys.stderr.write(_CONFINED)
            raise UsageError(f"cannot create juju home directory: mkdir {parent}: permission denied")
        try:
            os.mkdir(directory, 0o700)
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise UsageError(f"cannot create juju home directory: mkdir {directory}: {reason}") from None
    marker = os.path.join(directory, "public-clouds.yaml")
    if not os.path.exists(marker):
        _write(marker, "clouds: {}\n")
        sys.stderr.write(_FIRST_RUN)


def _write(path: str, text: str) -> None:
    temporary = f"{path}.{os.getpid()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    os.replace(temporary, path)


class Store:
    """Clouds, credentials, controllers, accounts and models that this user knows."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def _load(self, name: str, top: str) -> dict[str, Any]:
        path = os.path.join(self.directory, name)
        try:
            with open(path, encoding="utf-8") as stream:
                data = yamlite.load(stream.read())
        except FileNotFoundError:
            data = {}
        except ValueError as error:
            raise JujuError(f"cannot unmarshal {path}: {error}") from None
        if not isinstance(data, dict):
            data = {}
        if not isinstance(data.get(top), dict):
            data[top] = {}
        return data

    def _save(self, name: str, data: dict[str, Any]) -> None:
        _write(os.path.join(self.directory, name), yamlite.dump(data))

    # -- clouds and credentials

    def clouds(self) -> dict[str, Any]:
        """Personal clouds by name."""
        clouds: dict[str, Any] = self._load("clouds.yaml", "clouds")["clouds"]
        return clouds

    def cloud(self, name: str) -> dict[str, Any]:
        """One personal cloud.

        Raises:
            JujuError: there is none of that name.
        """
        found = self.clouds().get(name)
        if not isinstance(found, dict):
            raise JujuError(f"cloud {name} not found")
        return found

    def put_cloud(self, name: str, cloud: dict[str, Any], credential: dict[str, Any]) -> None:
        """Add or replace a cloud and the credential of the same name."""
        data = self._load("clouds.yaml", "clouds")
        data["clouds"][name] = cloud
        self._save("clouds.yaml", data)
        data = self._load("credentials.yaml", "credentials")
        data["credentials"][name] = {name: credential}
        self._save("credentials.yaml", data)

    def remove_cloud(self, name: str) -> None:
        """Forget a cloud and its credentials."""
        for file, top in (("clouds.yaml", "clouds"), ("credentials.yaml", "credentials")):
            data = self._load(file, top)
            data[top].pop(name, None)
            self._save(file, data)

    def credential(self, cloud: str) -> dict[str, Any]:
        """The credential of a cloud.

        Raises:
            JujuError: there is none.
        """
        found = self._load("credentials.yaml", "credentials")["credentials"].get(cloud)
        if not isinstance(found, dict) or cloud not in found:
            raise JujuError(f'no credentials found for cloud "{cloud}"')
        credential: dict[str, Any] = found[cloud]
        return credential

    # -- controllers

    def controllers(self) -> tuple[dict[str, Any], str]:
        """Known controllers by name, and the current one's name or an empty string."""
        data = self._load("controllers.yaml", "controllers")
        return data["controllers"], str(data.get("current-controller") or "")

    def controller(self, name: str = "") -> tuple[str, dict[str, Any]]:
        """A controller by name; without a name the current one.

        Raises:
            JujuError: unknown, or none is selected.
        """
        known, current = self.controllers()
        name = name or os.environ.get("JUJU_CONTROLLER", "") or current
        if not name:
            if known:
                raise JujuError(
                    'No selected controller.\n\nPlease use "juju switch" to select a controller.\n'
                )
            raise JujuError(
                "No controllers registered.\n\nPlease either create a new controller using "
                '"juju bootstrap" or connect to\nanother controller that you have been given access to '
                'using "juju register".\n'
            )
        if name not in known:
            raise JujuError(f"controller {name} not found")
        return name, known[name]

    def put_controller(self, name: str, controller: dict[str, Any], account: dict[str, Any]) -> None:
        """Add a controller with its account, and make it the current one."""
        data = self._load("controllers.yaml", "controllers")
        data["controllers"][name] = controller
        data["current-controller"] = name
        self._save("controllers.yaml", data)
        data = self._load("accounts.yaml", "controllers")
        data["controllers"][name] = account
        self._save("accounts.yaml", data)

    def select_controller(self, name: str) -> None:
        """Make a controller the current one."""
        data = self._load("controllers.yaml", "controllers")
        data["current-controller"] = name
        self._save("controllers.yaml", data)

    def remove_controller(self, name: str) -> None:
        """Forget a controller, its account and its models."""
        data = self._load("controllers.yaml", "controllers")
        data["controllers"].pop(name, None)
        if data.get("current-controller") == name:
            del data["current-controller"]
        self._save("controllers.yaml", data)
        for file in ("accounts.yaml", "models.yaml"):
            data = self._load(file, "controllers")
            data["controllers"].pop(name, None)
            self._save(file, data)

    def account(self, controller: str) -> dict[str, Any]:
        """The account used at a controller."""
        account: dict[str, Any] = (
            self._load("accounts.yaml", "controllers")["controllers"].get(controller) or {}
        )
        return account

    # -- models

    def models(self, controller: str) -> tuple[dict[str, Any], str]:
        """Known models of a controller by qualified name, and the current one's name."""
        entry = self._load("models.yaml", "controllers")["controllers"].get(controller) or {}
        return dict(entry.get("models") or {}), str(entry.get("current-model") or "")

    def set_models(self, controller: str, models: dict[str, Any], current: str) -> None:
        """Replace what is known about a controller's models."""
        data = self._load("models.yaml", "controllers")
        entry: dict[str, Any] = {"models": models}
        if current:
            entry["current-model"] = current
        data["controllers"][controller] = entry
        self._save("models.yaml", data)
