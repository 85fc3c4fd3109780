"""The model in the page against the library: the same numbers from the same parameters, in every way it may run."""

import base64
import json
import pathlib
import shutil
import subprocess

import jax
import numpy as np
import pytest
from flax import nnx
from toys import POOLED, arrays_of, toy_clips, toy_image_model, toy_model

import vivit_edu as ve

pytest.importorskip("anywidget")
from vivit_edu.explain.explorer import engine
from vivit_edu.explain.explorer.rows import ROLLOUT, Rows
from vivit_edu.explain.follow.relevance import METHODS
from vivit_edu.explain.watch.knockout import chances, masks

EMBEDDED = ["ViT-nano/8", "ViViT-nano/8x2", *(f"ViViT-nano/8x2 {suffix}" for suffix in ("FE", "FSA", "FDP", "AP"))]
SUMS = 1e-4  # float32 sums in another order than XLA's, through up to five layers
TOY = 2e-6  # the same of some ten numbers; attention of toys is nearly uniform, and hides what is coarser
MACHINES = ("plain", "wasm")
HARNESS = (pathlib.Path(__file__).parent / "engine.js").read_text()


def written(folder, policy=""):
    """A page in the file system that holds the engine and nothing else."""
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">' if policy else ""
    path = folder / "engine.html"
    path.write_text(f'<!DOCTYPE html><meta charset="utf-8">{meta}<script>{engine.SCRIPT}{HARNESS}</script>')
    return path


@pytest.fixture(scope="module")
def opened(chromium, tmp_path_factory):
    """The page, open once for all tests of numbers."""
    context = chromium.new_context(offline=True)
    page = context.new_page()
    page.goto(written(tmp_path_factory.mktemp("engine")).as_uri())
    yield page
    context.close()


def text(array):
    """Float32 numbers, or bytes, as a page takes them."""
    array = array if isinstance(array, bytes) else np.ascontiguousarray(array, np.float32).tobytes()
    return base64.b64encode(array).decode()


def packed(model, **options):
    """The model as JSON."""
    found = engine.packed(model, **options)
    return json.loads(json.dumps(found | {"weights": text(found["weights"])}))


class Seen:
    """A tap that switches heads off, and keeps the weights that it is given and what they are made of."""

    def __init__(self, switches):
        self.switches, self.weights, self.projections = switches, {}, {}

    def __call__(self, name, weights):
        self.weights[name] = weights
        return weights * self.switches[name][:, None, None]

    def projected(self, name, q, k):
        self.projections[name] = (q, k)


@nnx.jit
def library(model, video, switches):
    tap = Seen(switches)
    return model(video, tap=tap), tap.weights, tap.projections


def asked(model, video, off, *, chosen=()):
    """What the page should say of each clip: logits, every attention, and the rows that `chosen` gives of `Rows`."""
    switches = masks(model, video[:1], off)
    logits, weights, projections = jax.tree.map(np.asarray, library(model, video, switches))
    classes = model.config.classes
    logits = (
        {"class": logits} if isinstance(classes, int) else {name: logits[name] for name in classes}
    )  # jax sorts them
    cases = []
    for i, clip in enumerate(video):
        rows = Rows(
            config=model.config, projections={name: tuple(x[i] for x in projections[name]) for name in switches}
        )
        cases.append(
            {
                "clip": text(clip),
                "off": list(off),
                "logits": [[name, text(values[i])] for name, values in logits.items()],
                "attention": [[name, weights[name].shape[1:], text(weights[name][i])] for name in switches],
                "rows": [[*which, text(rows.row(*which[:2], head=which[2]))] for which in (chosen and chosen(rows))],
            }
        )
    return cases


def compared(page, model, cases, machine):
    return page.evaluate("given => compare(...given)", [packed(model), machine, cases])


def heads_of(model, video):
    return [f"{name}|{head}" for name, ones in masks(model, video[:1]).items() for head in range(len(ones))]


def some_heads(model, video, seed):
    """No head, one, and five (or all) at random."""
    rng, heads = np.random.default_rng(seed), heads_of(model, video)
    return [[], *(rng.permutation(heads)[:count].tolist() for count in (1, 5))]


def clips_for(config, count, seed):
    shape = (config.frames, *config.size, config.channels)[-3 if config.frames == 1 else 0 :]
    noise = np.random.default_rng(seed).integers(0, 255, (count, *shape), dtype=np.uint8)
    return ve.data.normalise(noise)


@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded_models_answer_as_the_library(opened, name):
    model = ve.pretrained.load(name)
    video = clips_for(model.config, 12, seed=len(name))
    offs = some_heads(model, video, seed=3)
    cases = [case for i, off in enumerate(offs) for case in asked(model, video[4 * i : 4 * i + 4], off)]
    for machine in MACHINES:
        worst = compared(opened, model, cases, machine)
        assert worst["logits"] <= SUMS and worst["attention"] <= SUMS, machine


ODD = {
    "class_token_and_mean": {"pool": "class_token_and_mean"},
    "uniform": {"tokeniser": "uniform"},
    "uniform centre": {"tokeniser": "uniform", "sampling": "centre", "frames": 11},
    "exact": {"gelu": "exact", "epsilon": 1e-3},
    "pre_logits": {"pre_logits": 7},
    "left over": {"frames": 9, "size": (8, 15)},
    "one colour": {"channels": 1, "body": "factorised_encoder"},
    "no time": {"temporal_depth": 0, "body": "factorised_encoder"},
    "no time, mean": {"temporal_depth": 0, "body": "factorised_encoder", "pool": "mean"},
    "one time": {"frames": 2, "body": "factorised_encoder"},
    "time first": {"order": "time_space", "body": "factorised_self_attention"},
    "halves exchanged": {"order": "time_space", "body": "factorised_dot_product", "heads": 4},
    "one place": {"size": (3, 4), "body": "factorised_dot_product"},
    "many heads": {"classes": {"10": 3, "2": 5, "__proto__": 2}, "heads": 8},
    "bfloat16": {"dtype": "bfloat16"},
}
CONFIGURATIONS = {f"{body} {pool}": {"body": body, "pool": pool} for body, pool in POOLED} | ODD


def some_rows(rows):
    """In every layer, the queries at the ends and one between them, in one head and in all."""
    for name in rows.names:
        first = -1 if rows.class_token or name == ROLLOUT else 0
        heads = rows.heads(name)
        for query in sorted({first, 0, rows.config.tokens * 2 // 3, rows.config.tokens - 1}):
            yield from ([name, query, head] for head in dict.fromkeys((heads[0], *heads[-3:])))


@pytest.mark.parametrize("fields", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_every_configuration_answers_as_the_library(opened, fields):
    model = toy_model(seed=2, **fields)
    exact = toy_model(seed=2, **(fields | {"dtype": "float32"}))  # a page computes in float32
    video = toy_clips(model.config, batch=1)
    for off in some_heads(model, video, seed=1)[::2]:
        cases = asked(exact, video, off, chosen=some_rows)
        for machine in MACHINES:
            worst = compared(opened, model, cases, machine)
            assert max(worst.values()) <= TOY, (off, machine, worst)


def test_an_image_model_answers_as_the_library(opened):
    model = toy_image_model()
    video = toy_clips(model.config, batch=1)[:, 0]
    for machine in MACHINES:
        assert max(compared(opened, model, asked(model, video, [], chosen=some_rows), machine).values()) <= TOY


@pytest.mark.parametrize("body", ["spacetime", "factorised_encoder", "factorised_self_attention"])
def test_maps_without_gradients_and_taps_are_those_of_the_library(opened, body):
    model = toy_model(body=body, tokeniser="uniform", classes={"verb": 3, "noun": 5})
    video, target = toy_clips(model.config, batch=1), 2
    options = {"residual": 0.3, "fuse": "min", "query": None if body == "factorised_encoder" else 5}
    last, rolled, hidden, logits = opened.evaluate("maps", [packed(model), text(video), options, target])
    for method, values in (("attention", last), ("occlusion", hidden)):
        want = METHODS[method](model, video, head="noun", target=np.array([target]))
        np.testing.assert_allclose(values, want.ravel(), atol=TOY)
    records = ve.explain.record_attention(model, video)[1]
    np.testing.assert_allclose(rolled, ve.explain.rollout(records, **options).ravel(), atol=TOY)
    halved = model(video, tap=lambda name, weights: weights / 2)["noun"]
    np.testing.assert_allclose(logits, halved[0], atol=TOY)


def test_halves_are_read_exactly(opened):
    bits = np.arange(2**16, dtype=np.uint16)
    header = json.dumps({"a": {"dtype": "F16", "shape": [2**16], "data_offsets": [0, 2**17]}}).encode()
    file = len(header).to_bytes(8, "little") + header + bits.tobytes()
    got = opened.evaluate(
        "file => { let out = ''; for (const b of new Uint8Array(parts.readSafetensors(bytes(file)).a.data.buffer)) "
        "out += String.fromCharCode(b); return btoa(out); }",
        text(file),
    )
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(got), np.float32), bits.view(np.float16).astype("f4"))


def file_of(header, body):
    """A safetensors file."""
    header = json.dumps(header).encode()
    return len(header).to_bytes(8, "little") + header + body


WRONG = {
    "these bytes are no safetensors file": lambda header, body: file_of(header, body)[:40],
    "tokenise/kernel is stored as BF16; a page reads F16 and F32": lambda header, body: file_of(
        {name: about | ({"dtype": "BF16"} if name == "tokenise/kernel" else {}) for name, about in header.items()}, body
    ),
    "the weights are cut short: they end within": lambda header, body: file_of(header, body[:-4]),
    "tokenise/bias should hold 9 numbers; got 8": lambda header, body: file_of(
        header | {"tokenise/bias": header["tokenise/bias"] | {"shape": [9]}}, body
    ),
    "the weights of ViViT-d8-L2-A2/(3, 4)x2 hold no tokenise/kernel": lambda header, body: file_of(
        {name: about for name, about in header.items() if name != "tokenise/kernel"}, body
    ),
}


@pytest.mark.parametrize("sentence", WRONG)
def test_weights_that_do_not_fit_are_named(opened, sentence):
    model = toy_model()
    file = engine.packed(model)["weights"]
    end = 8 + int.from_bytes(file[:8], "little")
    said = opened.evaluate(
        "async ([packed, clip]) => { try { (await made(packed, 'plain')).forward(floats(clip)); } "
        "catch (error) { return error.message; } }",
        [
            packed(model) | {"weights": text(WRONG[sentence](json.loads(file[8:end]), file[end:]))},
            text(toy_clips(model.config, batch=1)),
        ],
    )
    assert said.startswith(sentence)


POLICIES = {
    "": ("WebAssembly", "worker"),
    "script-src 'unsafe-inline' blob:": ("plain", "worker"),
    "worker-src 'none'": ("WebAssembly", "page"),
    "script-src 'unsafe-inline'; worker-src 'none'": ("plain", "page"),
}


@pytest.mark.parametrize("policy", POLICIES)
def test_it_runs_under_every_policy_and_asks_nobody(open_page, tmp_path, policy):
    model = toy_model(body="factorised_encoder", classes={"verb": 3, "noun": 5})
    video, off, which = toy_clips(model.config, batch=1), ["space/1|0", "time/0|1"], ["space/1", 7, "mean"]
    page = open_page()
    page.goto(written(tmp_path, policy).as_uri())
    row = dict(zip(("layer", "query", "head"), which, strict=True))
    said = page.evaluate("answers", [packed(model), text(video), off, [row]])
    assert (said["machine"], said["where"]) == POLICIES[policy]
    for part, heads in (("intact", []), ("now", off)):
        for name, values in said[part]["chances"]:
            np.testing.assert_allclose(values, chances(model, video, heads)[name], atol=TOY)
    [case] = asked(model, video, off, chosen=lambda _: [which])
    np.testing.assert_allclose(said["now"]["rows"][0], _floats(case["rows"][0][-1]), atol=TOY)
    assert page.outside == []


def _floats(encoded):
    return np.frombuffer(base64.b64decode(encoded), np.float32)


def test_the_newest_question_wins_and_errors_are_sentences(opened):
    model = toy_model(classes=4)
    video = toy_clips(model.config, batch=2)
    said = opened.evaluate("questions", [packed(model), [text(one) for one in video]])
    cases = asked(model, video, [], chosen=lambda _: [[ROLLOUT, 1, "max"]])
    want = [_floats(case["rows"][0][-1]) for case in cases]
    assert said["engines"] and said["one"][-1] and None in said["one"], "the last is answered, and not all"
    np.testing.assert_allclose(said["one"][-1], want[0], atol=TOY)
    np.testing.assert_allclose(said["other"], want[1], atol=TOY)
    assert said["hidden"] == model.config.tokens and said["order"] == ["one", "other", "third"]
    assert said["errors"] == [
        "no model m has been loaded",
        "no clip 9 is here",
        "there is no head spacetime/0|7; this model has spacetime/0, spacetime/1",
        "no attention is named time/0; this model has spacetime/0, spacetime/1",
        "queries run from -1 to 23; got 99",
        "rollout has no head 0, only mean, max, min",
        "rollout has no head toString, only mean, max, min",
    ]


def test_memory_grows_with_the_model(opened):
    model = toy_model(frames=16, size=(18, 20), depth=3)  # 240 tokens: more than the first megabyte holds
    worst = compared(opened, model, asked(model, toy_clips(model.config, batch=1), []), "wasm")
    assert max(worst.values()) <= TOY


def test_what_float16_holds_is_packed_as_float16():
    model = toy_model()
    state = nnx.state(model, nnx.Param)
    nnx.update(model, jax.tree.map(lambda x: x.astype("float16").astype("float32"), state))
    exact = len(engine.packed(model)["weights"])
    model.heads.output.bias[...] = model.heads.output.bias[...].at[0].set(1e6)  # above the largest half
    sizes = {stored: len(engine.packed(model, stored=stored)["weights"]) for stored in ("exact", "float16")}
    assert exact < sum(a.size for a in arrays_of(model).values()) * 2 + 6000 and sizes["exact"] == sizes["float16"]
    assert 0 < sizes["exact"] - exact < 30, "one array of five numbers takes two bytes more for each"


def test_what_no_page_runs_is_refused():
    with pytest.raises(ValueError, match=r"at most 1000000 parameters, 1024 tokens, .*; ViViT-d8-L2-A2/\(3, 4\)x2 has"):
        engine.packed(toy_model(frames=600))
    with pytest.raises(ValueError, match="stored must be one of exact, float16; got 'int8'"):
        engine.packed(toy_model(), stored="int8")
    assert not engine.runs_in_a_page(ve.named("ViViT-nano/8x2", width=256))
    assert not engine.runs_in_a_page(ve.named("ViViT-nano/8x2", size=96))
    assert not engine.runs_in_a_page(ve.named("ViViT-nano/8x2", size=64, heads=64))
    assert all(engine.runs_in_a_page(ve.named(name)) for name in EMBEDDED)


def test_the_binary_is_what_its_text_assembles_to(tmp_path):
    tool = shutil.which("wat2wasm")
    if tool is None:
        pytest.skip("no wat2wasm on this machine (npm's wabt)")
    subprocess.run([tool, engine.FOLDER / "kernels.wat", "-o", tmp_path / "kernels.wasm"], check=True)
    assert base64.b64encode((tmp_path / "kernels.wasm").read_bytes()).decode() in engine.SCRIPT
