"""The shape of the house: what a reviewer forgets, these remember.

Whoever has a good reason for an exception writes it here, beside the rule.
"""

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.scratch import ROOT

PACKAGES = ("geo", "routing", "reporting", "workers")
#: Lines after which a module should be looked at twice (style.md, section 6), and those that have
#: been: file → why it is one subject.
LINES = 400
LONG: dict[str, str] = {}
#: Where an error of any kind may be caught, and why: each is the outermost of its process.
OUTERMOST = {
    "reporting/web/observe.py": "the last net of a request",
    "workers/jobs/handling.py": "the last net of a job",
    "workers/pump.py": "one bad row must not stop the others",
    "workers/confined/inside.py": "a damaged picture may make a decoder raise anything",
}
#: Who touches the environment besides ``Settings``, and why.
ENVIRONMENT = {
    "reporting/commands/schema.py": "hands it on to Alembic, in a process of its own",
    "reporting/commands/demo.py": "where ./dev keeps the demo's log-ins; no setting of a process",
    "reporting/metrics.py": "sets prometheus-client's own variable for the processes it starts",
}
#: Libraries that only some may speak; the rest of the house goes through them.
TONGUES = {
    "arq": {"workers"},
    "firebase_admin": {"workers"},
    "fastapi": {"reporting.web", "reporting.app", "reporting.process"},
    "starlette": {"reporting.web", "reporting.app"},
    "redis": {"reporting.web", "reporting.app", "workers"},
    "typer": {"reporting.cli", "reporting.commands"},
    "uvicorn": {"reporting.commands"},
    "PIL": {"reporting.images", "workers"},
    "pyogrio": {"geo.boundaries"},
    "alembic": {"reporting.commands"},
}


def modules() -> Iterator[tuple[Path, str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            yield path, name, ast.parse(path.read_text(), name)


def dotted(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module, node.lineno


def test_the_import_contracts_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [sys.executable, str(linter), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert "Contracts:" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", PACKAGES)
def test_packages_are_this_repository_s(name: str) -> None:
    """geo, routing, reporting and workers exist on PyPI too."""
    found = importlib.import_module(name).__file__
    assert found is not None
    assert Path(found).parent == ROOT / name


def test_no_relative_and_no_late_import_of_our_own() -> None:
    """An import inside a function is how a circle hides."""
    wrong = []
    for _, name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                wrong.append(f"{name}:{node.lineno} relative")
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                wrong += [
                    f"{name}:{line} imports {what} inside {node.name}"
                    for what, line in imported(node)
                    if what.split(".")[0] in PACKAGES
                ]
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
                wrong += [
                    f"{name}:{line} hides {what} from the running program"
                    for what, line in imported(node)
                    if what.split(".")[0] in PACKAGES
                ]
    assert not wrong, "\n".join(wrong)


def test_libraries_are_spoken_where_they_belong() -> None:
    wrong = []
    for _, name, tree in modules():
        for what, line in imported(tree):
            allowed = TONGUES.get(what.split(".")[0])
            here = dotted(name)
            if allowed and not any(here == each or here.startswith(f"{each}.") for each in allowed):
                wrong.append(f"{name}:{line} imports {what}")
    assert not wrong, "\n".join(wrong)


def test_nothing_below_the_web_imports_it() -> None:
    above = {"reporting.app", "reporting.process", "reporting.openapi_file"}
    wrong = [
        f"{name}:{line}"
        for _, name, tree in modules()
        for what, line in imported(tree)
        if what.startswith("reporting.web")
        and not dotted(name).startswith("reporting.web")
        and dotted(name) not in above
    ]
    assert not wrong


def test_errors_are_caught_by_name() -> None:
    wrong, unused = [], set(OUTERMOST)
    for _, name, tree in modules():
        for node in ast.walk(tree):
            if not isinstance(node, ast.ExceptHandler):
                continue
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            broad = any(
                kind is None or (isinstance(kind, ast.Name) and kind.id in BROAD) for kind in kinds
            )
            # Tidying up, and then raising it again, is no catching.
            broad = broad and ast.dump(node.body[-1]) != ast.dump(ast.Raise())
            if broad and name in OUTERMOST:
                unused.discard(name)
            elif broad:
                wrong.append(f"{name}:{node.lineno}")
    assert not wrong, "\n".join(wrong)
    assert not unused, f"no longer needed: {unused}"


BROAD = {"Exception", "BaseException"}


def test_environment_is_read_by_settings_alone() -> None:
    wrong = []
    for path, name, _ in modules():
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if re.search(r"\bos\.(environ|getenv)\b", line) and name not in ENVIRONMENT:
                wrong.append(f"{name}:{number}: {line.strip()}")
    assert not wrong, "\n".join(wrong)


def test_a_module_is_one_subject_and_says_which() -> None:
    wrong, unused = [], set(LONG)
    for path, name, tree in modules():
        lines = len(path.read_text().splitlines())
        if lines > LINES:
            unused.discard(name)
            if name not in LONG:
                wrong.append(f"{name}: {lines} lines")
        if tree.body and ast.get_docstring(tree) is None:
            wrong.append(f"{name}: no docstring")
        if path.stem in {"utils", "util", "common", "helpers", "misc"}:
            wrong.append(f"{name}: a drawer for everything")
    assert not wrong, "\n".join(wrong)
    assert not unused, f"no longer needed: {unused}"


def test_sql_binds_every_value() -> None:
    """An f-string handed to execute is how a value gets into a statement."""
    wrong = []
    for _, name, tree in modules():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"execute", "executemany", "copy"}
                and node.args
                and isinstance(node.args[0], ast.JoinedStr | ast.BinOp)
            ):
                wrong.append(f"{name}:{node.lineno}")
    assert not wrong, "\n".join(wrong)


def test_every_level_of_the_tests_is_a_package() -> None:
    """Without it tests/reporting would hide the package reporting."""
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [str(each) for each in folders if not (each / "__init__.py").exists()] == []
