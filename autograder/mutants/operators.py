"""Wrong solutions made by rule: each small change that a tired student could have made, tried at every place.

Works on the syntax tree of a reference solution, inside its `### BEGIN SOLUTION` regions. Each rule
knows one family of mistakes; a mutant's name says the rule, the line and which of the places it was.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


@dataclass(frozen=True)
class Generated:
    """A mutant made by rule. name is stable as long as the line it changes is the n-th of its kind."""

    name: str
    source: str


Change = Callable[[ast.AST], Iterator[ast.AST]]


def generate(source: str) -> list[Generated]:
    """All mutants of a solution cell, each once, in the order of the text."""
    regions = _regions(source)
    tree = ast.parse(source)
    seen = {ast.unparse(tree)}
    mutants: list[Generated] = []
    counts: dict[str, int] = {}
    for node in _inside(tree, regions):
        for rule, change in RULES.items():
            for replacement in change(node):
                text = _with(tree, node, replacement)
                if text is None or text in seen:
                    continue
                seen.add(text)
                counts[rule] = counts.get(rule, 0) + 1
                mutants.append(Generated(f"{rule} {counts[rule]}", text))
    return mutants


def _regions(source: str) -> list[tuple[int, int]]:
    regions, start = [], None
    for number, line in enumerate(source.splitlines(), 1):
        if BEGIN in line:
            start = number
        elif END in line and start is not None:
            regions.append((start, number))
            start = None
    return regions or [(1, len(source.splitlines()))]


def _inside(tree: ast.AST, regions: list[tuple[int, int]]) -> list[ast.AST]:
    nodes = [node for node in ast.walk(tree) if hasattr(node, "lineno")]
    inside = [n for n in nodes if any(a <= n.lineno <= b for a, b in regions)]
    return sorted(inside, key=lambda node: (node.lineno, node.col_offset))


def _with(tree: ast.AST, node: ast.AST, replacement: ast.AST) -> str | None:
    """The text of the tree with one node replaced."""

    class Replace(ast.NodeTransformer):
        def visit(self, candidate):
            if candidate is node:
                return replacement
            return self.generic_visit(candidate)

    # Only the way down to the node is copied: NodeTransformer works in place, so on a deep copy with the same node.
    memo = {id(node): node}
    changed = Replace().visit(copy.deepcopy(tree, memo))
    try:
        text = ast.unparse(ast.fix_missing_locations(changed))
        compile(text, "<mutant>", "exec")
    except (SyntaxError, ValueError):
        return None
    return text


# -- the rules ------------------------------------------------------------------------------------------------------


def _assigned(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        yield ast.Assign(targets=[node.target], value=node.value)


def _sign(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.AugAssign) and isinstance(node.op, (ast.Add, ast.Sub)):
        yield ast.AugAssign(node.target, ast.Sub() if isinstance(node.op, ast.Add) else ast.Add(), node.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        yield ast.BinOp(node.left, ast.Add(), node.right)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield node.operand


def _factor(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value in (2, 0.5):
        yield ast.Constant(1.0)


def _missing_factor(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        yield node.left
        yield node.right
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        yield node.left


def _missing_term(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        yield node.left
        if isinstance(node.op, ast.Add):
            yield node.right


def _transposed(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value


def _swapped(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.MatMult, ast.Sub, ast.Div)):
        yield ast.BinOp(node.right, node.op, node.left)
    if isinstance(node, ast.Call) and _name(node.func) in ("dot", "outer", "matmul") and len(node.args) == 2:
        yield ast.Call(node.func, node.args[::-1], node.keywords)


def _axis(node: ast.AST) -> Iterator[ast.AST]:
    if not isinstance(node, ast.Call):
        return
    for index, keyword in enumerate(node.keywords):
        if keyword.arg == "axis" and isinstance(keyword.value, ast.Constant) and keyword.value.value in (0, 1):
            others = node.keywords[:index] + node.keywords[index + 1 :]
            yield ast.Call(node.func, node.args, [*others, ast.keyword("axis", ast.Constant(1 - keyword.value.value))])
            yield ast.Call(node.func, node.args, [k for k in others if k.arg != "keepdims"])


def _averaged(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Attribute) and node.attr in ("sum", "mean"):
        yield ast.Attribute(node.value, "mean" if node.attr == "sum" else "sum", node.ctx)


def _kink(node: ast.AST) -> Iterator[ast.AST]:
    flipped = {ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Lt: ast.LtE, ast.LtE: ast.Lt}
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in flipped:
        yield ast.Compare(node.left, [flipped[type(node.ops[0])]()], node.comparators)


def _reversed(node: ast.AST) -> Iterator[ast.AST]:
    flipped = {ast.Gt: ast.Lt, ast.GtE: ast.LtE, ast.Lt: ast.Gt, ast.LtE: ast.GtE}
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in flipped:
        yield ast.Compare(node.left, [flipped[type(node.ops[0])]()], node.comparators)


def _dropped(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.AugAssign):
        yield ast.Pass()


def _no_mask(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Call) and node.args and _name(node.func) in ACTIVATIONS:
        yield node.args[0]


def _power(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        yield node.left


ACTIVATIONS = ("relu", "maximum", "tanh", "exp", "log", "sigmoid", "phi")


def _name(function: ast.AST) -> str:
    return getattr(function, "attr", getattr(function, "id", ""))


RULES: dict[str, Change] = {
    "= for +=": _assigned,
    "sign": _sign,
    "factor": _factor,
    "factor left out": _missing_factor,
    "term left out": _missing_term,
    "not transposed": _transposed,
    "swapped": _swapped,
    "axis": _axis,
    "sum for mean": _averaged,
    "kink": _kink,
    "comparison reversed": _reversed,
    "line left out": _dropped,
    "function left out": _no_mask,
    "power left out": _power,
}
