"""A simulated clearinghouse with a payer behind it, by CAQH CORE vC2.2.0, that fails on command.

It reads what it is asked with an XML library and aiohttp's reader of forms, and knows one provider
and one member.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from aiohttp import BodyPartReader, web

from probes.testing.payer_answers import Answers, Heard, hear
from probes.testing.site import Site

SOAP_PATH, MIME_PATH = "/core/soap", "/core/mime"
NPI, MEMBER = "1999999984", "ZZUP0001"
_SOAP = "http://www.w3.org/2003/05/soap-envelope"
_CORE = "http://www.caqh.org/SOAP/WSDL/CORERule2.2.0.xsd"
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_BOUNDARY = "--simulated-part"
_CODES = {
    "unauthorized": "UnAuthorized",
    "sender_illegal": "SenderIDIllegal",
    "receiver_error": "Receiver",
    "unlisted_error": "SomethingElse",
}
_TYPES = {
    "271": "X12_271_Response_005010X279A1",
    "277": "X12_277_Response_005010X212",
    "999": "X12_999_Response_005010X231A1",
    "TA1": "X12_TA1_Response_00501X231A1",
}


class Payer:
    """`questions` are what was asked, in order; `envelopes` their fields; `login` who may ask."""

    FAULTS: tuple[str, ...] = (
        "none",
        # the way
        "refuse",
        "hang",
        "slow",
        "401",
        "404",
        "429",
        "500",
        "html200",
        "cut_body",
        "truncated",
        # the envelope
        *_CODES,
        "envelope_error",
        "wrong_type",
        "no_payload",
        "fault_sender",
        "fault_receiver",
        "fault_login",
        "fault_unknown",
        "other_element",
        # the interchange
        "ta1_rejected",
        "ta1_accepted",
        "999_rejected",
        "999_accepted",
        "not_x12",
        "x12_truncated",
        "x12_count",
        "foreign_trace",
        "foreign_ta1",
        "foreign_999",
        "two_answers",
        "other_set",
        # the payer
        "aaa_42_clearinghouse",
        "aaa_42_payer",
        "aaa_80_payer",
        "aaa_42_subscriber",
        "no_benefits",
    )

    def __init__(
        self, canaries: tuple[str, ...] = (), login: tuple[str, str] | None = None
    ) -> None:
        self.origin = ""
        self.questions: list[Heard] = []
        self.envelopes: list[dict[str, str]] = []
        self.payloads: list[str] = []
        self.slow_ms = 200
        self.retry_after = "7"
        self.aaa: tuple[str, str] | None = None
        """Loop and elements of an AAA instead of benefits, such as `("2100A", "Y**42*R")`."""
        self.stc: tuple[str, ...] = ("F1:65*20260101**100*80",)
        self.takes_production = True
        self.takes_again = True
        """Whether it takes an interchange number that it has seen before."""
        self._text = " ".join(canaries) or "none"
        self._login = login
        self._fault = "none"
        app = web.Application()
        app.router.add_post(SOAP_PATH, self._soap)
        app.router.add_post(MIME_PATH, self._mime)
        self._site = Site(app)

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> int:
        """Listen, and return the port."""
        port, self.origin = await self._site.start(host, port, tls)
        return port

    async def stop(self) -> None:
        """Close everything, hanging requests too."""
        await self._site.stop()

    def set_fault(self, name: str) -> None:
        """Fail as `name` from the next request on."""
        if name not in self.FAULTS:
            raise ValueError(f"no such fault: {name}")
        self._site.turn(self._fault, name)
        self._fault = name

    async def _soap(self, request: web.Request) -> web.StreamResponse:
        broken = await self._broken(request)
        if broken is not None:
            return broken
        root = ET.fromstring(await request.read())  # noqa: S314 - of our own probe
        inner = root.find(f"{{{_SOAP}}}Body/{{{_CORE}}}COREEnvelopeRealTimeRequest")
        # Local elements of the schema of CORE have no namespace: others are not among its fields.
        fields = {one.tag: one.text or "" for one in (() if inner is None else inner)}
        token = root.find(f".//{{{_WSSE}}}UsernameToken")
        for one in () if token is None else token:
            name = one.tag.partition("}")[2]
            fields["UserName" if name == "Username" else name] = one.text or ""
        if self._fault.startswith("fault_") or not self._knows(fields):
            return self._soap_fault()
        told = self._answer(fields)
        name = "Something" if self._fault == "other_element" else "COREEnvelopeRealTimeResponse"
        inside = "".join(
            f"<{key}><![CDATA[{text}]]></{key}>"
            if key == "Payload"
            else f"<{key}>{escape(text)}</{key}>"
            for key, text in told.items()
        )
        return self._sent(
            200, f'<r:{name} xmlns:r="{_CORE}">{inside}</r:{name}>', "application/soap+xml"
        )

    async def _mime(self, request: web.Request) -> web.StreamResponse:
        broken = await self._broken(request)
        if broken is not None:
            return broken
        fields: dict[str, str] = {}
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader):
                raise web.HTTPBadRequest
            fields[part.name or ""] = await part.text()
        failed = self._fault.startswith("fault_") and self._fault != "fault_login"
        if self._fault == "fault_login" or not self._knows(fields):
            told = self._envelope("CoreEnvelopeError", "UnAuthorized", None)
        elif failed:
            code = "Sender" if self._fault == "fault_sender" else "Receiver"
            told = self._envelope("CoreEnvelopeError", code, None)
        else:
            told = self._answer(fields)
        if self._fault == "other_element":
            told = {"Something": self._text}
        text = "".join(
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{content}\r\n'
            for name, content in told.items()
        )
        kind = f"multipart/form-data; boundary={_BOUNDARY}"
        return self._sent(500 if failed else 200, f"{text}--{_BOUNDARY}--\r\n", kind)

    async def _broken(self, request: web.Request) -> web.StreamResponse | None:
        """Failures of the way, before anybody reads the question."""
        fault = self._fault
        if fault in ("hang", "slow"):
            with contextlib.suppress(TimeoutError):
                limit = self.slow_ms / 1000 if fault == "slow" else None
                await asyncio.wait_for(self._site.released.wait(), limit)
        if fault.isdigit():
            fields = {"Retry-After": self.retry_after} if fault == "429" else {}
            return web.Response(
                status=int(fault), text=self._text, headers={**fields, "X-Patient": self._text}
            )
        if fault == "html200":
            page = f"<!doctype html><p>Scheduled maintenance for {self._text}"
            return web.Response(text=page, content_type="text/html")
        if fault == "truncated":
            response = web.StreamResponse(headers={"Content-Length": "4000"})
            await response.prepare(request)
            await response.write(self._text.encode())
            if request.transport is not None:
                request.transport.close()
            return response
        return None

    def _knows(self, fields: Mapping[str, str]) -> bool:
        if self._login is None:
            return True
        return (fields.get("UserName"), fields.get("Password")) == self._login

    def _answer(self, fields: dict[str, str]) -> dict[str, str]:
        """The envelope of the answer."""
        self.envelopes.append(fields)
        self.payloads.append(fields.get("Payload", ""))
        if self._fault in _CODES:
            return self._envelope("CoreEnvelopeError", _CODES[self._fault], None)
        if self._fault == "envelope_error":
            return self._envelope("CoreEnvelopeError", "Success", None)
        heard = hear(fields["Payload"])
        again = any(heard.control == one.control for one in self.questions)
        seen = again and not self.takes_again
        self.questions.append(heard)
        kind, payload = self._interchange(heard, seen=seen)
        if self._fault == "no_payload":
            payload = ""
        elif self._fault == "not_x12":
            payload = f"UNB+UNOA:1+{self._text}"
        elif self._fault == "x12_truncated":
            payload = payload[: len(payload) // 2]
        elif self._fault == "x12_count":
            payload = payload.replace("SE*", "SE*9")
        if self._fault == "wrong_type":
            return self._envelope("X12_278_Response_005010X217E1_2", "Success", payload)
        return self._envelope(_TYPES[kind], "Success", payload)

    def _interchange(self, heard: Heard, *, seen: bool) -> tuple[str, str]:
        """The type of what comes, and what comes."""
        answers, fault = Answers(heard, self._text), self._fault
        test_only = heard.usage == "P" and not self.takes_production
        if seen or test_only or fault in ("ta1_rejected", "ta1_accepted", "foreign_ta1"):
            code = "A" if fault == "ta1_accepted" else "R"
            note = "025" if seen else "020" if test_only else "006" if code == "R" else "000"
            other = "000000123" if fault == "foreign_ta1" else None
            return "TA1", answers.interchange(code, note, other)
        if "999" in fault:
            other = "123" if fault == "foreign_999" else None
            return "999", answers.implementation("R" if fault == "999_rejected" else "A", other)
        claim = (heard.number == "276") != (fault == "other_set")
        token = "SOMEBODYELSES" if fault == "foreign_trace" else None
        if claim:
            failed = {"aaa_80_payer": ("E2:0",), "aaa_42_payer": ("E1:0",), "no_benefits": ()}
            text = answers.status(failed.get(fault, self.stc), token)
        else:
            text = answers.eligibility(self._rejection(heard), token)
        if fault == "no_benefits":
            text = text.replace("~EB*1**30~EB*C*IND*30***23*500~", "~EB*V~REF*SY*1~")
        twice = text + text if fault == "two_answers" else text
        return "277" if claim else "271", twice

    def _rejection(self, heard: Heard) -> tuple[str, str] | None:
        known = {
            "aaa_42_clearinghouse": ("2000A", "Y**42*R"),
            "aaa_42_payer": ("2100A", "Y**42*R"),
            "aaa_80_payer": ("2100A", "Y**80*R"),
            "aaa_42_subscriber": ("2100C", "Y**42*R"),
        }
        if self._fault in known:
            return known[self._fault]
        if self.aaa is not None:
            return self.aaa
        if heard.npi != NPI:
            return "2100B", "N**51*N"
        return None if heard.member == MEMBER else ("2100C", "N**75*C")

    def _envelope(self, kind: str, code: str, payload: str | None) -> dict[str, str]:
        told = {
            "PayloadType": kind,
            "ProcessingMode": "RealTime",
            "PayloadID": "f81d4fae-7dec-41d0-a765-00a0c91e6bf6",
            "TimeStamp": "2026-01-01T12:01:00Z",
            "SenderID": "PAYERTEST",
            "ReceiverID": "UPTIMEMON",
            "CORERuleVersion": "2.2.0",
        }
        if payload is not None:
            told["Payload"] = payload
        return {**told, "ErrorCode": code, "ErrorMessage": self._text}

    def _soap_fault(self) -> web.StreamResponse:
        code = {"fault_receiver": "Receiver", "fault_unknown": "Elsewhere"}.get(
            self._fault, "Sender"
        )
        login = self._fault not in {"fault_sender", "fault_receiver", "fault_unknown"}
        inner = (
            f'<s:Subcode><s:Value xmlns:w="{_WSSE}">w:FailedAuthentication</s:Value></s:Subcode>'
            if login
            else ""
        )
        text = (
            f"<s:Fault><s:Code><s:Value>s:{code}</s:Value>{inner}</s:Code>"
            f'<s:Reason><s:Text xml:lang="en">{escape(self._text)}</s:Text></s:Reason></s:Fault>'
        )
        return self._sent(500, text, "application/soap+xml")

    def _sent(self, status: int, text: str, kind: str) -> web.Response:
        if kind.startswith("application/soap"):
            text = (
                f'<?xml version="1.0"?><s:Envelope xmlns:s="{_SOAP}"><s:Header/>'
                f"<s:Body>{text}</s:Body></s:Envelope>"
            )
        if self._fault == "cut_body":
            text = text[: len(text) // 2]
        fields = {"Content-Type": kind, "X-Patient": self._text}
        return web.Response(status=status, body=text.encode(), headers=fields)
