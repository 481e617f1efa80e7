"""The OpenAPI 3.1 document, made of the same declarations the server works by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from collector.access.door import PLAIN_COOKIE, SECURE_COOKIE
from collector.access.policy import Permission
from collector.api.routes import AnyRoute, Nothing, Route
from collector.api.shapes import Problem
from probes.config_words import Model

REF = "#/components/schemas/{model}"
PROGRAMS = (
    *("/api/", "/agent/", "/heartbeat/", "/inbound/", "/log/"),
    *("/metrics", "/healthz", "/readyz"),
)
REST = ":.+}"
"""Behind the name of a part that is the rest of a path, with what slashes it has."""
PROBLEM = "application/problem+json"
DESCRIPTION = """\
Instants are RFC 3339 in UTC with milliseconds. Percentages are text with four decimals, cut off,
never rounded up; null where a number is undefined. Errors are problem documents (RFC 9457) with a
stable `code`. `x-permission` names what a route needs; roles grant permissions, and a token has at
most those of its owner. Lists come in parts: `next` is the `cursor` of the following one."""


def openapi(routes: Iterable[AnyRoute]) -> dict[str, Any]:
    """Keys in a fixed order; the same routes give the same document."""
    schemas: dict[str, Any] = {}
    _schema(Problem, schemas)
    paths: dict[str, dict[str, Any]] = {}
    for route in filter(described, routes):
        paths.setdefault(told_path(route), {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Wardwatch",
            "version": "v1",
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"session": []}, {"plain_session": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": SECURE_COOKIE},
                "plain_session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": PLAIN_COOKIE,
                    "description": "The same where browsers come without TLS. An act with a "
                    "session needs Origin and X-CSRF-Token, too.",
                },
            },
            "schemas": dict(sorted(schemas.items())),
        },
    }


def described(route: AnyRoute) -> bool:
    """Programs ask it; pages and what belongs to them are for people."""
    return route.path.startswith(PROGRAMS)


def told_path(route: AnyRoute) -> str:
    """The path as the document has it."""
    return route.path.replace(REST, "}")


def _operation(route: AnyRoute, schemas: dict[str, Any]) -> dict[str, Any]:
    known = isinstance(route.needs, Permission)
    out: dict[str, Any] = {
        "operationId": route.name,
        "summary": summary(route),
        "tags": [_tag(route.path)],
        "x-permission": route.needs.value if known else f"public: {route.needs.value}",
        "parameters": [*_in_path(told_path(route)), *_parameters(route)],
        "responses": _responses(route, schemas),
    }
    if not known:
        out["security"] = []
    if isinstance(route, Route) and route.has_body:
        schema = _schema(route.body, schemas, mode="validation")
        out["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    elif not isinstance(route, Route) and route.takes is not None:
        schema = {"type": "string", "format": "binary"}
        out["requestBody"] = {"required": True, "content": {route.takes: {"schema": schema}}}
    return out


def summary(route: AnyRoute) -> str:
    return (route.handler.__doc__ or "").strip().splitlines()[0]


def _tag(path: str) -> str:
    parts = path.strip("/").split("/")
    return parts[2] if parts[:2] == ["api", "v1"] else parts[0]


def _in_path(path: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    schema = {"type": "string", "minLength": 1, "maxLength": 200}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in names]


def _parameters(route: AnyRoute) -> list[dict[str, Any]]:
    schema = _model_schema(route.query)
    found = [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": _not_null(
                {k: v for k, v in one.items() if k != "title" and (k, v) != ("default", None)}
            ),
        }
        for name, one in schema.get("properties", {}).items()
    ]
    if isinstance(route, Route) and route.keyed:
        key = {"type": "string", "pattern": "^[A-Za-z0-9_-]{8,100}$"}
        found.append({"name": "Idempotency-Key", "in": "header", "required": False, "schema": key})
    return found


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is left out; it is never null."""
    sides = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if not sides:
        return rest
    return {**sides[0], **rest} if len(sides) == 1 else {"anyOf": sides, **rest}


def _responses(route: AnyRoute, schemas: dict[str, Any]) -> dict[str, Any]:
    problem = {"content": {PROBLEM: {"schema": {"$ref": REF.format(model="Problem")}}}}
    if isinstance(route, Route):
        status, medias = str(route.status), ["application/json"]
        schema = _schema(route.answers, schemas)
    else:
        status, medias = "200", [route.media, *route.also]
        schema = {} if route.answers is None else _schema(route.answers, schemas)
    cached = {"304": {"description": "The asker has it"}} if tagged(route) else {}
    return {
        status: {"description": "As asked", "content": {m: {"schema": schema} for m in medias}},
        **cached,
        **{str(number): {"description": text, **problem} for number, text in _refusals(route)},
        "default": {"description": "A problem", **problem},
    }


def tagged(route: AnyRoute) -> bool:
    """Does the answer have an ETag?"""
    return route.method == "GET" and isinstance(route, Route)


def _refusals(route: AnyRoute) -> Iterator[tuple[int, str]]:
    yield 400, "A parameter or the body is not what it must be; all problems are listed"
    if isinstance(route.needs, Permission):
        yield 401, "Nobody known asks"
        yield 403, "Whoever asks may not, or it is their own proposal"
    if "{" in route.path:
        yield 404, "There is nothing of this name"
    if isinstance(route, Route) and route.method == "POST" and route.keyed:
        yield 409, "It stands against what is recorded"
    if route.method == "POST":
        yield 413, "The body is too large"
        yield 415, "The body is of another content type"
    yield 429, "Too many requests; Retry-After says how long to wait"
    yield 503, "The store does not answer; Retry-After says how long to wait"


def _schema(shape: Any, schemas: dict[str, Any], mode: str = "serialization") -> dict[str, Any]:
    """A reference; the shape and what it is made of are put into `schemas`."""
    made = dict(_of(shape, mode))
    for name, one in made.pop("$defs", {}).items():
        _put(schemas, name, one)
    if "$ref" in made:
        return made
    _put(schemas, shape.__name__, made)
    return {"$ref": REF.format(model=shape.__name__)}


def _put(schemas: dict[str, Any], name: str, one: dict[str, Any]) -> None:
    closed = _closed(one)
    if schemas.setdefault(name, closed) != closed:
        raise ValueError(f"two shapes are called {name}")


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """An answer holds what is declared and nothing else."""
    if schema.get("type") == "object" and "properties" in schema:
        return {"additionalProperties": False, **schema}
    return schema


@cache
def _of(shape: Any, mode: Any) -> dict[str, Any]:
    return TypeAdapter(shape).json_schema(ref_template=REF, mode=mode)


def _model_schema(model: type[Model]) -> dict[str, Any]:
    return {} if model is Nothing else _of(model, "validation")
