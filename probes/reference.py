"""The table of every key of the operator's file, made from the model: `make generate`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from probes import config_words, times
from probes.config import Config

Terms = tuple[tuple[Any, str], ...]
"""Types and what a reader calls them."""
_TERMS: Terms = (
    (config_words.Id, "id"),
    (config_words.Name, "name"),
    (config_words.Duration, "duration"),
    (config_words.PositiveDuration, "duration above 0"),
    (config_words.Instant, "date and time"),
    (config_words.LocalTime, "wall-clock time"),
    (config_words.Percent, "percentage"),
    (config_words.Zone, "time zone"),
    (config_words.ResponseTime, "time to answer"),
    (config_words.TimeOfDay, "time of day"),
    (config_words.Date, "date"),
    (str, "text"),
    (int, "whole number"),
    (bool, "true or false"),
)


def config_reference() -> str:
    return reference(Config)


def reference(model: type[BaseModel], terms: Terms = ()) -> str:
    """Markdown: one row a key, in the order of the model; `terms` are the model's own."""
    rows = [
        f"| `{path}` | {kind} | {default} | {meaning} |"
        for path, kind, default, meaning in fields(model, terms)
    ]
    return "\n".join(["| key | type | default | meaning |", "|---|---|---|---|", *rows])


def fields(model: type[BaseModel], terms: Terms = ()) -> Iterator[tuple[str, str, str, str]]:
    """Path, type, default (`required` when there is none) and meaning of every key."""
    return _rows(model, "", terms + _TERMS)


def _rows(model: type[BaseModel], prefix: str, terms: Terms) -> Iterator[tuple[str, str, str, str]]:
    hints = get_type_hints(model, include_extras=True)
    for name, info in model.model_fields.items():
        path = f"{prefix}{info.alias or name}"
        kind = _type(hints[name], terms)
        yield path, kind, _default(info, kind), info.description or ""
        for below, nested in _nested(hints[name]):
            yield from _rows(nested, f"{path}{below}.", terms)


def _type(hint: Any, terms: Terms) -> str:
    term = next((text for known, text in terms if hint == known), None)
    if term is not None:
        return term
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _limited(hint, terms) or _type(args[0], terms)
    if origin in (Union, UnionType):
        return " or ".join(_type(arg, terms) for arg in args if arg is not NoneType)
    if origin is Literal:
        return ", ".join(f"`{arg}`" for arg in args)
    if origin is tuple:
        return f"list of {_type(args[0], terms)}"
    return _by_shape(hint, origin, args)


def _limited(hint: Any, terms: Terms) -> str | None:
    """A term that a key narrows further is still that term."""
    for known, text in terms:
        own = getattr(known, "__metadata__", None)
        if own and known.__origin__ is hint.__origin__ and hint.__metadata__[: len(own)] == own:
            return text
    return None


def _by_shape(hint: Any, origin: Any, args: tuple[Any, ...]) -> str:
    if isinstance(hint, type) and issubclass(hint, Enum):
        return ", ".join(f"`{member.value}`" for member in hint)
    return "map by id" if origin is Mapping and args[0] == config_words.Id else "map"


def _default(info: FieldInfo, kind: str) -> str:
    if info.is_required():
        return "required"
    value = info.default
    if value is None or isinstance(value, tuple | Mapping | BaseModel):
        return "-"
    if kind.startswith("duration"):
        return f"`{times.duration_text(value)}`"
    if kind == "size":
        return f"`{value >> 20}MiB`"
    return f"`{value}`"


def _nested(hint: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """The models inside a type, each with what stands between the key and their own keys."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        yield "", hint
        return
    origin, args = get_origin(hint), get_args(hint)
    if origin is Mapping and args[0] == config_words.Id:
        yield from ((f".ID{below}", model) for below, model in _nested(args[1]))
    elif origin is tuple:
        yield from ((f"[]{below}", model) for below, model in _nested(args[0]))
    elif origin in (Union, UnionType, Annotated):
        for arg in args:
            yield from _nested(arg)
