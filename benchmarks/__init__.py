"""Side-by-side measurements against the peers; see README.md."""
