"""What differs between the ways to a payer: how a question is asked, and how its answer is read.

Each way is one class of `spec.connect` (`x12connect.py`). Nothing here opens a connection:
`x12probe.py` sends the one request of a run and hands over what came.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from probes.httpclient import HttpAnswer
from probes.tls import TlsOptions
from probes.wire.http1 import Request
from probes.wire.x12_answer import Answer, Verdict
from probes.wire.x12_question import Asked

ReadSecret = Callable[[str], bytes]


class Transport(Protocol):
    """One way to ask in real time. Without state: each run is given its own numbers."""

    @property
    def url(self) -> str: ...

    @property
    def tls(self) -> TlsOptions: ...

    @property
    def max_body(self) -> int: ...

    def request(self, asked: Asked, read_secret: ReadSecret) -> Request:
        """The one request. Raises NetFailure unknown/agent.secret."""

    def read(self, asked: Asked, answer: HttpAnswer) -> Answer | Verdict:
        """The answer to that question, or the verdict of what came instead. Total."""
