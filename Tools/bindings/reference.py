"""Doxygen's filter for include/cifar.h and its main page: `make reference` runs it.

The header is written to be read as it is. This adds what a page of links wants and a reader of the
text does not: the sections as groups, names as links, and what the header's rules say of parameters
and results once for all functions.
"""

import re
import sys
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from header import Constant, Enum, Function, Opaque, Struct, Type, declarations_of
from tokens import text_of

PARAM = re.compile(r"@param (\w+) +(.*)", re.S)
BANNER = re.compile(r"/\* -+ (.*?) -+ \*/(?:\n/\* (.*?) \*/)?")
COMMENT = re.compile(r"/\* -+ .*? -+ \*/\n/\* .*? \*/|/\*.*?\*/", re.S)
NEWLINE = "\n"
NAME = re.compile(r"[\w *]+?\b(cifar_\w+)\(")


class Reference:
    """The filtered text of one header."""

    def __init__(self, text: str):
        self._text = text
        declarations = declarations_of(text)
        self._functions = {item.name: item for item in declarations if isinstance(item, Function)}
        self._opaque = {item.name for item in declarations if isinstance(item, Opaque)}
        constants = [item for item in declarations if isinstance(item, Constant)]
        for item in declarations:
            if isinstance(item, Enum):
                constants += item.constants
        self._names = {item.name for item in [*declarations, *constants]}
        self._statuses = {
            item.name[len("CIFAR_E_"):] for item in constants if item.name.startswith("CIFAR_E_")
        }

    def text(self) -> str:
        parts: List[str] = []
        position, group = 0, None
        for match in COMMENT.finditer(self._text):
            parts.append(self._text[position:match.start()])
            position = match.end()
            comment, column = match.group(), match.start() - self._text.rfind("\n", 0, match.start())
            banner = BANNER.fullmatch(comment)
            if banner:
                parts.append(("/** @} */\n" if group else "") + self._group(*banner.groups()))
                group = banner.group(1)
            elif group is None and not comment.startswith("/**"):
                parts.append(self._rules(text_of(comment)))
            elif comment.startswith("/**<"):
                parts.append(f"/**< @brief {self._linked(text_of(comment))} */")
            elif comment.startswith("/**"):
                function = NAME.match(self._text[position:].lstrip("\n"))
                parts.append(framed(self._documented(
                    text_of(comment), self._functions.get(function.group(1)) if function else None)))
            elif column == 1 and group:
                text = self._paragraphs(text_of(comment))
                parts.append(
                    f"/** @}} */\n{framed(f'@addtogroup {slug(group)}{NEWLINE}@details {text}')}\n"
                    f"/** @addtogroup {slug(group)}\n *  @{{ */")
            else:
                parts.append(comment)
        parts.append(self._text[position:])
        # The last group ends before the brace of extern "C".
        head, brace, tail = "".join(parts).rpartition("#ifdef __cplusplus")
        head = re.sub(
            r"(struct (\w+) \{\n  uint32_t struct_size;)\n", r"\1 /**< sizeof(\2) */\n", head)
        return f"{head}/** @}} */\n{brace}{tail}"

    # Functions --------------------------------------------------------------------------------

    def _documented(self, text: str, function: Optional[Function]) -> str:
        if function is None:
            return self._paragraphs(text)
        text, parameters, result = parted(text)
        lines = [self._paragraphs(text), ""]
        for name, type_ in function.signature.parameters:
            words = parameters.get(name) or self.rule_of(function, name, type_)
            if words:
                lines.append(f"@param {name} {self._linked(words)}")
        if function.signature.result == Type("cifar_status"):
            errors = f", or: {result}" if result else ", or what went wrong."
            lines.append(f"@return {self._linked('CIFAR_OK' + errors)}")
        elif result:
            lines.append(f"@return {self._linked(result)}")
        return "\n".join(lines)

    def rule_of(self, function: Function, name: str, type_: Type) -> Optional[str]:
        """What the header's rules say of a parameter wherever it is."""
        if name == "out" and type_.base in self._opaque and type_.pointers == 2:
            return f"receives the new object, which {type_.base}_free ends."
        if name.endswith("_size") and type_ == Type("size_t"):
            of = name[:-len("_size")]
            owner = dict(function.signature.parameters).get(of)
            return f"sizeof({owner.base})." if owner else None
        if type_.base in self._opaque and type_.pointers == 1:
            if type_.base == f"cifar_{name}":
                nothing = "; NULL does nothing" if function.name.endswith("_free") else ""
                return f"the {name.replace('_', ' ')}{nothing}."
            if type_.base.endswith(f"_{name}"):
                return f"the {type_.base[len('cifar_'):].replace('_', ' ')}."
        if name in ("info", "options", "query", "callbacks", "peers") and type_.pointers == 1:
            return "is filled."
        if name == "user" and type_.base == "void":
            return "is handed to the callback."
        return None

    # Text -------------------------------------------------------------------------------------

    def _group(self, title: str, purpose: str = "") -> str:
        return f"/** @defgroup {slug(title)} {title}\n *  @brief {purpose}\n *  @{{ */"

    def sections(self) -> str:
        """A table of them in Markdown."""
        rows = [f"| @ref {slug(title)} | {purpose} |"
                for title, purpose in BANNER.findall(self._text) if purpose]
        return "\n".join(["| | |", "|---|---|", *rows])

    def _rules(self, text: str) -> str:
        """The comment at the header's head: a page of rules, each under its word."""
        head, _, rules = text.partition("The rules, for every function here:")
        purpose = head.split("\n\n", 1)
        lines = [f"@file cifar.h\n@brief {purpose[0].partition(' - ')[2]}\n", self._linked(purpose[1])]
        page = ["@page rules Rules for every function\n", "<dl class=\"rules\">"]
        for word, words in re.findall(r"^(\w+) +(.*(?:\n +.*)*)", rules.strip(), flags=re.M):
            page.append(f"<dt>{word}</dt><dd>{self._linked(words)}</dd>")
        return framed("\n".join(lines)) + "\n" + framed("\n".join([*page, "</dl>"]))

    def _paragraphs(self, text: str) -> str:
        """Text with links; what is indented is an example, which stays as it is."""
        parts = []
        for paragraph in re.split(r"\n\n+|\n(?=  +[{\"])", text):
            if paragraph.startswith("  "):
                parts.append(f"@verbatim\n{paragraph}\n@endverbatim")
            else:
                parts.append(self._linked(paragraph))
        return "\n\n".join(parts)

    def _linked(self, text: str) -> str:
        # Text of several lines is one, as a line that begins with "./" would end a list; what is code
        # in Markdown stays as it is.
        pieces = re.split(r"(`[^`]*`)", " ".join(text.split()))
        for index, piece in enumerate(pieces):
            if piece.startswith("`"):
                continue
            piece = piece.replace("--", "\\--").replace("<", "\\<").replace(">", "\\>")
            pieces[index] = re.sub(r"\b[A-Za-z]\w+", self._link, piece)
        return "".join(pieces)

    def _link(self, match: "re.Match[str]") -> str:
        word = match.group()
        if word in self._statuses:
            return f'@ref CIFAR_E_{word} "{word}"'
        return f"#{word}" if word in self._names else word


def parted(text: str) -> Tuple[str, Dict[str, str], Optional[str]]:
    """What a function's comment says, of each parameter, and of what is returned."""
    parameters: Dict[str, str] = {}
    result = None
    kept = []
    for paragraph in re.split(r"\n\n+|\n(?=@)", text):
        match = PARAM.fullmatch(paragraph)
        if match:
            parameters[match.group(1)] = " ".join(match.group(2).split())
            continue
        before, _, after = re.sub(r"@return |\bErrors?: ", "\0", paragraph, count=1).partition("\0")
        result = after or result
        if before.strip():
            kept.append(before.rstrip())
    return "\n\n".join(kept), parameters, result


def undocumented(header: str) -> List[str]:
    """What has no comment, neither its own nor one of the rules."""
    reference = Reference(header)
    missing = []
    for item in declarations_of(header):
        if not item.doc:
            missing.append(item.name)
        if isinstance(item, (Enum, Struct)):
            parts = item.constants if isinstance(item, Enum) else item.fields[1:]
            missing += [f"{item.name}.{part.name}" for part in parts if not part.doc]
        if isinstance(item, Function):
            documented = set(parted(item.doc)[1])
            names = [name for name, _ in item.signature.parameters]
            missing += [
                f"{item.name}({name})" for name, type_ in item.signature.parameters
                if name not in documented and not reference.rule_of(item, name, type_)
            ]
            missing += [f"{item.name}({name}), which it does not take"
                        for name in sorted(documented - set(names))]
    return missing


def framed(text: str) -> str:
    return "/**\n" + "\n".join(f" * {line}".rstrip() for line in text.split("\n")) + "\n */"


def slug(title: str) -> str:
    return re.sub(r"\W+", "_", title.lower()).strip("_")


def main() -> None:
    text = Path(sys.argv[-1]).read_text(encoding="utf-8")
    if sys.argv[-1].endswith(".md"):
        header = Path("include/cifar.h").read_text(encoding="utf-8")
        sys.stdout.write(text.replace("[sections]", Reference(header).sections()))
        return
    if sys.argv[1] != "--check":
        sys.stdout.write(Reference(text).text())
        return
    missing = undocumented(text)
    if missing:
        sys.exit(f"{sys.argv[-1]} says nothing of {', '.join(missing)}")


if __name__ == "__main__":
    main()
