"""Tensors to tensors: the parts every family is made of. No files, no text, no family names."""
