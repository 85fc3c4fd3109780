"""Systematic mistakes: mutants of a right answer, made from its syntax tree, and which of them are right after all."""

import ast
import copy
import inspect
import itertools
import sys

import numpy as np
from students import oracles

from vivit_edu.teach.marking import limits

OPERATORS = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult, ast.FloorDiv),
    ast.FloorDiv: (ast.Div, ast.Mod),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}
OTHER = {  # functions that are taken for each other
    "argmax": ("argmin", "max"),
    "max": ("min", "mean"),
    "mean": ("sum", "max"),
    "sum": ("mean", "max"),
    "round": ("floor", "ceil"),
    "rint": ("floor", "ceil"),
    "floor": ("ceil", "round"),
    "tile": ("repeat",),
    "repeat": ("tile",),
    "stack": ("concatenate",),
    "concatenate": ("stack",),
    "vstack": ("hstack",),
    "zeros": ("ones",),
    "zeros_like": ("ones_like",),
    "eye": ("ones",),
    "exp": ("exp2", "square"),
    "softmax": ("log_softmax",),
    "sqrt": ("square",),
    "argsort": ("sort",),
    "trapezoid": ("sum",),
}
BUILT_IN = {
    "round": ("int", "math.ceil", "math.floor"),
    "int": ("round", "math.ceil"),
    "range": (),
    "max": ("min",),
    "min": ("max",),
}
AROUND = (  # what is done to the whole answer
    "-({})",
    "2 * ({})",
    "({}) + 1",
    "({})[::-1]",
    "({})[..., ::-1]",
    "({})[1:]",
    "({})[:-1]",
    "({})[None]",
    "({})[0]",
    "({}).T",
    "np.swapaxes(({}), 0, -1)",
    "np.roll(({}), 1)",
    "np.trunc({})",
    "np.round(({}), 1)",
    "np.float16({})",
    "np.abs({})",
    "np.zeros_like({})",
    "np.sort(({}), axis=None).reshape(np.shape({}))",
    "np.mean({})",
    "({}) * 1.01",
)


def mutants(function):
    """Sources and functions: each is the answer with one mistake, or with one of its sizes as it was at first."""
    tree = ast.parse(inspect.getsource(function)).body[0]
    module = sys.modules[function.__module__]
    seen = {ast.unparse(tree)}
    for changed in itertools.chain(_changed_nodes(tree), _changed_inputs(tree), _changed_answers(tree)):
        source = ast.unparse(ast.fix_missing_locations(changed))
        if source not in seen:
            seen.add(source)
            try:
                code = compile(source, "<mutant>", "exec")
            except SyntaxError:
                continue
            yield source, _build(code, module, function.__name__)


def _build(code, module, name):
    def fresh():  # sizes of the first call are those of a check's first
        memory = {}
        names = dict(vars(module)) | {"_first": lambda key, value: memory.setdefault(key, copy.deepcopy(value))}
        exec(code, names)
        return names[name]

    return fresh


def _changed_nodes(tree):
    """The tree with one node changed, for every node and change."""
    for index, node in enumerate(ast.walk(tree)):
        for k in range(len(list(_instead(node, tree)))):
            other = copy.deepcopy(tree)
            place = next(itertools.islice(ast.walk(other), index, None))
            new = list(_instead(place, other))[k]
            if new is None:  # a statement dropped
                for parent in ast.walk(other):
                    for field in ("body", "orelse"):
                        if isinstance(getattr(parent, field, None), list) and place in getattr(parent, field):
                            block = getattr(parent, field)
                            block[block.index(place)] = ast.Pass()
            else:
                place.__class__ = new.__class__
                place.__dict__ = {**new.__dict__, "lineno": 1, "col_offset": 0}
            yield other


def _instead(node, tree):
    """New nodes for a node; None drops it."""
    arguments = [argument.arg for argument in tree.args.args]
    if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr | ast.For | ast.If) and not isinstance(
        getattr(node, "value", None), ast.Yield
    ):
        yield None
    elif isinstance(node, ast.Constant):
        yield from _constants(node.value)
    elif isinstance(node, ast.BinOp):
        yield from (ast.BinOp(node.left, op(), node.right) for op in OPERATORS.get(type(node.op), ()))
        yield from (node.left, node.right, ast.BinOp(node.right, node.op, node.left))
        if isinstance(node.op, ast.FloorDiv):
            yield _parse("-(-({}) // ({}))", node.left, node.right)
            yield _parse("round(({}) / ({}))", node.left, node.right)
            yield _parse("int(({}) * (1 / ({})))", node.left, node.right)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield from (ast.Compare(node.left, [op()], node.comparators) for op in OPERATORS.get(type(node.ops[0]), ()))
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Slice):
        yield from (ast.Slice(None, node.upper, node.step), ast.Slice(node.lower, None, node.step))
        yield from (ast.Slice(node.lower, node.upper, None), ast.Slice(node.upper, node.lower, node.step))
    elif isinstance(node, ast.Tuple | ast.List) and len(node.elts) > 1 and isinstance(node.ctx, ast.Load):
        yield type(node)(node.elts[::-1], node.ctx)
        yield type(node)(node.elts[1:] + node.elts[:1], node.ctx)
        yield type(node)([node.elts[1], node.elts[0], *node.elts[2:]], node.ctx)
        yield type(node)(node.elts[:-1], node.ctx)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in arguments:
        yield from (ast.Name(other, node.ctx) for other in arguments if other != node.id)
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        if isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
            yield _parse(f"_first({ast.unparse(node)!r}, {{}})", node)
        else:
            yield node.value
    elif isinstance(node, ast.Call):
        yield from _calls(node)
    elif isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)


def _constants(value):
    if isinstance(value, bool) or value is None:
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        yield from (ast.Constant(other) for other in (value + 1, value - 1, 2 * value + 3))
    elif isinstance(value, str) and "->" in value:
        left, right = value.split("->")
        for parts in (left, right):
            words = parts.split(" ") if " " in parts else list(parts)
            for i in range(len(words) - 1):
                swapped = [*words[:i], words[i + 1], words[i], *words[i + 2 :]]
                yield ast.Constant(value.replace(parts, (" " if " " in parts else "").join(swapped)))


def _calls(node):
    if len(node.args) >= 1 and not isinstance(node.args[0], ast.Starred):
        yield node.args[0]
    if isinstance(node.func, ast.Attribute):
        yield node.func.value
        for other in OTHER.get(node.func.attr, ()):
            yield ast.Call(ast.Attribute(node.func.value, other, ast.Load()), node.args, node.keywords)
    elif isinstance(node.func, ast.Name):
        for other in BUILT_IN.get(node.func.id, ()):
            yield ast.Call(ast.parse(other, mode="eval").body, node.args, node.keywords)
        if node.func.id == "len":
            yield _parse(f"_first({ast.unparse(node)!r}, {{}})", node)
    if len(node.args) > 1:
        yield ast.Call(node.func, [node.args[1], node.args[0], *node.args[2:]], node.keywords)
    for i in range(len(node.keywords)):
        yield ast.Call(node.func, node.args, node.keywords[:i] + node.keywords[i + 1 :])


def _changed_inputs(tree):
    """Each input as it was in the first call, and as nothing."""
    for argument in (argument.arg for argument in tree.args.args):
        for line in (f"{argument} = _first('{argument}', {argument})", f"{argument} = np.zeros_like({argument})"):
            other = copy.deepcopy(tree)
            other.body = ast.parse(line).body + other.body
            yield other


def _changed_answers(tree):
    """The whole answer, changed."""
    returns = [i for i, node in enumerate(ast.walk(tree)) if isinstance(node, ast.Return)]
    for text, index in itertools.product(AROUND, returns[:1]):
        other = copy.deepcopy(tree)
        place = next(itertools.islice(ast.walk(other), index, None))
        value = ast.unparse(place.value)
        start = "np.asarray(_answer)" if not isinstance(place.value, ast.GeneratorExp) else "np.asarray(list(_answer))"
        inner = f"(lambda _answer: {text.replace('{}', start)})({value})"
        place.value = ast.parse(inner, mode="eval").body
        yield other


def _parse(text, *nodes):
    return ast.parse(text.format(*map(ast.unparse, nodes)), mode="eval").body


def is_right(name, fresh, rounds=16):
    """Whether a function is right on random inputs, by the oracle."""
    rng, function = np.random.default_rng(7), fresh()
    for _ in range(1 if name == "silent_start" else rounds):
        arguments = oracles.inputs(name, rng)
        try:
            wanted = oracles.ORACLES[name](*copy.deepcopy(arguments)) if name != "silent_start" else None
            mine = limits.timed(lambda given: _plain(function(*given)), copy.deepcopy(arguments))
            if name == "silent_start":
                return oracles.silent([mine] if isinstance(mine, str) else mine)
        except BaseException:
            return False
        if np.shape(mine) != wanted.shape or not np.allclose(mine, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max()):
            return False
    return True


def _plain(answer):
    if hasattr(answer, "__next__"):
        answer = list(itertools.islice(answer, 100_000))
    if isinstance(answer, str | set | list | tuple) and all(isinstance(x, str) for x in answer):
        return answer
    if getattr(answer, "dtype", np.dtype(float)).kind == "U":
        return answer.ravel().tolist()
    return np.asarray(answer, dtype=float)
