"""What several tests of explanations ask about: one toy Model 2, and its attention on the toy clips."""

import pytest
from toys import toy_clips, toy_model

import vivit_edu as ve


@pytest.fixture(scope="module")
def model():
    return toy_model(body="factorised_encoder")


@pytest.fixture(scope="module")
def records(model):
    return ve.explain.record_attention(model, toy_clips(model.config))[1]
