"""What the pages have Streamlit render, found by reading their code.

It must be made of literals, numbers and the results of `SAFE` functions, through variables, parameters and functions of
the pages. Whatever cannot be followed counts as a text of others."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
SAFE = {
    *("escape", "code", "describe_fault"),
    # Numbers, and texts of ours round numbers.
    *("len", "sum", "int", "float", "round", "abs"),
    *("format_bytes", "format_count", "format_duration", "format_ordinal", "format_clock", "person_name"),
}
# In HTML, Markdown's own escapes are no help.
SAFE_IN_HTML = SAFE - {"escape", "code", "describe_fault"} | {"quote_html", "time.monotonic_ns()"}
# What has fixed texts of ours, by the names that it has in the pages.
OURS = {
    "setting.label",
    "setting.full_label",
    "setting.help",
    "setting.effect",
    "each.label",
    "ignore.label",
    "ignore.help",
    "ignore.effect",
    "preset.name",
    "preset.description",
    # Counts of pairs in words.
    "counts.summary",
    # Hex digits that we computed.
    "making.sums",
    "PEOPLE",
    "TRACKS",
    "__version__",
}
# The rendered positional arguments of Streamlit's functions; `help` is rendered by all of them.
FIRST = "markdown caption title header subheader error warning info success toast button link_button download_button "
FIRST += "form_submit_button checkbox toggle radio selectbox multiselect slider select_slider text_input number_input "
FIRST += "text_area date_input time_input file_uploader expander status spinner popover dialog segmented_control pills "
FIRST += "metric camera_input feedback color_picker write"
RENDERED = {**dict.fromkeys(FIRST.split(), (0,)), "progress": (1,), "page_link": (1,), "tabs": (0,), "image": (1,)}
KEYWORDS = {"label", "body", "text", "caption", "captions", "help", "title", "icon"}
CHOICES = {"radio", "segmented_control", "pills"}
NUMBER = re.compile(r".*[,fgde%]")
Function = ast.FunctionDef | ast.Lambda


@dataclass(frozen=True)
class Scope:
    """A function of a module, in the scope that it is in; the module itself has none."""

    module: str
    node: ast.Module | ast.FunctionDef | ast.Lambda
    outer: Scope | None = None


# Which parameters an expression is safe with, as (function, parameter); None if it is not safe whatever they are.
Needs = frozenset[tuple[str, str]] | None
NOTHING: frozenset[tuple[str, str]] = frozenset()


def join(needs: Iterator[Needs]) -> Needs:
    found = list(needs)
    return None if None in found else frozenset().union(*(need for need in found if need is not None))


@dataclass
class Checker:
    """Of the pages' modules by name: of what they render as Markdown, or as HTML."""

    sources: dict[str, str]
    is_html: bool = False
    busy: set[tuple[str, int]] = field(default_factory=set)

    @cached_property
    def allowed(self) -> set[str]:
        return OURS | (SAFE_IN_HTML if self.is_html else SAFE)

    @cached_property
    def rendered(self) -> dict[str, tuple[int, ...]]:
        return {"html": (0,)} if self.is_html else RENDERED

    @cached_property
    def modules(self) -> dict[str, ast.Module]:
        return {name: ast.parse(text) for name, text in self.sources.items()}

    @cached_property
    def functions(self) -> dict[str, list[tuple[ast.FunctionDef, Scope]]]:
        found: dict[str, list[tuple[ast.FunctionDef, Scope]]] = {}
        for scope, node in self.nodes:
            if isinstance(node, ast.FunctionDef):
                found.setdefault(node.name, []).append((node, scope))
        return found

    @cached_property
    def nodes(self) -> list[tuple[Scope, ast.AST]]:
        """Every node with the scope that it is in."""
        found: list[tuple[Scope, ast.AST]] = []

        def walk(node: ast.AST, scope: Scope) -> None:
            found.append((scope, node))
            inner = Scope(scope.module, node, scope) if isinstance(node, Function) else scope
            body = {id(child) for child in (node.body if isinstance(node, ast.FunctionDef) else [])}
            for child in ast.iter_child_nodes(node):
                is_inside = isinstance(node, ast.Lambda) or id(child) in body
                walk(child, inner if is_inside else scope)

        for name, module in self.modules.items():
            scope = Scope(name, module)
            for child in module.body:
                walk(child, scope)
        return found

    def needs(self, node: ast.AST | None, scope: Scope) -> Needs:
        """Which parameters have to be safe for this expression to be."""
        if node is None or isinstance(node, ast.Constant):
            return NOTHING
        if ast.unparse(node) in self.allowed:
            return NOTHING
        match node:
            case ast.FormattedValue():
                spec = ast.unparse(node.format_spec)[2:-1] if node.format_spec else ""
                return NOTHING if NUMBER.fullmatch(spec) else self.needs(node.value, scope)
            case ast.JoinedStr() | ast.BoolOp():
                return join(self.needs(value, scope) for value in node.values)
            case ast.Compare():
                return NOTHING
            case ast.UnaryOp():
                return self.needs(node.operand, scope)
            case ast.BinOp(op=ast.Add() | ast.Mult()):
                return join(self.needs(value, scope) for value in (node.left, node.right))
            case ast.BinOp(op=ast.Sub() | ast.Div() | ast.FloorDiv()):
                return NOTHING  # texts have none of these
            case ast.IfExp():
                return join(self.needs(value, scope) for value in (node.body, node.orelse))
            case ast.Tuple() | ast.List() | ast.Set():
                return join(self.needs(value, scope) for value in node.elts)
            case ast.Starred() | ast.NamedExpr():
                return self.needs(node.value, scope)
            case ast.Dict():
                return join(self.needs(value, scope) for value in (*node.keys, *node.values))
            case ast.GeneratorExp() | ast.ListComp() | ast.SetComp():
                return self.needs(node.elt, scope)
            case ast.Subscript():
                return self.needs(node.value, scope)
            case ast.Name():
                return self._name_needs(node, scope)
            case ast.Attribute(attr="__getitem__"):
                return self.needs(node.value, scope)
            case ast.Lambda():
                return self.needs(node.body, Scope(scope.module, node, scope))
            case ast.Call():
                return self._call_needs(node, scope)
        return None

    def _call_needs(self, node: ast.Call, scope: Scope) -> Needs:
        values = [*node.args, *(keyword.value for keyword in node.keywords)]
        match node.func:
            case ast.Name(id=name) if name in self.allowed:
                return NOTHING
            case ast.Name(id="enumerate" | "zip" | "sorted" | "reversed" | "list" | "tuple" | "filter" | "dict"):
                return join(self.needs(value, scope) for value in values)
            case ast.Attribute(attr="get") if values:
                return join(self.needs(value, scope) for value in (node.func.value, *values[1:]))
            case ast.Attribute(attr="join" | "format" | "items" | "values"):
                return join(self.needs(value, scope) for value in (node.func.value, *values))
            case ast.Attribute(attr="strip" | "rstrip" | "lower" | "upper" | "replace"):
                return join(self.needs(value, scope) for value in (node.func.value, *values))
            case ast.Name(id=name) if name in self.functions:
                return join(self._result_needs(function, at, node, scope) for function, at in self.functions[name])
        return None

    def _result_needs(self, function: ast.FunctionDef, at: Scope, call: ast.Call, scope: Scope) -> Needs:
        key = (at.module, function.lineno)
        if key in self.busy:
            return NOTHING
        self.busy.add(key)
        try:
            inner = Scope(at.module, function, at)
            results = [x.value for x in ast.walk(function) if isinstance(x, ast.Return | ast.Yield)]
            found = join(self.needs(result, inner) for result in results)
        finally:
            self.busy.remove(key)
        if found is None:
            return None
        own = [(name, parameter) for name, parameter in found if name == function.name]
        outer = frozenset(found - set(own))
        given = (self.needs(argument(function, call, parameter), scope) for _, parameter in own)
        return join(iter([outer, *given]))

    def _name_needs(self, node: ast.Name, scope: Scope) -> Needs:
        while True:
            values = list(bindings(scope.node, node.id))
            if values:
                key = (scope.module, id(scope.node) ^ hash(node.id))
                if key in self.busy:
                    return NOTHING
                self.busy.add(key)
                try:
                    return join(self.needs(value, scope) if value else iter_none() for value in values)
                finally:
                    self.busy.remove(key)
            if isinstance(scope.node, ast.FunctionDef):
                parameter = parameter_of(scope.node, node.id)
                if parameter is not None:
                    kind = ast.unparse(parameter.annotation) if parameter.annotation else ""
                    is_number = kind in ("int", "float", "bool")
                    return NOTHING if is_number else frozenset({(scope.node.name, node.id)})
            if scope.outer is None:
                return self._imported_needs(node, scope)
            scope = scope.outer

    def _imported_needs(self, node: ast.Name, scope: Scope) -> Needs:
        assert isinstance(scope.node, ast.Module)
        for statement in scope.node.body:
            if isinstance(statement, ast.ImportFrom) and any(alias.name == node.id for alias in statement.names):
                module = statement.module or ""
                if module in self.modules and module != scope.module:
                    return self._name_needs(node, Scope(module, self.modules[module]))
        return None

    def findings(self) -> list[str]:
        """What is rendered without being safe: file, line and expression."""
        found: dict[str, None] = {}
        todo = [(scope, call, value) for scope, call in self.calls for value in self._rendered(call)]
        sinks: set[tuple[str, str]] = set()
        while todo:
            new: set[tuple[str, str]] = set()
            for scope, call, value in todo:
                needs = self.needs(value, scope)
                if needs is None:
                    found[f"{scope.module}:{call.lineno}: {ast.unparse(value)}"] = None
                new |= needs or set()
            new -= sinks
            sinks |= new
            todo = [place for name, parameter in sorted(new) for place in self._given(name, parameter)]
        return list(found)

    @cached_property
    def calls(self) -> list[tuple[Scope, ast.Call]]:
        return [(scope, node) for scope, node in self.nodes if isinstance(node, ast.Call)]

    def _rendered(self, call: ast.Call) -> Iterator[ast.expr]:
        """The arguments of a call of Streamlit that it renders."""
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if name not in self.rendered or (isinstance(call.func, ast.Attribute) and is_text(call.func.value)):
            return
        yield from (call.args[place] for place in self.rendered[name] if place < len(call.args))
        yield from (keyword.value for keyword in call.keywords if keyword.arg in KEYWORDS)
        if name in CHOICES:
            options = [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "options")]
            shown = [keyword.value for keyword in call.keywords if keyword.arg == "format_func"]
            yield from (value for value in shown or options if ast.unparse(value) not in self.allowed)

    def _given(self, name: str, parameter: str) -> Iterator[tuple[Scope, ast.Call, ast.expr]]:
        """What is given for a parameter of a function of the pages, by calls and where it is handed on to be called."""
        for function, _ in self.functions.get(name, []):
            for scope, call in self.calls:
                given = call_of(call, name)
                value = argument(function, given, parameter) if given else None
                if value is not None:
                    yield scope, call, value


def iter_none() -> Needs:
    return None


def is_text(node: ast.expr) -> bool:
    """Whether a method is one of a text, such as "x".title()."""
    return isinstance(node, ast.Constant | ast.JoinedStr)


def call_of(call: ast.Call, name: str) -> ast.Call | None:
    """The call as one of the function `name`: direct, `st.fragment(name)(...)`, or a callback with its `args`."""
    if isinstance(call.func, ast.Name) and call.func.id == name:
        return call
    if isinstance(call.func, ast.Call) and any(isinstance(x, ast.Name) and x.id == name for x in call.func.args):
        return call
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    for event in ("on_click", "on_change"):
        if isinstance(target := keywords.get(event), ast.Name) and target.id == name:
            values = keywords.get("args")
            return ast.Call(target, values.elts if isinstance(values, ast.Tuple) else [], [])
    return None


def argument(function: ast.FunctionDef, call: ast.Call, parameter: str) -> ast.expr | None:
    """What a call gives for a parameter, or its default."""
    names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    for keyword in call.keywords:
        if keyword.arg == parameter:
            return keyword.value
    if parameter in names:
        place = names.index(parameter)
        if place < len(call.args):
            return call.args[place]
        defaults = function.args.defaults
        first = len(names) - len(defaults)
        return defaults[place - first] if place >= first else None
    return None


def parameter_of(function: ast.FunctionDef, name: str) -> ast.arg | None:
    every = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    return next((each for each in every if each.arg == name), None)


def own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope, but for those of the functions and classes in it."""
    for node in ast.iter_child_nodes(scope):
        yield node
        if not isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            yield from own_nodes(node)


def bindings(scope: ast.AST, name: str) -> Iterator[ast.expr | None]:
    """What is bound to a name in a scope; None for what cannot be followed."""
    nodes = list(own_nodes(scope))
    lists = {x.target.id: x.value for x in nodes if isinstance(x, ast.AnnAssign) and isinstance(x.target, ast.Name)}
    for node in nodes:
        match node:
            case ast.Assign():
                for target in node.targets:
                    yield from bound(target, node.value, name)
            case ast.AnnAssign(value=ast.expr() as value) | ast.AugAssign(value=value) | ast.NamedExpr(value=value):
                yield from bound(node.target, value, name)
            case ast.For() | ast.comprehension():
                listed = lists.get(node.iter.id) if isinstance(node.iter, ast.Name) else None
                yield from bound(node.target, listed or node.iter, name)
            case ast.ExceptHandler(name=caught) if caught == name:
                yield None
            case ast.withitem(optional_vars=ast.Name(id=opened)) if opened == name:
                yield None
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr="append" | "extend"), args=[value]):
                if owner == name:
                    yield value


def bound(target: ast.expr, value: ast.expr, name: str) -> Iterator[ast.expr | None]:
    """What an assignment of `value` gives to a name, in the target or in a tuple of targets."""
    if isinstance(target, ast.Subscript):
        target = target.value
    if isinstance(target, ast.Name) and target.id == name:
        yield value
    elif isinstance(target, ast.Tuple):
        for row in rows_of(value, len(target.elts)):
            for part, single in zip(target.elts, row, strict=True):
                yield from bound(part, single, name)


def rows_of(value: ast.expr, length: int) -> list[list[ast.expr]]:
    """What is unpacked into so many targets, one list for each turn of a loop, as far as that can be read."""
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "enumerate":
        return [[ast.Constant(0), value.args[0]]]
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "zip" and len(value.args) == length:
        return [list(value.args)]
    if isinstance(value, ast.Tuple | ast.List) and value.elts:
        tuples = [item.elts for item in value.elts if isinstance(item, ast.Tuple) and len(item.elts) == length]
        if len(tuples) == len(value.elts):
            return tuples
        if len(value.elts) == length:
            return [value.elts]
    return [[value] * length]


def page_sources() -> dict[str, str]:
    files = sorted(ROOT.glob("pages/**/*.py"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text(encoding="utf-8") for path in files}
