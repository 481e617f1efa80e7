"""Trust policies: read as C2SP tlog-policy says, every problem with its line; checkpoints judged."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from collector.attest import checkpoint, note, policyfile
from collector.attest.checkpoint import Checkpoint
from collector.attest.faults import Fault
from collector.attest.note import Note, SignatureLine
from collector.attest.policy import Group, Policy, accept, reached
from collector.attest.policyfile import PolicyError, PolicyFault
from collector.attest.vkey import SignatureType, VerifierKey
from tests.unit.attest.refusing import fault

KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in range(9)]
ORIGIN = "log.example/evidence"
TEXT = checkpoint.write(Checkpoint(ORIGIN, 7, bytes(32)))


def key(n: int, name: str, kind: SignatureType) -> VerifierKey:
    return VerifierKey(name, kind, KEYS[n].public_key().public_bytes_raw())


def witness(n: int) -> VerifierKey:
    return key(n, f"witness.example/{n}", SignatureType.COSIGNATURE)


LOG = key(0, ORIGIN, SignatureType.ED25519)
W = [witness(n).text() for n in range(9)]
TWO_LEVELS = f"""# who must have seen our log
log {LOG.text()} https://log.example/

witness X1 {W[1]}
witness X2 {W[2]} https://w2.example/
\twitness  X3\t{W[3]} \t
group X-witnesses 2 X1 X2 X3

witness Y1 {W[4]}
witness Y2 {W[5]}
witness Y3 {W[6]}
group Y-witnesses any Y1 Y2 Y3
  # both organizations
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
""".encode()


def signed(*witnesses: int, log: int = 0, origin: str = ORIGIN) -> Note:
    lines = [note.sign(TEXT, origin, KEYS[log])]
    lines += [note.cosign(TEXT, f"witness.example/{n}", KEYS[n], 1000 + n) for n in witnesses]
    return Note(TEXT, tuple(lines))


def test_the_policy_of_the_specification_is_read() -> None:
    policy = policyfile.parse(TWO_LEVELS)
    assert policy.logs == (LOG,)
    names = [b"X1", b"X2", b"X3", b"Y1", b"Y2", b"Y3"]
    assert policy.witnesses == {name: witness(n) for n, name in enumerate(names, 1)}
    assert list(policy.groups.items()) == [
        (b"X-witnesses", Group(2, (b"X1", b"X2", b"X3"))),
        (b"Y-witnesses", Group(1, (b"Y1", b"Y2", b"Y3"))),
        (b"X-and-Y", Group(2, (b"X-witnesses", b"Y-witnesses"))),
    ]
    assert policy.quorum == b"X-and-Y"


@pytest.mark.parametrize("witnesses", [(), (1, 2), (4, 5, 6), (1, 4)])
def test_too_few_of_either_organization_are_no_quorum(witnesses: tuple[int, ...]) -> None:
    policy = policyfile.parse(TWO_LEVELS)
    assert fault(accept, policy, signed(*witnesses)) is Fault.POLICY_QUORUM


@pytest.mark.parametrize("witnesses", [(1, 2, 4), (2, 3, 6), (1, 2, 3, 4, 5, 6)])
def test_two_of_one_organization_and_one_of_the_other_are(witnesses: tuple[int, ...]) -> None:
    accepted = accept(policyfile.parse(TWO_LEVELS), signed(*witnesses))
    assert accepted.checkpoint == Checkpoint(ORIGIN, 7, bytes(32))
    assert accepted.log == LOG
    names = [b"", b"X1", b"X2", b"X3", b"Y1", b"Y2", b"Y3"]
    assert accepted.witnessed == {names[n]: 1000 + n for n in witnesses}


def test_one_witness_may_be_the_quorum_and_none_may_be_asked_for() -> None:
    one = policyfile.parse(f"log {LOG.text()}\nwitness W {W[1]}\nquorum W\n".encode())
    assert accept(one, signed(1)).witnessed == {b"W": 1001}
    assert fault(accept, one, signed()) is Fault.POLICY_QUORUM
    assert fault(accept, one, signed(2)) is Fault.POLICY_QUORUM
    none = policyfile.parse(f"log {LOG.text()}\nquorum none\n".encode())
    assert none == Policy((LOG,), {}, {}, None)
    assert accept(none, signed(1)).witnessed == {}


def test_one_witness_counts_once_however_often_it_has_cosigned() -> None:
    text = f"log {LOG.text()}\nwitness A {W[1]}\nwitness B {W[2]}\ngroup G all A B\nquorum G\n"
    policy = policyfile.parse(text.encode())
    often = [note.cosign(TEXT, "witness.example/1", KEYS[1], at) for at in (30, 20, 40)]
    again = note.with_signatures(signed(), *often)
    assert fault(accept, policy, again) is Fault.POLICY_QUORUM
    both = note.with_signatures(again, *signed(2).signatures[1:])
    assert accept(policy, both).witnessed == {b"A": 20, b"B": 1002}


def test_a_log_counts_only_under_its_own_origin() -> None:
    other = key(7, "other.example", SignatureType.ED25519)
    policy = policyfile.parse(f"log {LOG.text()}\nlog {other.text()}\nquorum none\n".encode())
    theirs = signed(log=7, origin="other.example")
    assert fault(accept, policy, theirs) is Fault.POLICY_LOG
    both = note.with_signatures(theirs, *signed().signatures)
    assert accept(policy, both).log == LOG


def test_a_log_that_has_two_keys_may_sign_with_either() -> None:
    new = key(7, ORIGIN, SignatureType.ED25519)
    policy = policyfile.parse(f"log {LOG.text()}\nlog {new.text()}\nquorum none\n".encode())
    assert accept(policy, signed(log=7)).log == new
    assert accept(policy, signed()).log == LOG


def test_a_policy_without_logs_accepts_nothing() -> None:
    policy = policyfile.parse(f"witness W {W[1]}\nquorum W\n".encode())
    assert fault(accept, policy, signed(1)) is Fault.POLICY_LOG
    assert fault(accept, policyfile.parse(b"quorum none\n"), signed()) is Fault.NOTE_UNSIGNED


def test_a_wrong_signature_of_a_key_of_the_policy_refuses_the_checkpoint() -> None:
    policy = policyfile.parse(TWO_LEVELS)
    line = witness(1)
    bad = SignatureLine(line.name, line.id, bytes(72))
    checked = note.with_signatures(signed(1, 2, 4), bad)
    assert fault(accept, policy, checked) is Fault.NOTE_BAD_SIGNATURE


def test_a_cosigned_note_that_is_no_checkpoint_is_refused() -> None:
    made = Note("hello\n", (note.sign("hello\n", ORIGIN, KEYS[0]),))
    assert fault(accept, policyfile.parse(TWO_LEVELS), made) is Fault.CHECKPOINT_SHAPE


def test_a_refusal_says_lines_and_codes() -> None:
    with pytest.raises(PolicyError, match=r"^line 1: policy\.key, line 0: policy\.quorums$"):
        policyfile.parse(b"log \xff\n")


def test_a_policy_with_a_key_of_another_type_is_refused() -> None:
    """ML-DSA-44, type 0x06: 1312 bytes of key."""
    material = bytes([6]) + bytes(1312)
    identity = hashlib.sha256(b"pq.example\n" + material).hexdigest()[:8]
    text = f"witness W pq.example+{identity}+{base64.b64encode(material).decode()}\nquorum W\n"
    with pytest.raises(PolicyError) as refused:
        policyfile.parse(text.encode())
    assert [(one.line, one.code) for one in refused.value.problems] == [(1, PolicyFault.KEY_TYPE)]


LOG_LINE = f"log {LOG.text()}\n"
A, B, C = (f"witness {name} {W[n]}\n" for n, name in enumerate("ABC", 1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [(0, PolicyFault.QUORUMS)]),
        (LOG_LINE, [(0, PolicyFault.QUORUMS)]),
        ("quorum none", [(1, PolicyFault.UNENDED)]),
        ("quorum none\n# end", [(2, PolicyFault.UNENDED)]),
        ("quorum none\nquorum none\n", [(2, PolicyFault.QUORUMS)]),
        ("quorum none\r\n", [(1, PolicyFault.OCTET), (0, PolicyFault.QUORUMS)]),
        ("quorum none\n#\x7f\n", [(2, PolicyFault.OCTET)]),
        ("quorum\vnone\n", [(1, PolicyFault.OCTET), (0, PolicyFault.QUORUMS)]),
        ("Quorum none\nquorum none\n", [(1, PolicyFault.KEYWORD)]),
        ("quorum none # why\n", [(1, PolicyFault.ITEMS), (0, PolicyFault.QUORUMS)]),
        ("quorum none none\n", [(1, PolicyFault.ITEMS), (0, PolicyFault.QUORUMS)]),
        ("quorum\n", [(1, PolicyFault.ITEMS), (0, PolicyFault.QUORUMS)]),
        ("quorum A\n" + A, [(1, PolicyFault.UNKNOWN_NAME)]),
        ("log\nquorum none\n", [(1, PolicyFault.ITEMS)]),
        (LOG_LINE[:-1] + " url more\nquorum none\n", [(1, PolicyFault.ITEMS)]),
        ("log key\nquorum none\n", [(1, PolicyFault.KEY)]),
        (f"log {W[1]}\nquorum none\n", [(1, PolicyFault.KEY_TYPE)]),
        (f"witness A {LOG.text()}\nquorum A\n", [(1, PolicyFault.KEY_TYPE)]),
        ("witness A\nquorum none\n", [(1, PolicyFault.ITEMS)]),
        (f"witness A {W[1]} url more\nquorum none\n", [(1, PolicyFault.ITEMS)]),
        (f"witness none {W[1]}\nquorum none\n", [(1, PolicyFault.SAME_NAME)]),
        (A + f"witness A {W[2]}\nquorum A\n", [(2, PolicyFault.SAME_NAME)]),
        (A + "group A any A\nquorum A\n", [(2, PolicyFault.SAME_NAME)]),
        (A + "group none any A\nquorum A\n", [(2, PolicyFault.SAME_NAME)]),
        (A + f"witness B {W[1]}\nquorum A\n", [(2, PolicyFault.SAME_KEY)]),
        (LOG_LINE * 2 + "quorum none\n", [(2, PolicyFault.SAME_KEY)]),
        (A + "group G any\nquorum A\n", [(2, PolicyFault.ITEMS)]),
        (A + "group G\nquorum A\n", [(2, PolicyFault.ITEMS)]),
        (A + "group G some A\nquorum A\n", [(2, PolicyFault.THRESHOLD)]),
        (A + "group G 0 A\nquorum A\n", [(2, PolicyFault.THRESHOLD)]),
        (A + "group G 2 A\nquorum A\n", [(2, PolicyFault.THRESHOLD)]),
        (A + "group G 01 A\nquorum A\n", [(2, PolicyFault.THRESHOLD)]),
        (A + "group G -1 A\nquorum A\n", [(2, PolicyFault.THRESHOLD)]),
        (A + f"group G {'9' * 5000} A\nquorum A\n", [(2, PolicyFault.THRESHOLD)]),
        (A + "group G any B\n" + B + "quorum G\n", [(2, PolicyFault.UNKNOWN_NAME)]),
        (A + "group G any none\nquorum A\n", [(2, PolicyFault.UNKNOWN_NAME)]),
        (A + "group G any G\nquorum A\n", [(2, PolicyFault.UNKNOWN_NAME)]),
        (A + "group G 2 A A\nquorum A\n", [(2, PolicyFault.MEMBER_TWICE)]),
        (
            A + B + "group G any A\ngroup H any B A\nquorum H\n",
            [(4, PolicyFault.MEMBER_TWICE)],
        ),
        (
            "log x\nwitness A y\ngroup G any A\nquorum G\nwho\n",
            [(1, PolicyFault.KEY), (2, PolicyFault.KEY), (5, PolicyFault.KEYWORD)],
        ),
    ],
)
def test_what_is_no_policy_is_refused_with_every_line(
    text: str, expected: list[tuple[int, PolicyFault]]
) -> None:
    with pytest.raises(PolicyError) as refused:
        policyfile.parse(text.encode())
    assert [(one.line, one.code) for one in refused.value.problems] == expected


@pytest.mark.parametrize(
    "text",
    [
        A + B + "group G 2 A B\nquorum G\n",
        A + B + "group G 1 A B\nquorum A\n",
        A + B + C + "group G any A B\ngroup H all G C\nquorum H\n",
        f"witness all {W[1]}\ngroup any all all\nquorum any\n",
        f"log {LOG.text()}\nwitness same-key {key(0, 'w', SignatureType.COSIGNATURE).text()}\nquorum none\n",
        "\n \t\n#\nquorum none\n",
    ],
)
def test_what_is_odd_but_a_policy_is_read(text: str) -> None:
    policyfile.parse(text.encode())


def test_names_are_octets_without_meaning() -> None:
    kelvin = "\u212a".encode()
    lines = (b"witness K " + W[1].encode(), b"witness " + kelvin + b" " + W[2].encode())
    odd = b"witness \xff\xa0 " + W[3].encode()
    policy = policyfile.parse(
        b"\n".join((*lines, odd, b"group G 3 K " + kelvin + b" \xff\xa0", b"quorum G", b""))
    )
    assert list(policy.witnesses) == [b"K", kelvin, b"\xff\xa0"]


def test_a_hundred_logs_witnesses_and_groups_are_no_problem() -> None:
    def many(kind: SignatureType, n: int) -> str:
        public = Ed25519PrivateKey.from_private_bytes(n.to_bytes(32, "big")).public_key()
        return VerifierKey("many.example", kind, public.public_bytes_raw()).text()

    lines = [f"log {many(SignatureType.ED25519, n)}" for n in range(100)]
    lines += [f"witness w{n} {many(SignatureType.COSIGNATURE, n)}" for n in range(100)]
    lines += ["group g0 any w0", *(f"group g{n} all w{n} g{n - 1}" for n in range(1, 100))]
    policy = policyfile.parse("\n".join([*lines, "quorum g99", ""]).encode())
    assert (len(policy.logs), len(policy.witnesses), len(policy.groups)) == (100, 100, 100)
    everybody = set(policy.witnesses)
    assert reached(policy, everybody)
    assert not reached(policy, everybody - {b"w50"})


def test_a_file_of_256_kib_is_read_and_none_longer() -> None:
    full = b"#" * ((1 << 18) - 13) + b"\nquorum none\n"
    assert len(full) == 1 << 18
    assert policyfile.parse(full).quorum is None
    with pytest.raises(PolicyError) as refused:
        policyfile.parse(b"#" + full)
    assert [(one.line, one.code) for one in refused.value.problems] == [(0, PolicyFault.TOO_LARGE)]


KEYWORDS = ["log", "witness", "group", "quorum", "none", "any", "all", "2", "A", "B", "#", "\n"]
WORDS = st.sampled_from([*KEYWORDS, LOG.text(), *W[:3]]).map(str.encode)


@given(st.lists(WORDS, max_size=40).map(b" ".join) | st.binary(max_size=80))
def test_any_bytes_are_a_policy_or_refused(data: bytes) -> None:
    try:
        policy = policyfile.parse(data)
    except PolicyError:
        return
    assert policy.quorum is None or policy.quorum in {*policy.witnesses, *policy.groups}


def reached_naively(policy: Policy, name: bytes, cosigned: set[bytes]) -> bool:
    if name in policy.witnesses:
        return name in cosigned
    group = policy.groups[name]
    held = [reached_naively(policy, member, cosigned) for member in group.members]
    return held.count(True) >= group.threshold


@given(st.data())
def test_a_quorum_is_what_the_definition_says(data: st.DataObject) -> None:
    free = [b"%d" % n for n in range(6)]
    witnesses = {name: witness(n) for n, name in enumerate(free)}
    groups: dict[bytes, Group] = {}
    for n in range(data.draw(st.integers(1, 4))):
        members = data.draw(st.lists(st.sampled_from(free), min_size=1, unique=True))
        free = [*(one for one in free if one not in members), b"g%d" % n]
        groups[b"g%d" % n] = Group(data.draw(st.integers(1, len(members))), tuple(members))
    policy = Policy((LOG,), witnesses, groups, data.draw(st.sampled_from(sorted(groups))))
    assert policy.quorum is not None
    cosigned = data.draw(st.sets(st.sampled_from(sorted(witnesses))))
    assert reached(policy, cosigned) is reached_naively(policy, policy.quorum, cosigned)
