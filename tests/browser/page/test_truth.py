"""The screen says what is so: the token that was pressed, its map, its words and bars, whole and of one moment."""

import numpy as np
import pytest
from browser.page.pages import EMBEDDED, KNOCK, SUMS, differences, exported, noise, opened, said, settle

import vivit_edu as ve

pytest.importorskip("anywidget")
LONG = {
    "Latin": "antidisestablishmentarianism slides and then turns round slowly",
    "Arabic": "الشكل ينزلق ثم يدور ببطء شديد حول نفسه مرة بعد مرة بعد مرة أخرى",
    "Chinese": "数字先慢慢地滑动然后转动" * 5,
    "one word": "pneumonoultramicroscopicsilicovolcanoconiosispneumonoultramic",
}
WIDTHS = (300, 350, 390, 640, 1400)
ZOOMS = (2, 4)  # of a window of 1280 pixels
BOXES = """() => [...document.querySelectorAll('canvas, button, select, input, summary')].map((one) => {
    const { x, y, width, height } = one.getBoundingClientRect();
    return [x + scrollX, y + scrollY, width, height].map((value) => Math.round(10 * value) / 10); })"""
POINT = """([panel, tile, row, column]) => {
    const canvas = document.querySelectorAll('.vivit-x-panel')[panel].querySelectorAll('.vivit-x-tile canvas')[tile];
    canvas.scrollIntoView({ block: 'center' });
    const box = canvas.getBoundingClientRect();
    return [box.left + (column + 0.5) / 4 * box.width, box.top + (row + 0.1) / 4 * box.height]; }"""


def press(page, panel, tile, row, column):
    """Presses a token as a hand does; where everything lay before, above it and after."""
    page.mouse.move(2, 2)
    point, boxes = page.evaluate(POINT, [panel, tile, row, column]), []
    for act in (lambda: None, lambda: page.mouse.move(*point), page.mouse.down, page.mouse.up):
        act()
        boxes.append(page.evaluate(BOXES))
    settle(page)
    return [*boxes, page.evaluate(BOXES)]


@pytest.mark.parametrize("script", LONG)
def test_what_is_pressed_is_where_the_pointer_went_down_and_nothing_moves(open_page, tmp_path, script):
    names = {"verb": [f"{LONG[script]} {i}" for i in range(19)], "noun": [f"{i} {LONG[script]}" for i in range(10)]}
    path = exported(tmp_path, beside="ViViT-nano/8x2 FSA", class_names=names)
    sizes = [({"width": width, "height": 700}, 1) for width in WIDTHS]
    sizes += [({"width": 1280 // zoom, "height": 900 // zoom}, zoom) for zoom in ZOOMS]
    page = opened(open_page(), path)
    page.locator(KNOCK).click()
    page.locator(".vivit-x-switch").nth(5).click()
    for n, (size, zoom) in enumerate(sizes):
        page.set_viewport_size(size)
        session = page.context.new_cdp_session(page)
        session.send("Emulation.setDeviceMetricsOverride", {**size, "deviceScaleFactor": zoom, "mobile": False})
        for panel, tile, row, column in ((0, 0, 0, n % 4), (1, 7, 3, (n + 1) % 4)):
            boxes = press(page, panel, tile, row, column)
            assert page.evaluate("explorer.shown().query") == 16 * tile + 4 * row + column, size
            assert boxes == [boxes[0]] * len(boxes), f"nothing moves in {size}"
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        session.detach()
    assert page.errors == []


# Clicks 60 times in 0.6 s and tells what was torn in any task or frame meanwhile.
TORN = """async () => {
    const torn = [], states = new Set(), look = () => {
        states.add(explorer.words());
        torn.push(...explorer.disagreements({ awaited: true }));
    };
    const observer = new MutationObserver(look);
    observer.observe(explorer.root, { subtree: true, childList: true, characterData: true, attributes: true });
    let playing = true;
    const sample = () => { look(); if (playing) requestAnimationFrame(sample); };
    sample();
    const switches = explorer.all('.vivit-x-switch'), [layer] = explorer.all('[aria-label=layer]');
    for (let i = 0; i < 60; i++) {
        explorer.press((i * 37) % 128);
        if (i % 7 === 3) switches[i % switches.length].click();
        if (i % 11 === 5) { layer.selectedIndex = i % layer.length; layer.dispatchEvent(new Event('change')); }
        await new Promise((resolve) => { setTimeout(resolve, 10); });
    }
    await explorer.settled();
    observer.disconnect();
    playing = false;
    return [[...new Set(torn)].slice(0, 5), states.size]; }"""


def test_map_words_and_bars_change_in_one_step(open_page, tmp_path):
    page = opened(open_page(), exported(tmp_path))
    torn, states = page.evaluate(TORN)
    assert torn == [] and states > 10
    settle(page)
    assert page.errors == []


# Presses a token while the engine hears of it late, or not at all; what is seen a little and a long time after.
SLOW = """async (error) => {
    const { engine } = explorer.session.source, { give } = engine, wait = (time) => new Promise((done) => {
        setTimeout(done, time); });
    const answer = (message) => (error ? engine.take({ id: message.id, error }) : give(message));
    engine.give = (message) => { setTimeout(() => answer(message), 700); };
    const seen = () => [explorer.words(), explorer.all('.vivit-x-bars')[0].textContent,
        explorer.all('.vivit-x-legend > :last-child')[0].textContent, explorer.all('.vivit-x-panel')[0].ariaBusy,
        explorer.all('.vivit-x-side canvas')[0].toDataURL()];
    const before = seen();
    explorer.press(40);
    await wait(50);
    const soon = seen();
    await wait(350);
    const late = seen();
    await wait(500);
    await explorer.settled();
    engine.give = give;
    return [before, soon, late, seen()]; }"""


def test_what_is_being_computed_is_shown_as_waiting(open_page, tmp_path):
    page = opened(open_page(), exported(tmp_path))
    before, soon, late, after = page.evaluate(SLOW)
    assert soon[:3] == before[:3] and soon[3] == "true", "a little while, all that was there stays whole"
    words = "The token at time 2, row 2, column 0: "
    assert late[:4] == [f"{words}computing where it looks …", "verb: computing …noun: computing …", "…", "true"]
    assert after[0].startswith(f"{words}in space") and after[3] == "false"
    assert len({one[4] for one in (before, late, after)}) == 3, "a picture without a map waits for its own"
    settle(page)


def test_what_cannot_come_is_said(open_page, tmp_path):
    page = opened(open_page(), exported(tmp_path))
    *_, after = page.evaluate(SLOW, "the memory is full")
    assert after[:3] == ["This cannot be shown: the memory is full.", "verb: not knownnoun: not known", "…"]
    page.evaluate("explorer.press(41)")
    assert said(page).startswith("The token at time 2, row 2, column 1: in space"), "the next question is answered"
    assert page.errors == []


@pytest.mark.parametrize("name", EMBEDDED)
def test_every_choice_shows_the_numbers_of_the_library(open_page, tmp_path, name):
    model = ve.pretrained.load(name)
    page = opened(open_page(), exported(tmp_path, name))
    page.get_by_role("button", name="compare").click()
    rng, tokens, video = np.random.default_rng(5), model.config.tokens, noise(model)
    count, layers = (
        page.locator(selector).count() for selector in (".vivit-x-switch", "[aria-label=layer] >> nth=0 >> option")
    )
    for number, off in enumerate((0, 1, 5)):
        page.evaluate(
            """([heads, layers, head, query]) => {
            explorer.all('.vivit-x-bar .vivit-x-button').find((one) => one.textContent === 'all heads on').click();
            for (const head of heads) explorer.all('.vivit-x-switch')[head].click();
            explorer.press(query);
            for (const label of ['layer', 'head']) explorer.all(`[aria-label=${label}]`).forEach((select, panel) => {
                select.selectedIndex = (label === 'layer' ? layers[panel] : head) % select.length;
                select.dispatchEvent(new Event('change')); }); }""",
            [
                rng.permutation(count)[:off].tolist(),
                rng.permutation(layers)[:2].tolist(),
                int(rng.integers(9)),
                int(rng.integers(tokens)),
            ],
        )
        for maps, of in (("now", "model without them"), ("intact", "intact model")):
            page.get_by_label("maps of", exact=True).evaluate(
                "(select, value) => { select.value = value; select.dispatchEvent(new Event('change')); }", maps
            )
            words, shown = said(page), page.evaluate("explorer.shown()")
            assert len(shown["off"]) == off and shown["of"] == maps
            assert (f"maps of the {of}:" in words) == (off > 0)
            worst = differences([model], video, shown)
            assert max(worst.values()) <= SUMS, (number, maps, shown["panels"], worst)
    assert page.errors == []


def test_two_models_side_by_side_show_the_numbers_of_each(open_page, tmp_path):
    names = ("ViViT-nano/8x2", "ViViT-nano/8x2 FDP")
    page = opened(open_page(), exported(tmp_path, names[0], beside=names[1]))
    page.evaluate("() => explorer.all('.vivit-x-switch').forEach((one, i) => { if (i % 5 === 1) one.click(); })")
    settle(page)
    shown = page.evaluate("explorer.shown()")
    assert [panel["model"] for panel in shown["panels"]] == [0, 1] and {key[0] for key in shown["off"]} == {"0", "1"}
    models = [ve.pretrained.load(name) for name in names]
    assert max(differences(models, noise(models[0]), shown).values()) <= SUMS
    page.get_by_label("model", exact=True).nth(0).select_option("1")
    settle(page)
    assert max(differences(models, noise(models[0]), page.evaluate("explorer.shown()")).values()) <= SUMS


@pytest.mark.parametrize("name", EMBEDDED[1:])
def test_a_rollout_says_whose_it_is(open_page, tmp_path, name):
    page = opened(open_page(), exported(tmp_path, name))
    page.get_by_label("layer", exact=True).select_option("rollout")
    maps = []
    for token in (3, 77):
        page.evaluate("token => explorer.press(token)", token)
        words = said(page)
        maps.append(page.evaluate("explorer.shown().maps[0].weights"))
        if name.endswith(("FE", "AP")):
            assert "by rollout, mean of heads, the model's output, whichever token is chosen, comes most from" in words
        else:
            assert (
                f"time {token // 16}, row {token // 4 % 4}, column {token % 4}: in rollout, mean of heads, it" in words
            )
    assert (maps[0] == maps[1]) == name.endswith(("FE", "AP"))
    outlined = page.locator(".vivit-x-tile canvas").nth(77 // 16)
    pink = outlined.evaluate(
        """(canvas) => { const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        return data.some((red, i) => i % 4 === 0 && red === 224 && data[i + 1] === 33 && data[i + 2] === 138); }"""
    )
    assert pink != name.endswith(("FE", "AP")), "the token is outlined where the map is its own"
