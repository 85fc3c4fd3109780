"""Names, sizes and the sentence that each mistake gets."""

import dataclasses
import itertools
import json
import math
from decimal import Decimal
from fractions import Fraction

import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from toys import toy_config

import vivit_edu as ve
from vivit_edu.config import BACKBONES, NANO_CLASSES, SUFFIXES
from vivit_edu.pretrained.formats.own import to_json

NAMES = [f"ViViT-{b}/{16 if b != 'nano' else 8}x2 {s}".rstrip() for b, s in itertools.product(BACKBONES, SUFFIXES)]
NAMES = [name for name in NAMES if name != "ViViT-Ti/16x2 FDP"]  # three heads cannot be halved


IMAGES = [f"ViT-{backbone}/16" for backbone in BACKBONES]


@pytest.mark.parametrize("name", [*NAMES, *IMAGES, "ViViT-H/14x2", "ViViT-B/16x4"])
def test_every_name_reads_back_and_builds_with_the_parameters_that_the_equations_count(name):
    config = ve.named(name)
    assert config.name == name
    assert ve.cost.parameters(config) == counted(config)


def counted(c):
    """Parameters by hand: kernels and biases of Eqs. 1-6, positions, class tokens, LayerNorms, heads."""
    nt, nh, nw = c.grid
    d, token, model_3 = c.width, c.pool == "class_token", c.body == "factorised_self_attention"
    norm, attention = 2 * d, 4 * (d * d + d)
    block = (1 + model_3) * (norm + attention) + norm + 2 * d * c.mlp + c.mlp + d
    encoder = lambda places, depth: (places + token) * d + token * d + depth * block + norm  # noqa: E731
    t = 1 if c.tokeniser == "uniform" else c.tubelet[0]
    embedding = t * c.tubelet[1] * c.tubelet[2] * 3 * d + d
    encoders = {"factorised_encoder": encoder(nh * nw, c.depth) + encoder(nt, c.temporal_depth)}
    encoders["average_pool"] = encoder(nh * nw, c.depth)
    classes = c.classes if isinstance(c.classes, int) else sum(c.classes.values())
    return embedding + encoders.get(c.body, encoder(c.tokens, c.depth)) + (d + 1) * classes


def test_ti_has_three_heads_which_model_4_cannot_halve():
    with pytest.raises(ValueError, match="heads must be even; got 3"):
        ve.named("ViViT-Ti/16x2 FDP")


@pytest.mark.parametrize(
    "name", ["ViViT-B/16", "ViT-B/16x2", "ViViT-B/16x2 XX", "vivit-B/16x2", "ViViT-B/16x2FE", "ViT-B/16 FE"]
)
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(KeyError, match="no model is named"):
        ve.named(name)


def test_the_paper_s_clip_has_3136_tokens():
    config = ve.named("ViViT-B/16x2")
    assert config.grid == (16, 14, 14) and config.tokens == 3136 and config.mlp == 3072


def test_what_is_left_over_at_the_end_of_an_axis_is_dropped():
    assert toy_config(frames=9, size=(8, 15)).grid == (4, 2, 3)


def test_nano_classes_are_the_embedded_clips():
    clips = ve.data.clips
    assert NANO_CLASSES == {"verb": len(clips.VERBS), "noun": len(clips.NOUNS)}


def test_a_configuration_hashes_and_equals_itself_with_several_heads():
    one, two = (toy_config(classes={"verb": 2, "noun": 3}) for _ in range(2))
    assert one == two and hash(one) == hash(two) and one.classes == {"verb": 2, "noun": 3}
    assert dataclasses.replace(one, frames=4).grid == (2, 2, 3)


def test_a_misspelt_field_is_a_type_error():
    with pytest.raises(TypeError, match="frame"):
        toy_config(frame=4)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"frames": 1}, r"a clip of \(1, 6, 12\) \(frames, height, width\) holds no tubelet of \(2, 3, 4\)"),
        ({"heads": 3}, "width 8 cannot be shared equally by 3 heads"),
        ({"body": "joint"}, "body must be one of spacetime, .*; got 'joint'"),
        ({"tokeniser": "cubes"}, "tokeniser must be one of tubelet, uniform; got 'cubes'"),
        (
            {"body": "factorised_self_attention", "pool": "class_token"},
            "no class token .* pool must be 'mean'",
        ),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\); got 1.0"),
        ({"stochastic_depth": -0.1}, r"stochastic_depth must be in \[0, 1\); got -0.1"),
        ({"depth": 0}, "depth must be a whole number of at least 1; got 0"),
        ({"temporal_depth": -1}, "temporal_depth must be a whole number of at least 0; got -1"),
        ({"width": -8}, "width must be a whole number of at least 1; got -8"),
        ({"classes": {}}, "classes must name at least one head"),
        ({"classes": {"verb": 0}}, "verb must be a whole number of at least 1; got 0"),
        ({"size": (6,)}, r"size must be positive whole numbers \(height, width\); got \(6,\)"),
        (
            {"tubelet": (2, 0, 4)},
            r"tubelet must be positive whole numbers \(time, height, width\); got \(2, 0, 4\)",
        ),
        ({"dtype": "float16"}, "dtype must be one of float32, bfloat16; got 'float16'"),
        ({"epsilon": 0.0}, "epsilon must be above 0 and finite; got 0.0"),
        ({"epsilon": math.inf}, "epsilon must be above 0 and finite; got inf"),
        ({"epsilon": True}, "epsilon must be a number; got True"),
        ({"dropout": False}, "dropout must be a number; got False"),
        ({"dropout": Fraction(11, 10)}, r"dropout must be in \[0, 1\); got 1.1"),
        ({"stochastic_depth": Decimal("sNaN")}, r"stochastic_depth must be a number; got Decimal\('sNaN'\)"),
        ({"dtype": None}, "dtype must be one of float32, bfloat16; got None"),
        ({"dtype": object}, "dtype must be one of float32, bfloat16; got 'object'"),
        ({"dtype": slice(3)}, r"dtype must be one of float32, bfloat16; got slice\(None, 3, None\)"),
        ({"pre_logits": 0}, "pre_logits must be a whole number of at least 1; got 0"),
    ],
)
def test_a_value_that_does_not_fit_gets_one_clear_sentence(fields, message):
    with pytest.raises(ValueError, match=message):
        toy_config(**fields)


@pytest.mark.parametrize("whole", [np.int64, np.uint8, np.array, jnp.array])
def test_numbers_of_other_libraries_are_numbers(whole):
    fields = {"frames": 8, "width": 8, "depth": 2, "heads": 2, "mlp": 12, "temporal_depth": 3, "channels": 1}
    fields |= {"size": (6, 12), "tubelet": (2, 3, 4), "classes": {"verb": 4, "noun": 3}, "pre_logits": 5, "sampled": 7}
    theirs = {field: whole(value) for field, value in fields.items() if isinstance(value, int)}
    theirs |= {"size": np.asarray(fields["size"]), "tubelet": tuple(map(whole, fields["tubelet"]))}
    theirs |= {"classes": {name: whole(count) for name, count in fields["classes"].items()}}
    config = ve.ViViTConfig(**theirs, dropout=np.float32(0.5), tokeniser="uniform")
    assert config == ve.ViViTConfig(**fields, dropout=0.5, tokeniser="uniform")
    assert json.loads(json.dumps(to_json(config)))["classes"] == {"verb": 4, "noun": 3}
    assert ve.named("ViViT-B/16x2", size=whole(32)).size == (32, 32)


DTYPES = [np.dtype("float32"), jnp.zeros(2).dtype, np.float32, jnp.float32]


@pytest.mark.parametrize("dtype", [*DTYPES, jnp.dtype("bfloat16"), jnp.bfloat16, jnp.zeros(2, jnp.bfloat16).dtype])
def test_a_dtype_of_any_library_is_known_by_its_name(dtype):
    assert ve.named("ViViT-nano/8x2", dtype=dtype).dtype == ("float32" if dtype in DTYPES else "bfloat16")


@pytest.mark.parametrize("rate", [jnp.bfloat16(0.125), Fraction(1, 8), Decimal("0.125"), np.float16(0.125)])
@pytest.mark.parametrize("field", ["dropout", "attention_dropout", "stochastic_depth", "epsilon"])
def test_a_real_number_of_any_kind_is_stored_as_a_float(field, rate):
    assert getattr(toy_config(**{field: rate}), field) == 0.125
    assert json.loads(json.dumps(to_json(toy_config(**{field: rate}))))[field] == 0.125


@pytest.fixture
def without_types():
    """What a reader has: in this suite the signatures refuse values of other types before the library does."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.usefixtures("without_types")
@pytest.mark.parametrize("value", [None, "8", 8.0, True, np.float32(8), np.array([8]), np.bool_(True), [8]])
@pytest.mark.parametrize("field", ["frames", "size", "width", "heads", "tubelet", "classes"])
def test_what_is_no_whole_number_is_refused_by_the_name_of_its_field(field, value):
    if field == "tubelet" or (field == "size" and isinstance(value, list | np.ndarray)):
        value = (2, value, 4)
    with pytest.raises(ValueError, match=rf"^{field} must be (a |positive )whole number"):
        ve.ViViTConfig(**{field: value})


@pytest.mark.usefixtures("without_types")
@pytest.mark.parametrize("field", ["dropout", "attention_dropout", "stochastic_depth", "epsilon"])
@pytest.mark.parametrize("value", [None, "0.1", float("nan"), [0.1]])
def test_what_is_no_rate_is_refused_by_the_name_of_its_field(field, value):
    with pytest.raises(ValueError, match=rf"^{field} must be (a number|in|above)"):
        toy_config(**{field: value})


def test_sampled_frames_are_for_the_uniform_tokeniser_and_at_most_the_clip_s():
    assert toy_config(tokeniser="uniform", sampled=5).grid == (5, 2, 3)
    assert toy_config(tokeniser="uniform", sampled=7, frames=7, tubelet=(9, 3, 4)).grid == (7, 2, 3)
    for fields, sentence in (
        ({"sampled": 4}, "sampled is for tokeniser 'uniform'; got 4 and 'tubelet'"),
        ({"sampled": 9, "tokeniser": "uniform"}, "of 8 frames, 9 cannot be sampled"),
        ({"sampled": 0, "tokeniser": "uniform"}, "sampled must be a whole number of at least 1; got 0"),
    ):
        with pytest.raises(ValueError, match=sentence):
            toy_config(**fields)
