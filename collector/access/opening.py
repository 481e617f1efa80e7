"""From the config's `access` to the door people come in by."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from yarl import URL

from collector.access.door import Door
from collector.store.store import Store
from probes.clock import Clock
from probes.config import Config

if TYPE_CHECKING:
    from collector.access.oidc import OpenId

CALLBACK = "/oidc/callback"


class MissingExtraError(Exception):
    """The config needs libraries that are not installed; the text says which to install."""


def door_of(config: Config, *, tls: bool) -> Door:
    access = config.access
    if access is None:
        return Door(tls=tls)
    public = None if access.public_url is None else URL(access.public_url)
    return Door(public, Door.networks(*access.proxies), tls)


def openid_of(
    config: Config,
    store: Store,
    clock: Clock,
    random_bytes: Callable[[int], bytes],
    read_secret: Callable[[str], bytes],
) -> OpenId | None:
    """None where the config names no provider."""
    access = config.access
    if access is None or access.oidc is None:
        return None
    try:
        # Authlib and httpx are an extra, and take a moment to load.
        from collector.access.oidc import OpenId  # noqa: PLC0415
        from collector.access.oidc_http import strict_clients  # noqa: PLC0415
    except ModuleNotFoundError:
        raise MissingExtraError(
            "access.oidc needs more libraries: pip install 'wardwatch[collector,oidc]'"
        ) from None
    return OpenId(
        access.oidc,
        f"{access.public_url}{CALLBACK}",
        store,
        config.organization.id,
        clients=strict_clients(),
        clock=clock,
        random_bytes=random_bytes,
        secret=read_secret,
    )
