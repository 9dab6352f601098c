from tests.runs.tiny import _own_cache, post_run, recurrent_run, tiny_corpus, tiny_run

__all__ = ["_own_cache", "post_run", "recurrent_run", "tiny_corpus", "tiny_run"]
