"""Every small change of a file's code, each as a piece of text in place of another.

Operators, comparisons and conditions are turned, numbers counted up, steps left out. Texts are not
changed: `benchmarks.drawn_reports` compares what is said. Annotations are not code that runs.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
    ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "/", ast.Mod: "//",
    ast.Pow: "*", ast.BitAnd: "|", ast.BitOr: "&", ast.And: "or", ast.Or: "and",
}  # fmt: skip
"""What stands for an operator in its place."""

_WORDS: dict[type[ast.AST], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip

_Change: TypeAlias = tuple[ast.expr | ast.stmt | ast.keyword, str]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: `before`, which stands at `start` of the file's bytes, becomes `after`."""

    file: str
    """From the root of the tree, with forward slashes."""
    line: int
    start: int
    before: str
    after: str
    source: str
    """A digest of the file: a result is of this text alone."""

    @property
    def name(self) -> str:
        """Equal for equal changes of equal files."""
        facts = f"{self.file}\0{self.source}\0{self.start}\0{self.before}\0{self.after}"
        return hashlib.sha256(facts.encode()).hexdigest()[:16]

    def apply(self, text: bytes) -> bytes:
        """The file's bytes with the change."""
        stop = self.start + len(self.before.encode())
        assert text[self.start : stop] == self.before.encode()
        return text[: self.start] + self.after.encode() + text[stop:]

    def compiles(self, root: Path) -> bool:
        """Whether the file still is Python: what is none, such as a lost keyword of a pattern, says
        nothing of the tests."""
        try:
            compile(self.apply((root / self.file).read_bytes()), self.file, "exec")
        except SyntaxError:
            return False
        return True


def list_mutants(root: Path, file: str) -> list[Mutant]:
    """Every change of one file, in the order of the text."""
    data = (root / file).read_bytes()
    lines = [0]
    for line in data.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    digest = hashlib.sha256(data).hexdigest()
    mutants = {}
    for node, after in _changes(ast.parse(data)):
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = lines[node.lineno - 1] + node.col_offset
        stop = lines[node.end_lineno - 1] + node.end_col_offset
        before = data[start:stop].decode()
        mutant = Mutant(file, node.lineno, start, before, after, digest)
        mutants[mutant.name] = mutant
    return sorted(mutants.values(), key=lambda each: (each.start, each.after))


def _changes(tree: ast.Module) -> Iterator[_Change]:
    for node in _walk(tree):
        match node:
            case ast.Compare():
                yield from ((node, after) for after in _turn_comparisons(node))
            case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS:
                yield node, f"(({_text(left)}) {_OPERATORS[type(operator)]} ({_text(right)}))"
            case ast.BoolOp(operator, values):
                between = f" {_OPERATORS[type(operator)]} "
                yield node, f"({between.join(f'({_text(value)})' for value in values)})"
            case ast.UnaryOp(ast.Not() | ast.USub() | ast.Invert(), operand):
                yield node, f"({_text(operand)})"
            case ast.Constant(bool() as value):
                yield node, str(not value)
            case ast.Constant(int() | float() as value):
                yield node, repr(value + 1)
            case ast.If(test) | ast.IfExp(test) | ast.While(test):
                yield test, f"(not ({_text(test)}))"
            case ast.comprehension(ifs=tests):
                yield from ((test, "True") for test in tests)
            case ast.Return(ast.expr() as value) if _text(value) != "None":
                yield value, "None"
            case ast.AugAssign(target, operator, value) if type(operator) in _OPERATORS:
                yield node, f"{_text(target)} {_OPERATORS[type(operator)]}= {_text(value)}"
            case ast.Expr(ast.Call()) | ast.Raise():
                yield node, "pass"
            case ast.Break():
                yield node, "continue"
            case ast.Continue():
                yield node, "break"
            case ast.keyword(str()):
                yield node, "**{}"


def _turn_comparisons(node: ast.Compare) -> Iterator[str]:
    """Each operator of a chain alone."""
    for turned in range(len(node.ops)):
        text = f"({_text(node.left)})"
        for i, (operator, right) in enumerate(zip(node.ops, node.comparators, strict=True)):
            word = _OPERATORS[type(operator)] if i == turned else _WORDS[type(operator)]
            text += f" {word} ({_text(right)})"
        yield text


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run: no annotations, no decorators, no type aliases, no formatted texts."""
    if isinstance(node, ast.JoinedStr) or _is_type(node):
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ast.AST):
                yield from _walk(each)


def _is_type(node: ast.AST) -> bool:
    """What only a type checker reads."""
    match node:
        case ast.AnnAssign(annotation=ast.Name("TypeAlias")):
            return True
        case ast.If(ast.Name("TYPE_CHECKING")):
            return True
    return False


def _text(node: ast.AST) -> str:
    return ast.unparse(node)
