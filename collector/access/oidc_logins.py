"""Logins under way at an OpenID provider, as rows: kept for ten minutes, taken once."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, func, insert, select

from collector import journal
from collector.store.access_tables import oidc_logins

MOST = 1_000
"""Logins under way at once in an organization: whoever begins many fills no disk."""


@dataclass(frozen=True, slots=True)
class Login:
    """`state` and `browser` are SHA-256 in hex of what was sent; `expires_at` is UTC ms."""

    state: str
    browser: str
    nonce: str
    verifier: str
    expires_at: int


def begin(conn: Connection, org: str, login: Login, now: int) -> bool:
    """Keep it; False when too many are under way. Those past their time go first."""
    # of replicas that clear up at once one waits for the other
    journal.hold(conn, org)
    mine = oidc_logins.c.org == org
    conn.execute(delete(oidc_logins).where(mine, oidc_logins.c.expires_at <= now))
    if conn.execute(select(func.count()).where(mine)).scalar_one() >= MOST:
        return False
    conn.execute(insert(oidc_logins).values(org=org, **asdict(login)))
    return True


def take(conn: Connection, org: str, state: str) -> Login | None:
    """What was kept under this state, which is gone with it: of two who ask, one is given it."""
    c = oidc_logins.c
    taken = conn.execute(
        delete(oidc_logins)
        .where(c.org == org, c.state == state)
        .returning(c.state, c.browser, c.nonce, c.verifier, c.expires_at)
    ).one_or_none()
    return None if taken is None else Login(*taken)
