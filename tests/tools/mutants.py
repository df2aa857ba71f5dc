"""Small changes to a module's source, each of which should make a test fail."""

from __future__ import annotations

import ast
import copy
import dataclasses
from collections.abc import Iterator

_SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
_OPPOSITES = {"max": "min", "maximum": "minimum", "argmax": "argmin", "sum": "mean", "repeat": "tile", "ceil": "floor"}
_RENAMED = _OPPOSITES | {later: earlier for earlier, later in _OPPOSITES.items()}
_NEVER = (ast.JoinedStr, ast.Raise, ast.Import, ast.ImportFrom)  # texts are tested as texts; imports fail at once


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A module with one change.

    Attributes:
        line: where, counted from 1.
        before: the changed part, as source.
        after: what stands there instead.
        source: the whole module.
    """

    line: int
    before: str
    after: str
    source: str

    @property
    def change(self) -> str:
        """The change in one line."""
        return f"{self.before} -> {self.after}"


def mutants(source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module's source, in the order of its lines."""
    tree = ast.parse(source)
    for node in _mutable(tree):
        for new in _changes(node):
            yield Mutant(node.lineno, _brief(node), _brief(new), ast.unparse(_Exchange(node, new).visit(_fresh(tree))))


def _mutable(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """Yield what may change below a node: no docstrings, annotations, messages or imports."""
    if isinstance(node, _NEVER):
        return
    if isinstance(node, ast.expr | ast.stmt):
        yield node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_docstring(child):
                yield from _mutable(child)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _changes(node: ast.expr | ast.stmt) -> Iterator[ast.AST]:
    """Yield what may stand in a node's place."""
    match node:
        case ast.BinOp(left, ast.MatMult(), right):
            yield ast.BinOp(right, ast.MatMult(), left)
        case ast.BinOp(left, operator, right) if type(operator) in _SWAPPED:
            yield ast.BinOp(left, _SWAPPED[type(operator)](), right)
        case ast.AugAssign(target, operator, value) if type(operator) in _SWAPPED:
            yield ast.AugAssign(target, _SWAPPED[type(operator)](), value)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(_SWAPPED[type(operator)](), values)
        case ast.Compare(left, [operator, *others], right):
            yield ast.Compare(left, [_SWAPPED[type(operator)](), *others], right)
        case ast.UnaryOp(ast.USub() | ast.Not(), operand):
            yield operand
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() | float() as value):
            yield ast.Constant(value + 1 if isinstance(value, int) else 2 * value + 1e-3)
            if value not in (0, 1):
                yield ast.Constant(value - 1 if isinstance(value, int) else value / 2)
        case ast.Constant(str() as value):
            yield ast.Constant(value + "_")
        case ast.IfExp(test, body, otherwise):
            yield ast.IfExp(ast.UnaryOp(ast.Not(), test), body, otherwise)
        case ast.If(test, body, otherwise):
            yield ast.If(ast.UnaryOp(ast.Not(), test), body, otherwise)
        case ast.Slice(lower, upper, step):
            if lower is not None:
                yield ast.Slice(None, upper, step)
            if upper is not None:
                yield ast.Slice(lower, None, step)
            if step is not None:
                yield ast.Slice(lower, upper, None)
        case ast.Call(ast.Name(name), arguments, keywords) if name in _RENAMED:
            yield ast.Call(ast.Name(_RENAMED[name]), arguments, keywords)
        case ast.Call(ast.Attribute(value, name), arguments, keywords) if name in _RENAMED:
            yield ast.Call(ast.Attribute(value, _RENAMED[name]), arguments, keywords)
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()


class _Exchange(ast.NodeTransformer):
    """Puts a node in another one's place, in a copy of the tree: found by its position and its kind."""

    def __init__(self, old: ast.expr | ast.stmt, new: ast.AST) -> None:
        self._place, self._new = _place(old), copy.deepcopy(new)

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.expr | ast.stmt) and _place(node) == self._place:
            return ast.copy_location(self._new, node)
        return self.generic_visit(node)


def _place(node: ast.expr | ast.stmt) -> tuple[type, int, int, int | None, int | None]:
    return type(node), node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def _fresh(tree: ast.Module) -> ast.Module:
    return copy.deepcopy(tree)


def _brief(node: ast.AST) -> str:
    return ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).splitlines()[0]
