"""A request's parameters and body as values: every problem told at once, by its name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qs

from aiohttp import web
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    Strict,
    ValidationError,
    WithJsonSchema,
)

from collector.api.problems import InvalidError
from collector.api.routes import FORM
from collector.core import periods
from probes import times
from probes.config_words import Model
from probes.configchecks import LOOKS_LIKE_PHI, like_phi
from probes.modelerrors import problems_of
from probes.yamlfile import Document, Problem

JSON = "application/json"
MOST_PROBLEMS = 200
"""So many are listed; making a sentence of each costs more than the body that has them."""
M = TypeVar("M", bound=Model)
INSTANT = "RFC 3339; without offset in the organization's zone"
TYPED = ("account", "id", "ref")
"""Fields that people type and that are kept: nothing that looks like a patient's is taken."""


def _at(value: object) -> datetime:
    try:
        written = times.parse_datetime(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("write a date and a time, such as 2026-01-05T02:00:00Z") from None
    if written.year not in periods.YEARS:
        raise ValueError(periods.OUTSIDE)
    return written


def whole(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:
        return int(value)
    raise ValueError("write a whole number")


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("write printable text")
    return value


def _flag(value: object) -> bool:
    if value not in ("true", "false"):
        raise ValueError("write true or false")
    return value == "true"


At = Annotated[
    datetime, BeforeValidator(_at), WithJsonSchema({"type": "string", "description": INSTANT})
]
"""An instant of a parameter; without offset in the organization's zone."""
Flag = Annotated[bool, BeforeValidator(_flag)]
Truth = Annotated[bool, Strict()]
"""true or false in JSON, and no word that means it."""
Key = Annotated[str, Field(min_length=1, max_length=200)]
"""Part of an address."""

Word = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
"""An id or a kind as a parameter: text that a store can compare."""


def read_query(request: web.Request, model: type[M]) -> M:
    """InvalidError for unknown parameters, repeated ones and wrong values, all of them."""
    names = [field.alias or name for name, field in model.model_fields.items()]
    given = request.query
    problems = [
        Problem("", 1, name, "write it once") for name in names if len(given.getall(name, ())) > 1
    ]
    if model.model_config["extra"] == "forbid" and any(name not in names for name in given):
        known = f"known parameters: {', '.join(names) or 'none'}"
        problems.append(Problem("", 1, "query", known))
    return _checked({n: given[n] for n in names if n in given}, model, problems, "api.query")


def read_body(request: web.Request, raw: bytes, model: type[M]) -> M:
    """The body as `model`; InvalidError lists every problem, naming its field."""
    if request.content_type != JSON:
        raise web.HTTPUnsupportedMediaType
    return _checked(_parsed(raw), model, [], "api.body")


def form_of(request: web.Request, raw: bytes) -> dict[str, str]:
    """The fields of a form, of each the last; InvalidError when it is none."""
    return {name: values[-1] for name, values in fields_of(request, raw).items()}


def fields_of(request: web.Request, raw: bytes) -> dict[str, list[str]]:
    """All values of each field; empty where something else than a form was sent."""
    if request.content_type != FORM:
        return {}
    try:
        return parse_qs(raw.decode(), keep_blank_values=True, max_num_fields=100, errors="strict")
    except ValueError:
        raise InvalidError([Problem("", 1, "", "write a form in UTF-8")]) from None


def _checked(data: Any, model: type[M], problems: list[Problem], code: str) -> M:
    document = Document("", data, {})
    try:
        found = model.model_validate(data)
    except ValidationError as error:
        if error.error_count() > MOST_PROBLEMS:
            told = f"{error.error_count()} problems, which are too many to list"
            raise InvalidError([*problems, Problem("", 1, "", told)], code) from None
        raise InvalidError([*problems, *problems_of(error, document, (), data)], code) from None
    problems += [
        document.problem((name,), LOOKS_LIKE_PHI)
        for name in TYPED
        if like_phi(str(getattr(found, name, None)))
    ]
    if problems:
        raise InvalidError(problems, code)
    return found


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise InvalidError([Problem("", 1, "", "write one JSON object, each key once")]) from None


def _once(pairs: Sequence[tuple[str, Any]]) -> Mapping[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is written twice")
    return found
