"""Models from specs: `build(spec)`, and one file a family in `families/`."""

from headway.models.build import build, make_model

__all__ = ["build", "make_model"]
