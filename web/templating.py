"""One Jinja environment for each language: what is known beforehand is written into the compiled templates.

Most of a page's words never change. A call with literal words — `_("Save")`, `icon("inbox")` — becomes the
text it gives, once, when the template is compiled for its language: a page then joins strings, and asks the
catalogue for none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from gettext import NullTranslations
from typing import Any, Final

from jinja2 import BaseLoader, Environment, StrictUndefined, nodes
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

__all__ = ["Templates"]

_GETTEXT: Final = ("_", "gettext")


class Templates(Environment):
    """Strict about undefined names. `fixed`: functions of literal arguments whose answer never changes."""

    def __init__(
        self,
        loader: BaseLoader,
        words: NullTranslations,
        fixed: Mapping[str, Callable[[str], str]],
        finalize: Callable[[Any], Any],
    ) -> None:
        super().__init__(
            loader=loader,
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
            auto_reload=False,
            finalize=finalize,
        )
        self.globals.update(fixed)
        self.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]
        self._known = _Known(words, fixed)

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        return super()._generate(self._known.visit(source), name, filename, defer_init)


class _Known(NodeTransformer):
    """Puts texts in the place of calls with literal arguments."""

    def __init__(self, words: NullTranslations, fixed: Mapping[str, Callable[[str], str]]) -> None:
        self._words, self._fixed = words, fixed

    def visit_Call(self, node: nodes.Call) -> nodes.Node:
        found: nodes.Node = self.generic_visit(node)
        match node:
            case nodes.Call(
                node=nodes.Name(name=name),
                args=[nodes.Const(value=str(literal))],
                kwargs=values,
                dyn_args=None,
                dyn_kwargs=None,
            ) if name in _GETTEXT:
                return self._said(literal, values, node.lineno)
            case nodes.Call(
                node=nodes.Name(name=name),
                args=[nodes.Const(value=str(literal))],
                kwargs=[],
                dyn_args=None,
                dyn_kwargs=None,
            ) if name in self._fixed:
                return _text(self._fixed[name](literal), node.lineno)
        return found

    def _said(self, literal: str, values: list[nodes.Keyword], lineno: int) -> nodes.Expr:
        """As the extension's own `gettext` does it: markup, and always a format."""
        said = Markup(self._words.gettext(literal))
        if not values:
            return _text(said % {}, lineno)
        pairs = [nodes.Pair(nodes.Const(item.key), item.value) for item in values]
        return nodes.Mod(_text(said, lineno), nodes.Dict(pairs), lineno=lineno)


def _text(value: str, lineno: int) -> nodes.Expr:
    constant = nodes.Const(str(value), lineno=lineno)
    return nodes.MarkSafe(constant, lineno=lineno) if isinstance(value, Markup) else constant
