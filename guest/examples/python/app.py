"""An extractor in Python, on Beautiful Soup. docs/wasm.md tells how it becomes a component."""

import re

import soupsieve
from bs4 import BeautifulSoup
from bs4.element import NavigableString, PreformattedString, Script, Stylesheet, TemplateString
from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.extraction import Failure_Pattern, Failure_Selector, Mistake, Query, Query_Css


class Extraction(exports.Extraction):
    def extract(self, page: str, queries: list[Query]) -> list[list[str]]:
        # What is wrong with a query is told whatever the page is, so all are compiled first.
        compiled = [compile_query(index, query) for index, query in enumerate(queries)]
        soup = None
        if any(isinstance(query, Query_Css) for query in queries):
            # One read of the page for all of them. Attributes stay texts: no lists of classes.
            soup = BeautifulSoup(page, "html.parser", multi_valued_attributes=None)
        return [run(page, soup) for run in compiled]


def compile_query(index, query):
    if isinstance(query, Query_Css):
        try:
            selector = soupsieve.compile(query.value.selector)
        except (soupsieve.SelectorSyntaxError, NotImplementedError) as error:
            raise Err(Failure_Selector(Mistake(index, one_line(error), None)))
        attribute = query.value.attribute
        if attribute is None:
            return lambda page, soup: [text(element) for element in selector.select(soup)]
        return lambda page, soup: [element[attribute] for element in selector.select(soup) if attribute in element.attrs]
    try:
        pattern = re.compile(query.value)
    except re.error as error:
        at = None if error.pos is None else len(query.value[: error.pos].encode())
        raise Err(Failure_Pattern(Mistake(index, one_line(error), at)))
    group = min(pattern.groups, 1)
    found = lambda page: (match[group] for match in pattern.finditer(page))
    return lambda page, soup: [value for value in found(page) if value is not None]


def text(element):
    """All text below an element: no comments, but scripts and styles, which Beautiful Soup would leave out."""
    kept = (Script, Stylesheet, TemplateString)
    strings = (node for node in element.descendants if isinstance(node, NavigableString))
    return "".join(node for node in strings if not isinstance(node, PreformattedString) or isinstance(node, kept))


def one_line(error):
    return " ".join(str(error).split())


# What a component does while it is built is part of it: this pays for the caches of the first call.
Extraction().extract("<title>t</title><p class=c>x</p>", [])
BeautifulSoup("<title>t</title><p class=c>x</p>", "html.parser").select("p.c")
