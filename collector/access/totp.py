"""The second factor: RFC 6238 with SHA-1, 30 seconds and 6 digits, as every authenticator has it."""

from __future__ import annotations

import base64
import hmac

from pyotp import TOTP

from collector.access.credentials import RandomBytes

STEP_MS = 30_000
_BYTES = 20  # as long as the hash, which RFC 4226 recommends
_AROUND = (-1, 0, 1)
"""Steps before and after the present one: people type slowly and their clocks differ."""


def new_secret(random_bytes: RandomBytes) -> str:
    """160 bits in base32."""
    return base64.b32encode(random_bytes(_BYTES)).decode()


def uri(secret: str, account: str, organization_name: str) -> str:
    """What the QR code of an authenticator holds."""
    return TOTP(secret).provisioning_uri(name=account, issuer_name=organization_name)


def step_of(secret: str, code: str, now_ms: int, used_step: int) -> int | None:
    """The time step whose code this is; None if it is none of now or its step was used.

    Every candidate is compared to the end, so that the time taken does not tell which one fits.
    """
    otp = TOTP(secret)
    present = now_ms // STEP_MS
    typed = code.replace(" ", "").encode("utf-8", "surrogatepass")
    found: int | None = None
    for step in (present + offset for offset in _AROUND):
        fits = hmac.compare_digest(otp.generate_otp(max(step, 0)).encode(), typed)
        if fits and step > used_step:
            found = step
    return found
