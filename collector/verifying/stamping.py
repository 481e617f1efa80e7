"""A time stamp of an authority over the statement, where the bundle has one (RFC 3161)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from cryptography.x509 import Certificate

from collector.attest import dsse
from collector.bundle import layout, members
from collector.bundle.members import Members
from collector.reports import timestamps
from collector.reports.timestamps import StampError, StampFault
from collector.verifying.failures import Failure, VerifyError
from collector.verifying.telling import Check, Told
from probes.times import rfc3339

_FAILURES = {
    StampFault.DIGEST: Failure.TIMESTAMP_DIFFERS,
    StampFault.UNTRUSTED: Failure.TIMESTAMP_UNTRUSTED,
}


def check(found: Members, roots: Sequence[Certificate]) -> Iterator[Told]:
    """Nothing where there is none. VerifyError for one that is none, or of another statement; with
    roots, also for one by nobody to whom they lead.
    """
    if layout.TIMESTAMP not in found.names:
        return
    token = members.whole(found, layout.TIMESTAMP, timestamps.MAX_BYTES)
    statement = members.whole(found, layout.STATEMENT, dsse.MAX_BYTES)
    digest = hashlib.sha256(statement).digest()
    try:
        stamp = timestamps.check(token, digest, roots)
    except ModuleNotFoundError:
        text = "there is one, and nothing here reads it: pip install 'wardwatch[tsa]'"
        yield Told(Check.TIMESTAMP, text, note=True)
    except StampError as refused:
        if refused.fault is not StampFault.UNTRUSTED or roots:
            failure = _FAILURES.get(refused.fault, Failure.TIMESTAMP_MALFORMED)
            raise VerifyError(failure, layout.TIMESTAMP) from None
        text = "of this statement; by whom was not looked at, for no roots were given with --tsa"
        yield Told(Check.TIMESTAMP, text, note=True)
    else:
        yield Told(Check.TIMESTAMP, f"the authority saw the statement at {rfc3339(stamp.at)}")
