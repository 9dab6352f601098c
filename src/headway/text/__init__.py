"""Strings to ids and back: tokenizers, their trainers and file formats, Hangul."""
