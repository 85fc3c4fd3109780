"""Maps from a clip's patches to the answer: rollout, flow and relevance."""
