"""Compares what the command answers with what two HTML5 parsers that are not ours do: lexbor, by selectolax, and html5lib.

    python compare.py slackwater pages.txt [--html5lib EVERY] [--least N]

`pages.txt` names the pages, one a line. The command takes each recipe of recipes.py from all of them; lexbor takes the same from
the same text, and each value has to be the same. Where one is not, html5lib says who is right, through soupsieve's selectors.
Every EVERY-th page is asked of html5lib in any case. A difference is explained by an entry of differences.json: fields, who stands
alone, a reason, and what proves it on the page itself: `instead`, a selector that says the same and must find what we found;
`renamed`, a change to the page after which all must agree; `order`, where the values must be the same; `blank`, where it must be
about nothing but elements with white space alone.
A difference that no entry explains ends this with status 1.
"""

import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import warnings
from functools import partialmethod

import html5lib
import webencodings
from bs4 import BeautifulSoup, Comment, Declaration, Doctype, NavigableString, ProcessingInstruction, XMLParsedAsHTMLWarning
from selectolax.lexbor import LexborHTMLParser

sys.dont_write_bytecode = True
from recipes import RECIPES  # noqa: E402

# What is in a `noscript` is text where scripts run, as for html5ever and so for us, and elements where none do. html5lib can be told.
html5lib.HTMLParser.parse = partialmethod(html5lib.HTMLParser.parse, scripting=True)
# lexbor, by selectolax, cannot. Where scripts run a `noscript` is parsed like a `noframes`, so it gets that in its place.
NOSCRIPT, NOFRAMES = re.compile(r"(?i)(?<=<)noscript|(?<=</)noscript"), re.compile(r"(?<=<)noframes|(?<=</)noframes")
warnings.filterwarnings("ignore", category=XMLParsedAsHTMLWarning)
NO_TEXT = (Comment, Declaration, Doctype, ProcessingInstruction)
PROOFS = {"instead", "renamed", "order", "blank"}
HERE = pathlib.Path(__file__).parent


def ours(command, recipe, pages):
    """What the command answers: for each page its encoding, and the values of each field."""
    fields = [f"f{n}={selector}" + (f"@{name}" if name else "") for n, (selector, name) in enumerate(recipe)]
    options = [part for field in fields for part in ("--css", field)]
    with tempfile.NamedTemporaryFile() as lines:
        arguments = ["extract", "--quiet", "--ordered", "--no-archives", "--format", "jsonl", "-o", lines.name]
        subprocess.run([command, *arguments, *options, "--files-from", pages], check=False, stdin=subprocess.DEVNULL)
        for line in open(lines.name, encoding="utf-8"):
            answer = json.loads(line)
            encoding = answer.get("encoding", {}).get("name", "utf-8")
            values = [answer["fields"].get(f"f{n}") for n in range(len(recipe))]
            yield answer["source"], answer["error"], encoding, values


def decoded(path, encoding):
    # As a browser decodes; in Python's own tables some bytes of windows-1252 have no meaning.
    text, _ = webencodings.decode(pathlib.Path(path).read_bytes(), webencodings.lookup(encoding))
    return text


def lexbors(tree, selector, name):
    found = tree.css(selector.replace("noscript", "noframes"))
    if name is None:
        return [NOFRAMES.sub("noscript", node.text()) for node in found]
    # An attribute without a value has none here; the standard's tree has the empty string.
    return [node.attributes[name] or "" for node in found if name in node.attributes]


def lexbor_of(text):
    return LexborHTMLParser(NOSCRIPT.sub("noframes", text))


def is_text(part):
    return isinstance(part, NavigableString) and not isinstance(part, NO_TEXT)


def html5libs(soup, selector, name):
    found = soup.select(selector)
    if name is None:
        return ["".join(part for part in node.descendants if is_text(part)) for node in found]
    return [node[name] for node in found if node.has_attr(name)]


def soup_of(text):
    return BeautifulSoup(text, "html5lib", multi_valued_attributes=None)


class Explained:
    """differences.json, and how often each entry was needed."""

    def __init__(self):
        self.entries = json.loads((HERE / "differences.json").read_text())
        self.used = collections.Counter()

    def finds(self, field, verdict, text, have):
        for at, entry in enumerate(self.entries):
            if entry["alone"] == verdict and (entry["fields"] == "any" or shown(field) in entry["fields"]) and proves(entry, field, text, have):
                self.used[at] += 1
                return True
        return False


def proves(entry, field, text, have):
    selector, name = field
    if "instead" in entry:
        return lexbors(lexbor_of(text), entry["instead"], name) == have
    if "order" in entry:
        return sorted(lexbors(lexbor_of(text), selector, name)) == sorted(html5libs(soup_of(text), selector, name)) == sorted(have)
    if "renamed" in entry:
        pattern, other = entry["renamed"]
        text = re.sub(pattern, other, text)
        return lexbors(lexbor_of(text), selector, name) == html5libs(soup_of(text), selector, name) == have
    if "blank" in entry:
        blank = [node for node in soup_of(text).select(selector) if any(isinstance(part, str) for part in node.contents)]
        return all(node.get_text().isspace() for node in blank)
    return False


def shown(field):
    return field[0] + (f"@{field[1]}" if field[1] else "")


def first_difference(have, want):
    at = next((at for at, (one, other) in enumerate(zip(have, want)) if one != other), min(len(have), len(want)))
    one, other = have[at : at + 1], want[at : at + 1]
    if one and other:
        letter = next((n for n, (a, b) in enumerate(zip(one[0], other[0])) if a != b), min(len(one[0]), len(other[0])))
        one, other = one[0][max(0, letter - 20) : letter + 60], other[0][max(0, letter - 20) : letter + 60]
    return f"{len(have)} values for {len(want)}, at {at}: {one!r} for {other!r}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("command")
    parser.add_argument("pages")
    parser.add_argument("--least", type=int, default=0, metavar="N", help="pages that there have to be")
    parser.add_argument("--html5lib", type=int, default=20, metavar="EVERY")
    options = parser.parse_args()
    explained = Explained()
    pages, values, asked, arbitrated, failed = set(), 0, 0, set(), 0
    classes, unexplained = collections.Counter(), collections.defaultdict(list)
    for recipe_name, recipe in RECIPES.items():
        count = 0
        for number, (path, error, encoding, answer) in enumerate(ours(options.command, recipe, options.pages)):
            if error is not None:
                failed += 1
                continue
            pages.add(path)
            text = decoded(path, encoding)
            lexbor, soup = lexbor_of(text), None
            for field, have in zip(recipe, answer):
                selector, name = field
                count += len(have)
                asked += 1
                want = lexbors(lexbor, selector, name)
                if have == want and number % options.html5lib:
                    continue
                soup = soup or soup_of(text)
                arbitrated.add(path)
                third = html5libs(soup, selector, name)
                if have == want == third:
                    continue
                if have == third:
                    verdict, said = "lexbor", first_difference(have, want)
                elif have == want:
                    verdict, said = "html5lib", first_difference(have, third)
                elif want == third:
                    verdict, said = "slackwater", first_difference(have, want)
                else:
                    verdict, said = "three answers", first_difference(have, want) + "; html5lib: " + first_difference(have, third)
                classes[verdict] += 1
                if not explained.finds(field, verdict, text, have):
                    unexplained[shown(field), verdict].append(f"{path}: {said}")
        values += count
        print(f"{recipe_name}: {len(recipe)} fields, {count} values", flush=True)
    print(f"{len(pages)} pages, {failed} answers refused as no HTML, {asked} answers with {values} values compared")
    print(f"html5lib was asked about {len(arbitrated)} pages")
    print("differences by who stands alone:", dict(classes))
    for at, entry in enumerate(explained.entries):
        print(f"explained, {explained.used[at]} times: {entry['alone']}: {entry['fields']}, proved by {PROOFS & entry.keys()}")
    for (field, verdict), all_of_it in unexplained.items():
        print(f"unexplained: {field}: {verdict} alone, {len(all_of_it)} times, as in", *all_of_it[:3], sep="\n  ")
    unused = [entry for at, entry in enumerate(explained.entries) if not explained.used[at]]
    print(f"{len(unexplained)} unexplained, {len(unused)} explanations unused")
    if len(pages) < options.least:
        print(f"error: {len(pages)} pages are fewer than {options.least}")
    return 1 if unexplained or len(pages) < options.least else 0


sys.exit(main())
