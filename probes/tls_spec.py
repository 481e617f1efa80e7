"""The part of a `spec` that asks for TLS on a plain TCP protocol."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import StringConstraints, model_validator

from probes.config_words import Model
from probes.tls import TlsOptions

File = Annotated[str, StringConstraints(pattern=r"^/.")]


class Tls(Model):
    """Empty: TLS with the system's CAs and no client certificate."""

    ca: File | None = None
    client_cert: File | None = None
    client_key: File | None = None

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.client_cert is None) != (self.client_key is None):
            raise ValueError("client_cert and client_key belong together")
        return self

    @property
    def options(self) -> TlsOptions:
        """With TLS 1.3 a server refuses a certificate after the handshake: that is watched for."""
        return TlsOptions(self.ca, self.client_cert, self.client_key, watches=True)
