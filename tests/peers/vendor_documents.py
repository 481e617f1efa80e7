"""An OpenAPI document of a vendor, held against requests of ours: address, parameters and JSON. Pure.

Swagger 2 and OpenAPI 3.0. No such document is in this repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jsonschema_rs

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Sent:
    """A request as it left: `target` is the path with its query; `body` parsed, None without one."""

    method: str
    target: str
    body: Any

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))


def problems(document: Json, prefix: str, sent: Sent) -> list[str]:
    """What the document says against it; `prefix` stands before its paths at the vendor's server."""
    found = _operation(document, prefix, sent)
    if found is None:
        return [f"{sent.method} {sent.path}: the document has no such operation"]
    item, operation = found
    parameters = [
        _whole(document, p) for p in (*item.get("parameters", ()), *operation.get("parameters", ()))
    ]
    told = list(_of_query(parameters, sent.query))
    schema = _schema(document, operation, parameters)
    if schema is None:
        told += ["a body where the document has none"] if sent.body is not None else []
    elif sent.body is None:
        told.append("no body where the document has one")
    else:
        told += _of_body(document, schema, sent.body)
    return [f"{sent.method} {sent.path}: {one}" for one in told]


def _operation(document: Json, prefix: str, sent: Sent) -> tuple[Json, Json] | None:
    exact_first = sorted(document["paths"], key=lambda path: path.count("{"))
    for path in exact_first:
        pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(prefix.rstrip("/") + path))
        item = document["paths"][path]
        if re.fullmatch(pattern, sent.path) and sent.method.lower() in item:
            return item, item[sent.method.lower()]
    return None


def _of_query(parameters: Sequence[Json], query: Mapping[str, str]) -> Iterator[str]:
    known = {p["name"]: p for p in parameters if p["in"] == "query"}
    yield from (f"unknown parameter {name}" for name in query if name not in known)
    for name, parameter in known.items():
        if parameter.get("required") and name not in query:
            yield f"parameter {name} is missing"
        choices = (parameter.get("schema") or parameter).get("enum")
        if name in query and choices and query[name] not in choices:
            yield f"parameter {name} is none of its values"


def _schema(document: Json, operation: Json, parameters: Sequence[Json]) -> Json | None:
    if "requestBody" in operation:
        content = _whole(document, operation["requestBody"])["content"]
        found: Json = content["application/json"]["schema"]
        return found
    return next((p["schema"] for p in parameters if p["in"] == "body"), None)


def _of_body(document: Json, schema: Json, body: Any) -> Iterator[str]:
    root = {**_as_json_schema(document), "allOf": [_as_json_schema(schema)]}
    validator = jsonschema_rs.Draft4Validator(root)
    for error in validator.iter_errors(body):
        place = ".".join(map(str, error.instance_path)) or "the body"
        yield f"{place}: {error.message[:160]}"
    for one in body if isinstance(body, list) else [body]:
        whole = _whole(document, schema)
        names = _names(document, whole["items"] if whole.get("type") == "array" else whole)
        if names is not None and isinstance(one, dict):
            yield from (f"unknown field {name}" for name in one if name not in names)


def _names(document: Json, schema: Json) -> set[str] | None:
    """The fields of an object; None where it may have others."""
    whole = _whole(document, schema)
    parts = [_names(document, part) for part in whole.get("allOf", ())]
    if whole.get("additionalProperties") or None in parts:
        return None
    names = set(whole.get("properties", ())).union(*(part or () for part in parts))
    return names or None


def _whole(document: Json, node: Json) -> Json:
    """What a reference within the document stands for."""
    while "$ref" in node:
        found: Any = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        node = found
    return node


def _as_json_schema(node: Any) -> Any:
    """OpenAPI's own words in JSON Schema's: `nullable`; formats and examples are let go."""
    if isinstance(node, list):
        return [_as_json_schema(one) for one in node]
    if not isinstance(node, Mapping):
        return node
    made = {
        k: _as_json_schema(v) for k, v in node.items() if k not in ("format", "example", "examples")
    }
    if node.get("nullable") is True and isinstance(node.get("type"), str):
        made["type"] = [node["type"], "null"]
    return made
