"""DESIGN.md's layer table and the rules around it, held on the syntax trees.

Nothing is imported; each rule maps parsed modules to the violations it found.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {"tfner": ROOT / "tfner", "tfner_export": ROOT / "export" / "tfner_export"}

# `tfner` itself loads its public names on first use, so that it counts as the lowest.
LAYERS = {
    "tfner": 0,
    "tfner.errors": 0,
    "tfner.config": 0,
    "tfner.pretrain_config": 0,
    "tfner.remote": 0,
    "tfner.settings": 0,
    "tfner.samples": 0,
    "tfner.document": 1,
    "tfner.schemes": 1,
    "tfner.corpus": 1,
    "tfner.evaluation": 1,
    "tfner.tokenization": 2,
    "tfner.data": 3,
    "tfner.models": 4,
    "tfner.checkpoints": 4,
    "tfner.tasks": 5,
    "tfner.inference": 6,
    "tfner.training": 6,
    "tfner_export": 7,
    "tfner.cli": 8,
}

# Layers 0 to 2 may use these, too: at the top, or inside functions, loaded on need.
TOP_LEVEL = {0: set[str](), 1: set[str](), 2: {"numpy", "tokenizers", "fugashi"}}
INSIDE = {
    "tfner.settings": {"tomli_w"},
    "tfner.remote": {"tensorflow"},
    "tfner.corpus": {"yaml"},
    "tfner.evaluation": {"matplotlib"},
    "tfner.tokenization": {
        *("huggingface_hub", "sentencepiece", "google", "transformers"),
        *("ipadic", "unidic_lite"),
    },
}

# Importing one of these loads nothing heavier than numpy.
LIGHT = (
    *("tfner.data.features", "tfner.data.windows", "tfner.data.packing"),
    *("tfner.tasks", "tfner.inference", "tfner.cli"),
)
LIGHT_IMPORTS = {"numpy", "tokenizers", "fugashi", "typer", "click"}
BACKEND_FREE = ("tfner.models", "tfner.training.optimizers")
BACKENDS = {"tensorflow", "tensorflow_text", "torch", "jax"}
ONLY_INSIDE_FUNCTIONS = {"transformers", "torch", "jax", "matplotlib"}
TF_DATA = {"tf.data", "tensorflow.data"}
TF_DATA_HOMES = ("tfner.data.pipeline", "tfner.data.pretraining")


class Import(NamedTuple):
    """One imported module: `when` is "top", "function" or "typing"."""

    target: str
    when: str
    line: int


@dataclass
class Module:
    name: str
    tree: ast.Module
    is_package: bool
    imports: list[Import] = field(default_factory=list)

    def at(self, line: int) -> str:
        return f"{self.name}:{line}"


Modules = dict[str, Module]


def under(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


def under_any(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(under(name, prefix) for prefix in prefixes)


def ours(name: str) -> bool:
    return under_any(name, tuple(PACKAGES))


def external(name: str) -> str | None:
    """The third-party package that an import of `name` loads, if it is one."""
    top = name.partition(".")[0]
    return None if ours(name) or top in sys.stdlib_module_names else top


def layer_of(name: str) -> int | None:
    """The layer of the longest prefix; `tfner` stands for itself alone."""
    prefixes = [p for p in LAYERS if under(name, p) and (p != "tfner" or name == p)]
    return LAYERS[max(prefixes, key=len)] if prefixes else None


def walk_imports(
    node: ast.AST, when: str = "top"
) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    """Every import statement below `node` with the time it runs at."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, when
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from walk_imports(child, "function" if when == "top" else when)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for body, time in ((child.body, "typing"), (child.orelse, when)):
                yield from walk_imports(ast.Module(body, []), time)
        else:
            yield from walk_imports(child, when)


def base_of(module: Module, node: ast.ImportFrom) -> str:
    """The absolute name after `from`, relative ones resolved."""
    if not node.level:
        return node.module or ""
    drop = node.level - (1 if module.is_package else 0)
    parts = module.name.split(".")
    return ".".join(parts[: len(parts) - drop] + ([node.module] if node.module else []))


def targets(
    module: Module, node: ast.Import | ast.ImportFrom, names: set[str]
) -> list[str]:
    """What a statement imports: a submodule where the name is one, else its package."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = base_of(module, node)
    found = [f"{base}.{alias.name}" for alias in node.names]
    return [target if target in names else base for target in found]


def parse(sources: dict[str, str], packages: set[str]) -> Modules:
    """Modules by name, from their sources."""
    modules = {
        name: Module(name, ast.parse(text), name in packages)
        for name, text in sources.items()
    }
    for module in modules.values():
        module.imports = [
            Import(target, when, node.lineno)
            for node, when in walk_imports(module.tree)
            for target in targets(module, node, set(sources))
        ]
    return modules


def read_packages() -> Modules:
    sources, packages = {}, set()
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            if parts[-1] == "__init__":
                parts.pop()
                packages.add(".".join(parts))
            sources[".".join(parts)] = path.read_text(encoding="utf-8")
    return parse(sources, packages)


def with_parents(modules: Modules, name: str) -> list[str]:
    """The modules of ours that run when `name` is imported: it and its packages."""
    parts = name.split(".")
    chain = [".".join(parts[:n]) for n in range(1, len(parts) + 1)]
    return [module for module in chain if module in modules]


def loaded_by(modules: Modules, name: str) -> dict[str, str]:
    """Everything imported when `name` is: the import -> the module that asks for it."""
    found: dict[str, str] = {}
    pending = with_parents(modules, name)
    while pending:
        module = modules[pending.pop()]
        for item in module.imports:
            if item.when == "top" and item.target not in found:
                found[item.target] = module.at(item.line)
                pending += with_parents(modules, item.target)
    return found


def without_layer(modules: Modules) -> Iterator[str]:
    yield from (name for name in modules if layer_of(name) is None)


def upward_imports(modules: Modules) -> Iterator[str]:
    for module in modules.values():
        own = layer_of(module.name)
        for item in module.imports if module.name != "tfner" else []:
            other = layer_of(item.target) if ours(item.target) else 0
            if own is not None and (other is None or other > own):
                yield f"{module.at(item.line)} (layer {own}) imports {item.target}"


def eager_public_names(modules: Modules) -> Iterator[str]:
    """`tfner` loads nothing of its own, and nobody reaches a module through it."""
    for item in modules["tfner"].imports:
        if item.when == "top" and (ours(item.target) or external(item.target)):
            yield f"tfner:{item.line} imports {item.target} at once"
    for module in modules.values():
        for node, _ in walk_imports(module.tree):
            if isinstance(node, ast.ImportFrom) and base_of(module, node) == "tfner":
                names = {a.name for a in node.names if f"tfner.{a.name}" not in modules}
                if names - {"__version__"}:
                    yield f"{module.at(node.lineno)} takes {names} from tfner"


def cycles(modules: Modules) -> Iterator[str]:
    """Circles of imports that run when a module is loaded."""
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> Iterator[str]:
        if name in path:
            yield " -> ".join((*path[path.index(name) :], name))
        elif name not in done:
            for item in modules[name].imports:
                if item.when == "top" and item.target in modules:
                    yield from visit(item.target, (*path, name))
            done.add(name)

    for name in modules:
        yield from visit(name, ())


def foreign_packages(modules: Modules) -> Iterator[str]:
    """Layers 0 to 2 beyond the standard library and what the design adds."""
    for module in modules.values():
        layer = layer_of(module.name)
        if layer not in TOP_LEVEL:
            continue
        inside = set[str]().union(
            *(names for prefix, names in INSIDE.items() if under(module.name, prefix))
        )
        for item in module.imports:
            package = external(item.target)
            allowed = TOP_LEVEL[layer] | (inside if item.when != "top" else set())
            if package and package not in allowed and item.when != "typing":
                yield f"{module.at(item.line)} imports {package}"


def heavy_light_modules(modules: Modules) -> Iterator[str]:
    for name in modules:
        if under_any(name, LIGHT):
            for target, place in loaded_by(modules, name).items():
                package = external(target)
                if package and package not in LIGHT_IMPORTS:
                    yield f"importing {name} loads {target} ({place})"


def backends_in_models(modules: Modules) -> Iterator[str]:
    for module in modules.values():
        if under_any(module.name, BACKEND_FREE):
            imported = {i.target: module.at(i.line) for i in module.imports}
            for target, place in (loaded_by(modules, module.name) | imported).items():
                if external(target) in BACKENDS:
                    yield f"{module.name} uses {target} ({place})"


def configs_in_models(modules: Modules) -> Iterator[str]:
    for module in modules.values():
        for item in module.imports:
            if under(module.name, "tfner.models") and item.target == "tfner.config":
                yield f"{module.at(item.line)} imports {item.target}"


def exporter_in_tfner(modules: Modules) -> Iterator[str]:
    """Only commands know the exporter, and only while they run."""
    for module in modules.values():
        for item in module.imports:
            crosses = under(module.name, "tfner") and under(item.target, "tfner_export")
            command = under(module.name, "tfner.cli") and item.when == "function"
            if crosses and not command:
                yield f"{module.at(item.line)} imports {item.target}"


def eager_heavyweights(modules: Modules) -> Iterator[str]:
    for module in modules.values():
        for item in module.imports:
            if item.when == "top" and external(item.target) in ONLY_INSIDE_FUNCTIONS:
                yield f"{module.at(item.line)} imports {item.target} at module level"


def stray_tf_data(modules: Modules) -> Iterator[str]:
    for module in modules.values():
        if under_any(module.name, TF_DATA_HOMES):
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in TF_DATA:
                yield f"{module.at(node.lineno)} mentions tf.data"
        for item in module.imports:
            if under(item.target, "tensorflow.data"):
                yield f"{module.at(item.line)} imports {item.target}"


MODULES = read_packages()
Rule = Callable[[Modules], Iterator[str]]
# Each rule with a made-up module that breaks it.
RULES: list[tuple[Rule, str, str]] = [
    (without_layer, "tfner.helpers", ""),
    (upward_imports, "tfner.corpus.conll", "def f():\n    import tfner.data"),
    (upward_imports, "tfner.data", "from ..tasks import Task"),
    (eager_public_names, "tfner", "import numpy"),
    (eager_public_names, "tfner", "from .document import Entity"),
    (eager_public_names, "tfner.tasks", "from tfner import Document"),
    (cycles, "tfner.models.crf", "from .crf import viterbi"),
    (foreign_packages, "tfner.schemes", "def f():\n    import numpy"),
    (foreign_packages, "tfner.corpus.rasa", "import yaml"),
    (foreign_packages, "tfner.tokenization", "import transformers"),
    (heavy_light_modules, "tfner.tasks", "if True:\n    import keras.ops"),
    (heavy_light_modules, "tfner.cli.main", "class A:\n    import tensorflow"),
    (backends_in_models, "tfner.models.crf", "def f():\n    import tensorflow as tf"),
    (backends_in_models, "tfner.training.optimizers", "from tensorflow import io"),
    (configs_in_models, "tfner.models", "from tfner.config import TrainConfig"),
    (exporter_in_tfner, "tfner.cli.export", "import tfner_export.saved_model"),
    (exporter_in_tfner, "tfner.inference", "def f():\n    import tfner_export"),
    (eager_heavyweights, "tfner.checkpoints", "try:\n    import torch\nfinally: ..."),
    (stray_tf_data, "tfner.tasks", "def f(x: tf.data.Dataset): ..."),
    (stray_tf_data, "tfner_export", "from tensorflow.data import Dataset"),
]
OTHERS = {"tfner": "", "tfner.config": "", "tfner.document": ""}
RULE_IDS = [f"{rule.__name__}-{name}" for rule, name, _ in RULES]


@pytest.mark.parametrize(
    "rule", dict.fromkeys(r for r, _, _ in RULES), ids=lambda r: r.__name__
)
def test_the_packages_keep_the_rule(rule: Rule) -> None:
    assert list(rule(MODULES)) == []


@pytest.mark.parametrize(("rule", "name", "source"), RULES, ids=RULE_IDS)
def test_the_rule_notices_what_breaks_it(rule: Rule, name: str, source: str) -> None:
    assert list(rule(parse(OTHERS | {name: source}, {"tfner", "tfner.data"})))


@pytest.mark.parametrize(
    ("rule", "name", "source"),
    [
        (upward_imports, "tfner.tasks", "from tfner import __version__, document"),
        (foreign_packages, "tfner.corpus.rasa", "def f():\n    import yaml"),
        (foreign_packages, "tfner.tokenization", "import json, numpy as np"),
        (heavy_light_modules, "tfner.tasks", "def f():\n    import keras"),
        (
            heavy_light_modules,
            "tfner.inference",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import keras",
        ),
        (exporter_in_tfner, "tfner.cli.a", "def f():\n    import tfner_export"),
        (eager_public_names, "tfner.tasks", "from tfner import __version__, document"),
        (stray_tf_data, "tfner.data.pipeline", "import tensorflow as tf\ntf.data"),
    ],
)
def test_the_rule_lets_good_code_be(rule: Rule, name: str, source: str) -> None:
    assert list(rule(parse(OTHERS | {name: source}, {"tfner"}))) == []


def test_a_heavy_import_is_found_through_other_modules() -> None:
    sources = {
        "tfner": "",
        "tfner.tasks": "from tfner.data.packing import pack",
        "tfner.data": "from tfner.data import pipeline",
        "tfner.data.packing": "",
        "tfner.data.pipeline": "import tensorflow as tf",
    }
    found = list(heavy_light_modules(parse(sources, {"tfner", "tfner.data"})))
    assert any("importing tfner.tasks loads tensorflow" in line for line in found)


def test_a_circle_through_several_modules_is_found() -> None:
    sources = {
        "tfner.models.a": "import tfner.models.b",
        "tfner.models.b": "from . import c",
        "tfner.models.c": "from tfner.models import a",
        "tfner.models": "",
    }
    found = list(cycles(parse(sources, {"tfner.models"})))
    assert len(found) == 1
    assert found[0].count("->") == 3


def test_every_package_in_the_table_exists() -> None:
    assert [name for name in LAYERS if name not in MODULES] == []
