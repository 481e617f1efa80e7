"""What can be found wrong: a name for each, and what it means for who asked.

The names are those of `wardwatch verify`. `wrong`: the evidence contradicts what is said of it.
`incomplete`, `untrusted`, `malformed`: nothing can be said of it.
"""

from __future__ import annotations


class Failure(Exception):  # noqa: N818 - what `wardwatch verify` calls it
    """`code` is what failed, `where` the member, index or field."""

    def __init__(self, code: str, where: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.where = where
