"""Attention flow against the smallest of all cuts."""

from functools import reduce

import numpy as np
import pytest
from toys import POOLED, toy_clips, toy_model

import vivit_edu as ve
from vivit_edu.explain.follow.flow import _patches, _pipes, attention_flow, most


def smallest_cut(pipes, sink):
    """The least width that parts source and sink, by trying every way of parting the nodes in two."""
    sizes = [1, *(pipe.shape[1] for pipe in pipes)]
    first = np.cumsum([0, *sizes])
    whole = np.zeros((first[-1], first[-1]))
    for level, pipe in enumerate(pipes):
        whole[first[level] : first[level + 1], first[level + 1] : first[level + 2]] = pipe
    others = [node for node in range(1, first[-1]) if node != sink]
    least = np.inf
    for choice in range(2 ** len(others)):
        near = np.zeros(first[-1], bool)
        near[0] = True
        near[others] = choice >> np.arange(len(others)) & 1
        least = min(least, whole[near][:, ~near].sum())
    return least


def test_flow_is_the_smallest_cut():
    rng = np.random.default_rng(0)
    pipes = [np.eye(1, 3), rng.dirichlet(np.ones(3), 3), rng.dirichlet(np.ones(4), 3)]
    flows = most(pipes)
    expected = [smallest_cut(pipes, 1 + 3 + 3 + node) for node in range(4)]
    np.testing.assert_allclose(flows, expected, atol=1e-6)  # widths are counted in 2^-24


@pytest.mark.parametrize(("body", "pool"), POOLED)
def test_graph_and_rollout_tell_the_same_product(body, pool):
    model = toy_model(body=body, pool=pool)
    records = ve.explain.record_attention(model, toy_clips(model.config))[1]
    maps, flows = ve.explain.rollout(records), attention_flow(records)
    for clip in range(2):
        product = reduce(np.matmul, _pipes(records, 0.5, clip))[0, _patches(records)]
        np.testing.assert_allclose(product.reshape(4, 2, 3), maps[clip], rtol=1e-5)  # rows sum to 1 in float32
    assert flows.shape == maps.shape and flows.max() <= 1
    assert (flows >= maps - 1e-6).all()  # what rollout sends down is a flow, and there is none larger


def test_large_graphs_are_refused():
    model = toy_model(depth=8)
    records = ve.explain.record_attention(model, toy_clips(model.config))[1]
    with pytest.raises(ValueError, match="at most 200 nodes; this one has 226"):
        attention_flow(records)
