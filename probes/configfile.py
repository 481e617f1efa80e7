"""Loads the operator's file: every problem at once, each with its file, line and path.

Nothing is quoted from the file but keys, so a secret written in a wrong place is never shown.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from typing import Any

from pydantic import ValidationError

from probes import times
from probes.config import Config
from probes.config_checks import Check
from probes.configchecks import cross_problems, name_problems
from probes.configentries import ChannelCheck, ChannelSecrets, HolidayCheck, entry_problems
from probes.modelerrors import problems_of
from probes.yamlfile import ConfigErrors, Document, Problem, decode, read

__all__ = [
    "ConfigErrors",
    "Problem",
    "canonical",
    "digest",
    "load",
    "load_bytes",
    "parse_canonical",
    "read_given",
    "read_secret",
    "schema",
]

MAX_SECRET = 65_536
_EVERY_FIELD = set(Check.model_fields)


def load(
    path: str,
    *,
    kinds: bool = True,
    channel_check: ChannelCheck | None = None,
    holiday_check: HolidayCheck | None = None,
    names: bool = True,
    secrets: bool = False,
    channel_secrets: ChannelSecrets | None = None,
) -> Config:
    """The file's value; ConfigErrors lists all that is wrong.

    `kinds` opens every check's spec; `channel_check` is given the kind and the own fields of each
    channel, raises KeyError for an unknown kind and ValidationError for fields it refuses;
    `holiday_check` knows which countries have known holidays; `names` refuses names that would
    trip the wire at a boundary (semantics 7).
    Secrets are references and stay closed; with `secrets` (of checks) and `channel_secrets`, those that
    are on this host and are none are listed, too. What runs by a file never asks that: a bad key costs its own checks alone.
    """
    return _checked(
        *read(path),
        kinds=kinds,
        channel_check=channel_check,
        holiday_check=holiday_check,
        names=names,
        secrets=secrets,
        channel_secrets=channel_secrets,
    )


def load_bytes(raw: bytes, name: str) -> Config:
    """Like `load` with `kinds=False`, from a file's bytes; `name` names them in problems."""
    return _checked(*decode(raw, name), kinds=False)


def _checked(
    document: Document,
    problems: list[Problem],
    *,
    kinds: bool,
    channel_check: ChannelCheck | None = None,
    holiday_check: HolidayCheck | None = None,
    names: bool = True,
    secrets: bool = False,
    channel_secrets: ChannelSecrets | None = None,
) -> Config:
    config: Config | None = None
    try:
        config = Config.model_validate(document.data)
    except ValidationError as error:
        problems += problems_of(error, document, (), document.data)
    problems += cross_problems(document)
    if names:
        problems += name_problems(document)
    problems += entry_problems(
        document,
        kinds=kinds,
        channel_check=channel_check,
        holiday_check=holiday_check,
        secrets=secrets,
        channel_secrets=channel_secrets,
    )
    if problems or config is None:
        raise ConfigErrors(tuple(sorted(set(problems))))
    return config


def canonical(config: Config) -> bytes:
    """The only bytes a value has: JSON, keys sorted, durations in milliseconds."""
    data = config.model_dump(mode="json", by_alias=True)
    return json.dumps(
        data, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
    ).encode()


def parse_canonical(data: bytes) -> Config:
    """The value `canonical` wrote; its maps are in the order of their keys."""
    config = Config.model_validate(json.loads(data))
    for check in config.checks.values():
        # every field is written, and a set of their names for each check is 700 bytes
        if check.model_fields_set == _EVERY_FIELD:
            object.__setattr__(check, "__pydantic_fields_set__", _EVERY_FIELD)
    return config


def digest(config: Config) -> str:
    """Names a version: the first 16 hex digits of the SHA-256 of its canonical bytes."""
    return hashlib.sha256(canonical(config)).hexdigest()[:16]


def read_secret(ref: str) -> bytes:
    """What `file:/path` or `env:NAME` refers to; OSError or KeyError when it cannot be had.

    Of files only those that lie there: for who writes to a pipe one would have to wait, and everybody
    who has a secret with one.
    """
    return _referred(ref, lies=True)


def read_given(ref: str) -> bytes:
    """The same of what a person gives to a command, by a pipe too (`--token file:<(...)`)."""
    return _referred(ref, lies=False)


def _referred(ref: str, *, lies: bool) -> bytes:
    where, _, name = ref.partition(":")
    if where == "env" and name:
        return os.fsencode(os.environ[name])
    if where == "file" and name.startswith("/") and "\0" not in name:
        flags = os.O_RDONLY | (os.O_NONBLOCK if lies else 0)
        with open(name, "rb", opener=lambda path, _: os.open(path, flags)) as file:
            if lies and stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
                raise OSError("a pipe")
            secret = file.read(MAX_SECRET + 1)
        if len(secret) > MAX_SECRET:
            raise OSError("larger than any secret")
        return secret
    raise KeyError("not a reference")


def schema() -> dict[str, Any]:
    """JSON Schema of the file, for editors: what one may write, before any cross check."""
    made = Config.model_json_schema(by_alias=True)
    _as_written(made)
    return {
        **made,
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Wardwatch operator's file",
    }


def _as_written(node: Any) -> None:
    """Defaults in the form of the file: durations with units, no whole models."""
    if isinstance(node, list):
        for value in node:
            _as_written(value)
    if not isinstance(node, dict):
        return
    if isinstance(node.get("default"), dict):
        del node["default"]
    elif node.get("type") == "string" and isinstance(node.get("default"), int):
        node["default"] = times.duration_text(node["default"])
    for value in node.values():
        _as_written(value)
