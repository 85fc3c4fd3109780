"""Time on the exported page is the film's own: captions, clock and pace follow the times of its frames."""

import numpy as np
import pytest
from browser.page.pages import TILES, exported, opened
from toys import toy_model

import vivit_edu as ve

pytest.importorskip("anywidget")
UNEVEN = np.cumsum([0, 0.05, 0.3, 0.05, 0.15, 0.05, 0.25, 0.05])
FRAMES = {"frames": 8, "classes": 5}
# The clock's own timers, driven by hand: time stands still until it is moved on.
PACE = """(speed) => {
    const { session, model } = explorer, waits = [], real = window.setTimeout, shown = [];
    model.set('speed', speed); model.set('frame', 0);
    window.setTimeout = (act, wait) => { waits.push([act, wait]); return waits.length; };
    session.clock.start();
    let now = 0;
    for (let i = 0; i < 16; i++) {
        const [act, wait] = waits.pop();
        now += wait; act(); shown.push([model.get('frame'), now]); }
    window.setTimeout = real;
    session.clock.timer = 1; session.clock.stop();
    return shown; }"""
PLAYED = """(limit) => new Promise((resolve) => {
    const { session, model } = explorer, seen = [];
    model.set('frame', 0);
    session.clock.start();
    const from = performance.now();
    model.on('change:frame', () => {
        const now = performance.now() - from;
        if (now < limit) seen.push([model.get('frame'), now]); else { session.clock.stop(); resolve(seen); }
    }); })"""


def page_of(open_page, folder, *, seconds=None, **options):
    model = toy_model(**(FRAMES | options))
    frames = np.random.default_rng(0).integers(0, 255, (8, *model.config.size, 3), dtype=np.uint8)
    if seconds is not None:
        frames = ve.data.Clip(frames, times=np.asarray(seconds))
    return opened(open_page(), exported(folder, "toy", model=model, video=frames))


def captions(page):
    return page.locator(".vivit-x-tile figcaption").all_inner_texts()


def test_captions_clock_and_pace_follow_the_files_own_times(open_page, tmp_path):
    page = page_of(open_page, tmp_path, seconds=UNEVEN)
    assert captions(page) == [f"{UNEVEN[n]:.2f} s" for n in (0, 2, 4, 6)]
    assert page.locator(TILES).nth(1).get_attribute("aria-label") == "time 1, 0.35 s"
    scrub = page.get_by_label("frame", exact=True)
    for n, second in enumerate(UNEVEN):
        scrub.fill(str(n))
        assert page.inner_text(".vivit-x-clock") == scrub.get_attribute("aria-valuetext") == f"{second:.2f} s"
    for label, speed in (("¼×", 0.25), ("½×", 0.5), ("1×", 1), ("2×", 2)):
        page.get_by_label("speed", exact=True).select_option(label=label)
        assert page.evaluate("explorer.model.get('speed')") == speed
        length = UNEVEN[-1] + UNEVEN[-1] - UNEVEN[-2]
        for n, (frame, now) in enumerate(page.evaluate(PACE, speed), 1):
            rounds, at = divmod(n, 8)
            assert frame == at and abs(now - 1000 * (rounds * length + UNEVEN[at]) / speed) < 1
    assert page.errors == []


def test_a_playing_film_is_within_a_frame_of_its_times(open_page, tmp_path):
    page = page_of(open_page, tmp_path, seconds=UNEVEN)
    played = page.evaluate(PLAYED, 1500)
    assert len(played) > 8
    length = UNEVEN[-1] + UNEVEN[-1] - UNEVEN[-2]
    for n, (frame, now) in enumerate(played, 1):
        behind = now - 1000 * (n // 8 * length + UNEVEN[n % 8])
        assert frame == n % 8 and -20 <= behind <= 300, "never early; late by no more than the longest frame"


def test_frames_without_times_are_counted(open_page, tmp_path):
    page = page_of(open_page, tmp_path)
    assert captions(page) == [f"frame {n}" for n in (0, 2, 4, 6)]
    assert page.inner_text(".vivit-x-clock") == "frame 4" and " s" not in page.inner_text(".vivit-x-film")
    assert [now for _, now in page.evaluate(PACE, 1)] == [125 * n for n in range(1, 17)]


def test_one_picture_is_no_film(open_page, tmp_path):
    model = ve.pretrained.load("ViT-nano/8")
    page = opened(open_page(), exported(tmp_path, "still", model=model, autoplay=True))
    assert page.get_by_role("button", name="play").count() == page.get_by_role("button", name="pause").count() == 0
    assert page.get_by_label("frame", exact=True).count() == page.get_by_label("speed").count() == 0
    page.evaluate("explorer.key('?')")
    assert "space" not in page.inner_text(".vivit-x-help")
    assert page.evaluate("explorer.key(' ')"), "space is the page's own"
