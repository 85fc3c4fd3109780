"""The checks: right answers pass, empty stubs are "not yet", constants and common mistakes fail."""

import numpy as np
import pytest
from einops import rearrange

from vivit_edu import teach
from vivit_edu.teach.result import Result


def grid(clip, tubelet):
    return tuple(n // t for n, t in zip(clip, tubelet, strict=True))


def cut(video, tubelet):
    t, h, w = tubelet
    nt, nh, nw = grid(video.shape[1:4], tubelet)
    video = video[:, : nt * t, : nh * h, : nw * w]
    return rearrange(video, "B (nt t) (nh h) (nw w) C -> B nt (nh nw) t h w C", t=t, h=h, w=w)


def sample(length, count):
    if length == count:
        return list(range(length))
    return [round(length * i / (count + 1)) for i in range(1, count + 1)]


def embed(video, kernel, bias):
    return np.einsum("bnsthwc,thwcd->bnsd", cut(video, kernel.shape[:3]), kernel) + bias


def softmax(scores):
    weights = np.exp(scores)
    return weights / weights.sum(-1, keepdims=True)


def attend(q, k, v):
    scores = np.einsum("qad,kad->aqk", q, k) / np.sqrt(q.shape[-1])
    return np.einsum("aqk,kad->qad", softmax(scores), v)


def prepend(z, token):
    return np.concatenate([np.tile(token, (len(z), 1, 1)), z], axis=1)


def layer(z, attend, mlp, norms):
    y = attend(norms[0](z)) + z
    return mlp(norms[1](y)) + y


def attention_bytes(tokens, heads, layers):
    return 4 * layers * heads * (tokens + 1) ** 2


def central(kernel, t):
    frames = np.zeros((t, *kernel.shape))
    frames[t // 2] = kernel
    return frames


def inflated(kernel, t):
    return np.stack([kernel] * t) / t


def repeat(positions, nt):
    return np.concatenate([positions[:1], *[positions[1:]] * nt])


def resize(positions, before, after):
    rows, columns = (
        np.maximum(0, 1 - np.abs(np.linspace(0, old - 1, new)[:, None] - np.arange(old)))
        for old, new in zip(before, after, strict=True)
    )
    return np.kron(rows, columns) @ positions


def silent(names):
    return [name for name in names if name.startswith("out/")]


RIGHT = {
    teach.check_grid: grid,
    teach.check_cut_tubelets: cut,
    teach.check_sample_frames: sample,
    teach.check_embed_tubelets: embed,
    teach.check_attention: attend,
    teach.check_class_token: prepend,
    teach.check_layer: layer,
    teach.check_attention_bytes: attention_bytes,
    teach.check_central_frame: central,
    teach.check_inflate: inflated,
    teach.check_repeat_positions: repeat,
    teach.check_resize_positions: resize,
    teach.check_silent_start: silent,
}
CONSTANTS = {
    teach.check_grid: (2, 3, 4),
    teach.check_cut_tubelets: np.zeros((2, 2, 12, 2, 3, 4, 3)),
    teach.check_sample_frames: (3, 6, 10, 13),
    teach.check_embed_tubelets: np.zeros((2, 2, 12, 6)),
    teach.check_attention: np.zeros((5, 2, 3)),
    teach.check_class_token: np.zeros((2, 6, 3)),
    teach.check_layer: np.zeros((5, 6)),
    teach.check_attention_bytes: 4 * 3 * 4 * 129**2,
    teach.check_central_frame: np.zeros((4, 2, 3, 1, 5)),
    teach.check_inflate: np.zeros((4, 2, 3, 1, 5)),
    teach.check_repeat_positions: np.zeros((25, 3)),
    teach.check_resize_positions: np.zeros((12, 6)),
    teach.check_silent_start: ["query/kernel"],
}
MISTAKES = [
    (teach.check_grid, lambda c, t: tuple(-(-n // s) for n, s in zip(c, t, strict=True)), "incomplete"),
    (teach.check_grid, lambda c, t: int(np.prod(grid(c, t))), "three numbers"),
    (teach.check_grid, lambda c, t: grid(c, t)[::-1], "not right"),
    (teach.check_cut_tubelets, lambda v, t: cut(v, t).swapaxes(1, 2), "shape is"),
    (teach.check_cut_tubelets, lambda v, t: cut(v[:, ::-1], t), "values differ"),
    (teach.check_sample_frames, lambda T, n: list(range(0, T, T // n))[:n], "another rule"),
    (teach.check_embed_tubelets, lambda v, k, b: embed(v, k, 0), "bias is missing"),
    (teach.check_attention, lambda q, k, v: attend(q * np.sqrt(q.shape[-1]), k, v), "not divided"),
    (teach.check_class_token, lambda z, t: prepend(z[:, ::-1], t)[:, ::-1], "last"),
    (teach.check_layer, lambda z, a, m, n: m(n[1](a(n[0](z)) + z)), "second residual"),
    (teach.check_layer, lambda z, a, m, n: n[1](m(n[0](a(z) + z)) + n[0](a(z) + z)), "after each sum"),
    (teach.check_attention_bytes, lambda n, a, layers: 4 * layers * a * n**2, "class token"),
    (teach.check_central_frame, lambda k, t: central(k, t)[::-1], "which one does Eq. 9"),
    (teach.check_central_frame, inflated, "Eq. 8"),
    (teach.check_inflate, lambda k, t: inflated(k, t) * t, "too large"),
    (teach.check_inflate, central, "Eq. 9"),
    (teach.check_repeat_positions, lambda p, nt: np.tile(p, (nt, 1)), "one only"),
    (teach.check_repeat_positions, lambda p, nt: repeat(p, nt)[1:], "missing"),
    (teach.check_repeat_positions, lambda p, nt: np.repeat(p, [1, *[nt] * (len(p) - 1)], 0), "nt times in a row"),
    (teach.check_resize_positions, lambda p, a, b: resize(p, a[::-1], b[::-1]), "exchanged"),
    (teach.check_resize_positions, lambda p, a, b: resize(p, a, b)[::-1], "differ"),
    (teach.check_silent_start, lambda names: names, "never learn"),
    (teach.check_silent_start, lambda names: ["out/kernel"], "not silent"),
    (teach.check_silent_start, lambda names: ["output"], "no array output"),
]


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)
def test_right_answer_passes(check):
    result = check(RIGHT[check])
    assert result and str(result).startswith("PASS"), result


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)
def test_empty_stub_is_not_yet(check):
    def stub(*args):
        raise NotImplementedError

    result = check(stub)
    assert not result and result.status == "todo" and "not yet" in result._repr_html_()


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)
def test_constant_of_one_case_fails(check):
    assert check(lambda *args: CONSTANTS[check]).status == "fail"


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)
def test_forgotten_return_is_named(check):
    assert "return" in check(lambda *args: None).message


@pytest.mark.parametrize(("check", "wrong", "says"), MISTAKES)
def test_common_mistake_is_named(check, wrong, says):
    result = check(wrong)
    assert result.status == "fail" and says in result.message, result


def test_error_in_the_answer_is_reported_not_raised():
    result = teach.check_grid(lambda clip, tubelet: clip[7])
    assert result.status == "fail" and "IndexError" in result.message


def test_result_escapes_what_the_student_wrote():
    result = Result(name="f", status="fail", message="<script>")
    assert "<script>" not in result._repr_html_() and "<script>" in str(result)


def test_target_is_drawn_until_it_passes():
    def stub(clip, tubelet):
        raise NotImplementedError

    assert "<svg" in teach.check_grid(stub)._repr_html_() and "<svg" not in teach.check_grid(grid)._repr_html_()
