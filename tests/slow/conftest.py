from tests.runs.tiny import _own_cache, recurrent_run, tiny_corpus, tiny_run

__all__ = ["_own_cache", "recurrent_run", "tiny_corpus", "tiny_run"]
