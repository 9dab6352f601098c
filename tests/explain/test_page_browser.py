"""The page in a real browser, opened from a file and offline: what it shows, what its keys do, what it never does."""

import dataclasses
import json
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest

from headway.explain.blobs import pack, u8s
from headway.explain.page import write_page
from headway.explain.trace import Trace
from tests.explain import samples

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None)
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
HOSTILE = "<script>alert(1)</script> <img src=x onerror=alert(2)> \"a\" & 'b' ${1} </script <!--trace-->"

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium or Chrome on this machine")

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    traces = {
        "translation": samples.translation(),
        "long": samples.long_text(200),
        "hostile": samples.translation(HOSTILE, HOSTILE, layers=2, heads=2),
        "prompt": dataclasses.replace(samples.long_text(30, layers=2, heads=32), prompt=20),
        "masks": samples.read("the [MASK] sat on [MASK] mat", 6),
        "read": samples.read("나는 [MASK] 갔다. 너는 왔다.", 4, layers=2, heads=2),
        "two texts": samples.translation(samples.KOREAN * 6, samples.ENGLISH * 5, layers=2, heads=2),
    }
    return {name: write_page(trace, folder / f"{name}.html").path for name, trace in traces.items()}


@pytest.fixture
def show(browser: Any, pages: dict[str, Path]) -> Iterator[Open]:
    """Opens a page; afterwards fails the test for any page error, refused content, or request beyond the file."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, offline=True, locale="en-US")
    faults: list[str] = []
    requests: list[str] = []

    def open_page(name: str | Path, hash_: str = "theme=light") -> Any:
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if line.type in ("error", "warning") else None)
        page.on("request", lambda request: requests.append(request.url) if request.url[:5] != "data:" else None)
        page.on("dialog", lambda dialog: (faults.append(f"dialog {dialog.message}"), dialog.dismiss()))
        path = pages[name] if isinstance(name, str) else name
        page.goto(f"{path.as_uri()}#{hash_}")
        page.wait_for_selector("body[data-ready=true]")
        return page

    yield open_page
    context.close()
    assert not faults
    assert {url.partition("#")[0].rpartition(".")[2] for url in requests} == {"html"}
    assert len({url.partition("#")[0] for url in requests}) == len(requests)


def state(page: Any) -> dict[str, str]:
    """What a link to the present view says, once it is drawn."""
    drawn = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    link = page.evaluate(f"import('state').then(async ({{ link }}) => {{ await {drawn}; return link(); }})")
    return {key: values[0] for key, values in parse_qs(link).items()}


def test_keys_change_what_they_promise(show: Open) -> None:
    page = show("translation", "theme=light&layer=3&head=4&q=9&block=cross&step=15")

    def after(key: str) -> dict[str, str]:
        page.keyboard.press(key)
        return state(page)

    assert after("ArrowLeft")["q"] == "8"
    assert after("ArrowRight")["q"] == "9"
    assert after("ArrowUp")["layer"] == "2"
    assert after("ArrowDown")["layer"] == "3"
    assert after("]")["head"] == "5"
    assert after("[")["head"] == "4"
    assert (after(",")["step"], state(page)["q"]) == ("14", "14")
    assert after(".")["step"] == "15"
    assert after("l")["view"] == "lines"
    assert after("m")["view"] == "matrix"
    assert after("b")["block"] == "encoder"
    assert after("d")["theme"] == "dark"
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.focus("#matrixPane")
    assert after("ArrowRight")["k"] == "1"
    assert "k" not in after("Escape")
    page.focus("#wall [aria-selected=true]")
    assert after("ArrowRight")["head"] == "5"
    page.keyboard.press("?")
    assert page.locator("#keys").evaluate("dialog => dialog.open")
    assert page.locator("#keys dt").count() == 9


def test_every_row_adds_up_to_one_and_bytes_come_back(show: Open) -> None:
    page = show("translation")
    sums = page.evaluate("""import("trace").then(async ({ blocks, headOf, load, peek }) => {
        const sums = [];
        for (const [name, { layers, heads, rows, keys }] of Object.entries(blocks)) for (const layer of layers) {
            await load(name, layer);
            for (let head = 0; head < heads; head++) for (let row = 0; row < rows; row++)
                sums.push(keys.reduce((sum, _, key) => sum + headOf(name, peek(name, layer), head).at(row, key), 0));
        }
        return sums;
    })""")
    assert len(sums) == 6 * 8 * (9 + 15 + 15)
    assert np.abs(np.array(sums) - 1).max() < 16**0.5 / 255 + 16 / 4 / 255**2  # rounding of 16 square roots


@pytest.mark.parametrize(("rows", "keys", "causal"), [(1, 1, True), (1, 1, False), (3, 7, False), (33, 33, True)])
def test_the_page_unpacks_what_numpy_packed(show: Open, rows: int, keys: int, causal: bool) -> None:
    codes = u8s(samples.weights(np.random.default_rng(rows), 2, rows, keys, causal=causal))
    page = show("translation")
    text = json.dumps(pack(codes, causal=causal))
    found = page.evaluate(f"import('trace').then(async ({{ unpack }}) => [...await unpack({text})])")
    assert found == codes.ravel().tolist()


def test_a_large_model_and_a_long_text(show: Open) -> None:
    page = show("long")
    assert page.locator("#wall .cell").count() == 144
    assert page.locator("#strips .token").count() == 200
    page.locator("#wall .cell").nth(30).click()
    assert (state(page)["layer"], state(page)["head"]) == ("3", "7")
    spread = "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size"
    assert page.locator("#matrix").evaluate(spread) > 50  # it is painted, in many tones
    assert page.locator("#wall canvas").nth(143).evaluate(spread) > 20
    assert page.locator(".flow path").count() >= 1


def test_pointing_at_the_matrix_previews_and_clicking_keeps(show: Open) -> None:
    page = show("translation", "block=cross&q=9")
    before = page.inner_text("#readout")
    page.hover("#matrix", position={"x": 160, "y": 250})
    page.wait_for_selector("#strips .key")
    assert page.inner_text("#readout") != before
    assert "k" not in state(page)
    page.mouse.move(5, 5)
    page.wait_for_selector("#strips .key", state="detached")
    assert page.inner_text("#readout") == before
    page.click("#matrix", position={"x": 160, "y": 250})
    assert int(state(page)["k"]) >= 1


def test_choosing_a_token_moves_every_panel(show: Open) -> None:
    page = show("translation", "block=cross&step=3&q=1")
    page.click("#strip-target-8")
    assert (state(page)["q"], state(page)["step"]) == ("8", "8")  # rows of cross are called by the token being written
    assert "“nd”" not in page.inner_text("#stepName")
    assert page.inner_text("#readout b.query") == page.inner_text("#strip-target-8")
    page.click("#strip-source-2")
    assert state(page)["k"] == "3"
    page.click("#blocks [data-value=decoder]")
    page.click("#strip-source-2")
    assert (state(page)["block"], state(page)["q"]) == ("encoder", "3")


def test_the_address_restores_the_view(show: Open) -> None:
    link = "block=decoder&view=lines&theme=dark&lang=ko&layer=2&head=3&q=4&k=2&step=11"
    page = show("translation", link)
    assert page.inner_text("h2 >> nth=0") == "토큰"
    assert "층 2" in page.inner_text("#headName")
    assert "헤드 3" in page.inner_text("#headName")
    page.keyboard.press("]")
    page.keyboard.press("[")
    page.wait_for_timeout(250)
    assert parse_qs(page.evaluate("location.hash.slice(1)")) == parse_qs(link)
    assert state(page) == {key: values[0] for key, values in parse_qs(link).items()}
    page.evaluate("location.hash = 'layer=5&head=99&q=-3&block=nothing&lang=en'")
    page.wait_for_selector("html[lang=en]")
    assert page.inner_text("#headName") == "Cross · layer 5 · head 8"


def test_both_languages_and_every_button_has_a_name(show: Open) -> None:
    page = show("translation")
    unnamed = """[...document.querySelectorAll("button, [role=img], [tabindex='0']")]
        .filter(e => !(e.textContent.trim() || e.ariaLabel)).map(e => e.outerHTML)"""
    empty = "[...document.querySelectorAll('[data-t]')].filter(e => !e.textContent.trim()).length"
    for heading, language in (("Tokens", "en"), ("토큰", "ko")):
        assert page.inner_text("h2 >> nth=0") == heading
        assert page.locator("html").get_attribute("lang") == language
        assert page.evaluate(unnamed) == []
        assert page.evaluate(empty) == 0
        page.click("#language")
        page.wait_for_timeout(60)


def test_the_theme_follows_the_system_until_it_is_changed(show: Open) -> None:
    page = show("translation", "")
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("html[data-theme=dark]")
    page.click("#theme")
    assert state(page)["theme"] == "light"


@pytest.mark.parametrize("name", ["translation", "long", "two texts", "prompt", "masks"])
def test_nothing_scrolls_sideways(show: Open, name: str) -> None:
    page = show(name)
    for width in (320, 390, 768, 1440):
        page.set_viewport_size({"width": width, "height": 844})
        for key in "lm":
            page.keyboard.press(key)
            page.wait_for_timeout(40)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{width} px, {key}"


def test_hostile_text_stays_text(show: Open) -> None:
    page = show("hostile")
    assert page.inner_text("#strips .line >> nth=0").strip() == HOSTILE
    assert page.locator("img, #strips script").count() == 0
    for key in "]b]b]l":
        page.keyboard.press(key)
        page.wait_for_timeout(30)


def test_one_text_is_called_so(show: Open) -> None:
    page = show("read")
    assert page.locator("#strips .caption").all_inner_texts() == ["Text · 4 tokens"]
    line = page.locator("#strips .line")
    assert line.evaluate("line => line.textContent") == "나는 [MASK] 갔다. 너는 왔다."  # the mask once, as text
    assert line.locator("s").inner_text().strip() == "너는 왔다."  # not read
    assert "4 of 7 tokens were read" in page.inner_text("#recorded")
    assert page.locator("#blocks").is_hidden()
    assert page.locator("#transport").is_hidden()


def test_a_chosen_mask_shows_its_offers(show: Open) -> None:
    page = show("masks")
    assert page.inner_text("#output h2") == "Masked token"
    assert page.inner_text("#barsTitle") == "What the model offers for mask 1 of 2"  # chosen from the start
    assert page.locator("#bars .name").all_inner_texts() == ["word1", "가", "all others"]
    assert page.locator("#bars .number").all_inner_texts() == ["50 %", "25 %", "25 %"]
    page.click("#strip-source-4")
    assert state(page)["q"] == "5"
    assert page.locator("#bars .name").first.inner_text() == "word4"
    page.click("#language")
    page.wait_for_selector("html[lang=ko]")
    assert page.inner_text("#output h2") == "가린 토큰"
    assert page.locator("#written").is_hidden()
    assert page.locator("#transport").is_hidden()


def test_what_was_given_and_what_the_model_wrote_differ(show: Open) -> None:
    page = show("prompt", "step=20")
    assert page.inner_text("#strips .caption").startswith("Text, its last 10 tokens (underlined) written by the model")
    assert page.locator("#strips .written").count() == 10
    assert page.inner_text("#doing") == "Writing"
    while not page.inner_text("#stepName").startswith("1 /"):
        page.keyboard.press(",")
        page.wait_for_timeout(20)
    assert page.inner_text("#doing") == "Reading"


def test_the_policy_holds(browser: Any, pages: dict[str, Path]) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(pages["translation"].as_uri())
    page.wait_for_selector("body[data-ready=true]")
    tried = """async () => {
        const refused = [];
        addEventListener("securitypolicyviolation", event => refused.push(event.effectiveDirective));
        const image = new Image(); image.src = "http://127.0.0.1:9/x.png";
        const script = document.createElement("script"); script.src = "http://127.0.0.1:9/x.js";
        document.body.append(image, script);
        await fetch("http://127.0.0.1:9/").catch(() => null);
        await new Promise(done => setTimeout(done, 50));
        return refused.sort();
    }"""
    assert page.evaluate(tried) == ["connect-src", "img-src", "script-src-elem"]
    context.close()


@pytest.mark.parametrize(("text", "characters"), [
    ("뷁 각하 😀 👨‍👩‍👧 é\n끝", 7), (unicodedata.normalize("NFD", "각하께서 é"), 5), ("  가  ", 1), ("\u2028가\ta", 2),
])  # fmt: skip
def test_byte_pieces_print_the_text_once(show: Open, tmp_path: Path, text: str, characters: int) -> None:
    tokens = samples.syllable_bytes(text)
    trace = samples.translation(text, "a", layers=1, heads=1, source_tokens=tokens)
    page = show(write_page(trace, tmp_path / "page.html").path)
    line = page.locator("#strips .line").nth(0)
    assert line.evaluate("line => line.textContent") == text
    assert line.locator(".token").count() == len(text.encode())
    assert line.locator(".shared").count() == characters  # as a reader counts them: of jamo, of a family of emoji
    first = line.locator(".shared").nth(0)
    first.click(position={"x": 3, "y": 8})  # a click looks at the first of its pieces, the next at the second
    assert state(page)["k"] == str(int(first.locator(".token").nth(0).get_attribute("data-i")) + 1)
    first.click(position={"x": 3, "y": 8})
    assert state(page)["k"] == str(int(first.locator(".token").nth(0).get_attribute("data-i")) + 2)


def test_kept_layers_are_the_rows_of_the_wall(show: Open, tmp_path: Path) -> None:
    trace: Trace = samples.translation(samples.KOREAN * 5, samples.ENGLISH * 5)
    whole = write_page(trace, tmp_path / "page.html").size
    less = write_page(trace, tmp_path / "page.html", max_bytes=whole - 200_000)
    numbers = [str(layer + 1) for layer in less.layers["cross"]]
    page = show(less.path)
    assert page.locator("#wall [role=rowheader]").all_inner_texts() == numbers
    assert ", ".join(numbers) in page.inner_text("#kept")
    for _ in range(8):
        page.keyboard.press("ArrowUp")
    assert state(page)["layer"] == numbers[0]


def test_next_token_shows_the_recorded_numbers(show: Open) -> None:
    page = show("translation", "step=5")  # a step whose written token is not among the eight
    names, numbers = page.locator("#bars .name").all_inner_texts(), page.locator("#bars .number").all_inner_texts()
    assert (len(names), numbers[8]) == (10, "0.4 %")
    assert page.locator("#bars .pick .name").inner_text() == "old"
    shares = [float(number.strip("< %")) for number in numbers]
    assert sum(shares) == pytest.approx(100, abs=2.5)  # ten rounded numbers
