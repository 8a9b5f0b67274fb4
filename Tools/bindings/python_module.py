"""Writes what cifar.h declares as Python, for ctypes."""

import ctypes
import re
import textwrap
from typing import List, Union

from header import Callback, Constant, Enum, Function, Opaque, Signature, Struct, Type

WIDTH = 100
HEAD = '''"""What cifar.h declares, for ctypes.

Written by Tools/bindings from include/cifar.h: change the header, then `make bindings`.
"""
'''


def python_name(name: str) -> str:
    """TrainOptions, of cifar_train_options."""
    return "".join(part.capitalize() for part in name.split("_")[1:])


class Module:
    """The text of the module."""

    def __init__(self, declarations: list):
        self._declarations = declarations
        self._opaque = {item.name for item in declarations if isinstance(item, Opaque)}
        self._named = {
            item.name for item in declarations if isinstance(item, (Enum, Struct, Callback))
        }

    def text(self) -> str:
        parts: List[str] = []
        before = None
        for item in self._declarations:
            if isinstance(item, Constant):
                begins = item.doc or not isinstance(before, Constant)
                parts.append("\n".join([*([""] if begins else []), *self._constant(item)]))
            elif isinstance(item, Enum):
                parts.append("\n".join(["", *self._enum(item)]))
            elif isinstance(item, Callback):
                head = f"{python_name(item.name)} = "
                lines = comment(item.doc, "") + [head + self._signature(item.signature)]
                parts.append("\n".join(["", *lines]))
            elif isinstance(item, Struct):
                parts.append("\n".join(["", "", *self._struct(item), ""]))
            before = item
        functions = [item for item in self._declarations if isinstance(item, Function)]
        parts.append("\n".join(["", *self._functions(functions)]))
        body = "\n".join(parts) + "\n"
        names = [name for name in re.findall(r"\b[A-Za-z]\w*", code_of(body))]
        imported = sorted({name for name in names if hasattr(ctypes, name)})
        imports = "\n".join(["from ctypes import (", *(f"    {name}," for name in imported), ")"])
        return re.sub(r"\n{4,}", "\n\n\n", f"{HEAD}\n{imports}\n{body}")

    def _constant(self, item: Constant) -> List[str]:
        return comment(item.doc, "") + [f"{item.name} = {item.value}"]

    def _enum(self, item: Enum) -> List[str]:
        # GCC and Clang give an enum without negative values this type.
        lines = comment(item.doc, "") + [f"{python_name(item.name)} = c_uint"]
        for constant in item.constants:
            lines += self._constant(constant)
        return lines

    def _struct(self, item: Struct) -> List[str]:
        lines = [f"class {python_name(item.name)}(Structure):"]
        if item.doc:
            lines += [*docstring(item.doc), ""]
        lines.append("    _fields_ = [")
        for field in item.fields:
            line = f'        ("{field.name}", {self._type(field.type)}),'
            remark = f"{line}  # {' '.join(field.doc.split())}"
            if not field.doc:
                lines.append(line)
            elif len(remark) <= WIDTH:
                lines.append(remark)
            else:
                lines += [*comment(field.doc, " " * 8), line]
        return lines + ["    ]"]

    def _functions(self, functions: List[Function]) -> List[str]:
        lines = ["# What each function returns, and what it takes.", "FUNCTIONS = {"]
        for item in functions:
            result = self._result(item.signature.result)
            types = [self._parameter(type_) for _, type_ in item.signature.parameters]
            line = f'    "{item.name}": ({result}, [{", ".join(types)}]),'
            if len(line) <= WIDTH:
                lines.append(line)
                continue
            indent = " " * 8
            lines.append(f'    "{item.name}": ({result}, [')
            lines += textwrap.wrap(", ".join(types) + ",", WIDTH, initial_indent=indent,
                                   subsequent_indent=indent, break_long_words=False)
            lines.append("    ]),")
        return lines + ["}"]

    # Types ------------------------------------------------------------------------------------

    def _signature(self, signature: Signature) -> str:
        types = [self._parameter(type_) for _, type_ in signature.parameters]
        return f"CFUNCTYPE({', '.join([self._result(signature.result), *types])})"

    def _result(self, type_: Type) -> str:
        return "None" if type_ == Type("void") else self._type(type_)

    def _parameter(self, type_: Type) -> str:
        """An array among parameters is a pointer to its first element."""
        if type_.count is None:
            return self._type(type_)
        return self._type(Type(type_.base, type_.is_const, type_.pointers + 1))

    def _type(self, type_: Union[Type, Signature]) -> str:
        if isinstance(type_, Signature):
            return self._signature(type_)
        if type_.count is not None:
            return f"{self._type(Type(type_.base, type_.is_const, type_.pointers))} * {type_.count}"
        pointers = type_.pointers
        if pointers and type_.base == "char" and type_.is_const:
            result, pointers = "c_char_p", pointers - 1
        elif pointers and (type_.base == "void" or type_.base in self._opaque):
            result, pointers = "c_void_p", pointers - 1
        elif type_.base in self._named:
            result = python_name(type_.base)
        else:
            result = "c_" + re.sub("^(u?int[0-9]+)_t$", r"\1", type_.base)
        for _ in range(pointers):
            result = f"POINTER({result})"
        return result


def comment(text: str, indent: str) -> List[str]:
    lines = textwrap.wrap(text, WIDTH - len(indent) - 2, break_on_hyphens=False)
    return [f"{indent}# {line}" for line in lines]


def docstring(text: str) -> List[str]:
    """Of a class; its lines stay as they are."""
    lines = text.replace("\\", "\\\\").replace('"""', r'\"\"\"').split("\n")
    lines[0] = '"""' + lines[0]
    if len(lines) == 1 and not lines[0].endswith('"'):
        lines[0] += '"""'
    else:
        lines.append('"""')
    return [("    " + line).rstrip() for line in lines]


def code_of(text: str) -> str:
    """Python without comments and texts."""
    return re.sub(r'""".*?"""|"[^"\n]*"|#[^\n]*', "", text, flags=re.S)


def module_of(declarations: list) -> str:
    return Module(declarations).text()
