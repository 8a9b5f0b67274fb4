"""The tokens of cifar.h, with the comments that belong to them."""

import re
from dataclasses import dataclass
from typing import List, Optional


class HeaderError(Exception):
    """What is wrong with the header, and the number of the line."""

    def __init__(self, line: int, message: str):
        super().__init__(message)
        self.line = line


@dataclass
class Token:
    text: str
    line: int
    doc: Optional[str] = None  # of a /** comment */ right before it
    remark: str = ""  # of a /**< comment */ after it that begins on the same line


TOKEN = re.compile(
    r"(?P<space>[ \t]+)|(?P<newline>\n)|(?P<comment>/\*.*?\*/)|(?P<directive>#(?:\\\n|[^\n])*)"
    r"|(?P<token>[A-Za-z_]\w*|-?\d+\b|[{}()\[\];,*=])",
    re.S,
)
ONLY_CPP = re.compile(r'#ifdef __cplusplus\n(extern "C" \{|\})\n#endif(?=\n)')


def text_of(comment: str) -> str:
    """What a comment says, line by line, without its frame."""
    lines = re.sub(r"^/\*+<?|\*/$", "", comment).split("\n")
    lines = [lines[0].strip()] + [re.sub(r"^\s*\* ?", "", line).rstrip() for line in lines[1:]]
    indent = min((len(line) - len(line.lstrip()) for line in lines[1:] if line), default=0)
    return "\n".join([lines[0]] + [line[indent:] for line in lines[1:]]).strip()


def tokens_of(text: str) -> List[Token]:
    """The header's tokens. A directive is one token; `extern "C"` for C++ is none."""
    tokens: List[Token] = []
    position, line = 0, 1
    doc, doc_line = None, 0
    while position < len(text):
        match = ONLY_CPP.match(text, position) or TOKEN.match(text, position)
        if match is None:
            found = text[position:].split("\n", 1)[0]
            raise HeaderError(line, f"{found!r} is not understood")
        kind, found = match.lastgroup, match.group()
        if kind == "comment" and re.match(r"/\*\*(?!<)", found):
            if doc is not None:
                raise HeaderError(doc_line, "no declaration follows this comment")
            doc, doc_line = text_of(found), line
        elif found.startswith("/**<"):
            if doc is None and tokens and tokens[-1].line == line and not tokens[-1].remark:
                tokens[-1].remark = text_of(found)
        elif kind in ("directive", "token"):
            tokens.append(Token(found.rstrip(), line, doc))
            doc = None
        position = match.end()
        line += found.count("\n")
    if doc is not None:
        raise HeaderError(doc_line, "no declaration follows this comment")
    return tokens
