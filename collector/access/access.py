"""Who may enter one organization: IO only. What is right is decided in `rules`, `totp` and
`throttle`; what is kept, in `accounts`, `invitations`, `logins`, `sessions` and `tokens`.

Refusals are AccessError; a store that fails is StoreUnavailableError. Instants are UTC ms.
Where `by` may be None, it is somebody at the host itself: the journal has them as `system`.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from collector.access import (
    accounts,
    credentials,
    directory,
    invitations,
    logins,
    rules,
    sessions,
    tokens,
    totp,
)
from collector.access.actors import Account, Actor, By, Kind
from collector.access.credentials import INVITATION, SESSION, TOKEN, RandomBytes, hashed
from collector.access.entry import Entry
from collector.access.invitations import Enrolment, Invitation, Proof
from collector.access.passwords import BusyError, Passwords, weakness
from collector.access.policy import Permission, Role
from collector.access.refusals import AccessError
from collector.access.tokens import Minted, Token
from collector.journal import SYSTEM
from collector.store.store import Store, StoreUnavailableError
from probes.clock import Clock

FIRST_ADMIN = "admin"
"""What an authenticator shows for who has not chosen an id yet."""


class Access:
    """`organization_name` is shown by people's authenticators."""

    def __init__(
        self,
        store: Store,
        org: str,
        organization_name: str,
        clock: Clock,
        passwords: Passwords,
        random_bytes: RandomBytes,
    ) -> None:
        self._store = store
        self._org = org
        self._name = organization_name
        self._now = clock.now_ms
        self._passwords = passwords
        self._random = random_bytes
        self._entry = Entry(store, org, clock, passwords)

    async def actor_of_token(self, secret: str) -> Actor | None:
        """None unless it is a token of this organization that is good now."""
        if not credentials.well_formed(TOKEN, secret):
            return None
        now, hash_ = self._now(), hashed(secret)
        found = await self._store.read(tokens.find, self._org, hash_, now)
        if found is not None and found.stale:
            # A full disk keeps nobody from reading.
            with suppress(StoreUnavailableError):
                await self._store.write(tokens.touch, self._org, hash_, now)
        return found.actor if found is not None else None

    async def actor_of_session(self, secret: str) -> Actor | None:
        """None unless it is a session of this organization that is good now."""
        if not credentials.well_formed(SESSION, secret):
            return None
        now, hash_ = self._now(), hashed(secret)
        found = await self._store.read(sessions.find, self._org, hash_, now)
        if found is not None and found.stale:
            with suppress(StoreUnavailableError):
                await self._store.write(sessions.touch, self._org, hash_, now)
        return found.actor if found is not None else None

    async def login(self, account: str, password: str, code: str) -> str:
        """The secret of a new session."""
        secret, new = sessions.mint_new(self._random)
        await self._entry.enter(account, password, code, logins.a_session(self._org, new))
        return secret

    async def login_for_token(
        self,
        account: str,
        password: str,
        code: str,
        scopes: Iterable[Permission] | None,
        lifetime_ms: int,
    ) -> Minted:
        """A token of one's own; without `scopes` it can do all that its owner may."""
        secret, new = tokens.mint_new(self._random, scopes, lifetime_ms)
        at = await self._entry.enter(account, password, code, logins.a_token(self._org, new))
        return Minted(new.id, secret, at + lifetime_ms)

    async def open_session(self, account: str) -> str:
        """The secret of a new session of whom an OpenID provider vouched for."""
        secret, new = sessions.mint_new(self._random)
        await self._store.write(sessions.open_vouched, self._org, self._now, account, new)
        return secret

    async def logout(self, actor: Actor) -> None:
        """End the session asked with, or revoke the token."""
        if actor.by is By.SESSION:
            await self._store.write(
                sessions.end, self._org, self._now, actor.account, actor.credential
            )
        else:
            await self.revoke_token(actor, actor.credential)

    async def end_sessions(self, account: str, by: Actor | None = None) -> None:
        """All of one account; one's own, or as an admin anybody's."""
        if by is None or by.account != account:
            _manager(by)
        name = by.account if by else SYSTEM
        await self._store.write(sessions.end_all, self._org, self._now, name, account)

    async def invitation(
        self, by: Actor | None, account: str, roles: Iterable[Role], kind: Kind
    ) -> str | None:
        """A new account; the code with which a person enrols, and None for a service."""
        name, (code, new) = _manager(by), invitations.mint_new(self._random)
        await self._store.write(
            accounts.create, self._org, self._now, name, account, kind, frozenset(roles), new
        )
        return code if kind is Kind.PERSON else None

    async def reset(self, by: Actor | None, account: str) -> str:
        """A code to enrol again with; from now on nothing old opens the account."""
        name, (code, new) = _manager(by), invitations.mint_new(self._random)
        await self._store.write(accounts.reset, self._org, self._now, name, account, new)
        return code

    async def begin(self, code: str) -> Enrolment:
        """What the authenticator needs; as often as asked, until the code is used."""
        found = await self._invitation(code)
        uri = totp.uri(found.totp_secret, found.account or FIRST_ADMIN, self._name)
        return Enrolment(found.account, found.totp_secret, uri)

    async def enrol(self, code: str, account: str, password: str, totp_code: str) -> str:
        """Set what opens the account and use the code up; the account's id.

        `account` is the invited one, or for the first admin the one they choose.
        """
        found = await self._invitation(code)
        if found.account not in (None, account):
            raise AccessError("access.invitation_invalid")
        refused = None if found.account else rules.new_id_refused(account)
        if refused is not None:
            raise AccessError(refused)
        weak = weakness(password, account)
        if weak is not None:
            raise AccessError("access.weak_password", reason=weak)
        step = totp.step_of(found.totp_secret, totp_code, self._now(), 0)
        if step is None:
            raise AccessError("access.wrong_code")
        try:
            proof = Proof(await self._passwords.hash(password), step)
        except BusyError:
            raise AccessError("access.busy", retry_after_s=1) from None
        return await self._store.write(
            invitations.enrol, self._org, self._now, hashed(code), account, proof
        )

    async def first_link(self) -> str | None:
        """A code that makes the first admin, in place of an older one; None if one can log in."""
        return await self._admin_link(always=False)

    async def new_admin_link(self) -> str:
        """A code that makes an admin, whoever else there is: for who has lost every way in."""
        code = await self._admin_link(always=True)
        assert code is not None  # noqa: S101 - what `always` says
        return code

    async def accounts(self) -> tuple[Account, ...]:
        return await self._store.read(directory.everybody, self._org)

    async def set_roles(self, by: Actor | None, account: str, roles: Iterable[Role]) -> None:
        name, wanted = _manager(by), frozenset(roles)
        await self._store.write(accounts.set_roles, self._org, self._now, name, account, wanted)

    async def disable(self, by: Actor | None, account: str) -> None:
        """Nothing opens it any more: sessions end, tokens are revoked. Again is fine."""
        await self._store.write(accounts.disable, self._org, self._now, _manager(by), account)

    async def enable(self, by: Actor | None, account: str) -> None:
        """With its password as before; sessions and tokens stay gone. Again is fine."""
        await self._store.write(accounts.enable, self._org, self._now, _manager(by), account)

    async def create_token(
        self, by: Actor, owner: str, scopes: Iterable[Permission], lifetime_ms: int
    ) -> Minted:
        """One's own, or as an admin one of a service."""
        secret, new = tokens.mint_new(self._random, scopes, lifetime_ms)
        expires_at = await self._store.write(tokens.create, self._org, self._now, by, owner, new)
        return Minted(new.id, secret, expires_at)

    async def tokens(self, owner: str | None = None) -> tuple[Token, ...]:
        """Of one account or of all, oldest first, those that are over too."""
        return await self._store.read(tokens.listing, self._org, owner)

    async def revoke_token(self, by: Actor, token: str) -> None:
        """One's own, or as an admin any; again is fine."""
        await self._store.write(tokens.revoke, self._org, self._now, by, token)

    async def _invitation(self, code: str) -> Invitation:
        found = None
        if credentials.well_formed(INVITATION, code):
            found = await self._store.read(invitations.find, self._org, hashed(code), self._now())
        if found is None:
            raise AccessError("access.invitation_invalid")
        return found

    async def _admin_link(self, *, always: bool) -> str | None:
        code, new = invitations.mint_new(self._random)
        made = await self._store.write(
            invitations.put_first, self._org, self._now, new, always=always
        )
        return code if made else None


def _manager(by: Actor | None) -> str:
    """The name in the journal of who rules accounts; AccessError for who may not."""
    refused = rules.manage_refused(by)
    if refused is not None:
        raise AccessError(refused)
    return SYSTEM if by is None else by.account
