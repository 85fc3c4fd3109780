"""Results can be read on light and dark pages and in any terminal, and come at once, at full precision."""

import contextlib
import io
import re
import subprocess
import sys

import jax
import numpy as np
import pytest
from students.exercises import ANSWERS, CHECKS
from students.solutions import embed_convolution

from vivit_edu import teach
from vivit_edu.teach import pictures
from vivit_edu.teach.result import SIGNS, Result

GROUNDS = {"white": (255, 255, 255), "the book's dark": (20, 24, 30), "JupyterLab's dark": (17, 17, 17)}
TEXT = "× – … “q” → α é 雪 \udc80"


def luminance(colour):
    linear = [n / 255 / 12.92 if n <= 10 else ((n / 255 + 0.055) / 1.055) ** 2.4 for n in colour]
    return np.dot(linear, (0.2126, 0.7152, 0.0722))


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def rgb(text):
    return tuple(int(text[i : i + 2], 16) for i in (1, 3, 5))


def html_of_all():
    for status in SIGNS:
        picture = (
            pictures.marked_frames(4, {"t": (2,)}) + pictures.sequence(("a", "b")) + pictures.numbered_grid((2, 2, 3))
        )
        yield Result(name="f", status=status, message="m", picture=picture)._repr_html_()


def test_every_text_has_the_page_s_own_colour_and_ground():
    for html in html_of_all():
        assert not re.findall(r"(?<![-\w])color\s*:|background", html)
        fills = re.findall(r"<text[^>]*fill=[\"']([^\"']*)", html)
        assert fills and set(fills) == {"currentColor"}
        assert set(re.findall(r"<rect[^>]*fill=[\"']([^\"']*)", html)) == {"none"}


@pytest.mark.parametrize("ground", GROUNDS)
def test_lines_that_mean_something_stand_out(ground):
    for html in html_of_all():
        lines = re.findall(r"solid (#\w{6})", html) + re.findall(r"stroke=[\"'](#\w{6})[\"'] stroke-width", html)
        assert len(lines) == 3 and min(contrast(rgb(line), GROUNDS[ground]) for line in lines) >= 3


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "cp437", "utf-8"])
@pytest.mark.parametrize("status", SIGNS)
def test_any_terminal_can_print_a_result(encoding, status):
    result = Result(name=f"f{TEXT}", status=status, message=TEXT)
    terminal = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    print(result, repr(result), [result], file=terminal, flush=True)
    printed = terminal.buffer.getvalue().decode(encoding)
    assert printed.count('x - ... "q" ->') >= 3


@pytest.mark.parametrize("name", CHECKS)
def test_messages_of_checks_are_plain_text(name):
    for answer in (lambda *_: None, lambda *_: 1.5, lambda *_: [1], ANSWERS[name][0]):
        assert CHECKS[name](answer).message.isascii()


def test_both_sides_are_computed_at_full_precision():
    seen = []

    def embed(video, kernel, bias):
        seen.append(jax.config.jax_default_matmul_precision)
        return embed_convolution(video, kernel, bias)

    before = jax.config.jax_default_matmul_precision
    assert teach.check_embed_tubelets(embed) and set(seen) == {"highest"}
    assert jax.config.jax_default_matmul_precision == before


@pytest.mark.parametrize("name", ["attention", "layer", "silent_start", "class_token"])
def test_every_check_sets_the_precision(name):
    seen = []
    CHECKS[name](lambda *_: seen.append(jax.config.jax_default_matmul_precision))
    assert seen == ["highest"]


def test_first_calls_compile_nothing_and_answer_within_a_second():
    code = """
import sys, time
import jax
from students.exercises import ANSWERS, CHECKS
for name, check in CHECKS.items():
    began = time.process_time()
    assert check(ANSWERS[name][0])
    print(name, time.process_time() - began)
    assert not jax._src.xla_bridge.backends_are_initialized()
"""
    here = [path for path in sys.path if path]
    out = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {here!r}\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = {line.split()[0]: float(line.split()[1]) for line in out.stdout.splitlines()}
    assert seconds.keys() == CHECKS.keys() and max(seconds.values()) < 1, seconds


def test_output_of_a_check_goes_nowhere():
    with contextlib.redirect_stdout(io.StringIO()) as out:
        teach.check_grid(lambda clip, tubelet: clip)
    assert out.getvalue() == ""
