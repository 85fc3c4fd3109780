"""Checks for the exercises: a student's function beside the library's, on random cases of unlike sizes.

Every check returns a `Result` that says "PASS", "not yet" (the stub raises NotImplementedError) or "FAIL"
with what is wrong; never the answer.
"""

from vivit_edu.teach.ch03_tokens import (
    check_cut_tubelets,
    check_embed_tubelets,
    check_grid,
    check_overlapping_tubelets,
    check_sample_frames,
)
from vivit_edu.teach.ch04_attention import (
    check_attention,
    check_attention_bytes,
    check_attention_in_parts,
    check_class_token,
    check_layer,
)
from vivit_edu.teach.ch09_starts import (
    check_central_frame,
    check_inflate,
    check_repeat_positions,
    check_resize_positions,
    check_silent_start,
)
from vivit_edu.teach.ch13_maps import check_distance, check_factorised_rollout, check_rollout
from vivit_edu.teach.ch14_evidence import (
    check_deletion_area,
    check_greedy,
    check_pointing,
    check_rank_correlation,
)
from vivit_edu.teach.result import Result

__all__ = [
    "Result",
    "check_attention",
    "check_attention_bytes",
    "check_attention_in_parts",
    "check_central_frame",
    "check_class_token",
    "check_cut_tubelets",
    "check_deletion_area",
    "check_distance",
    "check_embed_tubelets",
    "check_factorised_rollout",
    "check_greedy",
    "check_grid",
    "check_inflate",
    "check_layer",
    "check_overlapping_tubelets",
    "check_pointing",
    "check_rank_correlation",
    "check_repeat_positions",
    "check_resize_positions",
    "check_rollout",
    "check_sample_frames",
    "check_silent_start",
]
