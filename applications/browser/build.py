"""Make the runtime that the pages of `sepzoo export --to browser` hold: LiteRT's, from its npm packages.

Needs npm and a registry. It installs what package-lock.json says, each package by its hash, into a temporary folder,
and writes one script, one compressed WebAssembly, the licence, and what all this is, with hashes, into the sepzoo
package.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RUNTIME = ROOT / "sepzoo" / "export" / "page" / "runtime"

VARIANT = "litert_wasm_compat_internal"
"""Of LiteRT's builds the one without relaxed SIMD: it runs in every browser, and gives the same numbers in each."""


def build(folder: Path) -> None:
    """Write the runtime into a folder."""
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        for name in ("package.json", "package-lock.json", "runtime.js"):
            shutil.copy(HERE / name, work)
        run(work, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        source = work / "node_modules" / "@litertjs" / "core" / "wasm"
        bundler, common = "node_modules/.bin/esbuild", ("--minify", "--charset=ascii", "--log-level=warning")
        run(work, bundler, str(source / f"{VARIANT}.js"), "--outfile=build/glue.txt", *common)
        run(work, bundler, "runtime.js", "--bundle", "--format=iife", "--global-name=litert", *common,
            "--outfile=build/runtime.js")  # fmt: skip
        script = (work / "build" / "runtime.js").read_bytes()
        wasm = (source / f"{VARIANT}.wasm").read_bytes()
        locked = json.loads((work / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "runtime.js").write_bytes(script)
    (folder / "runtime.wasm.gz").write_bytes(gzip.compress(wasm, 9, mtime=0))
    shutil.copy(ROOT / "LICENSE", folder / "LICENSE")  # the text of Apache-2.0, which the packages name and don't carry
    packages = {
        name.removeprefix("node_modules/"): {key: entry[key] for key in ("version", "license", "integrity")}
        for name, entry in locked.items()
        if name.startswith("node_modules/@litertjs/")
    }
    about = {"packages": packages, "sha256": {"runtime.js": digest(script), "runtime.wasm": digest(wasm)}}
    (folder / "about.json").write_text(f"{json.dumps(about, indent=1)}\n", encoding="utf-8")


def run(work: Path, *command: str) -> None:
    """Run a command in a folder."""
    subprocess.run(command, cwd=work, check=True)


def digest(content: bytes) -> str:
    """Return the SHA-256 of bytes; of the WebAssembly before it is compressed, which not every zlib does alike."""
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    build(RUNTIME)
    print(*(f"{path.relative_to(ROOT)}  {path.stat().st_size:,} bytes" for path in sorted(RUNTIME.iterdir())), sep="\n")
