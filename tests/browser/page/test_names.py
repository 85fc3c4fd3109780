"""Any text as a name: shown as text, on a page that a strict parser takes."""

import datetime
import re
from html.parser import HTMLParser

import pytest
from browser.page.pages import KNOCK, exported, opened, settle
from toys import toy_model

import vivit_edu as ve

pytest.importorskip("anywidget")
MARKUP = [
    *(
        "<script>window.bad=1</script>",
        "<!--<script>",
        "]]>",
        "-->",
        "</title>",
        "</script >",
        "<img src=x onerror=bad=1>",
    ),
    *(
        '"',
        "'",
        "`",
        "&",
        "&amp;",
        "&lt;b&gt;",
        "&#0;",
        "\\u003c",
        "\\",
        "{{7*7}}",
        "${bad}",
        "@STATE@",
        "@TITLE@",
        "\\g<0>",
    ),
    *("$&", "%s", "{0}", "constructor", "__proto__", "null", "0", "-1", "NaN", " ", ""),
]
UNSEEN = [*"\0\t\n\r\x1b\x7f\x85\ud800\u200f\u202e\u2028\u2029\ufeff\uffff", "\udc00x", "\r\n"]
SCRIPTS = [
    "🙂",
    "👩‍👩‍👧‍👦",
    "🇪🇺",
    "é",
    "e\u0301",
    "ﷺ",
    "שלום",
    "مرحبا",
    "漢字",
    "ไทย",
    "देवनागरी",
    "ᏣᎳᎩ",
    "Z͑ͫ̓ͪ̂",
    *(c * 60 for c in "aا字𝔘ไ"),
]
PIECES = [*MARKUP, *UNSEEN, *SCRIPTS]
NAMES = [*PIECES, *(PIECES[i % len(PIECES)] + PIECES[(7 * i + 3) % len(PIECES)] for i in range(200 - len(PIECES)))]


def cleaned(name):
    """As a browser shows it: half a character as the sign for what is none."""
    return name.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def test_there_are_two_hundred_different_names():
    assert len(NAMES) == 200


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The page of fifty classifiers with four hostile names each, and the same page with plain ones."""
    folder, files = tmp_path_factory.mktemp("names"), {}
    model = toy_model(classes={f"h{i}": 4 for i in range(50)}, frames=4)
    plain = [f"name {i}" for i in range(200)]
    for kind, names in (("hostile", NAMES), ("plain", plain)):
        named = {f"h{i}": names[4 * i : 4 * i + 4] for i in range(50)}
        (folder / kind).mkdir()
        title = "".join(PIECES) if kind == "hostile" else "a clip"
        files[kind] = exported(folder / kind, "toy", model=model, class_names=named, name=title)
    return files


class Structure(HTMLParser):
    """The tags of a page, as a parser that knows no more than HTML sees them, and what it must not hold."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.wrong = [], re.findall(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ufdd0-\ufdef\ufffe\uffff]", text)
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_endtag(self, tag):
        self.tags.append(f"/{tag}")

    def handle_comment(self, data):
        self.wrong.append(data)


def test_hostile_names_leave_the_page_valid(pages):
    hostile, plain = (Structure(pages[kind].read_text("utf-8")) for kind in ("hostile", "plain"))
    assert hostile.tags == plain.tags and hostile.wrong == plain.wrong == []


TREE = "() => [...document.querySelectorAll('*')].map((one) => one.tagName).join()"


def test_every_name_is_shown_as_text(open_page, pages):
    trees = {}
    for kind, path in pages.items():
        page = opened(open_page(), path)
        page.locator(KNOCK).click()
        trees[kind] = page.evaluate(TREE)
        shown = page.evaluate("explorer.all('.vivit-x-class').map((one) => one.textContent.toWellFormed())")
        if kind == "hostile":
            assert sorted(shown) == sorted(map(cleaned, NAMES))
            page.locator(".vivit-x-switch").first.click()
            settle(page)
            assert page.evaluate("window.bad") is None
        assert page.errors == []
    assert trees["hostile"] == trees["plain"]


def test_every_file_name_is_shown_as_text(open_page, pages):
    page = opened(open_page(), pages["plain"])
    before = page.evaluate("document.querySelectorAll('*').length")
    said = page.evaluate(
        """async (names) => { const said = [];
        for (const name of names) {
            await explorer.session.reading.take(new File(['words'], name));
            said.push(document.querySelector('.vivit-x-notice').textContent);
        }
        return said; }""",
        [name for name in map(cleaned, NAMES)],
    )
    for name, words in zip(NAMES, said, strict=True):
        assert words.startswith(f"{cleaned(name)} cannot be read here: "), repr(name)
    assert page.evaluate("document.querySelectorAll('*').length") == before
    assert page.evaluate("window.bad") is None and page.errors == []


def test_the_page_is_titled_by_model_answer_and_clip(open_page, tmp_path):
    page = opened(
        open_page(), exported(tmp_path, "ViViT-nano/8x2 FE", beside="ViViT-nano/8x2 AP", name="mine & yours.mp4")
    )
    title = page.title()
    assert title.startswith("ViViT-nano/8x2 FE and ViViT-nano/8x2 AP on mine & yours.mp4: ")
    best = page.evaluate(
        """() => explorer.shown().groups.map(({ title, names, before }) => {
        const most = Math.max(...before), name = names[before.indexOf(most)];
        return `${title} ${name}, ${(100 * most).toFixed(1)} %`; }).join('; ')"""
    )
    assert title.endswith(best)
    assert page.locator("main").count() == page.locator("h1").count() == 1
    assert page.inner_text("main h1") == title
    made = page.inner_text("main .made")
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    for part in ("ViViT-nano/8x2 FE and ViViT-nano/8x2 AP", "mine & yours.mp4", today, ve.__version__):
        assert part in made
