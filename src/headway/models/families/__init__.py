"""The families: each a frozen set of choices with a `spec` method, and a table of sizes.

A new family is one file here, one row in `FAMILIES` and, where others publish weights, a key table.
"""

from headway.models.families import recurrent, vaswani
from headway.models.families.recurrent import Recurrent
from headway.models.families.vaswani import Vaswani

FAMILIES: dict[str, dict[str, Vaswani] | dict[str, Recurrent]] = {"vaswani": vaswani.SIZES} | recurrent.SIZES
