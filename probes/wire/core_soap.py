"""CORE vC2.2.0 in SOAP 1.2, real time: the payload inline, a WS-Security user name token."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote
from xml.sax.saxutils import escape

from probes.contract import Outcome
from probes.reasons import Reason
from probes.wire.core import (
    CREDENTIALS,
    NOT_CORE,
    envelope,
    judge_error,
    judge_status,
    read_fields,
)
from probes.wire.multipart import MultipartError, Part, is_multipart, parameter, read_parts
from probes.wire.x12_answer import Answer, Verdict
from probes.wire.x12_question import Asked
from probes.wire.xmltree import XmlError, tree

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

CONTENT_TYPE = 'application/soap+xml; charset=UTF-8; action="RealTimeTransaction"'
_SOAP = "http://www.w3.org/2003/05/soap-envelope"
_CORE = "http://www.caqh.org/SOAP/WSDL/CORERule2.2.0.xsd"
_OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
_WSSE = f"{_OASIS}-wssecurity-secext-1.0.xsd"
_PLAIN = f"{_OASIS}-username-token-profile-1.0#PasswordText"

_CHARSET = re.compile(r"[A-Za-z0-9_.:-]{1,40}")
_FAULT, _ANSWER = "Fault", "COREEnvelopeRealTimeResponse"

# SOAP 1.2 part 1, 5.4.6, and SOAP 1.1, 4.4.1
_BLAMES_US = frozenset(
    {"Sender", "Client", "VersionMismatch", "MustUnderstand", "DataEncodingUnknown"}
)
# WSS SOAP message security 1.1, 12, and what WSS4J says instead of all of them
_UNKNOWN_USER = frozenset(
    {
        "FailedAuthentication",
        "FailedCheck",
        "InvalidSecurity",
        "InvalidSecurityToken",
        "SecurityError",
        "SecurityTokenUnavailable",
        "UnsupportedSecurityToken",
    }
)


def write(
    asked: Asked, sender: str, receiver: str, login: tuple[str, str] | None, payload: bytes
) -> bytes:
    """The request; `login`: user and password."""
    # Of the schema only the outermost element has its namespace: elementFormDefault is left out.
    fields = "".join(
        f"<{name}>{escape(text)}</{name}>" for name, text in envelope(asked, sender, receiver)
    )
    # What we write holds no bracket, so nothing in it ends the section.
    whole = (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{_SOAP}">'
        f'{_header(login)}<s:Body><c:COREEnvelopeRealTimeRequest xmlns:c="{_CORE}">{fields}'
        f"<Payload><![CDATA[{payload.decode('ascii')}]]></Payload>"
        "</c:COREEnvelopeRealTimeRequest></s:Body></s:Envelope>"
    )
    return whole.encode()


def read(
    asked: Asked, status: int, content_type: str | None, body: bytes, max_bytes: int
) -> Answer | Verdict:
    """The answer, or what stands in its place."""
    refused = judge_status(status)
    if refused is not None and status < 500:
        return refused
    try:
        parts = _parts(content_type, body)
        inner = _inner(_root(parameter(content_type, "start").strip("<>"), parts))
    except (XmlError, MultipartError):
        inner = None
    if inner is None:
        return refused or NOT_CORE
    if _local(inner) == _FAULT:
        return _judge_fault(inner)
    fields = {_local(one): one.text or "" for one in inner}
    include = _child(_child(inner, "Payload"), "Include")
    if include is not None:
        fields["Payload"] = _included(include, parts)
    if refused is not None:
        return judge_error(fields) or refused
    return read_fields(asked, fields, max_bytes)


def _header(login: tuple[str, str] | None) -> str:
    if login is None:
        return ""
    user, password = map(escape, login)
    return (
        f'<s:Header><w:Security xmlns:w="{_WSSE}" s:mustUnderstand="true"><w:UsernameToken>'
        f'<w:Username>{user}</w:Username><w:Password Type="{_PLAIN}">{password}</w:Password>'
        "</w:UsernameToken></w:Security></s:Header>"
    )


def _parts(content_type: str | None, body: bytes) -> list[Part]:
    """The body alone, or what is in it where the server speaks MTOM to everybody."""
    if is_multipart(content_type):
        return read_parts(content_type, body)
    return [Part("", "", content_type or "", body)]


def _root(start: str, parts: list[Part]) -> Element:
    """Of the part whose id is `start`, or of the first one (RFC 2387 3.2)."""
    part = next((one for one in parts if start and one.id == start), parts[0])
    try:
        return tree(part.content)
    except XmlError:
        charset = parameter(part.type, "charset")
        if not _CHARSET.fullmatch(charset):
            raise
        return tree(part.content, charset)


def _inner(root: Element) -> Element | None:
    """The fault or the answer; None where neither is there. Some put the answer into an element of
    the operation.
    """
    body = _child(root, "Body") if _local(root) == "Envelope" else None
    inside = () if body is None else body.iter()
    return next((one for one in inside if _local(one) in {_FAULT, _ANSWER}), None)


def _included(include: Element, parts: list[Part]) -> str:
    """What is in the part that it refers to (XOP 1.0, 4.2)."""
    id_ = unquote(include.get("href", "").removeprefix("cid:"))
    return next((one.content.decode("latin-1") for one in parts if one.id == id_), "")


def _judge_fault(fault: Element) -> Verdict:
    code = _child(fault, "Code")
    told = _local_text(_child(code, "Value")) or _local_text(_child(fault, "faultcode"))
    # The subcode of a fault may have one of its own (SOAP 1.2 part 1, 5.4.1.3).
    inner = _child(code, "Subcode")
    while inner is not None:
        if _local_text(_child(inner, "Value")) in _UNKNOWN_USER:
            return CREDENTIALS
        inner = _child(inner, "Subcode")
    if told in _UNKNOWN_USER:
        return CREDENTIALS
    ours = told.partition(".")[0] in _BLAMES_US  # SOAP 1.1, 4.4.1: the more special after a dot
    return Outcome.MISCONFIGURED if ours else Outcome.DOWN, Reason.X12_SOAP_FAULT


def _child(parent: Element | None, name: str) -> Element | None:
    """The first child of that name, whatever its namespace."""
    inside = () if parent is None else parent
    return next((one for one in inside if _local(one) == name), None)


def _local(one: Element) -> str:
    return one.tag.rpartition(":")[2]


def _local_text(one: Element | None) -> str:
    return "" if one is None else (one.text or "").strip().rpartition(":")[2]
