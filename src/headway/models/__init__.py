"""Models from specs: `build(spec)`, and one file a family in `families/`."""

from headway.models.build import build
from headway.models.families.vaswani import make_model

__all__ = ["build", "make_model"]
