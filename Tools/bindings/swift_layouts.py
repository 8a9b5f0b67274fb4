"""Writes the fields of cifar.h's structs as Swift, for the library's StructLayout."""

import textwrap

from header import Function, Struct

WIDTH = 100
HEAD = """\
// Written by Tools/bindings from include/cifar.h: change the header, then `make bindings`.
// The names are those of cifar.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CCifar
"""


def layouts_of(declarations: list) -> str:
    """The layout of every struct that a function takes, which has the size of the caller's version.
    What only callbacks are handed has the library's own."""
    taken = {
        type_.base
        for item in declarations if isinstance(item, Function)
        for _, type_ in item.signature.parameters
    }
    structs = [item for item in declarations if isinstance(item, Struct) and item.name in taken]
    return "\n".join([HEAD, "\n".join(map(_extension, structs))])


def _extension(struct: Struct) -> str:
    fields = textwrap.wrap(
        ", ".join(["of: Self.self", *(f"\\.{field.name}" for field in struct.fields)]) + ")",
        WIDTH, initial_indent="    ", subsequent_indent="    ", break_long_words=False)
    return "\n".join([
        f"extension {struct.name}: Growing {{",
        "  static let layout = StructLayout(",
        *fields,
        "}\n",
    ])
