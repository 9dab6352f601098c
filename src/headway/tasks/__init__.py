"""Strings in, results out: one file a task."""
