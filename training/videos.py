"""Frames of a video file, by ffmpeg and ffprobe."""

from __future__ import annotations

import subprocess
from io import BytesIO
from pathlib import Path

from PIL import Image


def duration_of(path: Path) -> float:
    """Seconds, by ffprobe. Raises CalledProcessError for a file that it cannot read."""
    command = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(path)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def image_at(path: Path, seconds: float) -> Image.Image:
    """The frame shown at a time, RGB, turned upright. Raises ValueError where the clip shows none."""
    command = ["ffmpeg", "-v", "error", "-ss", f"{seconds:.6f}", "-i", str(path), "-frames:v", "1", "-f", "image2pipe"]
    command += ["-c:v", "ppm", "-"]
    shown = subprocess.run(command, check=True, capture_output=True).stdout
    if not shown:
        raise ValueError(f"{path.name} shows no frame at {seconds:.3f} s")
    return Image.open(BytesIO(shown)).convert("RGB")
