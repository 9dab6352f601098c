"""The rows of a key table: how one of our parameters lies in somebody else's checkpoint, readable both ways.

`{i}` in both names of a row stands for every layer. A family's table is a list of rows; `checkpoints/rename.py` applies it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Same:
    """The same tensor under another name."""

    ours: str
    theirs: str

    def names(self, num_layers: int) -> list[tuple[str, str]]:
        """`(ours, theirs)` for every layer, or once where the row has no `{i}`."""
        if "{i}" not in self.ours:
            return [(self.ours, self.theirs)]
        return [(self.ours.replace("{i}", str(i)), self.theirs.replace("{i}", str(i))) for i in range(num_layers)]
