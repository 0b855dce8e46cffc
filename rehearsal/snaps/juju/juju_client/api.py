"""One call to the controller, through the API server's proxy of the controller's service.

The real client opens a websocket through a port-forward; this one posts a request, which costs one run
of kubectl and needs no discovery. The account's password travels in the body, so that only this client
and not every pod of the cluster may ask.
"""

from __future__ import annotations

import json

from .errors import ApiError, JujuError
from .kube import Kube, KubeError, NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .store import Store

API_PORT = 17070
_CONNECT = "opening API connection: starting proxy for api connection: connecting k8s proxy"


class Api:
    """A controller that can be asked.

    Attributes:
        name: the controller's name.
        details: its entry in controllers.yaml.
    """

    def __init__(self, name: str, details: dict[str, Any], account: dict[str, Any], cache: str) -> None:
        self.name = name
        self.details = details
        self._account = account
        proxy = (details.get("proxy") or {}).get("config") or {}
        self._path = (
            f"/api/v1/namespaces/{proxy.get('namespace')}/services/"
            f"http:{proxy.get('service')}:{proxy.get('remote-port')}/proxy/api"
        )
        self._kube = Kube(
            str(proxy.get("api-host", "")),
            str(proxy.get("ca-cert", "")),
            {"token": proxy.get("service-account-token", "")},
            cache,
        )

    @classmethod
    def connect(cls, store: Store, controller: str = "") -> Api:
        """The API of a known controller."""
        name, details = store.controller(controller)
        return cls(name, details, store.account(name), f"{store.directory}/cache")

    def call(self, method: str, timeout: float = 60, **params: Any) -> Any:
        """Ask the controller.

        Raises:
            JujuError: it cannot be reached.
            ApiError: it refuses.
        """
        body = json.dumps(
            {
                "user": self._account.get("user", ""),
                "password": self._account.get("password", ""),
                "method": method,
                "params": params,
            }
        )
        try:
            answer = self._kube.post(self._path, body, timeout)
        except NotFoundError as error:
            raise JujuError(f"{_CONNECT}: finding service for controller {self.name!r}: {error}") from None
        except KubeError as error:
            raise JujuError(f"{_CONNECT}: {error}") from None
        try:
            document = json.loads(answer)
        except ValueError:
            raise JujuError(f"{_CONNECT}: unexpected answer of the controller") from None
        if "error" in document:
            raise ApiError(document["error"]["message"], document["error"].get("code", ""))
        return document["result"]
