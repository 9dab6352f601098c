"""Texts from files and named sets, encoded into token stores, cut into batches; no torch."""
