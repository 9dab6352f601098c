"""Models as files: our own weights (`native.py`), and the folders others publish (`hf.py`, by key tables)."""
