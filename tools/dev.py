"""The commands of ./dev.

setup               environments and browser files, without starting anything
coopnode [arguments] the program itself, from this checkout
run [arguments]     a node on this machine with its data in ./data; arguments go to `coopnode run`
     --demo         a cooperative of forty invented people to try it on, in ./data-demo
test [arguments]    the quick suite; arguments go to pytest
     --all          everything: long tests, larger searches, the independent COSE implementation
     --no-browser   without the tests that need Chromium
     --no-postgresql  without those that need PostgreSQL
check               format, lint, types and layers: what has to hold before a commit
format              puts imports and layout right
assets [--force]    builds web/static/build from assets/
bench [arguments]   measures this machine (tests/benchmarks)
wheel               builds dist/: the wheel, its locked dependencies, deploy/, digests of all
lock [--upgrade]    writes locks/*.txt and package-lock.json anew from locks/*.in and package.json
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tools import assets
from tools.environments import ROOT, Trouble, environment, python_of, say

PACKAGES = ("protocol", "federation", "coopnode", "web")
LOCKS = ("run", "dev", "build", "oracle")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER_PACKAGES = ("chromium", "fonts-dejavu-core")
DATABASE_PACKAGES = ("postgresql",)


def main(arguments: Sequence[str]) -> int:
    commands = {
        "run": run, "test": test, "check": check, "bench": bench, "lock": lock,
        "format": layout, "setup": setup, "assets": build_assets, "coopnode": program,
        "wheel": wheel,
    }  # fmt: skip
    name, rest = (arguments[0], list(arguments[1:])) if arguments else ("help", [])
    if name in {"help", "-h", "--help"}:
        print(__doc__.replace("The commands of ./dev.", "./dev COMMAND").strip())
        return 0
    if name not in commands:
        say(f"there is no command “{name}”; ./dev lists them")
        return 2
    try:
        return commands[name](rest)
    except Trouble as trouble:
        say(str(trouble))
        return 1
    except KeyboardInterrupt:
        return 130


def node_python() -> Path:
    """The environment in which a node runs. The developers' one contains it."""
    return importable(environment(".venv", "run", enough=["dev"]))


def developer_python() -> Path:
    return importable(environment(".venv", "dev"))


def importable(python: Path) -> Path:
    """The checkout itself becomes importable from anywhere, and `coopnode` a command of the environment."""
    (site,) = python.parent.parent.glob("lib/python3.*/site-packages")
    path, command = site / "coopnode-checkout.pth", python.with_name("coopnode")
    if not path.exists():
        path.write_text(f"{ROOT}\n", "utf-8")
    if not command.exists():
        text = f"#!{python}\nimport sys\n\nfrom coopnode.__main__ import main\n\nsys.exit(main())\n"
        command.write_text(text, "utf-8")
        command.chmod(0o755)
    return python


def setup(rest: list[str]) -> int:
    refuse(rest)
    developer_python()
    assets.build()
    return 0


def run(rest: list[str]) -> int:
    python = node_python()
    assets.build()
    # -P: what lies in the folder one happens to be in is not imported
    command = [str(python), "-P", "-m", "coopnode", "run", *data_folder(rest), *rest]
    sys.stdout.flush()
    os.execv(command[0], command)


def program(rest: list[str]) -> int:
    """The program itself, from this checkout."""
    command = [str(node_python()), "-P", "-m", "coopnode", *rest]
    sys.stdout.flush()
    os.execv(command[0], command)


def data_folder(rest: Sequence[str]) -> list[str]:
    if any(each == "--data" or each.startswith("--data=") for each in rest):
        return []
    name = "data-demo" if "--demo" in rest else "data"
    return ["--data", os.path.join(os.path.relpath(ROOT), name)]


def build_assets(rest: list[str]) -> int:
    force = "--force" in rest
    refuse([each for each in rest if each != "--force"])
    assets.build(force)
    return 0


def test(rest: list[str]) -> int:
    everything, browser, server = "--all" in rest, "--no-browser" not in rest, "--no-postgresql" not in rest
    rest = [each for each in rest if each not in {"--all", "--no-browser", "--no-postgresql"}]
    python = developer_python()
    assets.build()
    surroundings = dict(os.environ)
    node = str(ROOT / ".venv-build" / "bin" / "node")
    surroundings["COOPNODE_NODE"] = node
    # Playwright's own copy of Node.js needs libatomic, which a small Debian does not have
    surroundings.setdefault("PLAYWRIGHT_NODEJS_PATH", node)
    command = [str(python), "-m", "pytest", "-n", "2", "--dist", "worksteal"]
    if browser:
        surroundings["COOPNODE_CHROMIUM"] = chromium()
    else:
        command += ["--ignore=tests/browser"]
    left_out: list[str] = []
    if not mountable():
        say("no disk can be mounted here, which takes root: tests of disks are left out")
        left_out.append("not mounts")
    if server:
        surroundings["COOPNODE_POSTGRESQL"] = str(postgresql())
    else:
        left_out.append("not postgresql")
    if everything:
        surroundings["COOPNODE_ORACLE_PYTHON"] = str(environment(".venv-oracle", "oracle"))
        command += ["--hypothesis-profile=all"]
    else:
        left_out.append("not long")
    if left_out:
        command += ["-m", " and ".join(left_out)]
    return subprocess.run([*command, *rest], cwd=ROOT, env=surroundings).returncode


def mountable() -> bool:
    """Whether a test may have an image mounted as its disk. A container mostly lets nobody."""
    asked = [node_python(), "-c", "import sys; from tests.faults.places import disks; sys.exit(not disks())"]
    return subprocess.run([str(each) for each in asked], cwd=ROOT).returncode == 0


def chromium() -> str:
    """A browser of this machine; on Debian it is installed where that takes no question."""
    found = find_browser()
    if found is None and shutil.which("apt-get"):
        install(BROWSER_PACKAGES, "the browser tests")
        found = find_browser()
    if found is None:
        raise Trouble(
            "The browser tests need Chromium. Install it (Debian: apt install "
            + " ".join(BROWSER_PACKAGES)
            + "), "
            "or name one in COOPNODE_CHROMIUM, or leave these tests out: ./dev test --no-browser"
        )
    return found


def find_browser() -> str | None:
    named = os.environ.get("COOPNODE_CHROMIUM")
    if named:
        return named
    on_mac = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
    return next(filter(None, map(shutil.which, (*BROWSERS, on_mac))), None)


def postgresql() -> Path:
    """The folder of PostgreSQL's server; on Debian it is installed where that takes no question."""
    found = find_postgresql()
    if found is None and shutil.which("apt-get"):
        install(DATABASE_PACKAGES, "the tests on PostgreSQL")
        found = find_postgresql()
    if found is None:
        raise Trouble(
            "Some tests need PostgreSQL's server. Install it (Debian: apt install "
            + " ".join(DATABASE_PACKAGES)
            + "), or name the folder of initdb and postgres in COOPNODE_POSTGRESQL, "
            "or leave these tests out: ./dev test --no-postgresql"
        )
    return found


def find_postgresql() -> Path | None:
    """Debian keeps them off the path, by version."""
    named = os.environ.get("COOPNODE_POSTGRESQL")
    if named:
        return Path(named)
    debian = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(debian, key=lambda path: int(re.sub(r"\D", "", path.parts[-3]) or 0), default=None)
    found = newest or shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def install(packages: Sequence[str], purpose: str) -> None:
    if os.geteuid() == 0:
        rights: list[str] = []
    elif (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], stderr=subprocess.DEVNULL).returncode == 0
    ):
        rights = ["sudo", "-n"]
    else:
        return
    say("installing " + " and ".join(packages) + f" by apt for {purpose}")
    apt = [*rights, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet", "--quiet"]
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        subprocess.run([*apt, *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def check(rest: list[str]) -> int:
    refuse(rest)
    scripts = developer_python().parent
    typed = [name for name in (*PACKAGES, "tools", "tests") if list((ROOT / name).rglob("*.py"))]
    steps: tuple[tuple[str, list[str | Path]], ...] = (
        ("format", [scripts / "ruff", "format", "--check", "."]),
        ("lint", [scripts / "ruff", "check", "--output-format=concise", "."]),
        ("types", [scripts / "mypy", *typed]),
        ("layers", [scripts / "lint-imports"]),
    )
    failed = [name for name, command in steps if not passes(name, command)]
    print("check: " + (f"FAILED: {', '.join(failed)}" if failed else "all is well"), flush=True)
    return 1 if failed else 0


def passes(name: str, command: Sequence[str | Path]) -> bool:
    began = time.monotonic()
    done = subprocess.run(
        [str(each) for each in command], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        print(done.stdout.rstrip())
    print(f"{name:8}{'FAILED' if done.returncode else 'ok':8}{time.monotonic() - began:6.1f} s", flush=True)
    return done.returncode == 0


def layout(rest: list[str]) -> int:
    refuse(rest)
    ruff = str(developer_python().with_name("ruff"))
    fixed = subprocess.run([ruff, "check", "--fix", "--quiet", "."], cwd=ROOT).returncode
    return subprocess.run([ruff, "format", "."], cwd=ROOT).returncode or fixed


def bench(rest: list[str]) -> int:
    python = developer_python()
    assets.build()
    # Where it was called: a file named by --json is meant to be there.
    found = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([str(python), "-m", "tests.benchmarks", *rest], env=found).returncode


def wheel(rest: list[str]) -> int:
    """A release: the wheel with the browser files in it, what it needs with digests, the files to run it."""
    refuse(rest)
    python, target = developer_python(), ROOT / "dist"
    assets.build()
    shutil.rmtree(target, ignore_errors=True)
    built = [str(python), "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target)]
    subprocess.run(built, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    shutil.copyfile(ROOT / "locks" / "run.txt", target / "requirements.txt")
    shutil.copytree(ROOT / "deploy", target / "deploy")
    files = sorted(path for path in target.rglob("*") if path.is_file())
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(target)}\n" for path in files
    ]
    (target / "SHA256SUMS").write_text("".join(sums), "utf-8")
    say(f"{next(target.glob('*.whl')).relative_to(ROOT)} and {len(files) - 1} files beside it are ready")
    return 0


def lock(rest: list[str]) -> int:
    upgrade = "--upgrade" in rest
    refuse([each for each in rest if each != "--upgrade"])
    # uv from the environment as it is: the lock that would mend it may be what is being written
    python = python_of(ROOT / ".venv")
    if not python.with_name("uv").exists():
        python = developer_python()
    for name in LOCKS:
        uv = [
            str(python.with_name("uv")), "pip", "compile", "--quiet", "--universal",
            "--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate",
            "--no-emit-index-url", "--no-emit-find-links",
            *(["--upgrade"] if upgrade else []), f"{name}.in", "--output-file", f"{name}.txt",
        ]  # fmt: skip
        subprocess.run(uv, cwd=ROOT / "locks", check=True, stdout=subprocess.DEVNULL)
        say(f"locks/{name}.txt is written")
    environment(".venv-build", "build")
    assets.npm(
        "update" if upgrade else "install",
        "--package-lock-only",
        "--ignore-scripts",
        what="npm (package-lock.json)",
    )
    strip_addresses(ROOT / "package-lock.json")
    say("package-lock.json is written")
    carrying = [path.name for path in locks_written() if re.search(r"https?://", path.read_text("utf-8"))]
    if carrying:
        raise Trouble(f"addresses do not belong in a lock: {', '.join(carrying)}")
    return 0


def locks_written() -> list[Path]:
    return [*(ROOT / "locks" / f"{name}.txt" for name in LOCKS), ROOT / "package-lock.json"]


def strip_addresses(path: Path) -> None:
    """npm notes where to give money; names, versions and digests are all that belongs in a lock."""
    locked = json.loads(path.read_text("utf-8"))
    for package in locked["packages"].values():
        for key in ("funding", "resolved"):
            package.pop(key, None)
    path.write_text(json.dumps(locked, indent=2, ensure_ascii=False) + "\n", "utf-8")


def refuse(rest: Sequence[str]) -> None:
    if rest:
        raise Trouble(f"this command does not know {' '.join(rest)}")
