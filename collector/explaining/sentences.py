"""One sentence a step of an explanation, in words a nurse manager or a lawyer can follow.

Nothing but enumerations, integers, ids and times is put into them.
"""

from __future__ import annotations

from collector.core.steps import Step
from collector.explaining import numbers, results, states, versions

SENTENCES = {
    **versions.SENTENCES,
    **results.SENTENCES,
    **states.SENTENCES,
    **numbers.SENTENCES,
}


def sentence(step: Step) -> str:
    """Every reason has its words: a test sees to it."""
    return SENTENCES[step.reason](step)
