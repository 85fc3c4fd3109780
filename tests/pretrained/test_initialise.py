"""The released code's initialisations, tensor by tensor; the paper's claims about them; and what is refused."""

import dataclasses

import golden_files
import jax
import numpy as np
import pytest
from flax import nnx
from toys import BODIES, randomise, toy_clips, toy_config, toy_model

import vivit_edu as ve
from vivit_edu.pretrained import initialise_from_vit, initialise_from_vivit, plan
from vivit_edu.pretrained.fit import places


def arrays(model):
    return {name: np.asarray(param[...]) for name, param in places(model).items()}


def initialise(models, options):
    start = initialise_from_vit if models["src"].config.frames == 1 else initialise_from_vivit
    return start(models["before"], models["src"], **options)


@pytest.mark.parametrize("path", golden_files.files("init_*.npz"), ids=lambda path: path.stem)
def test_every_parameter_is_as_in_the_released_code(path):
    models, options = golden_files.initialisation_of(np.load(path))
    ours, theirs = arrays(initialise(models, options)), arrays(models["after"])
    assert ours.keys() == theirs.keys()
    for name in theirs:  # resized positions are float32 products summed in another order
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("path", golden_files.files("init_*.npz"), ids=lambda path: path.stem)
def test_logits_are_those_of_the_released_code(path):
    golden = np.load(path)
    if "logits" not in golden:
        pytest.skip("the arrays kept here are cut to a few columns, for which there are no logits")
    models, options = golden_files.initialisation_of(golden)
    with jax.default_matmul_precision("highest"):
        logits = initialise(models, options)(golden["video"])
    np.testing.assert_allclose(logits, golden["logits"], rtol=0, atol=1e-5)  # the reference's float32 errs by 2.8e-6
