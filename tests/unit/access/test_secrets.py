"""No secret is readable in the database, in what is printed, or where it is compared."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

import collector.access
from collector.access.actors import Kind
from collector.access.refusals import REFUSALS, AccessError
from collector.access.sessions import mint_new
from collector.store.tables import metadata
from tests.unit.access.desk import DAY, PASSWORD, Desk, P, R

SOURCES = sorted(Path(collector.access.__file__).parent.glob("*.py"))
TESTS = sorted(Path(__file__).parent.glob("test_*.py"))
SECRET_WORDS = ("secret", "code", "password", "csrf", "typed", "hash")


def everything(conn: Connection) -> dict[str, str]:
    """All that every table holds, as text."""
    return {
        table.name: " ".join(
            value.decode("latin-1") if isinstance(value, bytes) else str(value)
            for row in conn.execute(select(table))
            for value in row
        )
        for table in metadata.sorted_tables
    }


async def test_no_secret_is_in_any_table(desk: Desk) -> None:
    link = await desk.access.first_link()
    assert link is not None
    await desk.enrolled(link, "ada")
    admin = await desk.actor("ada")
    await desk.person("olaf", R.OPERATOR, by=admin)
    olaf = await desk.actor("olaf")
    await desk.token(olaf, "olaf", [P.SELF])
    minted = await desk.access.login_for_token("olaf", PASSWORD, desk.code("olaf"), None, DAY)
    code = await desk.access.invitation(admin, "vera", [R.VIEWER], Kind.PERSON)
    assert code is not None
    again = await desk.access.reset(admin, "olaf")
    wrong = "my own secret words"
    for account, password in [("ada", wrong), (wrong, wrong), ("no-such-account", wrong)]:
        with pytest.raises(AccessError):
            await desk.access.login(account, password, "918273")
    desk.secrets += [link, minted.secret, code, again, wrong, "no-such-account", "918273"]
    tables = await desk.store.read(everything)
    for name, text in tables.items():
        for secret in desk.secrets:
            assert secret not in text, (name, secret)
    # what is looked through has something in it, and a factor is where it has to be
    assert "access.enrolled" in tables["journal"]
    assert desk.factors["ada"] in tables["accounts"]
    others = {
        name: text for name, text in tables.items() if name not in ("accounts", "invitations")
    }
    for factor in desk.factors.values():
        assert not [name for name, text in others.items() if factor in text]


def test_a_new_session_does_not_print_what_opens_it() -> None:
    secret, new = mint_new(lambda count: b"\x07" * count)
    assert repr(new) == "New(id='0707070707070707')"
    assert secret not in repr(new)


def compared_plainly(source: str) -> list[int]:
    """Lines where something named like a secret is compared with == or !=.

    A column of a table is compared by the database, and only ever with a hash.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Compare):
            continue
        if not any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
            continue
        sides = [side for side in (node.left, *node.comparators) if not is_column(side)]
        if len(sides) < 1 + len(node.comparators):
            continue
        names = [name_of(side) for side in sides]
        if any(word in name for name in names for word in SECRET_WORDS if name != "status_code"):
            found.append(node.lineno)
    return found


def is_column(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "c"
    )


def name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        return name_of(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr.lower()
    return node.id.lower() if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.name))
def test_secrets_are_compared_in_constant_time_or_found_by_hash(path: Path) -> None:
    assert compared_plainly(path.read_text()) == []


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("known.password == typed", [1]),
        ("\nif csrf != other: pass", [2]),
        ("hashed(secret) == stored", [1]),
        ("hash_ != stored", [1]),
        ("row.totp_secret == shown()", [1]),
        ("tokens.c.hash == hash_", []),
        ("hmac.compare_digest(code, other)", []),
        ("left == right", []),
        ("password is None", []),
    ],
)
def test_a_plain_comparison_would_be_found(source: str, lines: list[int]) -> None:
    assert compared_plainly(source) == lines


def test_secrets_in_the_store_are_found_by_their_hash_only() -> None:
    columns = {
        ast.unparse(node.left)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare) and is_column(node.left)
    }
    secret = {column for column in columns if any(word in column for word in SECRET_WORDS)}
    assert secret == {"invitations.c.hash", "sessions.c.hash", "tokens.c.hash"}


def test_every_refusal_is_expected_by_a_test() -> None:
    tested = "".join(path.read_text() for path in TESTS)
    assert [code for code in REFUSALS if f'"{code}"' not in tested] == []


def test_every_refusal_is_raised_somewhere() -> None:
    raising = "".join(path.read_text() for path in SOURCES if path.name != "refusals.py")
    assert [code for code in REFUSALS if f'"{code}"' not in raising] == []


def test_refusals_have_statuses_and_sentences() -> None:
    assert {status for status, _ in REFUSALS.values()} == {400, 401, 403, 404, 409, 429}
    assert AccessError("access.throttled", retry_after_s=2).status == 429
    assert AccessError("access.login_failed").text == (
        "account, password and code do not belong together; a code works once, so wait for the next"
    )
    assert all(text and text.isprintable() for _, text in REFUSALS.values())
