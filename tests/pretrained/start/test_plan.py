"""The plan of an initialisation accounts for every parameter, and draws as a table."""

import numpy as np
import pytest
from toys import POOLED, arrays_of, toy_image_model, toy_model

from vivit_edu.pretrained import initialise_from_vit, plan


@pytest.mark.parametrize(("body", "pool"), POOLED)
@pytest.mark.parametrize("theirs", ["class_token", "mean"])
def test_every_parameter_is_accounted_for(body, pool, theirs):
    model, vit = toy_model(body=body, pool=pool), toy_image_model(pool=theirs)
    told = plan(model, vit)
    assert [origin.place for origin in told] == sorted((o.place for o in told), key=[o.place for o in told].index)
    assert {origin.place: origin.shape for origin in told} == {k: v.shape for k, v in arrays_of(model).items()}
    assert sum(told.counts().values()) == len(told) == len(arrays_of(model))
    assert {origin.source for origin in told} - {None} | set(told.unused) == arrays_of(vit).keys()


@pytest.mark.parametrize(("body", "pool"), POOLED)
def test_the_plan_says_what_is_done(body, pool):
    model, vit = toy_model(seed=3, body=body, pool=pool), toy_image_model()
    before, told = arrays_of(model), plan(model, vit)
    after = arrays_of(initialise_from_vit(model, vit))
    theirs = arrays_of(vit)
    for origin in told:
        kept = np.array_equal(after[origin.place], before[origin.place])
        assert kept == (origin.rule == "new"), origin
        if origin.rule == "copied":
            np.testing.assert_array_equal(after[origin.place], theirs[origin.source])
        if origin.rule == "zero":
            assert not after[origin.place].any()


def test_the_rules_are_named():
    told = plan(toy_model(body="factorised_self_attention", size=(9, 12)), toy_image_model(), temporal="zero")
    assert told["tokenise/kernel"].rule == "central frame (Eq. 9)"
    rule = "resized from (2, 3) to (3, 3) (nh, nw), repeated 4 times in time, class token's left out"
    assert told["body/encoder/positions"].rule == rule
    assert told.counts()["zero"] == 16
    with pytest.raises(KeyError, match="no parameter 'body/nothing'"):
        told["body/nothing"]


def test_what_would_compute_otherwise_is_noted():
    assert plan(toy_model(), toy_image_model()).notes == ()
    (note,) = plan(toy_model(), toy_image_model(gelu="exact")).notes
    assert note.startswith("gelu is exact in ViT-") and "tanh here" in note


def test_the_plan_reads_as_a_table():
    told = plan(toy_model(body="factorised_self_attention", gelu="exact"), toy_image_model())
    text, page = str(told), told._repr_html_()
    assert text.splitlines()[0].startswith("59 parameters of ViViT-d8-L2-A2/(3, 4)x2 FSA: 37 from ViT-")
    for part in ("body/encoder/blocks/…/time/out", "zero", "repeated 4 times in time", "gelu is"):
        assert part in text and part in page
    assert page.count("<tr") == 1 + len(text.splitlines()) - 2  # heading, and lines but for summary and note
