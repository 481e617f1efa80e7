"""Pydantic's errors as problems of a file: the right line and path, plain words, no values."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from probes.yamlfile import Document, Path, Problem

_PLAIN = {
    "missing": "the key is missing",
    "extra_forbidden": "unknown key",
    "model_type": "write a mapping, {key: value}",
    "dict_type": "write a mapping, {key: value}",
    "mapping_type": "write a mapping, {key: value}",
    "tuple_type": "write a list, [a, b]",
    "list_type": "write a list, [a, b]",
    "string_type": "write text",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_parsing_size": "the number is too large",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
}
_BOUNDS = {
    "greater_than": "it must be above {gt}",
    "greater_than_equal": "it must be at least {ge}",
    "less_than": "it must be below {lt}",
    "less_than_equal": "it must be at most {le}",
    "string_too_short": "it must have at least {min_length} characters",
    "string_too_long": "it must have at most {max_length} characters",
    "too_short": "too few entries, at least {min_length}",
    "too_long": "too many entries, at most {max_length}",
}
# Patterns whose meaning is said better in words, by how they begin.
_PATTERNS = {
    "^(file:": "write a reference, file:/path or env:NAME; a secret never stands in this file",
    "^file:": "write file:/path of a key file, or {pkcs11: ...} of a token",
    "^(?:file:": "write file:/path, the path of a file",
    "^/": "write a whole path that begins with /",
    "^ed25519:": "write ed25519: and the public key in base64, as the agent prints it",
    "^https?:": "write an address that starts with http:// or https://",
    "^[^@": "write an e-mail address",
    "^[A-Z]{2,3}": "write the country's ISO 3166 code, such as US",
    "^[!-~]": "write 1 to 255 printable characters without blanks",
}


def problems_of(error: ValidationError, document: Document, base: Path, data: Any) -> list[Problem]:
    """`data` is what was validated, `base` where it stands in the file."""
    found: list[Problem] = []
    details = error.errors(include_url=False, include_context=True, include_input=False)
    deeper = [_place(detail, data) for detail in details if detail["type"] != "too_short"]
    for detail in details:
        path, message = _place(detail, data), _words(detail)
        if detail["type"] == "too_short" and any(p[: len(path)] == path for p in deeper):
            continue  # pydantic counts only the good entries; the bad ones are told
        if not base and path[:1] == ("checks",) and path[2:3] == ("role",):
            # one problem of a union is told once for each of its sides
            path, message = path[:3], "write critical, supporting or {group: NAME}"
        found.append(document.problem((*base, *path), message))
    return found


def _place(detail: ErrorDetails, data: Any) -> Path:
    """The location without what is no key of the file: the sides of a union, `[key]`."""
    path: list[str | int] = []
    node = data
    for part in detail["loc"]:
        inside_list = isinstance(node, list) and isinstance(part, int) and part < len(node)
        if inside_list or (isinstance(node, dict) and part in node):
            node = node[part]
            path.append(part)
    if detail["type"] == "missing":
        path.append(detail["loc"][-1])
    return tuple(path)


def _words(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind in _BOUNDS:
        return _BOUNDS[kind].format(**context)
    if kind in ("literal_error", "enum"):
        return f"write {context['expected']}".replace("'", "")
    if kind == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        known = (text for start, text in _PATTERNS.items() if pattern.startswith(start))
        return next(known, f"it must match {pattern}")
    # our own words, or fixed ones of pydantic: neither holds the input
    return detail["msg"].removeprefix("Value error, ")
