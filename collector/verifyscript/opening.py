"""Verifies a Wardwatch availability attestation with Python 3.9 or later and nothing else.

    python3 -I verify.py BUNDLE.zip [--policy FILE] [--since CHECKPOINT]

It was written from the specification, apart from the program that made the bundle: two that agree
are more than one that says so. Do not run the copy in a bundle that you do not trust: take one from
a release, or read this one first; it is made to be read, from the top to the bottom.

The checks, in order: the zip, byte for byte; the statement's signature; every other file against
the statement; the final checkpoint against the policy; the log's entries against every published
checkpoint, and with --since against one that you kept; the disclosed rows against the log, and that
none is missing that numbers depend on; when witnesses had seen approvals; agents' chains and
signatures; each result against what its agent signed; the statement's sums; and the numbers
themselves, recomputed from the results. The last lines say what was recomputed and what was not.

Exit codes: 0 verified; 1 the evidence contradicts the statement; 2 incomplete, untrusted or
malformed; 3 called wrongly.

SPDX-License-Identifier: Apache-2.0
"""
