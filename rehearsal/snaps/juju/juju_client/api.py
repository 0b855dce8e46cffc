"""One call to the controller: at the address of its service, or through the API server's proxy of it.

The real client opens a websocket through a port-forward. This one posts a request. The way through the API
server costs a run of kubectl, the dearest part of a call in an emulated guest, and knows why nobody answers;
so it is taken when the address does not answer. The account's password travels in the body, so that only this
client and not every pod of the cluster may ask.
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
PATH = "/api"
CONNECT_SECONDS = 3.0
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
        self._endpoint = (details.get("api-endpoints") or [""])[0]
        proxy = (details.get("proxy") or {}).get("config") or {}
        self._path = (
            f"/api/v1/namespaces/{proxy.get('namespace')}/services/"
            f"http:{proxy.get('service')}:{proxy.get('remote-port')}/proxy{PATH}"
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
            answer = self._post(body, timeout)
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

    def _post(self, body: str, timeout: float) -> str:
        answer = self._post_directly(body, timeout)
        return self._kube.post(self._path, body, timeout) if answer is None else answer

    def _post_directly(self, body: str, timeout: float) -> str | None:
        """Post to the service's own address; None if nobody takes the request there."""
        # Not before it is needed: many commands ask no controller.
        from http.client import HTTPConnection, HTTPException

        host, _, port = self._endpoint.rpartition(":")
        connection = HTTPConnection(host, int(port or API_PORT), timeout=CONNECT_SECONDS)
        try:
            connection.connect()
        except OSError:
            return None
        try:
            # A request that was taken may be carried out: it is not sent a second time.
            connection.sock.settimeout(timeout)
            connection.request("POST", PATH, body.encode())
            response = connection.getresponse()
            answer = response.read().decode()
        except (OSError, HTTPException) as error:
            raise KubeError(str(error) or type(error).__name__) from None
        finally:
            connection.close()
        if response.status != 200:
            raise KubeError(f"HTTP {response.status}")
        return answer
