"""CORE vC2.2.0 in HTTP MIME multipart, real time: each field of the envelope is one of a form."""

from __future__ import annotations

from probes.wire.core import NOT_CORE, envelope, judge_error, judge_status, read_fields
from probes.wire.multipart import MultipartError, read_parts, write_form
from probes.wire.x12_answer import TRUNCATED, Answer, Verdict
from probes.wire.x12_question import Asked


def content_type(asked: Asked) -> str:
    return f'multipart/form-data; boundary="{_boundary(asked)}"'


def write(
    asked: Asked, sender: str, receiver: str, login: tuple[str, str] | None, payload: bytes
) -> bytes:
    """The request; `login`: user and password."""
    told = [(name, text.encode("ascii")) for name, text in envelope(asked, sender, receiver)]
    if login is not None:
        told[4:4] = [("UserName", login[0].encode()), ("Password", login[1].encode())]
    return write_form(_boundary(asked), [*told, ("Payload", payload)])


def read(
    asked: Asked, status: int, content_type: str | None, body: bytes, max_bytes: int
) -> Answer | Verdict:
    """The answer, or what stands in its place."""
    refused = judge_status(status)
    if refused is not None and status < 500:
        return refused
    try:
        parts = read_parts(content_type, body)
    except MultipartError as error:
        return refused or (TRUNCATED if error.truncated else NOT_CORE)
    fields = {one.name: one.content.decode("latin-1") for one in parts}
    if "PayloadType" not in fields and "ErrorCode" not in fields:
        return refused or NOT_CORE
    if refused is not None:
        return judge_error(fields) or refused
    return read_fields(asked, fields, max_bytes)


def _boundary(asked: Asked) -> str:
    """Of random bits, and in lower case: neither the payload nor a password can hold it."""
    return f"wardwatch-{asked.run.request_id.hex}"
