"""Keys and touch on the exported page: each control keeps its own, focus stays, and every key that acts is named."""

import re

import pytest
from browser.page.pages import KNOCK, SAID, TILES, exported, opened, said, settle

pytest.importorskip("anywidget")
FOCUS = "() => document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"
MAIN = ".vivit-x-root"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    return exported(tmp_path_factory.mktemp("page"), fps=8)


@pytest.fixture
def page(open_page, page_file):
    return lambda **options: opened(open_page(**options), page_file)


def test_every_control_has_a_key_whatever_the_layout_and_caps_lock(page):
    page = page()
    page.locator(MAIN).focus()
    for key, sign in (
        ("ArrowRight", "time 4, row 2, column 3"),
        ("ArrowUp", "time 4, row 1, column 3"),
        (".", "time 5, row 1, column 3"),
        ("[", "time 4, row 1, column 3"),
        ("]", "time 5, row 1, column 3"),
        (",", "time 4, row 1, column 3"),
        ("h", "max of heads"),
        ("Shift+H", "mean of heads"),
        ("l", "time, layer 0"),
        ("Shift+L", "space, layer 2"),
        ("c", "The class token"),
    ):
        page.keyboard.press(key)
        assert sign in said(page), key
    page.evaluate("explorer.press(5)")
    for key, code in (("C", "KeyC"), ("с", "KeyC"), ("С", "KeyC"), ("ψ", "KeyC"), ("ق", "KeyC")):
        page.evaluate("explorer.press(5)")
        assert said(page).startswith("The token at time 0")
        page.evaluate("([key, code]) => explorer.key(key, { code })", [key, code])
        assert said(page).startswith("The class token"), key
    page.evaluate("explorer.key('j', { code: 'KeyC' })")  # Dvorak: the letter, not the place
    views = [
        page.evaluate(
            "([key, shiftKey]) => { explorer.key(key, { shiftKey }); return explorer.model.get('view'); }", one
        )
        for one in (["V", False], ["v", False], ["s", False])
    ]
    assert views == ["contour", "overlay", "overlay"] and page.evaluate("explorer.model.get('scale')") == "unit"
    page.keyboard.press("Shift+s")
    page.keyboard.press(" ")
    assert page.get_by_role("button", name="pause").count() == 1
    before = page.inner_text(".vivit-x-clock")
    page.wait_for_function("before => document.querySelector('.vivit-x-clock').innerText !== before", arg=before)
    page.keyboard.press(" ")
    assert page.errors == []


def test_each_control_keeps_its_own_keys(page):
    page = page()
    for name, key in (
        ("keys", " "),
        ("compare", "Enter"),
        ("one panel", " "),
        ("class token", "Enter"),
        ("▶ play", "Enter"),
    ):
        button = page.get_by_role("button", name=name, exact=True)
        button.focus()
        before = button.evaluate("one => [one.textContent, one.getAttribute('aria-expanded')]"), said(page)
        page.keyboard.press(key)
        settle(page)
        now = (
            page.evaluate(
                "() => [document.activeElement.textContent, document.activeElement.getAttribute('aria-expanded')]"
            ),
            said(page),
        )
        assert now != before, name
    assert page.get_by_role("button", name="pause").count() == 1, "Enter on play plays, once"
    page.keyboard.press(" ")
    assert page.get_by_role("button", name="play").count() == 1, "and so does space"
    page.locator(KNOCK).focus()
    page.keyboard.press(" ")
    assert page.locator(".vivit-x-knock").get_attribute("open") is not None
    assert page.get_by_role("button", name="play").count() == 1, "space opened what it was pressed on"
    page.locator(".vivit-x-switch").first.focus()
    page.keyboard.press(" ")
    settle(page)
    assert page.evaluate("explorer.shown().off") == ["0|space/0|0"]
    query = page.evaluate("explorer.shown().query")
    for label, key in (
        ("layer", "ArrowUp"),
        ("head", "ArrowDown"),
        ("scale", "ArrowDown"),
        ("strength of the overlay", "ArrowLeft"),
        ("frame", "ArrowRight"),
    ):
        field = page.get_by_label(label, exact=True)
        field.focus()
        before = field.input_value()
        page.keyboard.press(key)
        settle(page)
        assert field.input_value() != before and page.evaluate(FOCUS) == label
    assert page.evaluate("explorer.model.get('query')") == query, "arrows on a control move no token"
    page.get_by_label("scale", exact=True).focus()
    page.keyboard.press("v")
    assert page.evaluate("explorer.model.get('view')") == "overlay", "letters on a select choose an option"
    assert page.errors == []


def test_the_focus_survives_every_change(page):
    page = page()
    page.locator(KNOCK).click()
    for label, value in (
        ("layer", "time/0"),
        ("head", "2"),
        ("scale", "unit"),
        ("view", "contour"),
        ("speed", "2"),
        ("maps of", "intact"),
    ):
        field = page.get_by_label(label, exact=True)
        field.focus()
        field.select_option(value)
        settle(page)
        assert page.evaluate(FOCUS) == label
    for press, selector in (
        ("l", MAIN),
        ("h", MAIN),
        ("c", MAIN),
        (" ", ".vivit-x-switch >> nth=2"),
        ("Enter", "text=compare"),
        ("Enter", "text=one panel"),
        ("Enter", "text=all heads on"),
    ):
        page.locator(selector).focus()
        page.evaluate("window.before = document.activeElement")
        page.keyboard.press(press)
        settle(page)
        assert page.evaluate("document.activeElement === window.before"), (press, selector)
    page.locator(".vivit-x-switch").first.click()
    page.get_by_label("head", exact=True).focus()
    page.evaluate("explorer.session.set({ panels: [{ model: 0, layer: 'space/1', head: '0' }], off: [] })")
    settle(page)
    assert page.evaluate(FOCUS) == "head"
    assert page.errors == []


ALL_KEYS = [
    *"abcdefghijklmnopqrstuvwxyz0123456789,.;[]/?<>-=+ ",
    *(f"Arrow{way}" for way in ("Left", "Right", "Up", "Down")),
]
STATE = """() => { const names = ['query', 'panels', 'frame', 'scale', 'view', 'strength', 'speed', 'off', 'maps'];
    return JSON.stringify([names.map((name) => explorer.model.get(name)), explorer.session.clock.playing,
        explorer.all('.vivit-x-help')[0].hidden, explorer.all('[aria-pressed=true]').length]); }"""


def test_the_help_names_exactly_the_keys_that_act(page):
    page = page()
    acting = set()
    for key in ALL_KEYS:
        page.evaluate("explorer.press(69)")
        settle(page)
        before = page.evaluate(STATE)
        taken = not page.evaluate("key => explorer.key(key)", key)
        if key == " ":
            page.evaluate("explorer.session.clock.playing || explorer.session.say('stands')")
        changed = page.evaluate(STATE) != before
        assert taken == changed, f"{key}: kept from the page where it acts and nowhere else"
        if changed:
            acting.add(key)
            page.evaluate("key => explorer.key(key)", key) if key in " ?r" else None
    page.evaluate("explorer.key('?')")
    words = page.inner_text(".vivit-x-help").removeprefix("Keys: ").split(". With")[0]
    named = set()
    for one in words.split("; "):
        keys = re.fullmatch(r"arrows move the token|(, and \.|\[ and \]|space|Escape|.) .+", one)
        assert keys, one
        named |= (
            set(ALL_KEYS[-4:])
            if keys[1] is None
            else {key if key not in ("space", "Escape") else " " for key in keys[1].split(" and ")}
        )
    assert acting - {"[", "]"} == named, words


def test_escape_gives_the_host_its_keys_back(page):
    page = page()
    page.evaluate(
        "() => { window.heard = []; document.addEventListener('keydown', (event) => heard.push(event.key)); }"
    )
    page.locator(MAIN).focus()
    for key in "abcx":
        page.keyboard.press(key)
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement === document.body")
    page.keyboard.press("x")
    assert page.evaluate("heard") == ["x"]
    page.get_by_label("head", exact=True).focus()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement === document.body")


# Keeps in `announced` what each change of a live region says, but not what is hidden there.
ANNOUNCED = """() => { window.announced = [];
    const live = ({ target }) => {
        const node = target.closest ? target : target.parentElement;
        return node.closest('[aria-hidden=true]') ? null : node.closest('[role=status], [aria-live=polite]');
    };
    new MutationObserver((changes) => {
        for (const one of new Set(changes.map(live))) if (one?.innerText) announced.push(one.innerText);
    }).observe(explorer.root, { subtree: true, childList: true, characterData: true }); }"""


def weight_of(page, token):
    return f"{page.evaluate('token => explorer.shown().maps[0].weights[token]', token):.4f}"


def test_each_weight_is_read_by_key_and_announced_once(page):
    page = page()
    page.evaluate(ANNOUNCED)
    page.get_by_role("button", name="read weights").press("Enter")
    page.locator(MAIN).focus()
    query, token = page.evaluate("explorer.shown().query"), 4 * 16 + 2 * 4 + 2
    for key, by in (("ArrowLeft", -1), ("ArrowUp", -4), ("ArrowRight", 1), (",", -16)):
        page.evaluate("announced.splice(0)")
        page.keyboard.press(key)
        token += by
        heard = page.evaluate("announced")
        text = f"time {token // 16}, row {token // 4 % 4}, column {token % 4}: "
        text += f"weight {weight_of(page, token)}" if by != -16 else "out of the query's sight"
        assert len(heard) == 1 and text in heard[0], heard
        assert page.locator(".vivit-x-pointed .vivit-x-live").inner_text() == text
    assert page.evaluate("explorer.model.get('query')") == query, "reading chooses no token"
    page.keyboard.press("r")
    page.keyboard.press("ArrowLeft")
    settle(page)
    assert page.evaluate("explorer.model.get('query')") == query - 1


def test_each_weight_is_read_by_touch(page):
    page = page(has_touch=True, viewport={"width": 390, "height": 800})
    page.evaluate(ANNOUNCED)
    page.get_by_role("button", name="read weights").tap()
    query = page.evaluate("explorer.shown().query")
    for row, column in ((0, 0), (3, 1)):
        page.evaluate("announced.splice(0)")
        tile = page.locator(TILES).nth(4)
        tile.scroll_into_view_if_needed()
        box = tile.bounding_box()
        page.touchscreen.tap(box["x"] + (column + 0.5) / 4 * box["width"], box["y"] + (row + 0.5) / 4 * box["height"])
        text = f"time 4, row {row}, column {column}: weight {weight_of(page, 64 + 4 * row + column)}"
        assert page.locator(".vivit-x-pointed .vivit-x-live").inner_text() == text
        heard = page.evaluate("announced")
        assert len(heard) == 1 and text in heard[0]
    assert page.evaluate("explorer.model.get('query')") == query
    page.get_by_role("button", name="read weights").tap()
    page.locator(TILES).nth(2).tap(position={"x": 5, "y": 5})
    assert said(page).startswith("The token at time 2, row 0, column 0: ")


def test_each_change_is_announced_once(page):
    page = page()
    page.locator(KNOCK).click()
    page.evaluate(ANNOUNCED)
    for act in (
        "explorer.press(17)",
        "explorer.all('.vivit-x-switch')[3].click()",
        "explorer.key('l')",
        "explorer.key('h')",
        "explorer.key('c')",
        "explorer.session.set({ maps: 'intact' })",
        "explorer.all('.vivit-x-button').find((one) => one.textContent === 'compare').click()",
    ):
        page.evaluate("announced.splice(0)")
        page.evaluate(act)
        settle(page)
        heard = page.evaluate("announced")
        assert heard == [page.inner_text(SAID)], act
