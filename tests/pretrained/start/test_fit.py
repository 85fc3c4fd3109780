"""Nothing is left random in silence: names and shapes that do not fit are listed."""

import numpy as np
import pytest
from toys import toy_config, toy_model

import vivit_edu as ve
from vivit_edu.pretrained.start.fit import fit, places


def arrays(model):
    return {name: np.asarray(param[...]) for name, param in places(model).items()}


def test_every_parameter_moves_from_one_model_to_another():
    one, two = toy_model(seed=1), toy_model(seed=2)
    fit(two, arrays(one), source="model one")
    for name, value in arrays(one).items():
        np.testing.assert_array_equal(arrays(two)[name], value)


def test_missing_and_unused_names_are_both_listed_and_nothing_changes():
    model = toy_model()
    before = arrays(model)
    broken = {**before, "extra/kernel": np.zeros(3)}
    del broken["heads/output/bias"]
    with pytest.raises(KeyError, match=r"missing \['heads/output/bias'\]; unused \['extra/kernel'\]"):
        fit(model, broken, source="a file")
    np.testing.assert_array_equal(arrays(model)["tokenise/kernel"], before["tokenise/kernel"])


def test_a_wrong_shape_is_refused_with_both_shapes():
    model = toy_model()
    broken = arrays(model) | {"heads/output/bias": np.zeros(4)}
    with pytest.raises(ValueError, match=r"heads/output/bias is \(4,\), expected \(5,\)"):
        fit(model, broken, source="a file")


@pytest.mark.parametrize("nested", [True, False])
def test_scenic_parameters_may_be_nested_or_joined(nested):
    params = {"embedding": {"kernel": np.zeros((2, 3, 4, 3, 8)), "bias": np.zeros(8)}}
    params = params if nested else {f"embedding/{k}": v for k, v in params["embedding"].items()}
    with pytest.raises(KeyError, match=r"missing \['body/encoder/blocks.*unused nothing"):
        ve.pretrained.from_scenic(params, toy_config())


def test_a_checkpoint_of_another_body_is_refused():
    params = {f"SpatialTransformer/encoder_norm/{leaf}": np.zeros(8) for leaf in ("bias", "scale")}
    with pytest.raises(KeyError, match=r"unused \['SpatialTransformer/encoder_norm/bias', 'SpatialTransformer"):
        ve.pretrained.from_scenic(params, toy_config())
