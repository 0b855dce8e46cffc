"""The certificate of a webhook."""

from __future__ import annotations

import base64
import copy
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from labkubeflow.common import certificate
from labkubeflow.common.certificate import Certificate, Object
from labkubeflow.common.kube import KubeError

SECRETS = "/api/v1/namespaces/kubeflow/secrets"


class Api:
    """An API server that has Secrets only."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.rival: Certificate | None = None

    def request(self, method: str, path: str, body: object = None) -> Object:
        if method == "GET":
            if path not in self.objects:
                raise KubeError(404, "NotFound", path)
            return copy.deepcopy(self.objects[path])
        assert isinstance(body, dict)
        if method == "PUT":
            assert path in self.objects
        else:
            path = f"{path}/{body['metadata']['name']}"
            if self.rival is not None:
                data = {"tls.crt": self.rival.public, "tls.key": self.rival.private}
                encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
                self.objects[path] = {**body, "data": encoded}
                raise KubeError(409, "AlreadyExists", path)
        self.objects[path] = copy.deepcopy(body)
        return body


def keep(api: Api, namespace: str = "kubeflow") -> Certificate:
    return certificate.keep(api, "cert", "webhook", namespace)


def test_it_is_kept() -> None:
    api = Api()
    first = keep(api)
    assert first.serves("webhook", "kubeflow")
    assert keep(api) == first
    other = keep(api, "elsewhere")
    assert other.serves("webhook", "elsewhere")
    assert not first.serves("webhook", "elsewhere")


def test_one_that_is_no_good_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api()
    with monkeypatch.context() as patch:
        patch.setattr(certificate, "VALID", timedelta(days=3))
        old = keep(api)
    new = keep(api)
    assert new != old
    api.objects[f"{SECRETS}/cert"]["data"]["tls.key"] = base64.b64encode(b"nonsense").decode()
    assert keep(api) not in (old, new)
    assert not Certificate(new.public, old.private).serves("webhook", "kubeflow")


def test_of_two_that_are_made_at_once_the_first_counts() -> None:
    api = Api()
    api.rival = Certificate.make("webhook", "kubeflow")
    assert keep(api) == api.rival


def test_a_refusal_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api()

    def refuse(*_: object) -> None:
        raise KubeError(403, "Forbidden", "no")

    monkeypatch.setattr(api, "request", refuse)
    with pytest.raises(KubeError, match="no"):
        keep(api)


def test_only_the_owner_reads_the_key(tmp_path: Path) -> None:
    public, private = Certificate.make("webhook", "kubeflow").write(tmp_path)
    assert private.stat().st_mode & 0o777 == 0o600
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(public, private)
