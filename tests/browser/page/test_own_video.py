"""A reader's own video on the exported page: the library's frames, times and answer, decoded by the browser alone."""

import re
from fractions import Fraction

import av
import films
import numpy as np
import pytest
from browser.page.pages import SUMS, differences, exported, frames_of, opened, settle

import vivit_edu as ve
from vivit_edu.explain.explorer.scene import read_for

pytest.importorskip("anywidget")
GREY = 3  # levels of 255, on average: browsers scale colour and round otherwise than FFmpeg
MODEL = "ViViT-nano/8x2 FE"


def moving(count, height=48, width=64):
    """Soft shapes and colours that move, so that no two frames are the same."""
    t, y, x = np.meshgrid(np.arange(count), np.arange(height), np.arange(width), indexing="ij")
    waves = [np.sin(x / 9 + t / (5 + c) + c) + np.cos(y / (7 + c) - t / 6) for c in range(3)]
    return (np.stack(waves, -1) * 50 + 128).astype(np.uint8)


def plain(codec, fps):
    return lambda path: films.write(path, moving(50), codec=codec, fps=Fraction(fps).limit_denominator(1001))


def uneven(codec):
    stamps = np.cumsum(np.tile([20, 45, 33, 100], 10)).tolist()
    return lambda path: films.write(path, moving(40), codec=codec, stamps=stamps, unit=1000)


TURNS = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


def turned(degrees):
    """A phone's video: stored lying, with the turn in which it is shown."""

    def write(path):
        head, tail = films.write(path.with_name("raw.mp4"), moving(30, 64, 96)).read_bytes().split(b"tkhd", 1)
        a, b, c, d = TURNS[degrees]
        matrix = np.array([a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30], ">i4").tobytes()
        path.write_bytes(head + b"tkhd" + tail[:40] + matrix + tail[76:])
        return path

    return write


def late(path):
    """A film that starts at 5 seconds."""
    return films.write(path, moving(30), fps=25, stamps=list(range(125, 155)))


FILMS = {
    f"{codec} at {fps}": (suffix, plain(codec, fps))
    for codec, suffix in (("libx264", "mp4"), ("libvpx-vp9", "webm"))
    for fps in ("24", "25", "30000/1001", "60")
} | {
    "varying rate": ("mp4", uneven("libx264")),
    "varying rate, webm": ("webm", uneven("libvpx-vp9")),
    "B-frames": ("mp4", lambda path: films.write(path, moving(50), bf="3", preset="fast")),
    "shorter than the clip": ("mp4", lambda path: films.write(path, moving(5))),
    "one frame": ("mp4", lambda path: films.write(path, moving(1))),
    **{f"turned by {degrees}": ("mp4", turned(degrees)) for degrees in TURNS},
    "a mov of odd size": ("mov", lambda path: films.write(path, moving(30, 58, 122))),
    "starts late": ("mp4", late),
    "index in front": ("mp4", lambda path: films.write(path, moving(50), container={"movflags": "faststart"})),
}  # fmt: skip


@pytest.fixture(scope="module")
def page(chromium, tmp_path_factory):
    """One page that takes all these films, one after the other."""
    context = chromium.new_context()
    yield opened(context.new_page(), exported(tmp_path_factory.mktemp("page"), MODEL))
    context.close()


def taken(page, path):
    """What the page says of a file that it has been given."""
    page.set_input_files(".vivit-x-file", path)
    page.wait_for_function("() => !explorer.session.reading.busy && !/^Reading/.test(explorer.session.notice)")
    return page.inner_text(".vivit-x-notice")


@pytest.mark.parametrize("film", FILMS)
def test_frames_times_and_answer_are_the_librarys(page, tmp_path, film):
    suffix, write = FILMS[film]
    path = write(tmp_path / f"mine.{suffix}")
    model, errors = ve.pretrained.load(MODEL), len(page.errors)
    want = read_for(model, path)
    assert taken(page, path) == f"Showing mine.{suffix}"
    settle(page)
    frames, seconds = frames_of(page)
    far = np.abs(frames.astype(float) - np.asarray(want, float)).mean((1, 2, 3))
    assert far.max() <= GREY, np.round(far, 1)
    np.testing.assert_allclose(seconds, want.times, atol=1e-3)
    assert page.inner_text(".vivit-x-clock") == f"{seconds[0]:.2f} s"
    assert max(differences([model], frames, page.evaluate("explorer.shown()")).values()) <= SUMS
    assert len(page.errors) == errors


@pytest.fixture
def files(tmp_path):
    """Files that are no film here, by what is said of them."""
    good = films.write(tmp_path / "good.mp4", moving(30)).read_bytes()
    webm = films.write(tmp_path / "good.webm", moving(30), codec="libvpx-vp9").read_bytes()
    data = good.index(b"mdat")
    broken = {
        "notes.mp4": b"these are words and no film at all",
        "empty.mp4": b"",
        "short.mp4": good[:3],
        "cut.mp4": good[: len(good) // 2],
        "no_index.mp4": good[: good.index(b"moov") - 4],
        "damaged.mp4": good[: data + 4] + bytes(len(good) - data - 4),
        "boxes.mp4": good[: good.index(b"trak") - 4] + b"\0\0\0\3" + good[good.index(b"trak") :],
        "noise.mp4": good[:40] + np.random.default_rng(0).bytes(len(good) - 40),
        "cut.webm": webm[:200],
        "noise.webm": webm[:40] + np.random.default_rng(1).bytes(len(webm) - 40),
        "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(40),
    }
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
    films.write(tmp_path / "unknown.mp4", moving(8), codec="mpeg4")
    with av.open(str(tmp_path / "sound.mp4"), "w") as out:
        stream = out.add_stream("aac", rate=44100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate, frame.pts = 44100, 0
        out.mux([*stream.encode(frame), *stream.encode(None)])
    return [*broken, "unknown.mp4", "sound.mp4"]


def test_what_is_no_film_here_is_said_in_a_sentence_and_changes_nothing(page, tmp_path, files):
    errors, before = len(page.errors), page.evaluate("explorer.shown()")
    frames, _ = frames_of(page)
    for name in files:
        said = taken(page, tmp_path / name)
        sentence = rf"{re.escape(name)} cannot be read here: (it|its|this) [a-zA-Z0-9 ,]+, and no kernel answers"
        assert re.fullmatch(sentence, said), said
        settle(page)
        assert page.evaluate("explorer.shown()") == before and np.array_equal(frames_of(page)[0], frames), name
        assert page.locator("text=stop reading").is_hidden()
    assert len(page.errors) == errors


# Keeps count of files that can still be reached by an address, and of players that still hold one.
COUNTED = """() => { window.open_ = new Set(); window.players = [];
    const [make, drop, create] = [URL.createObjectURL, URL.revokeObjectURL, document.createElement.bind(document)];
    URL.createObjectURL = (one) => { const url = make.call(URL, one); open_.add(url); return url; };
    URL.revokeObjectURL = (url) => { open_.delete(url); drop.call(URL, url); };
    document.createElement = (name) => {
        const node = create(name); if (name === 'video') players.push(node); return node; }; }"""
LEFT = """() => [open_.size, players.filter((one) => one.getAttribute('src') || one.readyState).length,
    document.querySelector('.vivit-x-file').files.length,
    Object.values(explorer.session.reading).filter((one) => one instanceof Blob).length]"""


def test_states_in_between_end_and_nothing_of_a_file_stays(page, tmp_path, files):
    page.evaluate(COUNTED)
    names = [films.write(tmp_path / f"film{n}.mp4", moving(20 + n)) for n in range(3)]
    for _ in range(2):  # the same file twice
        assert taken(page, names[0]) == "Showing film0.mp4"
    page.evaluate("window.film = explorer.model.get('clip').film")
    for path in (names[1], names[2], tmp_path / "notes.mp4", names[0], names[1]):  # quickly one after the other
        page.set_input_files(".vivit-x-file", path)
    page.evaluate("explorer.press(33)")  # a press meanwhile
    page.wait_for_function("() => explorer.session.notice === 'Showing film1.mp4'")
    settle(page)
    assert (
        page.evaluate("explorer.shown().query") == 33
        and page.evaluate("explorer.model.get('clip').name") == "film1.mp4"
    )
    want = read_for(ve.pretrained.load(MODEL), names[1])
    assert np.abs(frames_of(page)[0].astype(float) - np.asarray(want, float)).mean() <= GREY
    before = page.evaluate("explorer.model.get('clip')")
    page.set_input_files(".vivit-x-file", names[2])
    page.get_by_role("button", name="stop reading").click()
    assert page.inner_text(".vivit-x-notice") == "Reading was stopped"
    assert taken(page, tmp_path / "damaged.mp4").startswith("damaged.mp4 cannot be read here: ")
    settle(page)
    assert page.evaluate("explorer.model.get('clip')") == before
    page.wait_for_function(f"() => ({LEFT})().every((one) => one === 0)")
    assert page.errors == []


def test_a_dropped_file_is_read_and_heads_are_on_again(page, tmp_path):
    page.evaluate("explorer.all('.vivit-x-switch')[2].click()")
    settle(page)
    content = list(films.write(tmp_path / "x.mp4", moving(20)).read_bytes())
    page.evaluate(
        """(content) => { const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(content)], 'dropped <b>.mp4'));
        const options = { dataTransfer: data, cancelable: true, bubbles: true };
        explorer.root.dispatchEvent(new DragEvent('drop', options)); }""",
        content,
    )
    page.wait_for_function("() => explorer.session.notice === 'Showing dropped <b>.mp4'")
    settle(page)
    assert page.evaluate("explorer.shown().off") == [] and page.evaluate("explorer.pressed()") == []
    assert page.locator(".vivit-x-file").evaluate("one => one.closest('label').textContent.trim()") == "your own video"


def test_the_page_is_titled_by_the_film_that_it_shows(page, tmp_path):
    films.write(tmp_path / "new.mp4", moving(20))
    assert taken(page, tmp_path / "new.mp4") == "Showing new.mp4"
    settle(page)
    assert page.title() == page.inner_text("h1") and f"{MODEL} on new.mp4: verb " in page.title()
    assert "Clip: new.mp4." in page.inner_text(".made")
