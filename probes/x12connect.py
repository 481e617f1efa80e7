"""Endpoints of CAQH CORE connectivity as ways of `spec.connect`."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from probes.authorization import Basic, secret_text
from probes.config_words import Model
from probes.httpclient import HttpAnswer
from probes.tls import TlsOptions
from probes.wire import core_mime, core_soap
from probes.wire.http1 import Request, parse_url
from probes.wire.x12_answer import Answer, Verdict
from probes.wire.x12_question import Asked, Envelope, Party, write
from probes.x12transport import ReadSecret

# The basic character set and small letters (X12.6), without what delimits.
_TEXT = re.compile(r"(?! )[A-Za-z0-9!\"&'()+,./;?=%@_ -]+(?<! )")


def _text(text: str) -> str:
    if not _TEXT.fullmatch(text):
        raise ValueError("write ASCII letters, digits, inner blanks and !\"&'()+,-./;=?%@_ only")
    return text


X12_TEXT = AfterValidator(_text)
File = Annotated[str, StringConstraints(pattern=r"^/.")]
Word = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,50}$")]


def _url(text: str) -> str:
    parse_url(text)
    return text


class Trader(Model):
    """ISA05 and ISA06, or ISA07 and ISA08, and GS02 or GS03 where it is another."""

    qualifier: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2}$")] = "ZZ"
    id: Annotated[str, StringConstraints(max_length=15), X12_TEXT]
    application: Annotated[str, StringConstraints(min_length=2, max_length=15), X12_TEXT] | None = (
        None
    )

    @property
    def party(self) -> Party:
        return Party(self.qualifier, self.id, self.application)


class CoreAccess(Model):
    """An endpoint of CAQH CORE vC2.2.0; `sender_id` and `receiver_id` of its envelope are those of
    the interchange where they are left out.
    """

    url: Annotated[str, AfterValidator(_url)]
    sender: Trader
    receiver: Trader
    sender_id: Word | None = None
    receiver_id: Word | None = None
    originator: Annotated[str, StringConstraints(pattern=r"^[139][A-Z0-9]{9}$")] = "9WARDWATCH"
    login: Basic | None = None
    ca: File | None = None
    client_cert: File | None = None
    client_key: File | None = None
    max_body: Annotated[int, Field(ge=1024, le=16_777_216)] = 1_048_576

    @model_validator(mode="after")
    def _whole(self) -> Self:
        secure = parse_url(self.url).tls
        certificates = (self.client_cert, self.client_key)
        contradictions = (
            (certificates.count(None) == 1, "client_cert and client_key belong together"),
            (
                self.login is not None and not secure,
                "login needs an https url: a password is never sent in the clear",
            ),
            (
                not secure and (self.ca is not None or any(certificates)),
                "ca, client_cert and client_key need an https url",
            ),
        )
        problems = [text for wrong, text in contradictions if wrong]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def tls(self) -> TlsOptions:
        # Certificates may stand for passwords: a server that closes on one without is no outage.
        return TlsOptions(
            ca=self.ca, client_cert=self.client_cert, client_key=self.client_key, watches=True
        )

    @property
    def envelope(self) -> Envelope:
        return Envelope(self.sender.party, self.receiver.party, self.originator)

    @property
    def parties(self) -> tuple[str, str]:
        """SenderID and ReceiverID."""
        return self.sender_id or self.sender.id, self.receiver_id or self.receiver.id

    def shown(self, read_secret: ReadSecret) -> tuple[str, str] | None:
        """User and password, read at every run so that a rotated one needs no restart."""
        if self.login is None:
            return None
        return self.login.user, secret_text(self.login.password, read_secret)


class CoreSoap(CoreAccess):
    """SOAP 1.2; the login is a WS-Security user name token."""

    def request(self, asked: Asked, read_secret: ReadSecret) -> Request:
        payload = write(asked.question, asked.run, self.envelope)
        body = core_soap.write(asked, *self.parties, self.shown(read_secret), payload)
        fields = {"Content-Type": core_soap.CONTENT_TYPE}
        return Request("POST", parse_url(self.url), fields, body)

    def read(self, asked: Asked, answer: HttpAnswer) -> Answer | Verdict:
        kind = answer.header("content-type")
        return core_soap.read(asked, answer.status, kind, answer.body, self.max_body)


class CoreMime(CoreAccess):
    """HTTP MIME multipart; the login stands in two fields of the form."""

    def request(self, asked: Asked, read_secret: ReadSecret) -> Request:
        payload = write(asked.question, asked.run, self.envelope)
        body = core_mime.write(asked, *self.parties, self.shown(read_secret), payload)
        fields = {"Content-Type": core_mime.content_type(asked)}
        return Request("POST", parse_url(self.url), fields, body)

    def read(self, asked: Asked, answer: HttpAnswer) -> Answer | Verdict:
        kind = answer.header("content-type")
        return core_mime.read(asked, answer.status, kind, answer.body, self.max_body)
