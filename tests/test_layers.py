"""The direction of flow: a module imports what stands before it, never what stands after.

Read from the source, so that an import counts wherever it stands: at the top, inside a function, or for
type checking only.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "resnet_bench"

# Units from first to last: a module, or a folder whose files may import one another. A unit may import
# only units before it. What several layers hand on (units, errors, results) comes first.
ORDER = (
    "units",
    "errors",
    "config",
    "records",
    "analysis",
    "runtime",
    "data",
    "model",
    "step",
    "evidence",
    "profile",
    "worker",
    "experiments",
    "report",
    "pytest_plugin",
    "cli",
)

# Where TensorFlow and Keras may be imported at all: what runs inside a worker process.
TENSORFLOW = {"tensorflow", "keras"}
TENSORFLOW_UNITS = {"runtime", "data", "model", "step", "evidence", "profile"}
TENSORFLOW_MODULES = {
    f"{PACKAGE}.worker.backends.tensorflow_session",
    f"{PACKAGE}.worker.backends.keras_reference",
}

# A worker reads the host and sets TensorFlow's environment with this, before it imports TensorFlow.
BEFORE_TENSORFLOW = f"{PACKAGE}.runtime"

# Code beside the package. Nothing imports tools; the package imports none of them.
BESIDE = {"benchmarks", "tests", "tools", "notebooks"}


@dataclass(frozen=True)
class Import:
    """One imported module, by its full name; `at_load` if importing the file imports it too."""

    target: str
    line: int
    at_load: bool


@dataclass(frozen=True)
class Source:
    """A parsed file: its dotted module name, what it imports and how it ends or prints."""

    name: str
    path: str
    imports: tuple[Import, ...]
    exits_and_prints: tuple[tuple[int, str], ...]

    @property
    def unit(self) -> str:
        """The part that `ORDER` lists; empty for the package's own __init__."""
        return f"{self.name}.".split(".")[1]


@dataclass
class Reader(ast.NodeVisitor):
    """Collects imports, and uses of print and exit, from one file."""

    package: str
    modules: frozenset[str]
    imports: list[Import] = field(default_factory=list)
    exits_and_prints: list[tuple[int, str]] = field(default_factory=list)
    deferred: int = 0

    def add(self, target: str, node: ast.AST) -> None:
        self.imports.append(Import(target, getattr(node, "lineno", 0), at_load=not self.deferred))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.add(alias.name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = node.module or ""
        if node.level:
            above = self.package.split(".")[: len(self.package.split(".")) - node.level + 1]
            base = ".".join([*above, base]).rstrip(".")
        for alias in node.names:
            whole = f"{base}.{alias.name}"
            # From the package itself, a name is a module of it, or something that its __init__ offers.
            self.add(whole if whole in self.modules or base == PACKAGE else base, node)
            if base == "sys" and alias.name == "exit":
                self.exits_and_prints.append((node.lineno, "sys.exit"))

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        first = node.args[0] if node.args else None
        if name in ("import_module", "__import__") and isinstance(first, ast.Constant) and isinstance(first.value, str):
            self.add(first.value, node)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load) and node.id in ("print", "exit", "quit", "SystemExit"):
            self.exits_and_prints.append((node.lineno, node.id))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.value, ast.Name) and (node.value.id, node.attr) == ("sys", "exit"):
            self.exits_and_prints.append((node.lineno, "sys.exit"))
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        test = node.test
        typing_only = getattr(test, "attr", getattr(test, "id", "")) == "TYPE_CHECKING"
        if not typing_only:
            self.generic_visit(node)
            return
        self.later(node.body)
        for item in node.orelse:
            self.visit(item)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for item in (*node.decorator_list, node.args):
            self.visit(item)
        self.later(node.body)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 (ast's own naming)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.later([node.body])

    def later(self, nodes: Iterable[ast.AST]) -> None:
        self.deferred += 1
        for node in nodes:
            self.visit(node)
        self.deferred -= 1


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def read_sources(root: Path, folder: str) -> list[Source]:
    """Every Python file under `root/folder`, in order of name."""
    paths = sorted((root / folder).rglob("*.py"))
    modules = frozenset(module_name(path, root) for path in paths)
    sources = []
    for path in paths:
        name = module_name(path, root)
        reader = Reader(name if path.name == "__init__.py" else name.rpartition(".")[0], modules)
        reader.visit(ast.parse(path.read_text(encoding="utf-8"), str(path)))
        where = str(path.relative_to(root))
        sources.append(Source(name, where, tuple(reader.imports), tuple(reader.exits_and_prints)))
    return sources


def unlisted(sources: list[Source]) -> list[str]:
    return [source.path for source in sources if source.unit and source.unit not in ORDER]


def backward_imports(sources: list[Source]) -> Iterator[str]:
    """Imports of what stands after, and of names that only the package's __init__ offers."""
    for source in sources:
        for item in source.imports:
            parts = item.target.split(".")
            if parts[0] != PACKAGE or item.target in (PACKAGE, f"{PACKAGE}.__version__"):
                continue
            here = f"{source.path}:{item.line}"
            if not source.unit:
                # The __init__ stands outside the order: it may look names up when asked, not load them.
                if item.at_load:
                    yield f"{here} loads {item.target} with the package"
            elif parts[1] not in ORDER:
                yield f"{here} imports {item.target}, which is no module in the list"
            elif source.unit in ORDER and ORDER.index(parts[1]) > ORDER.index(source.unit):
                yield f"{here} ({source.unit}) imports {parts[1]}, which stands after it"


def foreign_tensorflow(sources: list[Source]) -> Iterator[str]:
    for source in sources:
        if source.unit in TENSORFLOW_UNITS or source.name in TENSORFLOW_MODULES:
            continue
        for item in source.imports:
            if item.target.split(".")[0] in TENSORFLOW:
                yield f"{source.path}:{item.line} imports {item.target}"


def loads_tensorflow(sources: list[Source]) -> Iterator[str]:
    """Chains of imports that happen at load time, from what must load without TensorFlow to TensorFlow.

    That is everything but the worker-side units: the parent loads it, or a worker that has not yet set
    TensorFlow's environment.
    """
    known = {source.name: source for source in sources}
    for start in sources:
        if start.unit in TENSORFLOW_UNITS and start.name != BEFORE_TENSORFLOW:
            continue
        chains, seen = [[start.name]], {start.name}
        while chains:
            chain = chains.pop(0)
            for target in loaded_by(known[chain[-1]]):
                if target in TENSORFLOW:
                    yield " -> ".join([*chain, target])
                if target in known and target not in seen:
                    seen.add(target)
                    chains.append([*chain, target])


def loaded_by(source: Source) -> Iterator[str]:
    """What importing the file imports: a module's packages are loaded before the module."""
    for item in source.imports:
        if item.at_load:
            parts = item.target.split(".")
            yield from (".".join(parts[: n + 1]) for n in range(len(parts)))


def circles(sources: list[Source]) -> list[str]:
    """Modules that import one another, by whatever way and at whatever moment; each circle once, as its members.

    That a package's __init__ is loaded before its modules is no import of theirs; the whole package's own, which
    looks names up when asked, does not count.
    """
    names = {source.name for source in sources if source.unit}
    graph = {s.name: {item.target for item in s.imports} & names for s in sources if s.unit}
    found = [sorted(part) for part in strongly_connected(graph) if len(part) > 1]
    return [" <-> ".join(part) for part in sorted(found)]


def strongly_connected(graph: dict[str, set[str]]) -> list[set[str]]:
    """The parts of a graph whose members all reach one another."""
    reach: dict[str, set[str]] = {}
    for start in graph:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for following in graph[waiting.pop()] - seen:
                seen.add(following)
                waiting.append(following)
        reach[start] = seen
    parts: list[set[str]] = []
    for name in graph:
        if not any(name in part for part in parts):
            parts.append({name} | {other for other in reach[name] if name in reach[other]})
    return parts


def imports_of(sources: list[Source], folders: set[str]) -> Iterator[str]:
    for source in sources:
        for item in source.imports:
            if item.target.split(".")[0] in folders:
                yield f"{source.path}:{item.line} imports {item.target}"


# The tree as it is


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    found = read_sources(ROOT, PACKAGE)
    assert found
    return found


def test_every_module_has_a_place_in_the_order(sources: list[Source]) -> None:
    assert unlisted(sources) == []


def test_the_root_holds_few_files() -> None:
    files = sorted(path.name for path in (ROOT / PACKAGE).iterdir() if path.is_file())
    assert files == ["__init__.py", "errors.py", "py.typed", "pytest_plugin.py", "units.py"]


def test_imports_go_backward_only(sources: list[Source]) -> None:
    assert list(backward_imports(sources)) == []


def test_only_worker_side_modules_name_tensorflow(sources: list[Source]) -> None:
    assert list(foreign_tensorflow(sources)) == []


def test_the_parent_and_an_unconfigured_worker_load_no_tensorflow(sources: list[Source]) -> None:
    assert list(loads_tensorflow(sources)) == []


def test_no_modules_import_one_another(sources: list[Source]) -> None:
    assert circles(sources) == []


def test_only_the_command_line_prints_and_exits(sources: list[Source]) -> None:
    found = [f"{s.path}:{line} {what}" for s in sources if s.unit != "cli" for line, what in s.exits_and_prints]
    assert found == []


def test_the_package_imports_nothing_that_stands_beside_it(sources: list[Source]) -> None:
    assert list(imports_of(sources, BESIDE)) == []


@pytest.mark.parametrize("folder", ["benchmarks", "tests"])
def test_nothing_imports_tools(folder: str) -> None:
    assert list(imports_of(read_sources(ROOT, folder), {"tools"})) == []


# The reader itself, on packages made to break each rule


def package(root: Path, files: dict[str, str]) -> list[Source]:
    """Sources of a made-up package, by path inside it."""
    for name, text in {"__init__.py": "", **files}.items():
        path = root / PACKAGE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read_sources(root, PACKAGE)


@pytest.mark.parametrize(
    "text",
    [
        "import resnet_bench.experiments",
        "from resnet_bench import experiments",
        "from resnet_bench.experiments import run",
        "from . import experiments",
        "from .experiments import run",
        "from .worker.process import Worker",
        "from resnet_bench import Worker",
        "def late():\n    from resnet_bench import experiments",
        "late = lambda: __import__('resnet_bench.experiments')",
        "from importlib import import_module\nimport_module('resnet_bench.experiments')",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from resnet_bench.experiments import run",
        "import typing\nif typing.TYPE_CHECKING:\n    from resnet_bench.experiments import run",
        "try:\n    import resnet_bench.experiments\nexcept ImportError:\n    pass",
        "class Late:\n    async def run(self):\n        import resnet_bench.experiments",
    ],
)
def test_a_forward_import_is_found_wherever_it_stands(tmp_path: Path, text: str) -> None:
    sources = package(tmp_path, {"analysis.py": text, "experiments.py": "", "worker/process.py": ""})
    assert len(list(backward_imports(sources))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "from resnet_bench import __version__, errors",
        "from resnet_bench.records import Samples",
        "from . import errors\nfrom .records import Samples",
        "import resnet_bench",
    ],
)
def test_a_backward_import_is_allowed(tmp_path: Path, text: str) -> None:
    sources = package(tmp_path, {"analysis.py": text, "errors.py": "", "records.py": ""})
    assert list(backward_imports(sources)) == []


def test_files_of_one_folder_may_import_one_another(tmp_path: Path) -> None:
    sources = package(
        tmp_path, {"worker/child.py": "from . import protocol", "worker/protocol.py": "from . import child"}
    )
    assert list(backward_imports(sources)) == []


@pytest.mark.parametrize(
    "text",
    [
        "from resnet_bench.worker import child",
        "def late():\n    from resnet_bench.worker.child import main",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from resnet_bench.worker.child import main",
    ],
)
def test_a_circle_is_found_however_long_and_late(tmp_path: Path, text: str) -> None:
    files = {
        "worker/__init__.py": "",
        "worker/child.py": "import resnet_bench.worker.commands",
        "worker/commands.py": "from resnet_bench.worker import handlers",
        "worker/handlers.py": text,
    }
    names = [f"resnet_bench.worker.{name}" for name in ("child", "commands", "handlers")]
    assert circles(package(tmp_path, files)) == [" <-> ".join(names)]


def test_the_package_itself_loads_no_module(tmp_path: Path) -> None:
    lazy = "def __getattr__(name):\n    from resnet_bench import model\n    return model\n"
    sources = package(
        tmp_path, {"__init__.py": lazy + "import resnet_bench.analysis", "model/__init__.py": "", "analysis.py": ""}
    )
    assert list(backward_imports(sources)) == [
        "resnet_bench/__init__.py:4 loads resnet_bench.analysis with the package"
    ]


def test_a_module_without_a_place_is_found(tmp_path: Path) -> None:
    sources = package(tmp_path, {"utils.py": "", "analysis.py": "import resnet_bench.utils"})
    assert unlisted(sources) == ["resnet_bench/utils.py"]
    assert len(list(backward_imports(sources))) == 1


@pytest.mark.parametrize("text", ["import keras", "def f():\n    from tensorflow.python import x"])
def test_tensorflow_outside_the_worker_is_found(tmp_path: Path, text: str) -> None:
    sources = package(
        tmp_path, {"experiments.py": text, "worker/process.py": text, "worker/backends/tensorflow_session.py": text}
    )
    found = [line.split(":")[0] for line in foreign_tensorflow(sources)]
    assert found == ["resnet_bench/experiments.py", "resnet_bench/worker/process.py"]


def test_tensorflow_loaded_by_way_of_another_module_is_found(tmp_path: Path) -> None:
    files = {
        "records.py": "from resnet_bench.model.blocks import block",
        "model/__init__.py": "import tensorflow as tf",
        "model/blocks.py": "",
        "report.py": "def late():\n    import resnet_bench.model",
    }
    chain = "resnet_bench.records -> resnet_bench.model -> tensorflow"
    assert list(loads_tensorflow(package(tmp_path, files))) == [chain]


@pytest.mark.parametrize(
    "text",
    [
        "print(1)",
        "show = print",
        "import sys\nsys.exit(1)",
        "from sys import exit as stop",
        "raise SystemExit",
        "quit()",
    ],
)
def test_a_print_or_an_exit_is_found(tmp_path: Path, text: str) -> None:
    (source,) = [source for source in package(tmp_path, {"analysis.py": text}) if source.unit]
    assert len(source.exits_and_prints) == 1


def test_imports_of_code_beside_the_package_are_found(tmp_path: Path) -> None:
    sources = package(tmp_path, {"analysis.py": "from tools.readme import table\nimport tests.fakes"})
    assert len(list(imports_of(sources, BESIDE))) == 2
