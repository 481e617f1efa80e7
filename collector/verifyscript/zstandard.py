"""Zstandard (RFC 8878), unpacked: one frame that says its size, without a dictionary.

Bodies of tombstones are packed so, and Python's own library reads it from 3.14 on only. Checksums are
passed over: the agent has signed the SHA-256 of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_MAGIC = b"\x28\xb5\x2f\xfd"
_BLOCK_BYTES = 1 << 17
_LITERAL_BITS = [0] * 16 + [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
_MATCH_BITS = [0] * 32 + [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
_LITERALS = [4, 3, *[2] * 11, 1, 1, 1, *[2] * 9, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1]
_MATCHES = [1, 4, 3, *[2] * 6, *[1] * 37, *[-1] * 7]
_OFFSETS = [*[1] * 6, 2, 2, 2, *[1] * 15, *[-1] * 5]
"""How often each code comes, out of 64, 64 and 32, where a block says nothing else (3.1.1.3.2.2)."""


def zstd_in(data: bytes, limit: int) -> bytes:
    """ValueError for what is no such frame, or says that it is larger than `limit`."""
    try:
        return _frame(data, limit)
    except (IndexError, OverflowError):
        raise ValueError("cut short") from None


def _frame(data: bytes, limit: int) -> bytes:
    flags = data[4]
    size_bytes = (1 if flags & 32 else 0, 2, 4, 8)[flags >> 6]
    at = 5 + (0 if flags & 32 else 1)
    if data[:4] != _MAGIC or flags & 11 or size_bytes == 0:
        raise ValueError("another kind of frame")
    size = int.from_bytes(data[at : at + size_bytes], "little") + (256 if size_bytes == 2 else 0)
    if size > limit:
        raise ValueError("too large")
    at += size_bytes
    out = bytearray()
    state = _State()
    last = False
    while not last:
        head = int.from_bytes(data[at : at + 3], "little")
        last, kind, length = bool(head & 1), head >> 1 & 3, head >> 3
        at += 3
        stored = 1 if kind == 1 else length
        if at + stored > len(data) or length > _BLOCK_BYTES or kind == 3:
            raise ValueError("a block that is none")
        if kind == 2:
            state.block(data[at : at + stored], out)
        else:
            out += data[at : at + 1] * length if kind == 1 else data[at : at + stored]
        if len(out) > size:
            raise ValueError("larger than it says")
        at += stored
    if len(out) != size or at + (4 if flags & 4 else 0) != len(data):
        raise ValueError("another size than it says")
    return bytes(out)


class _Forward:
    """Bits from the lowest of the first byte on."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def read(self, count: int) -> int:
        start = self.at >> 3
        if self.at + count > 8 * len(self.data):
            raise ValueError("cut short")
        word = int.from_bytes(self.data[start : start + 4], "little")
        self.at += count
        return word >> (self.at - count & 7) & (1 << count) - 1


class _Backward:
    """Bits from the highest of the last byte down, behind its mark. Past the start they are 0, and
    `left` is how many are left, below 0 there.
    """

    def __init__(self, data: bytes) -> None:
        if not data or not data[-1]:
            raise ValueError("no mark of the end")
        self.data = data
        self.left = 8 * len(data) - 9 + data[-1].bit_length()

    def read(self, count: int) -> int:
        self.left -= count
        if self.left >= 0:
            start = self.left >> 3
            word = int.from_bytes(self.data[start : start + 8], "little")
            return word >> (self.left & 7) & (1 << count) - 1
        there = max(count + self.left, 0)
        word = int.from_bytes(self.data[:8], "little") & (1 << there) - 1
        return word << min(-self.left, count)


class _Table(NamedTuple):
    """By state: the symbol, how many bits lead to the next state, and that without them."""

    log: int
    rows: list[tuple[int, int, int]]


def _table_of(counts: Sequence[int], log: int) -> _Table:
    """4.1: how symbols spread over the states."""
    size = 1 << log
    symbols, high = [0] * size, size
    for symbol, count in enumerate(counts):
        if count == -1:
            high -= 1
            symbols[high] = symbol
    place = 0
    for symbol, count in enumerate(counts):
        for _ in range(count):
            symbols[place] = symbol
            place = place + (size >> 1) + (size >> 3) + 3 & size - 1
            while place >= high and high:
                place = place + (size >> 1) + (size >> 3) + 3 & size - 1
    following = [abs(count) for count in counts]
    rows: list[tuple[int, int, int]] = []
    for symbol in symbols:
        after = following[symbol]
        following[symbol] += 1
        bits = log + 1 - after.bit_length()
        rows.append((symbol, bits, (after << bits) - size))
    return _Table(log, rows)


def _table_in(data: bytes, most: int) -> tuple[_Table, int]:
    """4.1.1: a table as a block describes it, and how many bytes that took."""
    bits = _Forward(data)
    log = bits.read(4) + 5
    left, counts = 1 << log, list[int]()
    if log > most:
        raise ValueError("too precise")
    while left > 0:
        width = (left + 1).bit_length()
        value = bits.read(width)
        lower, few = (1 << width - 1) - 1, (1 << width) - 2 - left
        if value & lower < few:
            bits.at -= 1
            value &= lower
        elif value > lower:
            value -= few
        counts.append(value - 1)
        left -= abs(value - 1)
        again = 3 if value == 1 else 0
        while again == 3:
            again = bits.read(2)
            counts += [0] * again
    if left or len(counts) > 256:
        raise ValueError("counts that do not add up")
    return _table_of(counts, log), -(-bits.at // 8)


def _weights_in(data: bytes) -> list[int]:
    """4.2.1.2: by two states in turn."""
    table, used = _table_in(data, 6)
    bits = _Backward(data[used:])
    states = [bits.read(table.log), bits.read(table.log)]
    found: list[int] = []
    turn = 0
    while True:
        symbol, count, base = table.rows[states[turn]]
        found.append(symbol)
        states[turn] = base + bits.read(count)
        turn ^= 1
        if bits.left < 0:
            return [*found, table.rows[states[turn]][0]]
        if len(found) > 255:
            raise ValueError("too many weights")


class _Codes(NamedTuple):
    """Of literals, by the next `width` bits: the byte, and how many of them it takes."""

    width: int
    rows: list[tuple[int, int]]


def _codes_in(data: bytes) -> tuple[_Codes, int]:
    """4.2.1: the codes, and how many bytes they took."""
    used = 1 + data[0]
    if data[0] >= 128:
        count = data[0] - 127
        used = 1 + (count + 1) // 2
        halves = [half for byte in data[1:used] for half in (byte >> 4, byte & 15)]
        weights = halves[:count]
    else:
        weights = _weights_in(data[1:used])
    total = sum(1 << weight >> 1 for weight in weights)
    width = total.bit_length()
    rest = (1 << width) - total
    if not 0 < width <= 11 or rest & rest - 1 or used > len(data):
        raise ValueError("weights that do not add up")
    weights.append(rest.bit_length())
    rows = [
        (symbol, width + 1 - weight)
        for wanted in range(1, width + 1)
        for symbol, weight in enumerate(weights)
        if weight == wanted
        for _ in range(1 << weight - 1)
    ]
    return _Codes(width, rows), used


class _State:
    """What one block leaves to the next: codes, tables, and the last three offsets."""

    def __init__(self) -> None:
        self.codes: _Codes | None = None
        self.tables: list[_Table | None] = [None, None, None]
        self.offsets = [1, 4, 8]

    def block(self, data: bytes, out: bytearray) -> None:
        """3.1.1.3: literals, then what to copy between them from before."""
        literals, at = self.literals(data)
        count = data[at]
        at += 1
        if count >= 128:
            more = data[at] if count < 255 else int.from_bytes(data[at : at + 2], "little")
            at += 1 if count < 255 else 2
            count = (count - 128 << 8) + more if count < 255 else more + 0x7F00
        if count:
            literals = self.sequences(data, at, count, literals, out)
        elif at != len(data):
            raise ValueError("something behind the end")
        out += literals

    def literals(self, data: bytes) -> tuple[bytes, int]:
        """3.1.1.3.1: the literals, and where they end."""
        kind, form = data[0] & 3, data[0] >> 2 & 3
        if kind < 2:
            head = (1, 2, 1, 3)[form]
            size = int.from_bytes(data[:head], "little") >> (3 if head == 1 else 4)
            end = head + (size if kind == 0 else 1)
            if end > len(data) or size > _BLOCK_BYTES:
                raise ValueError("cut short")
            return (data[head:end] if kind == 0 else data[head:end] * size), end
        head, width = ((3, 10), (3, 10), (4, 14), (5, 18))[form]
        word = int.from_bytes(data[:head], "little") >> 4
        size, packed = word & (1 << width) - 1, word >> width
        end = head + packed
        if end > len(data) or size > _BLOCK_BYTES:
            raise ValueError("cut short")
        body = data[head:end]
        if kind == 2:
            self.codes, used = _codes_in(body)
            body = body[used:]
        if form == 0:
            return self.stream(body, size), end
        ends = [int.from_bytes(body[n : n + 2], "little") for n in (0, 2, 4)]
        each, parts, start = (size + 3) // 4, list[bytes](), 6
        for length in ends:
            parts.append(self.stream(body[start : start + length], each))
            start += length
        parts.append(self.stream(body[start:], size - 3 * each))
        return b"".join(parts), end

    def stream(self, data: bytes, size: int) -> bytes:
        """4.2.2: so many literals."""
        if self.codes is None or size < 0:
            raise ValueError("no codes")
        width, rows = self.codes
        bits, out = _Backward(data), bytearray()
        state, mask = bits.read(width), (1 << width) - 1
        for _ in range(size):
            symbol, count = rows[state]
            out.append(symbol)
            state = (state << count) + bits.read(count) & mask
        if bits.left != -width:
            raise ValueError("a stream of another length")
        return bytes(out)

    def sequences(self, data: bytes, at: int, count: int, literals: bytes, out: bytearray) -> bytes:
        """3.1.1.3.2: what is left of the literals when all is copied."""
        modes, used = data[at], at + 1
        for place in range(3):
            used = self.choose(place, modes >> 6 - 2 * place & 3, data, used)
        literal, offset, match = (table for table in self.tables if table is not None)
        bits = _Backward(data[used:])
        one, two, three = bits.read(literal.log), bits.read(offset.log), bits.read(match.log)
        done = 0
        for n in range(count):
            far = offset.rows[two][0]
            value = (1 << far) + bits.read(far)
            length = _long(match.rows[three][0], _MATCH_BITS, bits) + 3
            plain = _long(literal.rows[one][0], _LITERAL_BITS, bits)
            if n + 1 < count:
                one = literal.rows[one][2] + bits.read(literal.rows[one][1])
                three = match.rows[three][2] + bits.read(match.rows[three][1])
                two = offset.rows[two][2] + bits.read(offset.rows[two][1])
            out += literals[done : done + plain]
            done += plain
            back = self.offset(value, plain)
            if done > len(literals) or not 0 < back <= len(out) or bits.left < 0:
                raise ValueError("a copy from nowhere")
            start = len(out) - back
            while length > 0:  # what is copied may be part of itself
                piece = bytes(out[start : start + length])
                out += piece
                length -= len(piece)
        if bits.left:
            raise ValueError("sequences of another length")
        return literals[done:]

    def choose(self, place: int, mode: int, data: bytes, at: int) -> int:
        """The table of literal lengths, offsets or match lengths; where its description ends."""
        if mode == 0:
            told = ((_LITERALS, 6), (_OFFSETS, 5), (_MATCHES, 6))[place]
            self.tables[place] = _table_of(*told)
        elif mode == 1:
            self.tables[place] = _Table(0, [(data[at], 0, 0)])
            at += 1
        elif mode == 2:
            self.tables[place], used = _table_in(data[at:], (9, 8, 9)[place])
            at += used
        elif self.tables[place] is None:
            raise ValueError("no table before")
        return at

    def offset(self, value: int, plain: int) -> int:
        """3.1.1.5: one of the last three, or another."""
        last = self.offsets
        if value > 3:
            self.offsets = [value - 3, last[0], last[1]]
            return value - 3
        which = value - 1 + (plain == 0)
        back = last[0] - 1 if which == 3 else last[which]
        if which:
            self.offsets = [back, last[0], last[2] if which == 1 else last[1]]
        return back


def _long(code: int, widths: Sequence[int], bits: _Backward) -> int:
    """3.1.1.3.2.1: a length by its code and the bits it asks for."""
    return sum(1 << width for width in widths[:code]) + bits.read(widths[code])
