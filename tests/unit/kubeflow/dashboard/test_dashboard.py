from __future__ import annotations

from typing import Any

import pytest
from labkubeflow.common.kube import KubeError
from labkubeflow.common.service import Service, ServiceError
from labkubeflow.dashboard.app import Dashboard
from labkubeflow.dashboard.workgroups import Workgroups
from starlette.testclient import TestClient

ADMIN = {"kubeflow-userid": "admin@lab.example"}


class Other(Service):
    """A service that answers as told; remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__("kubeflow-profiles", "http://127.0.0.1:1")
        self.answers: dict[str, tuple[int, Any]] = {}
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    def ask(self, method: str, path: str, **how: Any) -> tuple[int, Any]:
        self.asked.append((method, path, how))
        if path not in self.answers:
            raise ServiceError("kubeflow-profiles does not answer (down)")
        return self.answers[path]


class Cluster:
    """An API server with one namespace."""

    def __init__(self) -> None:
        self.down = False

    def request(self, method: str, path: str) -> dict[str, Any]:
        if self.down:
            raise KubeError(0, "", "the API server cannot be reached")
        assert (method, path) == ("GET", "/api/v1/namespaces")
        return {"items": [{"metadata": {"name": "lab"}}]}


class Site:
    """The dashboard and what is around it."""

    def __init__(self, registration: bool) -> None:
        self.kfam, self.gatekeeper, self.cluster = Other(), Other(), Cluster()
        self.bind(("zoo", "edit"), ("lab", "admin"))
        self.kfam.answers["/kfam/v1/role/clusteradmin"] = (200, True)
        dashboard = Dashboard(Workgroups(self.kfam), self.cluster, self.gatekeeper, registration)
        self.browser = TestClient(dashboard.application(), follow_redirects=False)

    def bind(self, *bindings: tuple[str, str]) -> None:
        found = [
            {
                "user": {"kind": "User", "name": "admin@lab.example"},
                "referredNamespace": namespace,
                "roleRef": {"kind": "ClusterRole", "name": role},
            }
            for namespace, role in bindings
        ]
        self.kfam.answers["/kfam/v1/bindings"] = (200, {"bindings": found or None})


@pytest.fixture
def site() -> Site:
    return Site(registration=True)


def test_the_page_says_what_it_is_and_who_asks(site: Site) -> None:
    page = site.browser.get("/", headers=ADMIN)
    assert page.status_code == 200
    for text in ("REHEARSAL", "admin@lab.example", 'href="/pipeline/"', 'href="/katib/"', 'action="/logout"'):
        assert text in page.text
    assert page.text.index("<td>lab</td><td>owner</td>") < page.text.index("<td>zoo</td><td>contributor</td>")
    _, path, how = site.kfam.asked[0]
    assert path == "/kfam/v1/bindings"
    assert how["query"] == {"user": "admin@lab.example"}
    assert how["headers"] == ADMIN


def test_the_page_of_a_user_without_a_namespace_says_how_to_get_one(site: Site) -> None:
    site.bind()
    page = site.browser.get("/", headers={"kubeflow-userid": "<b>x</b>"})
    assert "owner: {kind: User, name: &lt;b&gt;x&lt;/b&gt;}" in page.text
    assert "<b>" not in page.text


def test_without_kfam_the_page_says_so(site: Site) -> None:
    site.kfam.answers.clear()
    page = site.browser.get("/", headers=ADMIN)
    assert page.status_code == 200
    assert "not known now: kubeflow-profiles does not answer" in page.text
    assert 'href="/pipeline/"' in page.text


def test_nobody_gets_no_page(site: Site) -> None:
    assert site.browser.get("/").status_code == 401


@pytest.mark.parametrize(("role", "owns"), [("admin", True), ("edit", False), ("view", False)])
def test_exists(site: Site, role: str, owns: bool) -> None:
    site.bind(("lab", role))
    assert site.browser.get("/api/workgroup/exists", headers=ADMIN).json() == {
        "hasAuth": True,
        "user": "admin",
        "hasWorkgroup": owns,
        "registrationFlowAllowed": True,
    }


def test_exists_says_what_the_option_says() -> None:
    answer = Site(registration=False).browser.get("/api/workgroup/exists", headers=ADMIN)
    assert answer.json()["registrationFlowAllowed"] is False


def test_environment(site: Site) -> None:
    answer = site.browser.get("/api/workgroup/env-info", headers=ADMIN).json()
    assert answer["user"] == "admin@lab.example"
    assert answer["isClusterAdmin"] is True
    assert answer["namespaces"] == [
        {"user": "admin@lab.example", "namespace": "lab", "role": "owner"},
        {"user": "admin@lab.example", "namespace": "zoo", "role": "contributor"},
    ]
    assert set(answer["platform"]) == {"provider", "providerName", "kubeflowVersion"}


def test_contributors(site: Site) -> None:
    site.bind(("lab", "admin"), ("lab", "edit"))
    answer = site.browser.get("/api/workgroup/get-contributors/lab", headers=ADMIN)
    assert answer.json() == ["admin@lab.example"]
    assert site.kfam.asked[0][2]["query"] == {"namespace": "lab"}


def test_namespaces(site: Site) -> None:
    assert site.browser.get("/api/namespaces", headers=ADMIN).json() == [{"metadata": {"name": "lab"}}]
    site.cluster.down = True
    assert site.browser.get("/api/namespaces", headers=ADMIN).status_code == 503


def test_what_kfam_refuses_is_passed_on(site: Site) -> None:
    site.kfam.answers["/kfam/v1/bindings"] = (403, "no")
    answer = site.browser.get("/api/workgroup/env-info", headers=ADMIN)
    assert (answer.status_code, "403" in answer.json()["error"]) == (403, True)
    site.kfam.answers.clear()
    assert site.browser.get("/api/workgroup/exists", headers=ADMIN).status_code == 503


@pytest.mark.parametrize("path", ["exists", "env-info", "get-contributors/lab"])
def test_the_api_wants_a_user(site: Site, path: str) -> None:
    answer = site.browser.get(f"/api/workgroup/{path}")
    assert (answer.status_code, "identity" in answer.json()["error"]) == (405, True)
    assert site.kfam.asked == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/api/workgroup/nuke-self"),
        ("POST", "/api/workgroup/create"),
        ("GET", "/api/activities/lab"),
    ],
)
def test_what_is_missing_is_refused_clearly(site: Site, method: str, path: str) -> None:
    answer = site.browser.request(method, path, headers=ADMIN)
    assert answer.status_code == 501
    assert f"{method} {path}" in answer.json()["error"]


@pytest.mark.parametrize("status", [201, 401])
def test_logout_ends_the_session(site: Site, status: int) -> None:
    site.gatekeeper.answers["/authservice/logout"] = (status, None)
    answer = site.browser.post("/logout", headers={**ADMIN, "Cookie": "authservice_session=secret"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert site.gatekeeper.asked[0][2]["headers"] == {"Authorization": "Bearer secret"}


def test_a_logout_that_failed_says_so(site: Site) -> None:
    answer = site.browser.post("/logout", headers=ADMIN)
    assert (answer.status_code, "still logged in" in answer.text) == (503, True)
    site.gatekeeper.answers["/authservice/logout"] = (500, None)
    assert site.browser.post("/logout", headers=ADMIN).status_code == 503
    assert site.browser.get("/logout", headers=ADMIN).status_code == 405


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/_/pipeline/?ns=lab", "/pipeline/?ns=lab"),
        ("/_/katib/", "/katib/"),
        ("/_//elsewhere.example/", "/elsewhere.example/"),
        ("/_/%5Celsewhere.example/", "/elsewhere.example/"),
    ],
)
def test_the_paths_of_the_real_dashboard_s_frame_lead_to_the_component(
    site: Site, path: str, leads_to: str
) -> None:
    answer = site.browser.get(path, headers=ADMIN)
    assert (answer.status_code, answer.headers["Location"]) == (302, leads_to)
