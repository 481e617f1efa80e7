"""Reads a YAML file as text only, and remembers the line of every node.

YAML 1.1 turns times, `no` and 99.95 into other things, so no scalar is interpreted. Anchors,
aliases and tags are refused: what is written in a place is what holds there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import yaml

Path = tuple[str | int, ...]
"""Keys and list positions from the top of the file."""

MAX_BYTES = 1_048_576
MAX_DEPTH = 32
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,80}")


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to mend. `path` is "" where the file as a whole is meant."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: "
        return f"{place}{self.path}: {self.message}" if self.path else f"{place}{self.message}"


class ConfigErrors(Exception):  # noqa: N818 - it holds all of them
    """Every problem of a file, by line. The text is one problem a line."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


@dataclass(frozen=True, slots=True)
class Document:
    """Maps, lists and text; `lines` has the line of each path, of a map's entry that of its key."""

    file: str
    data: Any
    lines: Mapping[Path, int]

    def problem(self, path: Path, message: str) -> Problem:
        """At `path`, or at its nearest parent that is in the file."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        return Problem(self.file, self.lines.get(known, 1), shown(path), message)


def shown(path: Path) -> str:
    """`maintenance[0].systems[1]`; a key that is no plain word is quoted and cut."""
    out = ""
    for part in path:
        if isinstance(part, int):
            out += f"[{part}]"
        else:
            word = part if _PLAIN.fullmatch(part) else ascii(part[:80])
            out += f".{word}" if out else word
    return out


def read(path: str) -> tuple[Document, list[Problem]]:
    """The document and what is wrong with its form; ConfigErrors when it cannot be read at all."""
    try:
        with FilePath(path).open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError):
        raise ConfigErrors((Problem(path, 1, "", "the file cannot be read"),)) from None
    return decode(raw, path)


def decode(raw: bytes, path: str) -> tuple[Document, list[Problem]]:
    """Like `read`, from a file's bytes; `path` names them in problems."""
    if len(raw) > MAX_BYTES:
        raise ConfigErrors((Problem(path, 1, "", "the file is larger than 1 MiB"),))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigErrors((Problem(path, line, "", "the file is not UTF-8"),)) from None
    return parse(text, path)


def parse(text: str, file: str) -> tuple[Document, list[Problem]]:
    """Like `read`, from text."""
    reader = _Reader(file)
    try:
        # the parser alone: the steps after it would interpret scalars
        events = yaml.parse(text, Loader=yaml.BaseLoader)
        data = reader.document(iter(events))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        reason = error.problem or "it cannot be understood"
        raise ConfigErrors((Problem(file, line, "", f"not YAML: {reason}"),)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        message = "not YAML: a character that may not stand in a file"
        raise ConfigErrors((Problem(file, line, "", message),)) from None
    except (yaml.YAMLError, ValueError, OverflowError):
        raise ConfigErrors((Problem(file, 1, "", "not YAML: it cannot be understood"),)) from None
    return Document(file, data, reader.lines), reader.problems


class _Reader:
    """Builds values out of parser events."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []

    def document(self, events: Iterator[Any]) -> Any:
        next(events)  # the stream's start
        event = next(events)
        if isinstance(event, yaml.StreamEndEvent):
            raise ConfigErrors((Problem(self.file, 1, "", "the file is empty"),))
        event = next(events)
        data = self._node(event, events, ())
        next(events)  # the document's end
        event = next(events)
        if isinstance(event, yaml.DocumentStartEvent):
            line = event.start_mark.line + 1 if event.start_mark else 1
            self.problems.append(Problem(self.file, line, "", "one file holds one document"))
        return data

    def _node(self, event: Any, events: Iterator[Any], path: Path) -> Any:
        line = event.start_mark.line + 1
        self.lines.setdefault(path, line)
        if len(path) > MAX_DEPTH:
            problem = Problem(self.file, line, "", f"nested more than {MAX_DEPTH} deep")
            raise ConfigErrors((*self.problems, problem))
        if isinstance(event, yaml.AliasEvent):
            self._refuse(line, path, "aliases (*name) are not used here; write the value")
            return ""
        if event.anchor is not None:
            self._refuse(line, path, "anchors (&name) are not used here")
        if event.tag is not None:
            self._refuse(line, path, "tags (!name) are not used here")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(events, path)
        if isinstance(event, yaml.MappingStartEvent):
            return self._map(events, path)
        return self._text(event.value, line, path)

    def _list(self, events: Iterator[Any], path: Path) -> list[Any]:
        values: list[Any] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            values.append(self._node(event, events, (*path, len(values))))
        return values

    def _map(self, events: Iterator[Any], path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            line = event.start_mark.line + 1
            key = self._key(event, events, path)
            below = (*path, key)
            if key in values:
                self._refuse(
                    line, below, f"the key is written twice, first in line {self.lines[below]}"
                )
                # its content still counts as read, under lines of its own
                _Reader(self.file)._node(next(events), events, below)  # noqa: SLF001 - its own class
                continue
            self.lines[below] = line
            values[key] = self._node(next(events), events, below)
        return values

    def _key(self, event: Any, events: Iterator[Any], path: Path) -> str:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent) and event.anchor is None and event.tag is None:
            return self._text(event.value, line, path)
        self._refuse(line, path, "a key is plain text")
        key = _Reader(self.file)._node(event, events, (*path, "?"))  # noqa: SLF001 - its own class
        return key if isinstance(key, str) else "?"

    def _text(self, value: str, line: int, path: Path) -> str:
        try:
            value.encode()
        except UnicodeEncodeError:
            self._refuse(line, path, "not valid Unicode text")
            return ""
        return value

    def _refuse(self, line: int, path: Path, message: str) -> None:
        self.problems.append(Problem(self.file, line, shown(path), message))
