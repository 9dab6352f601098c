"""The page as a file: one, whole, small enough, and nothing in it is a request or markup from a token."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

from headway.errors import CapacityError
from headway.explain.page import POLICY, write_page
from headway.explain.trace import Trace
from tests.explain import samples

HOSTILE = "<script>alert(1)</script> <!--trace--> \"a\" & 'b' </script"


def _data(path: Path) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="trace">(.*?)</script>', path.read_text("utf-8"), re.DOTALL)
    assert found
    return json.loads(found[1])  # type: ignore[no-any-return]


def test_the_file_asks_for_nothing(tmp_path: Path) -> None:
    page = write_page(samples.translation(), tmp_path / "new" / "page.html").path.read_text("utf-8")
    assert f'content="{POLICY}"' in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    assert not re.findall(r"<!--(policy|style|modules|trace)-->", page)
    assert list((tmp_path / "new").iterdir()) == [tmp_path / "new" / "page.html"]  # nothing is left beside it


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    tidy = write_page(samples.translation(), tmp_path / "tidy.html").path
    page = write_page(samples.translation(HOSTILE, HOSTILE), tmp_path / "page.html").path
    assert page.read_text("utf-8").count("<script") == tidy.read_text("utf-8").count("<script")
    assert _data(page)["texts"] == {"source": HOSTILE, "target": HOSTILE}


def _sharpened(trace: Trace) -> Trace:
    """The same heads, looking at some 8 tokens each and not at some 40."""
    squared = {block: [layer**2 for layer in layers] for block, layers in trace.attention.items()}
    sharp = {block: [layer / layer.sum(-1, keepdims=True) for layer in layers] for block, layers in squared.items()}
    return dataclasses.replace(trace, attention=sharp)


def test_sizes(tmp_path: Path) -> None:
    empty = write_page(samples.translation("가", "a", layers=1, heads=1), tmp_path / "code.html").size
    assert empty < 150_000
    long = samples.words("word " * 127)
    trace = samples.translation("word " * 127, "word " * 127, source_tokens=long)
    assert trace.shape("cross") == (128, 128)
    assert write_page(_sharpened(trace), tmp_path / "page.html").size < 2_000_000
    assert write_page(trace, tmp_path / "noise.html").size < 2_200_000  # heads that deflate hardly shortens


def test_over_the_cap_chosen_layers_stay_and_are_named(tmp_path: Path) -> None:
    trace = samples.translation(samples.KOREAN * 5, samples.ENGLISH * 5)
    whole = write_page(trace, tmp_path / "page.html")
    assert whole.layers == {block: list(range(6)) for block in ("encoder", "decoder", "cross")}
    code = write_page(samples.translation(layers=1, heads=1), tmp_path / "code.html").size
    less = write_page(trace, tmp_path / "page.html", max_bytes=whole.size - (whole.size - code) // 2)
    assert less.size <= whole.size - (whole.size - code) // 2
    assert 0 < len(less.layers["cross"]) < 6
    assert less.layers["cross"][-1] == 5
    data = _data(less.path)
    assert data["kept"] == less.layers
    assert [n for n, blob in enumerate(data["attn"]["cross"]) if blob] == less.layers["cross"]  # type: ignore[index]
    with pytest.raises(CapacityError, match="shorten"):
        write_page(trace, tmp_path / "page.html", max_bytes=code // 2)
    assert _data(less.path)["kept"] == less.layers  # the failed one left the file as it was


def test_one_token(tmp_path: Path) -> None:
    one = samples.words("")
    trace = Trace(
        samples.translation().model, {"encoder": [np.ones((1, 1, 1), np.float32)]}, source="", source_tokens=one
    )
    assert _data(write_page(trace, tmp_path / "page.html").path)["blocks"] == {
        "encoder": {"q": "source", "k": "source", "causal": False, "writes": 0}
    }
    assert dataclasses.replace(trace, recorded="today").to_json()["recorded"] == "today"
