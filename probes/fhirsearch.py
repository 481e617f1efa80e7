"""The search of a check: what may be searched for, and how it is written down."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, urlencode

_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
_PARAMETER = re.compile(r"_?[a-z][A-Za-z0-9-]{0,63}([:.][A-Za-z0-9_:.-]{1,127})?")
_PEOPLE = frozenset({"Patient", "Person", "Practitioner", "RelatedPerson"})
_PERSONAL = frozenset(
    {
        "address",
        "address-city",
        "address-postalcode",
        "birthdate",
        "death-date",
        "email",
        "family",
        "given",
        "name",
        "phone",
        "phonetic",
        "telecom",
    }
)
MOST = 1_000
"""Characters."""

Way = Literal["get", "post"]


@dataclass(frozen=True, slots=True)
class Search:
    """`fields` as `application/x-www-form-urlencoded` takes them."""

    type: str
    fields: tuple[tuple[str, str], ...]

    @property
    def has_identifier(self) -> bool:
        """Would it stand in the logs of proxies, if it stood in the URL?"""
        return any(re.search(r"(^|[:.])identifier", name) for name, _ in self.fields)

    @property
    def query(self) -> str:
        """One match, and of it no more than has to be, unless the check asks for more."""
        named = {name for name, _ in self.fields}
        more = [(n, v) for n, v in (("_count", "1"), ("_elements", "id")) if n not in named]
        return urlencode([*self.fields, *more])


def parse(text: str) -> Search:
    """`Type?param=value&..`; ValueError says what to write, and quotes nothing."""
    type_, mark, query = text.partition("?")
    if not (mark and _TYPE.fullmatch(type_)) or len(text) > MOST or not text.isascii():
        raise ValueError("write Type?parameter=value, such as Location?_id=ZZ-UPTIME-1")
    try:
        fields = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise ValueError("write parameters as name=value, with & between them") from None
    if not fields or not all(value and _PARAMETER.fullmatch(name) for name, value in fields):
        raise ValueError("every parameter has a name of FHIR and a value")
    names = {re.split("[:.]", name)[0] for name, _ in fields}
    if type_ in _PEOPLE and names & _PERSONAL:
        raise ValueError("people are searched for by _id or identifier, never by what they are")
    if "_summary" in names:
        raise ValueError("leave _summary out: an answer has to hold the match itself")
    return Search(type_, tuple(fields))


def way_of(search: Search, asked: Way | None) -> Way:
    """POST for an identifier unless the check says otherwise."""
    if asked is not None:
        return asked
    return "post" if search.has_identifier else "get"
