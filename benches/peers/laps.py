"""Takes h1 texts and link targets from pages with a parser out of requirements.txt, a lap at a time, for benches that compare.

    python laps.py PEER pages.txt

The file names the pages, one a line. Then, for each line on standard input, it runs over all of them once and answers with the core
seconds it took, the number of values and their total length in characters. Each peer is used as its documentation shows it, by the
fastest calls we know of, and gets a page as what it takes fastest: bytes, or text that is decoded beforehand.
"""

import gc
import sys
import time


def selectolax():
    from selectolax.lexbor import LexborHTMLParser

    def page(source):
        tree = LexborHTMLParser(source)
        values = [node.text() for node in tree.css("h1")]
        # lexbor takes xlink:href for href too, in selectors but not here.
        links = [node.attributes.get("href") for node in tree.css("a[href]")]
        return values + [link for link in links if link is not None]

    return page, bytes


def lxml():
    from lxml import html
    from lxml.etree import XPath

    parser = html.HTMLParser(encoding="utf-8")
    h1, links = XPath("//h1"), XPath("//a/@href", smart_strings=False)

    def page(source):
        tree = html.document_fromstring(source, parser=parser)
        return [node.text_content() for node in h1(tree)] + links(tree)

    return page, bytes


def parsel():
    from parsel import Selector

    def page(source):
        tree = Selector(text=source)
        return [node.xpath("string()").get() for node in tree.css("h1")] + tree.css("a::attr(href)").getall()

    return page, str


def beautifulsoup():
    from bs4 import BeautifulSoup

    # Its trees are full of cycles, so without the collector it would take all memory there is.
    gc.enable()

    def page(source):
        tree = BeautifulSoup(source, "lxml")
        return [node.get_text() for node in tree.find_all("h1")] + [node["href"] for node in tree.find_all("a", href=True)]

    return page, str


def lap(page, sources):
    count = length = 0
    start = time.thread_time()
    for source in sources:
        values = page(source)
        count += len(values)
        for value in values:
            length += len(value)
    return time.thread_time() - start, count, length


def main():
    gc.disable()
    page, kind = {"selectolax": selectolax, "lxml": lxml, "parsel": parsel, "BeautifulSoup": beautifulsoup}[sys.argv[1]]()
    with open(sys.argv[2], encoding="utf-8") as names:
        sources = [open(name.rstrip("\n"), "rb").read() for name in names]
    if kind is str:
        sources = [source.decode() for source in sources]
    print("ready", flush=True)
    for _ in sys.stdin:
        print(*lap(page, sources), flush=True)


main()
