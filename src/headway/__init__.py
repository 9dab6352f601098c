"""Headway: the classic Transformer family, from raw text to a trained, measured and seen model."""
