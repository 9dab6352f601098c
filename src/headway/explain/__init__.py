"""Seeing inside a model: what it looked at, as a web page and as figures."""
