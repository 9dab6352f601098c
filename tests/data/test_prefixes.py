"""Tasks as a configuration writes them, and lines as a model reads them that knows tasks by prefixes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from headway.data.prefixes import UNTOLD, Prefixed, Told, parse_tasks, tell
from headway.errors import ConfigError, DataError

BOTH = "translate English to Korean: en>ko; 2.5* translate Korean to English: ko>en"
PREFIXES = {"en_ko": "translate English to Korean: ", "ko_en": "translate Korean to English: "}


def test_a_line_of_tasks() -> None:
    assert parse_tasks(None) == (UNTOLD,)
    assert parse_tasks(BOTH + ";\n") == (
        Told("en_ko", PREFIXES["en_ko"], "en", "ko"),
        Told("ko_en", PREFIXES["ko_en"], "ko", "en", weight=2.5),
    )
    assert parse_tasks("1>2") == (Told("1_2", "", "1", "2"),)
    assert parse_tasks("요약: a/b.tsv#본문>제목\n옮김: c.jsonl#text.ko>text.en") == (
        Told("본문_제목", "요약: ", "본문", "제목", file="a/b.tsv"),
        Told("text_ko_text_en", "옮김: ", "text.ko", "text.en", file="c.jsonl"),
    )
    assert [task.weight for task in parse_tasks("1e2*x: s>t; .5 * >>ko<< s>u; *y*: a>b")] == [100.0, 0.5, 1.0]
    assert [task.prefix for task in parse_tasks("to: a#s>t; to: b#s>t; en>ko: c#s>t")] == ["to: ", "to: ", "en>ko: "]
    assert [task.name for task in parse_tasks("x: a#s>t; y: b#s>t; z: c#s>t")] == ["s_t", "s_t_2", "s_t_3"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("translate English to Korean", "'translate English to Korean' is no task"),
        ("; ", "names no task"),
        ("en>ko; back: ko>en", "nothing tells en_ko from the other tasks"),
        ("to: en>ko; back: f.tsv#ko>en", "some tasks name a file and some do not"),
        ("to: en>ko; to: ko>en", "two tasks have the same words before the same texts"),
        ("en>ko, ko>en", "'en>ko, ko>en' looks like several tasks; part them with ;"),
        ("to: en>ko>de", "'to: en>ko>de' is no task"),
        ("to: en>ko; x: f.tsv#a>a", "'x: f.tsv#a>a' has column a on both sides; name another one as target"),
        *((f"{weight} * to: en>ko", f"{weight} is no weight") for weight in ("0", "-1", "inf", "nan", "2x", "1e999")),
    ],
)
def test_what_is_no_task_is_said(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_tasks(text)


def test_texts_behind_a_prefix_are_put_together_when_they_are_read() -> None:
    texts = Prefixed(["a", "", "b"], "x: ")
    assert len(texts) == 3
    assert texts[1:] == ["x: ", "x: b"]


def lines(*texts: str) -> Iterator[str]:
    return iter(texts)


def test_a_line_gets_the_prefix_that_it_lacks() -> None:
    one = {"en_ko": PREFIXES["en_ko"]}
    typed = "translate English to Korean: A cat."
    assert list(tell(lines(" A cat. ", "", typed), one)) == [typed, "", typed]
    back = "translate Korean to English: 고양이."
    assert list(tell(lines(typed, "  ", back), PREFIXES)) == [typed, "", back]
    for task in ("ko_en", "translate Korean to English:", PREFIXES["ko_en"]):
        assert list(tell(lines("고양이.", typed), PREFIXES, task)) == [back, typed]
    assert list(tell(lines(" A cat."), {})) == ["A cat."]
    assert list(tell(lines("A cat."), {}, "translate English to German:")) == ["translate English to German: A cat."]


def test_a_line_for_nobody_knows_what_is_said() -> None:
    with pytest.raises(DataError, match=r"line 2 does not say .* --task \(en_ko, ko_en\), .* translate English to"):
        list(tell(lines("", "A cat."), PREFIXES))
    with pytest.raises(ConfigError, match=r"--task de_en: the model was not trained for it, but for en_ko, ko_en"):
        tell(lines(), PREFIXES, "de_en")
