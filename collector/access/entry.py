"""The way in with a password and a code: the same work and the same answer whatever is wrong."""

from __future__ import annotations

from collector.access import logins, totp
from collector.access.credentials import hashed
from collector.access.logins import Enter, Tried
from collector.access.passwords import BusyError, Passwords
from collector.access.refusals import AccessError
from collector.access.throttle import Strangers
from collector.store.store import Store
from probes.clock import Clock

STRANGERS = 10_000
NOBODY = "A" * 32
"""The second factor of who has none: finding that no code is right takes as long."""


class Entry:
    """Of one organization."""

    def __init__(self, store: Store, org: str, clock: Clock, passwords: Passwords) -> None:
        self._store = store
        self._org = org
        self._now = clock.now_ms
        self._passwords = passwords
        self._strangers = Strangers(STRANGERS)

    async def enter(self, account: str, password: str, code: str, enter: Enter) -> int:
        """When it succeeded (UTC ms), with what `enter` opens; else AccessError.

        While no try counts, nothing is verified and nothing is written.
        """
        known = await self._store.read(logins.find, self._org, account)
        stranger = hashed(account)
        now = self._now()
        logins.refuse_early(known.retry_at if known else self._strangers.retry_at(stranger), now)
        right = await self._verify(known.password if known else None, password)
        secret = known.totp_secret if known else None
        step = totp.step_of(secret or NOBODY, code, now, known.totp_step if known else 0)
        entered = None
        if known is None:
            now = await self._store.write(logins.nobody, self._org, self._now)
            logins.refuse_early(self._strangers.retry_at(stranger), now)
            self._strangers.failed(stranger, now)
        else:
            tried = Tried(known, right, step)
            entered = await self._store.write(logins.finish, self._org, self._now, tried, enter)
        if entered is None:
            raise AccessError("access.login_failed")
        return entered

    async def _verify(self, stored: str | None, password: str) -> bool:
        try:
            return await self._passwords.verify(stored, password)
        except BusyError:
            raise AccessError("access.busy", retry_after_s=1) from None
