"""Small file systems in memory, which only root can mount."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


class Disk:
    """A file system of so many bytes.

    Args:
        place: an empty folder to mount it on.
        size: in bytes, rounded up to pages.
    """

    def __init__(self, place: Path, size: int) -> None:
        self.place = place
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "sepzoo-test", str(place)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"a disk of its own size, which root can mount: {done.stderr.strip()}")

    def remount(self, options: str) -> None:
        """Change its options, such as `ro` or `size=1g`."""
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.place)], check=True)

    def unmount(self) -> None:
        """Take it away."""
        subprocess.run(["umount", "--lazy", str(self.place)], check=True)


def mounted(tmp_path: Path, size: int) -> Iterator[Disk]:
    """Yield a disk, for fixtures."""
    place = tmp_path / "disk"
    place.mkdir()
    disk = Disk(place, size)
    try:
        yield disk
    finally:
        disk.unmount()
