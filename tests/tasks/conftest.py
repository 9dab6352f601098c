from tests.runs.tiny import _own_cache, tiny_corpus, tiny_run

__all__ = ["_own_cache", "tiny_corpus", "tiny_run"]
