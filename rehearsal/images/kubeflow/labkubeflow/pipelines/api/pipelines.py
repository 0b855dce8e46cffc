"""Pipelines and their versions (kubeflow/pipelines, backend/src/apiserver/server/pipeline_server.go).

A pipeline belongs to a namespace or, with an empty one, is shared: every user may then do all with it.
"""

from __future__ import annotations

from labkubeflow.pipelines.api import queries
from labkubeflow.pipelines.api.errors import ApiError, Code, invalid, not_found, unsupported
from labkubeflow.pipelines.api.messages import pruned, stamp
from labkubeflow.pipelines.api.service import Call, Service
from labkubeflow.pipelines.api.specs import read_package
from labkubeflow.pipelines.model import InvalidPipeline, JsonObject
from labkubeflow.pipelines.store.records import DuplicateError, MissingError, Pipeline, Version

RESOURCE = "pipelines"


def may(service: Service, user: str, verb: str, namespace: str, name: str = "") -> None:
    """See that someone may do something with the pipelines of a namespace; with shared ones, everyone may.

    Raises:
        ApiError: PERMISSION_DENIED if not.
    """
    if namespace:
        service.access.require(user, verb, RESOURCE, namespace, name)


def find(service: Service, pipeline_id: str) -> Pipeline:
    """Return a pipeline.

    Raises:
        ApiError: NOT_FOUND if there is none.
    """
    try:
        return service.stores.pipelines.get(pipeline_id)
    except MissingError:
        raise not_found("Pipeline", pipeline_id) from None


def find_version(service: Service, pipeline_id: str, version_id: str) -> Version:
    """Return a version of a pipeline: the newest if no other is named.

    Args:
        service: where to look.
        pipeline_id: may be empty if the version is named.
        version_id: may be empty.

    Raises:
        ApiError: NOT_FOUND if there is none.
    """
    if not version_id:
        latest = service.stores.pipelines.latest(find(service, pipeline_id).id)
        if latest is None:
            raise not_found("PipelineVersion of pipeline", pipeline_id)
        return latest
    try:
        version = service.stores.pipelines.version(version_id)
    except MissingError:
        raise not_found("PipelineVersion", version_id) from None
    if pipeline_id and version.pipeline_id != pipeline_id:
        raise not_found(f"PipelineVersion of pipeline {pipeline_id}", version_id)
    return version


def upload(service: Service, call: Call) -> JsonObject:
    """Answer POST /pipelines/upload: a new pipeline with its first version."""
    call.only(("name", "display_name", "description", "namespace"))
    file, spec = _package(service, call)
    name = call.query.get("name") or call.query.get("display_name") or file
    shown = call.query.get("display_name") or name
    description, namespace = call.query.get("description", ""), call.query.get("namespace", "")
    may(service, call.user, "create", namespace, name)
    now = service.now()
    item = Pipeline(service.new_id(), name, shown, description, namespace, now)
    version = Version(service.new_id(), item.id, name, shown, description, now, spec)
    _add(service, item, version)
    return _answer(item)


def upload_version(service: Service, call: Call) -> JsonObject:
    """Answer POST /pipelines/upload_version: a new version of a pipeline."""
    call.only(("name", "display_name", "description", "pipelineid"))
    file, spec = _package(service, call)
    pipeline_id = call.query.get("pipelineid", "")
    if not pipeline_id:
        raise invalid("Please specify a pipeline id when creating versions")
    item = find(service, pipeline_id)
    may(service, call.user, "create", item.namespace, item.name)
    name = call.query.get("name") or call.query.get("display_name") or file
    version = Version(
        id=service.new_id(),
        pipeline_id=item.id,
        name=name,
        display_name=call.query.get("display_name") or name,
        description=call.query.get("description", ""),
        created_at=service.now(),
        spec=spec,
    )
    try:
        service.stores.pipelines.add_version(version)
    except DuplicateError:
        raise _taken("pipeline version", name) from None
    except MissingError:
        raise not_found("Pipeline", pipeline_id) from None
    return _version_answer(version)


def create(service: Service, call: Call) -> JsonObject:
    """Answer POST /pipelines: a pipeline without versions."""
    call.only(())
    asked = call.message("Pipeline")
    name = asked.get("display_name", "")
    if not name:
        raise invalid("pipeline's name cannot be empty")
    namespace = asked.get("namespace", "")
    may(service, call.user, "create", namespace, name)
    item = Pipeline(service.new_id(), name, name, asked.get("description", ""), namespace, service.now())
    _add(service, item, None)
    return _answer(item)


def create_with_version(service: Service, call: Call) -> JsonObject:
    """Answer POST /pipelines/create: refused, since upstream takes the version from a URL."""
    call.message("CreatePipelineAndVersionRequest")
    raise unsupported("creating a pipeline from a URL (upload it instead)")


def create_version(service: Service, call: Call) -> JsonObject:
    """Answer POST /pipelines/ID/versions: refused, since upstream takes the version from a URL."""
    asked = call.message("PipelineVersion")
    find(service, call.path["pipeline_id"])
    if not asked.get("package_url", {}).get("pipeline_url"):
        raise invalid("a pipeline version needs a pipeline URL")
    raise unsupported("creating a pipeline version from a URL (upload it instead)")


def list_all(service: Service, call: Call) -> JsonObject:
    """Answer GET /pipelines: those of a namespace, or those that are shared."""
    call.only((*queries.PARAMETERS, "namespace"))
    namespace = call.query.get("namespace", "")
    may(service, call.user, "list", namespace)
    query = queries.read_query(call.query, queries.PIPELINE_FIELDS)
    page = service.stores.pipelines.page(namespace, query)
    return queries.answer_of("pipelines", page, _answer, query, call.query)


def get(service: Service, call: Call) -> JsonObject:
    """Answer GET /pipelines/ID."""
    return _answer(_permitted(service, call, "get"))


def get_by_name(service: Service, call: Call) -> JsonObject:
    """Answer GET /pipelines/names/NAME."""
    call.only(("namespace",))
    namespace, name = call.query.get("namespace", ""), call.path["name"]
    may(service, call.user, "get", namespace, name)
    try:
        return _answer(service.stores.pipelines.named(namespace, name))
    except MissingError:
        raise not_found("Pipeline", name) from None


def delete(service: Service, call: Call) -> JsonObject:
    """Answer DELETE /pipelines/ID: as upstream, not while it has versions."""
    item = _permitted(service, call, "delete")
    latest = service.stores.pipelines.latest(item.id)
    if latest:
        raise invalid(
            f"Failed to delete pipeline with id {item.id} as it has existing pipeline versions "
            f"(e.g. {latest.id})"
        )
    service.stores.pipelines.delete(item.id)
    return {}


def list_versions(service: Service, call: Call) -> JsonObject:
    """Answer GET /pipelines/ID/versions."""
    call.only(queries.PARAMETERS)
    item = find(service, call.path["pipeline_id"])
    may(service, call.user, "list", item.namespace, item.name)
    query = queries.read_query(call.query, queries.VERSION_FIELDS)
    page = service.stores.pipelines.versions(item.id, query)
    return queries.answer_of("pipeline_versions", page, _version_answer, query, call.query)


def get_version(service: Service, call: Call) -> JsonObject:
    """Answer GET /pipelines/ID/versions/ID."""
    _permitted(service, call, "get")
    return _version_answer(find_version(service, call.path["pipeline_id"], call.path["pipeline_version_id"]))


def delete_version(service: Service, call: Call) -> JsonObject:
    """Answer DELETE /pipelines/ID/versions/ID."""
    _permitted(service, call, "delete")
    version = find_version(service, call.path["pipeline_id"], call.path["pipeline_version_id"])
    service.stores.pipelines.delete_version(version.id)
    return {}


def _permitted(service: Service, call: Call, verb: str) -> Pipeline:
    call.only(())
    item = find(service, call.path["pipeline_id"])
    may(service, call.user, verb, item.namespace, item.name)
    return item


def _package(service: Service, call: Call) -> tuple[str, JsonObject]:
    if call.file is None:
        raise invalid("Failed to read pipeline from file: there is no form field uploadfile")
    name, data = call.file
    spec = read_package(name, data)
    try:
        service.engine.validate(spec)
    except InvalidPipeline as error:
        raise invalid(str(error)) from error
    return name, spec


def _add(service: Service, item: Pipeline, version: Version | None) -> None:
    try:
        service.stores.pipelines.add(item, version)
    except DuplicateError:
        raise _taken("pipeline", item.name) from None


def _taken(kind: str, name: str) -> ApiError:
    return ApiError(
        Code.ALREADY_EXISTS,
        f"Already exist error: Failed to create a new {kind}. The name {name} already exists. "
        "Please specify a new name",
    )


def _answer(item: Pipeline) -> JsonObject:
    return pruned(
        {
            "pipeline_id": item.id,
            "display_name": item.display_name,
            "description": item.description,
            "created_at": stamp(item.created_at),
            "namespace": item.namespace,
        }
    )


def _version_answer(version: Version) -> JsonObject:
    return pruned(
        {
            "pipeline_id": version.pipeline_id,
            "pipeline_version_id": version.id,
            "display_name": version.display_name,
            "description": version.description,
            "created_at": stamp(version.created_at),
            "pipeline_spec": version.spec,
        }
    )
