"""What a provider publishes and answers, and all the ways it can fail to."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from collector.access.oidc_errors import OpenIdError
from tests.support.openid import EC, OTHER_RSA, SimulatedProvider, by_key
from tests.unit.oidc.stage import DISCOVERY, FAULTS, Stage, opened


@pytest.mark.parametrize("other", ["https://login.example.org", "", None])
async def test_a_discovery_document_of_another_issuer_is_refused(
    stage: Stage, other: str | None
) -> None:
    stage.provider.document["issuer"] = other
    assert await stage.refused() == "oidc.issuer"


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize("value", [None, "http://login.example.org/x", "ftp://127.0.0.1/x", 7])
async def test_endpoints_missing_or_in_the_clear_are_refused(
    stage: Stage, name: str, value: Any
) -> None:
    stage.provider.document[name] = value
    assert await stage.refused() == "oidc.unreachable"


@pytest.mark.parametrize("path", [DISCOVERY, "/keys", "/token"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_an_unusable_answer_is_refused_wherever_it_comes(
    stage: Stage, path: str, fault: str
) -> None:
    stage.provider.faults[path] = fault
    assert await stage.refused() == "oidc.unreachable"
    assert stage.provider.asked[-1] == path  # a redirect is not followed


@pytest.mark.parametrize("path", [DISCOVERY, "/keys", "/token"])
async def test_a_slow_answer_is_given_up(stage: Stage, path: str) -> None:
    stage.openid._exchange._deadline_s = 0.2
    stage.provider.faults[path] = "hang"
    assert await stage.refused() == "oidc.unreachable"


async def test_a_provider_that_is_not_there_is_told(stage: Stage) -> None:
    gone = SimulatedProvider(issuer="http://127.0.0.1:1/hospital")
    with pytest.raises(OpenIdError, match=r"^oidc\.unreachable$"):
        await opened(gone, stage.store, stage.clock).start()


async def test_people_in_line_do_not_each_wait_for_a_provider_that_hangs(stage: Stage) -> None:
    stage.openid._exchange._deadline_s = 0.2
    stage.provider.faults[DISCOVERY] = "hang"
    ends = await asyncio.gather(*(stage.openid.start() for _ in range(8)), return_exceptions=True)
    assert {str(end) for end in ends} == {"oidc.unreachable"}
    assert stage.provider.asked == [DISCOVERY]
    stage.provider.faults.clear()
    await stage.clock.advance(4_999)
    assert await stage.refused() == "oidc.unreachable"
    await stage.clock.advance(1)
    assert (await stage.login()).subject == "subject-1"


async def test_what_is_published_is_kept_for_an_hour(stage: Stage) -> None:
    await stage.login()
    await stage.clock.advance(3_599_999)
    stage.provider.now_s += 3_599
    await stage.login()
    assert [stage.provider.asked.count(p) for p in (DISCOVERY, "/keys")] == [1, 1]
    await stage.clock.advance(1)
    await stage.login()
    assert [stage.provider.asked.count(p) for p in (DISCOVERY, "/keys")] == [2, 2]


async def test_a_rotated_key_is_fetched_once_and_believed(stage: Stage) -> None:
    await stage.login()
    new = EC.generate_key("P-256", {"kid": "new"})
    stage.provider.keys, stage.provider.sign = [new], by_key(new, "ES256", "new")
    await stage.clock.advance(30_000)
    assert (await stage.login()).subject == "subject-1"
    assert stage.provider.asked.count("/keys") == 2


async def test_an_unknown_key_has_the_keys_fetched_at_most_every_thirty_seconds(
    stage: Stage,
) -> None:
    stage.provider.sign = by_key(OTHER_RSA, "RS256", "nobody")
    assert await stage.refused() == "oidc.id_token"
    await stage.clock.advance(29_999)
    assert await stage.refused() == "oidc.id_token"
    assert stage.provider.asked.count("/keys") == 1
    await stage.clock.advance(1)
    assert await stage.refused() == "oidc.id_token"
    assert stage.provider.asked.count("/keys") == 2
