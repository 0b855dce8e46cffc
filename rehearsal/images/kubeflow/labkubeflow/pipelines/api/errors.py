"""Refusals, as the gateway before upstream's gRPC server words them.

The body is that of grpc-gateway's version 1, with a `google.rpc.Status` among the details
(kubeflow/pipelines, backend/src/common/util/error.go); an upload, which does not pass the gateway, has a body
of its own (backend/src/apiserver/server/pipeline_upload_server.go).
"""

from __future__ import annotations

import enum

from labkubeflow.pipelines.model import JsonObject


class Code(enum.IntEnum):
    """The codes of google.rpc.Code that are used."""

    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


HTTP_STATUS = {
    Code.INVALID_ARGUMENT: 400,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.UNIMPLEMENTED: 501,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
    Code.UNAUTHENTICATED: 401,
}


class ApiError(Exception):
    """A request is refused; the text is for whoever asked."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def http_status(self) -> int:
        """The status of the answer."""
        return HTTP_STATUS[self.code]

    def status(self) -> JsonObject:
        """Return it as a `google.rpc.Status`."""
        return {"code": int(self.code), "message": self.message}

    def body(self) -> JsonObject:
        """Return the answer's body."""
        details = {"@type": "type.googleapis.com/google.rpc.Status", **self.status()}
        return {
            "error": self.message,
            "code": int(self.code),
            "message": self.message,
            "details": [details],
        }

    def upload_body(self) -> JsonObject:
        """Return the body of an answer to an upload."""
        return {"error_message": self.message, "error_details": self.message}


def invalid(message: str) -> ApiError:
    """Return the refusal of a request that makes no sense."""
    return ApiError(Code.INVALID_ARGUMENT, f"Invalid input error: {message}")


def not_found(kind: str, name: str) -> ApiError:
    """Return the refusal that there is no such thing."""
    return ApiError(Code.NOT_FOUND, f"ResourceNotFoundError: {kind} {name} not found.")


def unsupported(what: str) -> ApiError:
    """Return the refusal of what a rehearsal does not do."""
    return ApiError(Code.UNIMPLEMENTED, f"{what} is not supported by the Pipelines stand-in of a rehearsal")
