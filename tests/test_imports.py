"""What importing costs, and which way imports run."""

from __future__ import annotations

import ast
import functools
import graphlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "sepzoo"
ROOMS = (
    "support",
    "layers",
    "records",
    "applications",
    "catalog",
    "artifact",
    "weights",
    "building",
    "data",
    "analysis",
    "surgery",
    "inference",
    "export",
    "training",
    "compression",
    "benchmark",
    "shrinking",
    "explorer",
    "cli",
    "__main__",
)
"""Each uses only those before it."""
SURGERY = ("walk", "algebra", "exact", "approximate", "pruning")
"""The rooms within surgery, likewise."""
FACES = ("sepzoo", "sepzoo.applications")
"""Hold a lazy table and nothing else, and count as below all."""

HEAVY = {"keras", "tensorflow", "numpy", "tensorflow_datasets", "ai_edge_litert", "PIL", "matplotlib", "h5py"}


def imported_by(code: str) -> set[str]:
    """Return the top-level packages that a fresh interpreter has loaded after the code."""
    script = f"import json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stderr)}


@pytest.mark.parametrize(
    "code",
    [
        "import sepzoo",
        "import sepzoo.layers, sepzoo.catalog, sepzoo.applications",
        "from sepzoo.cli import main",
        "from sepzoo.cli import main\ntry: main(['list'])\nexcept SystemExit: pass",
        "from sepzoo.cli import main\ntry: main(['card', 'mobilenet_v1'])\nexcept SystemExit: pass",
        "from sepzoo.cli import main\ntry: main(['train', '--help'])\nexcept SystemExit: pass",
    ],
)
def test_light_things_load_nothing_heavy(code: str) -> None:
    assert imported_by(code) & HEAVY == set()


@pytest.mark.parametrize("argument", ["--help", "list"])
def test_help_and_list_read_no_family_of_networks(argument: str) -> None:
    code = f"""
from sepzoo.cli import main
try: main(['{argument}'])
except SystemExit: pass
print([name for name in sys.modules if name.startswith(('sepzoo.applications.', 'sepzoo.catalog.families'))])
"""
    done = subprocess.run([sys.executable, "-c", f"import sys{code}"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_recipes_are_read_without_keras() -> None:
    loaded = imported_by("import sepzoo; sepzoo.training.Recipe.load('digits')")
    assert loaded & {"keras", "tensorflow"} == set()


@functools.cache
def modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def named_in_strings(tree: ast.Module) -> Iterator[str]:
    """Yield the modules of sepzoo that a file's strings name: what a lazy table or an `import_module` would import."""
    known = modules()
    texts = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings name them for people
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in texts:
            name = node.value.partition(":")[0]
            while re.fullmatch(r"sepzoo(\.\w+)+", name):
                if name in known:
                    yield name
                name = name.rpartition(".")[0]


@functools.cache
def imports(path: Path) -> set[str]:
    """Return the modules of sepzoo that a file imports: at its top, in a function, for type checkers, by a string."""
    known = modules()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    around = {name for name, file in known.items() if file.name == "__init__.py" and file.parent in path.parents}
    found = set(named_in_strings(tree)) - around  # those are where its own data files lie
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Import):
            found |= {alias.name for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom):
            assert statement.level == 0, f"{path}: imports are absolute"
            names = {f"{statement.module}.{alias.name}" for alias in statement.names}
            found |= {name if name in known else str(statement.module) for name in names}
    return {name for name in found if name.partition(".")[0] == "sepzoo"}


def rank(module: str) -> int:
    return ROOMS.index(module.split(".")[1])


def test_imports_run_one_way() -> None:
    wrong = [
        f"{module} imports {other}"
        for module, path in modules().items()
        if module not in FACES
        for other in imports(path) - set(FACES)
        if rank(other) > rank(module)
    ]
    assert wrong == []


def test_the_rooms_of_surgery_run_one_way() -> None:
    wrong = [
        f"{module} imports {other}"
        for module, path in modules().items()
        for other in imports(path)
        if module.startswith("sepzoo.surgery.") and other.startswith("sepzoo.surgery")
        if other.count(".") < 3 or SURGERY.index(other.split(".")[2]) > SURGERY.index(module.split(".")[2])
    ]
    assert wrong == []


def test_surgery_s_algebra_is_numpy_alone() -> None:
    names = [module for module in modules() if module.startswith("sepzoo.surgery.algebra.")]
    assert imported_by(f"import {', '.join(names)}") & HEAVY == {"numpy"}


def test_every_subpackage_has_its_place() -> None:
    found = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert found <= set(ROOMS)


def test_there_is_no_circle() -> None:
    """Also none of packages: a package's own file is run before any module in it, and imports what it hands on."""
    graph = {module: imports(path) - {module, *FACES} for module, path in modules().items() if module not in FACES}
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("module", FACES)
def test_faces_hold_tables_alone(module: str) -> None:
    tree = ast.parse(modules()[module].read_text(encoding="utf-8"))
    kinds = {type(node) for node in tree.body}
    assert kinds <= {ast.Expr, ast.Import, ast.ImportFrom, ast.If, ast.Assign}


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("from sepzoo.layers import width", "sepzoo.layers.width"),
        ("def late():\n    import sepzoo.layers.width", "sepzoo.layers.width"),
        ("if TYPE_CHECKING:\n    from sepzoo.layers.width import divisible", "sepzoo.layers.width"),
        ("TABLE = {'divisible': 'sepzoo.layers.width'}", "sepzoo.layers.width"),
        ("load('sepzoo.layers.width:divisible')", "sepzoo.layers.width"),
        ("resources.files('sepzoo.layers')", "sepzoo.layers"),
    ],
)
def test_no_arrow_hides(tmp_path: Path, source: str, seen: str) -> None:
    (tmp_path / "module.py").write_text(source)
    assert seen in imports(tmp_path / "module.py")


def test_no_module_speaks_of_tf_keras_through_tensorflow() -> None:
    wrong = [str(path) for path in modules().values() if "tf.keras" in path.read_text(encoding="utf-8")]
    assert wrong == []


PRIVATE = re.compile(
    r"\._(keras_history|(in|out)bound_nodes|nodes(_by_depth)?|functional|flatten_layers|layers|operations(_by_depth)?"
    r"|run_through_graph|output_shape|input_layers|output_layers|tracker|lock|build_shapes_dict)\b"
)
"""What Keras keeps to itself of a graph and its layers."""


def test_keras_s_private_graph_is_read_beside_the_layers_alone() -> None:
    readers = {name for name, path in modules().items() if PRIVATE.search(path.read_text(encoding="utf-8"))}
    assert readers == {"sepzoo.layers.graph", "sepzoo.layers.cloning"}


CONVERTER = re.compile(r"(tensorflow|tf)\.([\w.]+\.)?(lite|TFLiteConverter)([.:][\w.:]+)?")
"""TensorFlow's `lite`, and what is in it."""


def names_the_converter(tree: ast.Module) -> bool:
    """Return whether a file's code reaches for TensorFlow's `lite`: by an attribute, an import, or an import's text."""
    for node in ast.walk(tree):
        found: set[str] = set()
        if isinstance(node, ast.Attribute):
            found = {ast.unparse(node)}
        elif isinstance(node, ast.Import):
            found = {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found = {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = {node.value}
        if any(map(CONVERTER.fullmatch, found)):
            return True
    return False


def test_one_module_knows_tensorflow_s_tflite_converter() -> None:
    users = {name for name, path in modules().items() if names_the_converter(ast.parse(path.read_text("utf-8")))}
    assert users == {"sepzoo.export.formats.tflite_converter"}


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("def late():\n    import tensorflow as tf\n    return tf.lite.OpsSet.TFLITE_BUILTINS", True),
        ("import tensorflow\nconverter = tensorflow.lite.TFLiteConverter", True),
        ("from tensorflow import lite", True),
        ("import tensorflow.lite as tflite", True),
        ("from tensorflow.lite.python import convert", True),
        ("from tensorflow.compiler.mlir.lite.python import wrap_converter", True),
        ("load('tensorflow.lite.python.convert:mlir_quantize')", True),
        ("raise SepzooError('take converter = tf.lite.TFLiteConverter.from_saved_model(folder)')", False),
        ("from ai_edge_litert.interpreter import Interpreter", False),
    ],
)
def test_no_way_to_the_converter_hides(source: str, *, seen: bool) -> None:
    assert names_the_converter(ast.parse(source)) == seen
