#!/usr/bin/env python3
"""Words of a text, most frequent first: a worker in pure Python.

    printf '"to be or not to be"\n' | slackwater map --worker 'python3 workers/python/words.py'
"""

import re
import unicodedata
from collections import Counter
from typing import Any, Dict

from slackwater_worker import worker

WORD = re.compile(r"\w+")


@worker.operation
def words(text: str) -> Dict[str, Any]:
    """{"words": how many, "top": [[word, how often], ...]} of a string."""
    if not isinstance(text, str):
        raise TypeError(f"a text is a string, not {type(text).__name__}")
    found = Counter(WORD.findall(unicodedata.normalize("NFC", text).casefold()))
    return {"words": sum(found.values()), "top": found.most_common(5)}


if __name__ == "__main__":
    worker.serve()
