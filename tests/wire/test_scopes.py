from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire.scopes import missing


@pytest.mark.parametrize(
    ("asked", "granted", "lacking"),
    [
        ("system/*.rs", "system/*.rs", 0),
        ("system/*.rs", "", 1),
        ("system/*.rs", "system/*.r", 1),
        ("system/*.rs", "system/*.cruds", 0),
        ("system/*.rs", "system/*.read", 0),
        ("system/*.rs", "system/*.*", 0),
        ("system/*.read", "system/*.rs", 0),
        ("system/*.read", "system/*.write", 1),
        ("system/*.rs", "system/Patient.rs system/Location.rs", 1),
        ("system/Patient.rs", "system/*.rs", 0),
        ("system/Patient.rs", "system/Patient.r system/Patient.s", 0),
        ("system/Patient.rs", "user/Patient.rs", 1),
        ("system/Patient.rs system/Location.r", "system/Location.rs", 1),
        ("system/Patient.rs system/Location.r", "system/Slot.rs", 2),
        ("system/Patient.r system/Patient.r", "openid", 1),
        ("system/Patient.rs?a=b", "system/Patient.rs", 0),
        ("system/Patient.rs", "system/Patient.rs?a=b", 1),
        ("system/Patient.rs?a=b", "system/Patient.rs?a=c", 1),
        ("api:read", "api:read", 0),
        ("api:read", "API:read", 1),
        ("system/Patient.sr", "system/Patient.rs", 1),
        ("system/Patient.", "system/Patient.rs", 1),
    ],
)
def test_how_many_of_the_asked_scopes_were_not_granted(
    asked: str, granted: str, lacking: int
) -> None:
    assert missing(asked, granted) == lacking


_WORD = st.builds(
    "{}/{}.{}".format,
    st.sampled_from(["system", "user"]),
    st.sampled_from(["*", "Patient", "Slot"]),
    st.sampled_from(["r", "s", "rs", "cruds", "read", "write", "*"]),
) | st.sampled_from(["openid", "system/Patient.rs?_tag=x"])
_SCOPES = st.lists(_WORD, max_size=5).map(" ".join)


@given(_SCOPES, _SCOPES, _SCOPES)
def test_a_wider_grant_never_lacks_more(asked: str, granted: str, more: str) -> None:
    assert missing(asked, asked) == 0
    assert missing(asked, f"{granted} {more}") <= missing(asked, granted)
    assert missing(asked, granted) <= len(set(asked.split()))
