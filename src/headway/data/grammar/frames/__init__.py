"""The sentence frames, one function each: a draw of random choices in, a sentence in both languages out."""

from __future__ import annotations

from headway.data.grammar.draw import Frame
from headway.data.grammar.frames import actions, clauses, counting, descriptions, motion, questions, wishes

FRAMES: dict[str, Frame] = {
    frame.__name__: frame
    for module in (actions, motion, descriptions, wishes, counting, questions, clauses)
    for frame in module.FRAMES
}
