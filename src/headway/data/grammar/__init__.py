"""English to Korean sentence pairs from a bilingual grammar of our own: `generate`, `count`, `phenomenon_accuracy`.

Every choice in the Korean can be read off the English, so one English sentence has one Korean: docs/quickstart-data.md.
"""

from headway.data.grammar.pairs import Pair, count, draw_pair, generate, held_out
from headway.data.grammar.scoring import phenomenon_accuracy

__all__ = ["Pair", "count", "draw_pair", "generate", "held_out", "phenomenon_accuracy"]
