"""What an engine tells of its channels, asked for once however many checks of an agent want it.

Mirth and its kin give one answer for all channels: it is shared for a few seconds. A check never
gets the same answer twice.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from weakref import ref

from probes.authorization import secret_text
from probes.contract import Env, Step, StepName
from probes.engineaccess import EngineSpec
from probes.enginevisit import LATE, Seen, Visit
from probes.net import Deadline
from probes.tokens import Status
from probes.wire.engine import UP


class EngineSource:
    """Asks for what one check needs, run after run."""

    def __init__(self, spec: EngineSpec, env: Env) -> None:
        self._spec = spec
        self._env = env
        self._product = spec.product
        self._last: Callable[[], Status | None] = lambda: None
        """Weak: answers of hundreds of channels, one for each check, would be gigabytes."""

    async def look(self, deadline: Deadline) -> tuple[Status | None, Seen]:
        """The newest status this check has not seen, and how it came. Raises NetFailure
        unknown/agent.secret.
        """
        env, spec = self._env, self._spec
        headers = {"Accept": self._product.accept, **self._product.headers}
        password = b""
        if spec.auth is not None:
            # Read at every run, so that a rotated secret needs no restart.
            headers |= spec.auth.headers(env.read_secret)
            if spec.auth.session is not None:
                password = secret_text(spec.auth.session.password, env.read_secret).encode()

        async def fetch() -> tuple[Status | None, Seen]:
            return await Visit(spec, env, headers, password, deadline).make()

        if not self._product.whole:
            return await fetch()
        key: Hashable = (spec.base_url, spec.path, spec.engine, spec.auth, spec.tls, spec.max_body)
        statuses = env.tokens.statuses
        if (last := self._last()) is not None:
            statuses.drop(key, last)
        try:
            status, seen, is_mine = await statuses.get(key, env.clock, deadline, fetch)
        except TimeoutError:
            return None, Seen(LATE, (Step(StepName.STATUS, *LATE, 0),))
        if status is not None:
            self._last = ref(status)
        if seen is None or (status is not None and not is_mine):
            return status, Seen(UP)
        return status, seen if is_mine else _of_another(seen)


def _of_another(seen: Seen) -> Seen:
    """The same, asked for by another check: no request and no time of this one's."""
    steps = tuple(replace(step, duration_us=0) for step in seen.steps)
    return Seen(seen.verdict, steps)
