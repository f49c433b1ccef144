"""Small disks of our own for tests: a mount namespace in which a folder is a tmpfs or an ext4 of a few
megabytes, so that it can be full, read-only or gone without touching the machine."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_ROOT: Final = os.geteuid() == 0
#: Without root a user namespace gives the right to mount a tmpfs.
_UNSHARE: Final = ("unshare", "--mount", "--propagation", "private", *(() if _ROOT else ("--map-root-user",)))
_SHUTDOWN: Final = """
import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack("I", 2))
"""


@functools.cache
def mounts() -> bool:
    """Whether this machine lets us mount a tmpfs of our own."""
    return _succeeds([*_UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"])


@functools.cache
def disks() -> bool:
    """Whether it lets us mount an image, which a container mostly does not."""
    script = "f=$(mktemp); truncate -s 8M $f; mkfs.ext4 -q $f && mount -o loop $f /mnt; s=$?; rm $f; exit $s"
    return _ROOT and _succeeds([*_UNSHARE, "sh", "-c", script])


def _succeeds(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    except FileNotFoundError:
        return False


class Place:
    """A folder that is a file system of its own, seen only by what `enter` starts."""

    def __init__(self, folder: Path, megabytes: int, *, image: Path | None = None) -> None:
        self.folder, self._image = folder, image
        folder.mkdir(parents=True, exist_ok=True)
        self._keeper = subprocess.Popen([*_UNSHARE, "sleep", "infinity"], start_new_session=True)
        rights = () if _ROOT else ("--user", "--preserve-credentials")
        self.enter: Final = ("nsenter", f"--target={self._keeper.pid}", "--mount", *rights)
        self._wait()
        if image is None:
            self.run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder))
        else:
            with image.open("wb") as file:
                file.truncate(megabytes * 2**20)
            self.run("mkfs.ext4", "-q", str(image))
            self.mount()

    def _wait(self) -> None:
        """Until the keeper has left our namespace."""
        ours = os.readlink("/proc/self/ns/mnt")
        while os.readlink(f"/proc/{self._keeper.pid}/ns/mnt") == ours:
            assert self._keeper.poll() is None

    def run(self, *command: str) -> str:
        done = subprocess.run([*self.enter, *command], capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    def mount(self) -> None:
        self.run("mount", "-o", "loop,errors=remount-ro", str(self._image), str(self.folder))

    def unmount(self) -> None:
        self.run("umount", str(self.folder))

    def fill(self, *, leave: int) -> None:
        """Until `leave` bytes of room are left."""
        free = int(self.run("stat", "--file-system", "--format=%a", str(self.folder))) * 4096
        count = f"count={(free - leave) // 4096}"
        self.run("dd", "if=/dev/zero", f"of={self.folder}/ballast", "bs=4096", count)

    def empty(self) -> None:
        self.run("rm", "--force", f"{self.folder}/ballast")

    def fail(self) -> None:
        """The file system finds an error in itself and lets nobody write any more."""
        device = self.run("findmnt", "--noheadings", "--output=SOURCE", str(self.folder)).strip()
        Path(f"/sys/fs/ext4/{Path(device).name}/trigger_fs_error").write_text("a test")

    def shut_down(self) -> None:
        """The disk goes away, and with it what was never synced: from now on every access is an I/O error."""
        self.run("python3", "-c", _SHUTDOWN, str(self.folder))

    def close(self) -> None:
        os.killpg(self._keeper.pid, signal.SIGKILL)
        self._keeper.wait()
