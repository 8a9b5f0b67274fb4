"""The ABI of libcifar as text: what a program that was compiled against cifar.h relies on.

`make abi` writes it to Tests/CABI/ABI, a file for each minor version; Tests/CABI/test_abi.py compares.
"""

import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Tuple, Union

from header import Callback, Constant, Enum, Function, Opaque, Signature, Struct, Type, declarations_of

HEAD = """\
# What a program that was compiled against libcifar {version} relies on, on 64-bit Linux.
# Written by `make abi` from include/cifar.h, Sources/CifarC/exports.map and the C compiler.
"""


# Writing ------------------------------------------------------------------------------------------


def declared(type_: Union[Type, Signature], name: str = "") -> str:
    """The C that declares a name of a type: `const char *const *names`."""
    if isinstance(type_, Signature):
        return f"{declared(type_.result)} (*{name})({taken(type_)})"
    stars = "".join("*const " if is_const else "*" for is_const in type_.const_pointers)
    text = f"{'const ' if type_.is_const else ''}{type_.base} {stars}{name}".rstrip()
    return f"{text}[{type_.count}]" if type_.count else text


def taken(signature: Signature) -> str:
    return ", ".join(declared(type_) for _, type_ in signature.parameters) or "void"


def measured(header: Path, declarations: list) -> Dict[str, Tuple[int, ...]]:
    """By struct.field its offset and size, by struct or enum its size: the C compiler's."""
    lines = []
    for item in declarations:
        if isinstance(item, (Enum, Struct)):
            lines.append(f'printf("{item.name} %zu\\n", sizeof({item.name}));')
        for part in item.fields if isinstance(item, Struct) else []:
            lines.append(
                f'printf("{item.name}.{part.name} %zu %zu\\n", offsetof({item.name}, {part.name}), '
                f"sizeof((({item.name} *)0)->{part.name}));")
    body = "\n  ".join(lines)
    program = f'#include <stdio.h>\n#include "{header.resolve()}"\nint main(void) {{\n  {body}\n}}\n'
    with tempfile.TemporaryDirectory() as directory:
        source, binary = Path(directory) / "measure.c", Path(directory) / "measure"
        source.write_text(program, encoding="utf-8")
        subprocess.run(["cc", "-std=c99", source, "-o", binary], check=True)
        said = subprocess.run([binary], check=True, capture_output=True, text=True).stdout
    return {words[0]: tuple(map(int, words[1:])) for words in map(str.split, said.splitlines())}


def symbol_versions(exports: str) -> Dict[str, str]:
    """By symbol, the block of the version script that lists it."""
    exports = re.sub(r"/\*.*?\*/", "", exports, flags=re.S)
    return {
        name: version
        for version, block in re.findall(r"(\w[\w.]*) \{(.*?)\}", exports, flags=re.S)
        for name in re.findall(r"(\w+);", block)
    }


def description_of(root: Path) -> str:
    """The text for the header, the version script and the SONAME of a source tree."""
    header = root / "include" / "cifar.h"
    declarations = declarations_of(header.read_text(encoding="utf-8"))
    versions = symbol_versions((root / "Sources/CifarC/exports.map").read_text(encoding="utf-8"))
    sizes = measured(header, declarations)
    constants = {item.name: item.value for item in declarations if isinstance(item, Constant)}
    major, minor = constants["CIFAR_VERSION_MAJOR"], constants["CIFAR_VERSION_MINOR"]
    lines = [HEAD.format(version=f"{major}.{minor}"), f"soname libcifar.so.{major}"]
    for item in declarations:
        if isinstance(item, Constant):
            lines.append(f"macro {item.name} = {item.value}")
        elif isinstance(item, Opaque):
            lines.append(f"opaque {item.name}")
        elif isinstance(item, Callback):
            lines.append(f"callback {item.name}: {declared(item.signature)}")
        elif isinstance(item, Enum):
            lines.append(f"enum {item.name}: {sizes[item.name][0]} bytes")
            lines += [f"  {part.name} = {part.value}" for part in item.constants]
        elif isinstance(item, Struct):
            lines.append(f"struct {item.name}: {sizes[item.name][0]} bytes")
            for part in item.fields:
                offset, size = sizes[f"{item.name}.{part.name}"]
                lines.append(f"  {part.name}: {size} at {offset}, {declared(part.type)}")
        elif isinstance(item, Function):
            version = versions.get(item.name, "no version")
            result = declared(item.signature.result)
            lines.append(f"function {item.name}: {version}, {result} ({taken(item.signature)})")
    return "\n".join(lines) + "\n"


# Reading ------------------------------------------------------------------------------------------


@dataclass
class Entry:
    kind: str
    text: str  # after the name
    parts: Dict[str, str] = field(default_factory=dict)  # an enum's values, a struct's fields


def entries_of(description: str) -> Dict[str, Entry]:
    """By name, in order."""
    entries: Dict[str, Entry] = {}
    last = Entry("", "")
    for line in description.splitlines():
        match = re.fullmatch(r"(\w+ |  )([\w.]+)(?:: | = |$)(.*)", line)
        if not match:
            continue
        kind, name, text = match.groups()
        if kind == "  ":
            last.parts[name] = text
        else:
            last = entries[name] = Entry(kind.strip(), text)
    return entries


def place_of(text: str) -> Tuple[int, int]:
    """A field's size and offset."""
    size, offset = re.match(r"(\d+) at (\d+)", text).groups()
    return int(size), int(offset)


def header_of(description: str) -> str:
    """A header that declares what the description has: what older programs were compiled with."""
    entries = entries_of(description)
    lines = ["#include <stddef.h>", "#include <stdint.h>"]
    for name, entry in entries.items():
        if entry.kind == "macro":
            lines.append(f"#define {name} {entry.text}")
        elif entry.kind == "opaque":
            lines.append(f"typedef struct {name} {name};")
        elif entry.kind == "callback":
            lines.append(f"typedef {entry.text.replace('(*)', f'(*{name})', 1)};")
        elif entry.kind == "enum":
            values = ", ".join(f"{part} = {value}" for part, value in entry.parts.items())
            lines.append(f"typedef enum {name} {{ {values} }} {name};")
        elif entry.kind == "struct":
            lines.append(f"typedef struct {name} {{")
            for part, text in entry.parts.items():
                type_ = text.split(", ", 1)[1]
                if "(*)" in type_:
                    lines.append(f"  {type_.replace('(*)', f'(*{part})', 1)};")
                else:
                    base, _, count = type_.partition("[")
                    lines.append(f"  {base} {part}{'[' + count if count else ''};")
            lines.append(f"}} {name};")
        elif entry.kind == "function":
            result, types = re.fullmatch(r"\S+, (.*?) \((.*)\)", entry.text).groups()
            lines.append(f"{result} {name}({types});")
    return "\n".join(lines) + "\n"


# Comparing ----------------------------------------------------------------------------------------


def differences(old: str, new: str) -> Tuple[List[str], List[str]]:
    """In words, what breaks programs that were compiled with the old one, and what is only new."""
    before, after = entries_of(old), entries_of(new)
    breaks: List[str] = []
    news: List[str] = []
    for name, entry in before.items():
        if entry.kind == "soname":
            if name not in after:
                breaks.append(f"{name} is no longer the library's SONAME")
        elif name not in after:
            breaks.append(f"the {entry.kind} {name} is gone")
        elif entry.kind == "struct":
            _compare_structs(name, entry, after[name], breaks, news)
        elif entry.kind == "enum":
            _compare_enums(name, entry, after[name], breaks, news)
        elif entry != after[name]:
            changed = f"the {entry.kind} {name} was {entry.text} and is {after[name].text}"
            (news if name.startswith("CIFAR_VERSION_") else breaks).append(changed)
    news += [f"the {entry.kind} {name} is new" for name, entry in after.items()
             if name not in before and entry.kind != "soname"]
    return breaks, news


def _compare_structs(
        name: str, old: Entry, new: Entry, breaks: List[str], news: List[str]) -> None:
    size, now = int(old.text.split()[0]), int(new.text.split()[0])
    if now < size:
        breaks.append(f"{name} had {size} bytes and has {now}")
    for part, text in old.parts.items():
        if part not in new.parts:
            breaks.append(f"the field {part} of {name} is gone")
        elif text != new.parts[part]:
            breaks.append(
                f"the field {part} of {name} was {text} and is {new.parts[part]}: fields are added "
                "at the end only")
    for part, text in new.parts.items():
        if part in old.parts:
            continue
        if place_of(text)[1] < size:
            breaks.append(
                f"the new field {part} of {name}, {text}, lies within the {size} bytes that the "
                "struct had, where older programs leave anything")
        else:
            news.append(f"the field {part} of {name} is new: {text}")


def _compare_enums(name: str, old: Entry, new: Entry, breaks: List[str], news: List[str]) -> None:
    if old.text != new.text:
        breaks.append(f"the enum {name} had {old.text} and has {new.text}")
    for part, value in old.parts.items():
        if part not in new.parts:
            breaks.append(f"{part} of the enum {name} is gone")
        elif value != new.parts[part]:
            breaks.append(f"{part} of the enum {name} was {value} and is {new.parts[part]}")
    news += [f"{part} = {value} of the enum {name} is new" for part, value in new.parts.items()
             if part not in old.parts]


def path_of(description: str) -> Path:
    """Where it is kept: a version that has been released keeps its file."""
    version = re.search(r"compiled against libcifar (\S+)", description).group(1)
    return Path("Tests") / "CABI" / "ABI" / f"{version}.txt"


def main() -> None:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]
    description = description_of(root)
    path = root / path_of(description)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(description, encoding="utf-8")


if __name__ == "__main__":
    main()
