"""The messages of API v2beta1, and how JSON is read into them.

Field names and types are those of kubeflow/pipelines, backend/api/v2beta1/*.proto at 2.0 to 2.3. They are
declared to the protobuf library, which then reads JSON as upstream's gateway does: either spelling of a name,
numbers of 64 bits as text, times as RFC 3339, and no field that is not there.
"""

from __future__ import annotations

import functools

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    json_format,
    message,
    message_factory,
    struct_pb2,
    timestamp_pb2,
)

from labkubeflow.pipelines.api.errors import invalid
from labkubeflow.pipelines.model import JsonObject

PACKAGE = "kubeflow.pipelines.backend.api.v2beta1"

_STORAGE = "STORAGE_STATE_UNSPECIFIED AVAILABLE ARCHIVED"

ENUMS = {
    "ExperimentStorageState": _STORAGE,
    "RunStorageState": _STORAGE,
    "RuntimeState": (
        "RUNTIME_STATE_UNSPECIFIED PENDING RUNNING SUCCEEDED SKIPPED FAILED CANCELING CANCELED PAUSED"
    ),
    "Mode": "MODE_UNSPECIFIED ENABLE DISABLE",
    "RecurringStatus": "STATUS_UNSPECIFIED ENABLED DISABLED",
    "Operation": (
        "OPERATION_UNSPECIFIED EQUALS NOT_EQUALS GREATER_THAN GREATER_THAN_EQUALS=5 LESS_THAN=6 "
        "LESS_THAN_EQUALS=7 IN=8 IS_SUBSTRING=9"
    ),
}

# Each field is NAME:TYPE, without a type text; `*` makes it a list, `%` a map from text.
MESSAGES = {
    "Status": "code:int32 message",
    "Experiment": "experiment_id display_name description created_at:time namespace "
    "storage_state:ExperimentStorageState",
    "Url": "pipeline_url",
    "Pipeline": "pipeline_id display_name description created_at:time namespace error:Status",
    "PipelineVersion": "pipeline_id pipeline_version_id display_name description created_at:time "
    "package_url:Url code_source_url pipeline_spec:struct error:Status",
    "CreatePipelineAndVersionRequest": "pipeline:Pipeline pipeline_version:PipelineVersion",
    "PipelineVersionReference": "pipeline_id pipeline_version_id",
    "RuntimeConfig": "parameters:%value pipeline_root",
    "RuntimeStatus": "update_time:time state:RuntimeState error:Status",
    "ArtifactList": "artifact_ids:*int64",
    "PipelineTaskExecutorDetail": "main_job pre_caching_check_job failed_main_jobs:*string "
    "failed_pre_caching_check_jobs:*string",
    "ChildTask": "task_id pod_name",
    "PipelineTaskDetail": "run_id task_id display_name create_time:time start_time:time end_time:time "
    "executor_detail:PipelineTaskExecutorDetail state:RuntimeState execution_id:int64 error:Status "
    "inputs:%ArtifactList outputs:%ArtifactList parent_task_id state_history:*RuntimeStatus pod_name "
    "child_tasks:*ChildTask",
    "RunDetails": "pipeline_context_id:int64 pipeline_run_context_id:int64 task_details:*PipelineTaskDetail",
    "Run": "experiment_id run_id display_name storage_state:RunStorageState description pipeline_version_id "
    "pipeline_spec:struct pipeline_version_reference:PipelineVersionReference runtime_config:RuntimeConfig "
    "service_account created_at:time scheduled_at:time finished_at:time state:RuntimeState error:Status "
    "run_details:RunDetails recurring_run_id state_history:*RuntimeStatus",
    "CronSchedule": "start_time:time end_time:time cron",
    "PeriodicSchedule": "start_time:time end_time:time interval_second:int64",
    "Trigger": "cron_schedule:CronSchedule periodic_schedule:PeriodicSchedule",
    "RecurringRun": "recurring_run_id display_name description pipeline_version_id pipeline_spec:struct "
    "pipeline_version_reference:PipelineVersionReference runtime_config:RuntimeConfig service_account "
    "max_concurrency:int64 trigger:Trigger mode:Mode created_at:time updated_at:time status:RecurringStatus "
    "error:Status no_catchup:bool namespace experiment_id",
    "IntValues": "values:*int32",
    "LongValues": "values:*int64",
    "StringValues": "values:*string",
    "Predicate": "operation:Operation key int_value:int32 long_value:int64 string_value:string "
    "timestamp_value:time int_values:IntValues long_values:LongValues string_values:StringValues",
    "Filter": "predicates:*Predicate",
    "ListExperimentsResponse": "experiments:*Experiment total_size:int32 next_page_token",
    "ListPipelinesResponse": "pipelines:*Pipeline total_size:int32 next_page_token",
    "ListPipelineVersionsResponse": "pipeline_versions:*PipelineVersion next_page_token total_size:int32",
    "ListRunsResponse": "runs:*Run total_size:int32 next_page_token",
    "ListRecurringRunsResponse": "recurringRuns:*RecurringRun total_size:int32 next_page_token",
}

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _Field.TYPE_STRING,
    "bool": _Field.TYPE_BOOL,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
}
_KNOWN = {
    "time": timestamp_pb2.Timestamp.DESCRIPTOR,
    "struct": struct_pb2.Struct.DESCRIPTOR,
    "value": struct_pb2.Value.DESCRIPTOR,
}


def read(name: str, data: object) -> JsonObject:
    """Read a message.

    Args:
        name: a message of `MESSAGES`.
        data: what parsed JSON has.

    Returns:
        The message with the API's spelling of names; unset fields are left out. Pipelines and parameters are
        as they were sent.

    Raises:
        ApiError: it is not such a message.
    """
    if not isinstance(data, dict):
        raise invalid(f"{name}: a JSON object is expected")
    try:
        found = json_format.ParseDict(data, _classes()[name]())
        result: JsonObject = json_format.MessageToDict(found, preserving_proto_field_name=True)
    except (json_format.ParseError, json_format.SerializeToJsonError, RecursionError) as error:
        raise invalid(str(error)) from error
    return _with_free_parts(name, data, result)


def _with_free_parts(name: str, sent: JsonObject, result: JsonObject) -> JsonObject:
    """Put back what has no schema, as it was sent: the library makes all numbers fractions."""
    for text in MESSAGES[name].split():
        field, _, kind = text.partition(":")
        if field not in result:
            continue
        original = sent[field] if sent.get(field) is not None else sent[_camel(field)]
        if kind in ("struct", "%value"):
            result[field] = original
        elif kind in MESSAGES:
            result[field] = _with_free_parts(kind, original, result[field])
    return result


def _camel(field: str) -> str:
    first, *others = field.split("_")
    return first + "".join(word.capitalize() for word in others)


@functools.cache
def _classes() -> dict[str, type[message.Message]]:
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name="v2beta1.proto", package=PACKAGE, syntax="proto3")
    for known in {descriptor.file.name: descriptor.file for descriptor in _KNOWN.values()}.values():
        pool.AddSerializedFile(known.serialized_pb)
        file.dependency.append(known.name)
    for name, values in ENUMS.items():
        _declare_enum(file, name, values)
    for name, fields in MESSAGES.items():
        declared = file.message_type.add(name=name)
        for number, text in enumerate(fields.split(), 1):
            _declare_field(declared, number, text)
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
        for name in MESSAGES
    }


def _declare_enum(file: descriptor_pb2.FileDescriptorProto, name: str, values: str) -> None:
    # Names of values are unique in a package, so each kind is wrapped in a message.
    declared = file.message_type.add(name=f"{name}Enum").enum_type.add(name=name)
    for position, text in enumerate(values.split()):
        value, _, number = text.partition("=")
        declared.value.add(name=value, number=int(number or position))


def _declare_field(owner: descriptor_pb2.DescriptorProto, number: int, text: str) -> None:
    name, _, kind = text.partition(":")
    field = owner.field.add(name=name, number=number, label=_Field.LABEL_OPTIONAL)
    if kind.startswith("%"):
        entry = owner.nested_type.add(name=f"{_camel(name)[:1].upper()}{_camel(name)[1:]}Entry")
        entry.options.map_entry = True
        _declare_field(entry, 1, "key")
        _declare_field(entry, 2, f"value:{kind[1:]}")
        field.label = _Field.LABEL_REPEATED
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{PACKAGE}.{owner.name}.{entry.name}"
        return
    if kind.startswith("*"):
        field.label, kind = _Field.LABEL_REPEATED, kind[1:]
    if kind in _KNOWN:
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{_KNOWN[kind].full_name}"
    elif kind in ENUMS:
        field.type, field.type_name = _Field.TYPE_ENUM, f".{PACKAGE}.{kind}Enum.{kind}"
    elif kind in MESSAGES:
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
    else:
        field.type = _SCALARS[kind or "string"]


def stamp(seconds: float) -> str:
    """Return a time as the API has it: RFC 3339, whole seconds, UTC."""
    text: str = timestamp_pb2.Timestamp(seconds=int(seconds)).ToJsonString()
    return text


def seconds(text: str) -> float:
    """Return the seconds since 1970 that a time of a message stands for."""
    found = timestamp_pb2.Timestamp()
    found.FromJsonString(text)
    return float(found.seconds + found.nanos / 1e9)


def pruned(data: JsonObject) -> JsonObject:
    """Leave out what is empty, as upstream's gateway does."""
    return {name: value for name, value in data.items() if value not in ("", None, [], {}, False)}
