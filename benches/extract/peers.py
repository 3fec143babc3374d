"""Takes h1 texts and link targets from pages with selectolax (lexbor), a lap at a time, for benches that compare with it.

Reads a file that names the pages, one a line. Then, for each line on standard input, runs over all of them once and answers with
the core seconds it took, the number of values and their total length in characters.
"""

import gc
import os
import sys
import time

from selectolax.lexbor import LexborHTMLParser


def lap(pages):
    count = length = 0
    start = time.thread_time()
    for page in pages:
        tree = LexborHTMLParser(page)
        values = [node.text() for node in tree.css("h1")]
        # lexbor takes xlink:href for href too, in selectors but not here.
        links = [node.attributes.get("href") for node in tree.css("a[href]")]
        values += [link for link in links if link is not None]
        count += len(values)
        for value in values:
            length += len(value)
    return time.thread_time() - start, count, length


def main():
    if len(sys.argv) > 2 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(sys.argv[2])})
    with open(sys.argv[1], encoding="utf-8") as names:
        pages = [open(name.rstrip("\n"), "rb").read() for name in names]
    gc.disable()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(*lap(pages), flush=True)


main()
