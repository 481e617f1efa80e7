"""What engines answer, taken apart: any bytes give channels, or are no status."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.testing.engine_host import EngineHost, Line
from probes.testing.engine_products import (
    CloverleafExport,
    IguanaServer,
    IrisServer,
    MirthServer,
    OpenHimServer,
    RhapsodyServer,
)
from probes.wire import (
    engine_cloverleaf,
    engine_iguana,
    engine_iris,
    engine_mirth,
    engine_openhim,
    engine_rhapsody,
)
from probes.wire.engine import Channels, EngineError, Reading, State
from probes.wire.engine_answer import cookie, judge_login, judge_status
from probes.wire.engine_values import count, duration_s, name

Read = Callable[[Sequence[bytes]], Channels]
READERS: dict[str, tuple[Read, type[EngineHost], tuple[str, ...]]] = {
    "mirth": (engine_mirth.read, MirthServer, ("api/channels/statuses",)),
    "openhim": (engine_openhim.read, OpenHimServer, ("channels", "metrics/channels")),
    "iguana": (engine_iguana.read, IguanaServer, ("status",)),
    "rhapsody": (engine_rhapsody.read, RhapsodyServer, ("api/commpoint/11111111-aaaa",)),
    "iris": (engine_iris.read, IrisServer, ("api/monitor/metrics",)),
    "cloverleaf": (engine_cloverleaf.read, CloverleafExport, ("threads.csv",)),
}
NAMES = sorted(READERS)
QUERY = {"includeUndeployed": ["true"], "startDate": ["x"], "endDate": ["y"]}


def answers(product: str, *lines: Line) -> list[bytes]:
    _, kind, paths = READERS[product]
    server = kind(("CANARY",))
    server.lines = list(lines) or server.lines
    if isinstance(server, CloverleafExport):
        server.at_s = 77
    found = [server.answer(path, QUERY) for path in paths]
    return [body for one in found if one is not None for body in [one[1]]]


def read(product: str, bodies: Sequence[bytes]) -> Channels | None:
    """None: no status."""
    try:
        return READERS[product][0](bodies)
    except EngineError:
        return None


def only(product: str, *lines: Line) -> Reading:
    found = read(product, answers(product, *lines))
    assert found is not None
    channel = found[(lines[0] if lines else Line("11111111-aaaa", "ADT from registration")).name]
    assert channel is not None
    return channel.reading


BUSY = Line("11111111-aaaa", "ADT", received=12, sent=8, errored=1, filtered=2, queued=3, idle_s=5)


@pytest.mark.parametrize(
    ("product", "reading"),
    [
        ("mirth", Reading(State.STARTED, 12, 8, 1, 2, 3)),
        ("openhim", Reading(State.STARTED, 12, 8, 1)),
        ("iguana", Reading(State.STARTED, errored=1, queued=3)),
        ("rhapsody", Reading(State.STARTED, 12, 8, 1, None, 3, None, 5, connected=True)),
        ("iris", Reading(State.STARTED, idle_s=5, connected=True)),
        ("cloverleaf", Reading(State.STARTED, 12, 8, 1, None, 3, 0, connected=True, at_s=77)),
    ],
)
def test_every_product_tells_what_it_knows(product: str, reading: Reading) -> None:
    assert only(product, BUSY) == reading


@pytest.mark.parametrize("product", NAMES)
def test_a_cut_answer_is_no_status_or_tells_less(product: str) -> None:
    bodies = answers(product, BUSY)
    whole = read(product, bodies)
    for at in range(len(bodies[0])):
        found = read(product, [bodies[0][:at], *bodies[1:]])
        if product in ("iris", "cloverleaf"):  # lines of text, each right by itself
            assert found is None or set(found) <= set(whole or ())
        else:
            assert found is None, at


@pytest.mark.parametrize("product", NAMES)
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), garbage=st.binary(max_size=40))
def test_no_bytes_make_a_reader_fail_in_another_way(
    product: str, seed: int, garbage: bytes
) -> None:
    rng = random.Random(seed)
    bodies = answers(product, BUSY, Line("2", "Other"))
    read(product, [garbage] * 2)
    read(product, [body + garbage for body in bodies])
    changed = bytearray(bodies[0])
    for _ in range(rng.randrange(1, 6)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    read(product, [bytes(changed), *bodies[1:]])


@pytest.mark.parametrize("product", ["mirth", "openhim", "iguana", "rhapsody"])
def test_garbage_after_an_answer_makes_it_none(product: str) -> None:
    bodies = answers(product, BUSY)
    assert read(product, [bodies[0] + b"\x00{", *bodies[1:]]) is None
    assert read(product, [bodies[0] + b"\n\n", *bodies[1:]]) is not None


VALUES = [None, [], {}, "x", -1, 1.5e300, True, [None], "9" * 400, {"entry": 5}]


@pytest.mark.parametrize("product", ["mirth", "openhim", "rhapsody"])
def test_wrong_types_anywhere_are_no_status_or_harmless(product: str) -> None:
    bodies = answers(product, BUSY)
    document = json.loads(bodies[0])

    def everywhere(value: object) -> list[tuple[object, object]]:
        below: list[tuple[object, object]] = []
        pairs: list[tuple[object, object]] = []
        if isinstance(value, dict | list):
            pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
        for key, inside in pairs:
            below += [(value, key), *everywhere(inside)]
        return below

    for holder, key in everywhere(document):
        kept = holder[key]  # type: ignore[index]
        for wrong in VALUES:
            holder[key] = wrong  # type: ignore[index]
            found = read(product, [json.dumps(document).encode(), *bodies[1:]])
            for channel in (found or {}).values():
                assert channel is None or isinstance(channel.reading, Reading)
        holder[key] = kept  # type: ignore[index]


def test_one_channel_may_be_an_object_many_are_a_list_and_none_is_null() -> None:
    one = {"channelId": "a", "name": "A", "state": "STARTED", "queued": 1}
    for inside in (one, [one]):
        body = json.dumps({"list": {"dashboardStatus": inside}}).encode()
        found = engine_mirth.read([body])
        assert set(found) == {"a", "A"}
    for nothing in (b'{"list":null}', b'{"list":""}', b'{"list":{}}'):
        assert engine_mirth.read([nothing]) == {}
    for wrong in (
        b"[]",
        b'{"list":"text"}',
        b'{"list":{"dashboardStatus":"x"}}',
        b"{}",
        b"<list/>",
    ):
        with pytest.raises(EngineError):
            engine_mirth.read([wrong])


def test_names_that_look_like_numbers_are_names() -> None:
    status = '{{"channelId":"{}","name":{},"state":"STARTED"}}'
    rows = ",".join(status.format(n, text) for n, text in enumerate(("12345", '"x"', "true")))
    found = engine_mirth.read([f'{{"list":{{"dashboardStatus":[{rows}]}}}}'.encode()])
    assert {"12345", "x", "true"} <= set(found)


def test_a_state_nobody_knows_is_told_apart() -> None:
    for product, state in (("mirth", "melted"), ("rhapsody", "melted"), ("iguana", "melted")):
        assert only(product, Line("11111111-aaaa", "ADT", state=state)).state is State.OTHER


def test_a_state_that_is_not_told_is_none_we_know() -> None:
    (mirth,), (iguana,) = answers("mirth", BUSY), answers("iguana", BUSY)
    untold = {
        "mirth": mirth.replace(b'"state": "STARTED"', b'"state": null'),
        "iguana": iguana.replace(b' Status="on"', b""),
    }
    for product, body in untold.items():
        found = read(product, [body])
        assert found is not None
        channel = found["ADT"]
        assert channel is not None
        assert channel.reading.state is State.OTHER


def test_mirth_with_five_hundred_channels_is_cheap() -> None:
    lab = {f"To {n}": Line("", f"To {n}") for n in range(3)}
    lines = [Line(f"id-{n}", f"Channel {n}", destinations=lab) for n in range(500)]
    (body,) = answers("mirth", *lines)
    assert 1_000_000 < len(body) < 8_388_608
    best = min(_took(lambda: engine_mirth.read([body])) for _ in range(3))
    assert best < 0.5  # some 40 ms on a busy core
    found = engine_mirth.read([body])
    assert len(found) == 1000


SWOLLEN = {
    "iris": [
        b"iris_interop_hosts{" + b"a" * 1900 + b"} 1\n",
        b"iris_interop_hosts{" + b'a="b",' * 300 + b"x} 1\n",
        b'iris_interop_hosts{a="' + b"\\" * 1900 + b"\n",
    ],
    "iguana": [b"<Channel/>", b'<Channel Name="a"/>', b"<x>" * 60 + b"</x>" * 60],
    "cloverleaf": [b"a,b\n", b'"' * 4000 + b"\n"],
}


@pytest.mark.parametrize("product", sorted(SWOLLEN))
def test_megabytes_made_to_be_slow_hold_nobody_up(product: str) -> None:
    wrap = {
        "iguana": (b"<IguanaStatus>", b"</IguanaStatus>"),
        "cloverleaf": (b"thread,state\n", b""),
    }
    before, after = wrap.get(product, (b"", b""))
    for piece in SWOLLEN[product]:
        body = before + piece * (1_000_000 // len(piece)) + after
        assert _took(partial(read, product, [body])) < 1.5


def _took(run: Callable[[], object]) -> float:
    """Seconds of our own: others may be at work here."""
    start = time.process_time()
    run()
    return time.process_time() - start


BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>
<IguanaStatus><Channel Name="&b;"/></IguanaStatus>"""
XXE = b"""<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd"><IguanaStatus/>"""


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        XXE,
        b"<IguanaStatus>" + b"<a>" * 100 + b"</a>" * 100 + b"</IguanaStatus>",
        b"<IguanaStatus>&unknown;</IguanaStatus>",
        b'<?xml version="1.0" encoding="utf-77"?><IguanaStatus/>',
        b"<Other/>",
        b"",
    ],
)
def test_dangerous_xml_is_not_read(body: bytes) -> None:
    with pytest.raises(EngineError):
        engine_iguana.read([body])


def test_iguana_may_write_elements_instead_of_attributes() -> None:
    body = (
        b"<IguanaStatus><Channel><Name>ADT</Name><Guid>g</Guid><Status>On</Status>"
        b"<MessagesQueued>4</MessagesQueued></Channel></IguanaStatus>"
    )
    channel = engine_iguana.read([body])["ADT"]
    assert channel is not None
    assert channel.reading == Reading(State.STARTED, queued=4)


def test_iris_is_told_by_host_where_it_tells_by_host() -> None:
    text = (
        'iris_interop_hosts{id="H",host="A \\"b\\", c",status="OK"} 1\n'
        'iris_interop_hosts{id="H",host="R",status="OK"} 0\n'
        'iris_interop_hosts{id="H",host="R",status="Retry"} 1\n'
        'iris_interop_hosts{id="H",host="E",status="Error"} 1\n'
        'iris_interop_queued{id="H",host="R",production="P"} 14\n'
        'iris_interop_last_activity{id="H",host="R"} .5\n'
        'iris_interop_hosts{id="H",host="N"} NaN\n'
        'iris_interop_queued{id="H",host="E"} 1.5e+06\n'
        'iris_interop_queued{id="H",host="E"} 12345678901234567\n'
    )
    found = {key: c and c.reading for key, c in engine_iris.read([text.encode()]).items()}
    assert found == {
        'A \\"b\\", c': Reading(State.STARTED, connected=True),
        "R": Reading(State.STARTED, queued=14, idle_s=0, connected=False),
        "E": Reading(State.STOPPED, connected=True),
    }


def test_a_table_of_cloverleaf_has_a_thread_in_each_row() -> None:
    good = b"\xef\xbb\xbfState,Thread,queued,more,at\nup,a,3,x,9\ndown,b,,,\n,c,,,9\n"
    found = {key: c and c.reading for key, c in engine_cloverleaf.read([good]).items()}
    assert found == {
        "a": Reading(State.STARTED, queued=3, connected=True, at_s=9),
        "b": Reading(State.STOPPED, connected=True, at_s=0),
        "c": Reading(State.OTHER, at_s=9),
    }
    for wrong in (
        b"state,at\nup,9",
        b"thread,state\na,up",  # written when?
        b"thread,thread,at\na,b,9",
        b"thread,at\na",
        b"thread,at\n\xff,9",
        b"",
        b"thread\n" * 10_002,
    ):
        with pytest.raises(EngineError):
            engine_cloverleaf.read([wrong])


def test_numbers_come_in_many_clothes() -> None:
    assert [count(v) for v in (0, "7", " 8 ", 9.9, "", None)] == [0, 7, 8, 9, None, None]
    wrongs: list[object] = [-1, "-1", "1e3", True, [], 2**60, float("nan"), "\u0663", "1" * 17]
    for wrong in wrongs:
        with pytest.raises(EngineError):
            count(wrong)
    values: list[object] = ["a", 5, True, None, []]
    assert [name(v) for v in values] == ["a", "5", "true", None, None]
    told = [duration_s(v) for v in ("PT1.959S", "P1DT2H3M4S", "P0Y0M0DT0H1M51.725S", None)]
    assert told == [1, 93_784, 111, None]
    for text in ("1s", "PT-1S", 5, "P" + "9" * 50 + "D"):
        with pytest.raises(EngineError):
            duration_s(text)


def test_the_status_of_an_answer_comes_before_its_content() -> None:
    told = {s: judge_status(s) for s in (200, 204, 302, 400, 404, 408, 429, 500, 503)}
    assert {s for s, v in told.items() if v is None} == {200, 204}
    assert {s for s, v in told.items() if v and v[0].value == "down"} == {408, 429, 500, 503}
    assert judge_login(200, has_cookie=True)[1].value == "ok"
    assert judge_login(200, has_cookie=False)[1].value == "engine.not_status"
    assert judge_login(401, has_cookie=True)[1].value == "engine.auth"


def test_a_cookie_is_sent_back_as_it_came_and_nothing_else() -> None:
    fields = [("set-cookie", "other=1"), ("set-cookie", "JSESSIONID=node0a.node0; Path=/api")]
    assert cookie(fields) == "JSESSIONID=node0a.node0"
    for text in ("JSESSIONID=", "XJSESSIONID=a", "jsessionid=a"):
        assert cookie([("set-cookie", text)]) is None
    assert cookie([("set-cookie", 'JSESSIONID=a,b; "c"')]) == "JSESSIONID=a"
