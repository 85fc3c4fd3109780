"""Video files: frames by time, exact to the frame, and H.264 files from frames."""

from vivit_edu.data.video.clip import Clip
from vivit_edu.data.video.reading import VideoInfo, read_clip, read_frames, video_info
from vivit_edu.data.video.writing import write_clip

__all__ = ["Clip", "VideoInfo", "read_clip", "read_frames", "video_info", "write_clip"]
