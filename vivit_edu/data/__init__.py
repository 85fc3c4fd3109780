"""Clips: the embedded set, video files, and the pipeline from examples to batches."""

from vivit_edu.data import clips
from vivit_edu.data.clips import make_clips
from vivit_edu.data.example import Example
from vivit_edu.data.pipeline import batches, normalise
from vivit_edu.data.video import Clip, VideoInfo, read_clip, read_frames, video_info, write_clip

__all__ = [
    "Clip",
    "Example",
    "VideoInfo",
    "batches",
    "clips",
    "make_clips",
    "normalise",
    "read_clip",
    "read_frames",
    "video_info",
    "write_clip",
]
