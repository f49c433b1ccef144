"""Virtual environments made from the hashed locks, each with a stamp, so that a second start costs nothing.

A stamp names the lock and the digest of lock and place: another lock is installed over the old one (and
what it no longer names is removed), a checkout that was moved gets a new environment.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

NO_VENV = (
    "This Python ({python}) cannot make virtual environments: its module {module} is missing.\n"
    "On Debian and Ubuntu: apt install python3-venv"
)


class Trouble(Exception):
    """Something the person at the keyboard has to know or do; shown without a traceback."""


def say(text: str) -> None:
    print(f"dev: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Two ./dev at the same time take turns at installing and building."""
    with open(ROOT / ".dev.lock", "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another ./dev is installing or building; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def python_of(folder: Path) -> Path:
    return folder / "bin" / "python"


def stamp_for(lock: str) -> str:
    content = (ROOT / "locks" / f"{lock}.txt").read_bytes()
    return f"{lock} {hashlib.sha256(content + os.fsencode(ROOT)).hexdigest()}\n"


def read_stamp(folder: Path) -> str:
    try:
        return (folder / ".stamp").read_text("utf-8") if python_of(folder).exists() else ""
    except OSError:
        return ""


def environment(name: str, lock: str, enough: Sequence[str] = ()) -> Path:
    """The Python of the environment `name`, which has what `lock` names; made or mended where it is not so.

    `enough`: locks that contain this one; an environment made from one of them is kept as it is.
    """
    folder = ROOT / name
    if read_stamp(folder) in {stamp_for(each) for each in (lock, *enough)}:
        return python_of(folder)
    with only_one():
        stamp = read_stamp(folder)
        if stamp not in {stamp_for(each) for each in (lock, *enough)}:
            # a stale richer environment stays rich
            make(folder, next((each for each in enough if stamp.startswith(f"{each} ")), lock))
    return python_of(folder)


def make(folder: Path, lock: str) -> None:
    began = time.monotonic()
    say(f"installing {folder.name} from locks/{lock}.txt (about a minute, and only when the lock changed)")
    (folder / ".stamp").unlink(missing_ok=True)
    python = python_of(folder)
    if not (python.exists() and works([str(python), "-m", "pip", "--version"]) and at_home(folder)):
        create(folder)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    locked = str(ROOT / "locks" / f"{lock}.txt")
    done = subprocess.run(
        [*pip, "install", "--quiet", "--retries", "2", "--require-hashes", "-r", locked],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode:
        raise Trouble(explain(done.stdout, folder.name))
    prune(pip, Path(locked))
    (folder / ".stamp").write_text(stamp_for(lock), "utf-8")
    say(f"{folder.name} is ready ({time.monotonic() - began:.0f} s)")


def works(command: Sequence[str]) -> bool:
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def at_home(folder: Path) -> bool:
    """Scripts of an environment carry its path: one that was moved or copied here does not work."""
    activate = folder / "bin" / "activate"
    return activate.exists() and str(folder) in activate.read_text("utf-8", errors="replace")


def create(folder: Path) -> None:
    missing = next((each for each in ("venv", "ensurepip") if importlib.util.find_spec(each) is None), None)
    if missing is None:
        command = [sys.executable, "-m", "venv", "--clear", str(folder)]
    elif importlib.util.find_spec("virtualenv") is not None:
        command = [sys.executable, "-m", "virtualenv", "--quiet", "--clear", str(folder)]
    else:
        raise Trouble(NO_VENV.format(python=sys.executable, module=missing))
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise Trouble(
            f"{done.stdout.strip()}\n" + NO_VENV.format(python=sys.executable, module="venv or ensurepip")
        )


def explain(output: str, name: str) -> str:
    """pip's own words, after a sentence that says what they mean."""
    if "DO NOT MATCH THE HASHES" in output:
        meaning = "A downloaded package is not the one that the lock names. It was not installed; tell us."
    elif re.search(r"connection|timed? ?out|resolution|proxy|from versions: none", output, re.IGNORECASE):
        meaning = (
            f"The Python packages for {name} could not be downloaded. The first start, and a start after "
            "the lock changed, need the network (or a mirror that pip is told of). Try again with it."
        )
    else:
        meaning = f"pip could not install {name}."
    noise = ("WARNING: Retrying", "    Expected", "        Expected")
    lines = [line for line in output.strip().splitlines() if not line.startswith(noise)]
    return meaning + "\n" + "\n".join(f"  pip: {line}" for line in lines[-8:])


def prune(pip: Sequence[str], lock: Path) -> None:
    """What no lock names must not be importable, or code would come to depend on it."""
    named = {
        plain(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text("utf-8"), re.MULTILINE)
    }
    listed = json.loads(subprocess.check_output([*pip, "list", "--format", "json"], text=True))
    extra = [
        each["name"] for each in listed if plain(each["name"]) not in named | {"pip", "setuptools", "wheel"}
    ]
    if extra:
        subprocess.run([*pip, "uninstall", "--quiet", "--yes", *extra], check=True)


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def digest(paths: Sequence[Path]) -> str:
    """One digest over names and contents."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(f"{path.relative_to(ROOT).as_posix()}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()
