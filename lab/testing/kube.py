"""The lab's Kubernetes, through a tunnel, with objects as plain data.

Plain data, because typed models refuse what a server a few releases older or newer answers.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Self
from urllib.parse import urlsplit

import yaml

from lab.errors import AcceptanceError
from lab.transport.base import Transport

Object = dict[str, Any]

MICROK8S_CONFIG = "/snap/bin/microk8s config"
REQUEST_TIMEOUT = 60.0
"""Seconds for one request: the API server of an emulated machine takes its time after a start."""


class KubeError(AcceptanceError):
    """The API server refused a request or did not answer.

    Attributes:
        status: The HTTP status; 0 if there was no answer.
    """

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message, code="LAB-TEST-010")
        self.status = status


class Kube:
    """A client of the lab's API server.

    Attributes:
        api: The `kubernetes.client.ApiClient` below, for libraries that want one.
    """

    def __init__(self, api: Any, resources: ExitStack | None = None) -> None:
        self.api = api
        self._resources = resources or ExitStack()
        self._plurals: dict[str, dict[str, tuple[str, bool]]] = {}
        self._lock = threading.Lock()

    @classmethod
    def connect(cls, transport: Transport) -> Self:
        """Log in as the guest's user does, with what ``microk8s config`` prints.

        Raises:
            LabError: The guest or its MicroK8s did not answer.
        """
        text = transport.run(MICROK8S_CONFIG, timeout=120).check(AcceptanceError, code="LAB-TEST-011").stdout
        config = yaml.safe_load(text)
        cluster = config["clusters"][0]["cluster"]
        resources = ExitStack()
        # The server's certificate names 127.0.0.1, which is where the tunnel's end is too.
        tunnel = resources.enter_context(
            transport.tunnel("127.0.0.1", urlsplit(cluster["server"]).port or 443)
        )
        cluster["server"] = f"https://127.0.0.1:{tunnel.port}"
        return cls(_client(config), resources)

    def close(self) -> None:
        """Close the connections and the tunnel."""
        self.api.close()
        self._resources.close()

    def as_service_account(self, namespace: str, name: str, *, seconds: int = 3600) -> Kube:
        """Return a client that is this service account, with a token that the server issues for it."""
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        issued = self.request(
            "POST", path, body={**request, "spec": {"audiences": [], "expirationSeconds": seconds}}
        )
        mine = self.api.configuration
        return Kube(_token_client(mine.host, mine.ssl_ca_cert, issued["status"]["token"]))

    def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, str] | None = None,
        timeout: float = REQUEST_TIMEOUT,
    ) -> Object:
        """Send a request and return the object that the server answers with.

        Raises:
            KubeError: The server refused it or did not answer.
        """
        answer: Object = self._send(method, path, body, query, timeout, parse=True)
        return answer

    def text(
        self, path: str, *, query: Mapping[str, str] | None = None, timeout: float = REQUEST_TIMEOUT
    ) -> str:
        """Get something that is not JSON, such as a log."""
        data: bytes = self._send("GET", path, None, query, timeout, parse=False).data
        return data.decode(errors="replace")

    def create(self, item: Object) -> Object:
        """Create an object."""
        metadata = item["metadata"]
        path = self.path(item["apiVersion"], item["kind"], namespace=metadata.get("namespace"))
        return self.request("POST", path, body=item)

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """Return an object, ``None`` if it does not exist."""
        try:
            return self.request("GET", self.path(api_version, kind, name, namespace=namespace))
        except KubeError as error:
            if error.status == 404:
                return None
            raise

    def list(
        self, api_version: str, kind: str, namespace: str | None = None, *, labels: str = ""
    ) -> Sequence[Object]:
        """Return objects of one kind, in one namespace or in all."""
        query = {"labelSelector": labels} if labels else None
        answer = self.request("GET", self.path(api_version, kind, namespace=namespace), query=query)
        items: Sequence[Object] = answer.get("items") or []
        return items

    def delete(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> None:
        """Delete an object and what belongs to it, without waiting; one that does not exist is no error."""
        path = self.path(api_version, kind, name, namespace=namespace)
        try:
            self.request("DELETE", path, body={"propagationPolicy": "Background"})
        except KubeError as error:
            if error.status != 404:
                raise

    def logs(self, namespace: str, pod: str, *, container: str = "", previous: bool = False) -> str:
        """Return the last lines of a container's log."""
        query = {"tailLines": "100"}
        if container:
            query["container"] = container
        if previous:
            query["previous"] = "true"
        return self.text(f"/api/v1/namespaces/{namespace}/pods/{pod}/log", query=query)

    def path(self, api_version: str, kind: str, name: str = "", *, namespace: str | None = None) -> str:
        """Return the path of a kind or of one object; the server says how the kind is called in it."""
        with self._lock:
            if api_version not in self._plurals:
                self._plurals[api_version] = dict(self._discover(api_version))
        try:
            plural, namespaced = self._plurals[api_version][kind]
        except KeyError:
            raise KubeError(f"The server knows no {kind} in {api_version}", status=404) from None
        parts = [_prefix(api_version)]
        if namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(plural)
        if name:
            parts.append(name)
        return "/".join(parts)

    def kinds(self) -> Iterator[tuple[str, str]]:
        """Yield version and kind of everything that can be listed, each once."""
        versions = ["v1"]
        groups = self.request("GET", "/apis")["groups"]
        versions += [group["preferredVersion"]["groupVersion"] for group in groups]
        for version in versions:
            try:
                resources = self.request("GET", _prefix(version))["resources"]
            except KubeError as error:
                # A group may be served by a pod that is not there.
                if error.status != 503:
                    raise
                continue
            for resource in resources:
                if "list" in resource["verbs"] and "/" not in resource["name"]:
                    yield version, resource["kind"]

    def _discover(self, api_version: str) -> Iterator[tuple[str, tuple[str, bool]]]:
        for resource in self.request("GET", _prefix(api_version))["resources"]:
            if "/" not in resource["name"]:
                yield resource["kind"], (resource["name"], resource["namespaced"])

    def _send(
        self,
        method: str,
        path: str,
        body: object,
        query: Mapping[str, str] | None,
        timeout: float,
        *,
        parse: bool,
    ) -> Any:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        headers = {"Accept": "application/json" if parse else "*/*"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            return self.api.call_api(
                path,
                method,
                query_params=list((query or {}).items()),
                header_params=headers,
                body=body,
                response_type="object",
                auth_settings=["BearerToken"],
                _return_http_data_only=True,
                _preload_content=parse,
                _request_timeout=timeout,
            )
        except ApiException as error:
            raise KubeError(
                f"{method} {path}: {error.status} {_reason(error)}", status=error.status or 0
            ) from error
        except (HTTPError, OSError) as error:
            raise KubeError(f"{method} {path}: no answer: {error}", status=0) from error


def _client(config: Mapping[str, Any]) -> Any:
    from kubernetes.config import new_client_from_config_dict

    return new_client_from_config_dict(dict(config))


def _token_client(host: str, ca_file: str, token: str) -> Any:
    from kubernetes.client import ApiClient, Configuration

    configuration = Configuration(host=host)
    configuration.ssl_ca_cert = ca_file
    configuration.api_key["authorization"] = f"Bearer {token}"
    return ApiClient(configuration)


def _prefix(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _reason(error: Any) -> str:
    try:
        return str(json.loads(error.body)["message"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason)
