"""What the access management API (KFAM) knows about a user's namespaces.

Contract: kubeflow/kubeflow v1.8-branch, components/access-management/api/swagger.yaml.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from labkubeflow.common.service import Service, ServiceError
from labkubeflow.common.web import USER_HEADER

ROLES = {"admin": "owner", "edit": "contributor", "view": "viewer"}
"""What the dashboard calls the roles that KFAM binds."""


class WorkgroupError(Exception):
    """KFAM refused, or does not answer.

    Attributes:
        status: the HTTP status to pass on.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Membership:
    """A user's place in a namespace."""

    user: str
    namespace: str
    role: str

    def as_json(self) -> dict[str, str]:
        """Return it as the dashboard's API has it."""
        return asdict(self)


class Workgroups:
    """KFAM, asked on behalf of users.

    Args:
        kfam: its service.
    """

    def __init__(self, kfam: Service) -> None:
        self._kfam = kfam

    def of_user(self, user: str) -> list[Membership]:
        """Return the namespaces of a user, sorted by name.

        Raises:
            WorkgroupError: KFAM refused or does not answer.
        """
        return self._bindings(user, {"user": user})

    def of_namespace(self, user: str, namespace: str) -> list[Membership]:
        """Return who is in a namespace, as a user asks.

        Raises:
            WorkgroupError: as in `of_user`.
        """
        return self._bindings(user, {"namespace": namespace})

    def is_cluster_admin(self, user: str) -> bool:
        """Tell whether a user may see everybody's namespaces.

        Raises:
            WorkgroupError: as in `of_user`.
        """
        return self._ask("GET", "/kfam/v1/role/clusteradmin", user, query={"user": user}) is True

    def _bindings(self, user: str, query: dict[str, str]) -> list[Membership]:
        answer = self._ask("GET", "/kfam/v1/bindings", user, query=query)
        found = [
            Membership(
                user=str(item["user"]["name"]),
                namespace=str(item["referredNamespace"]),
                role=ROLES.get(str(item["roleRef"]["name"]), str(item["roleRef"]["name"])),
            )
            for item in (answer or {}).get("bindings") or []
        ]
        return sorted(found, key=lambda item: (item.namespace, item.role, item.user))

    def _ask(self, method: str, path: str, user: str, **how: Any) -> Any:
        try:
            status, answer = self._kfam.ask(method, path, headers={USER_HEADER: user}, **how)
        except ServiceError as error:
            raise WorkgroupError(503, str(error)) from error
        if status >= 400:
            raise WorkgroupError(status, f"{self._kfam.name} refuses with HTTP {status}: {answer}")
        return answer
