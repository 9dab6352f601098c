"""The families: each a frozen set of choices with a `spec` method, and a table of sizes.

A new family is one file here, one row in a table below and, where others publish weights, a key table.
"""

from collections.abc import Mapping
from typing import Any

from headway.models.families import bert, marian, recurrent, vaswani
from headway.models.families.exchange import Published
from headway.models.families.recurrent import Recurrent
from headway.models.families.vaswani import Vaswani

FAMILIES: dict[str, dict[str, Vaswani] | dict[str, Recurrent]] = {"vaswani": vaswani.SIZES} | recurrent.SIZES
SIZES_OF: dict[str, Mapping[str, Any]] = {  # of the families of one stack, and of those that others publish
    "bert": bert.SIZES,
}
PUBLISHED: dict[str, Published] = {family.MODEL_TYPE: family for family in (bert, marian)}
