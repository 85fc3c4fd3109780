"""The embedded set: what happens in its clips, how they are drawn, annotated and written."""

from vivit_edu.data.clips.annotations import NOUNS
from vivit_edu.data.clips.embedded import SPLITS, Truth, examples, make_clips, truth
from vivit_edu.data.clips.verbs import KINDS, PAIRS, VERBS

__all__ = ["KINDS", "NOUNS", "PAIRS", "SPLITS", "VERBS", "Truth", "examples", "make_clips", "truth"]
