"""Writes what cifar.h declares as Rust, for bindings/rust."""

import re
import textwrap
from dataclasses import replace
from typing import Set, Tuple, Union

from header import Callback, Constant, Enum, Function, Opaque, Signature, Struct, Type

WIDTH = 100
HEAD = """\
//! What cifar.h declares, as it is; its comments are the documentation.
//!
//! Written by Tools/bindings from include/cifar.h: change the header, then `make bindings`.
#![allow(non_camel_case_types, missing_docs, missing_debug_implementations)]
"""
RUST = {
    "char": "c_char", "int": "c_int", "float": "f32", "double": "f64", "size_t": "usize",
    "void": "c_void",
}
KEYWORDS = {"as", "fn", "in", "loop", "match", "mod", "move", "mut", "ref", "type", "use", "where"}
# Of a 64-bit machine: the size of a type, which is its alignment, too.
SIZES = {"char": 1, "int": 4, "float": 4, "double": 8, "size_t": 8}
POINTER = 8


def module_of(declarations: list) -> str:
    parts = []
    for item in declarations:
        if isinstance(item, Constant):
            parts.append(_constant(item, "u32"))
        elif isinstance(item, Enum):
            values = [_constant(constant, item.name) for constant in item.constants]
            # GCC and Clang give an enum without negative values this type.
            head = f"{_comment(item.doc, '')}pub type {item.name} = c_uint;"
            parts.append("\n" + "\n".join([head, *values]))
        elif isinstance(item, Opaque):
            parts.append(
                f"\n{_comment(item.doc, '')}#[repr(C)]\npub struct {item.name} {{\n"
                "    _bytes: [u8; 0],\n    _unknown: PhantomData<(*mut u8, PhantomPinned)>,\n}")
        elif isinstance(item, Struct):
            parts.append(_struct(item))
        elif isinstance(item, Callback):
            parts.append(
                f"\n{_comment(item.doc, '')}pub type {item.name} = {_function_pointer(item.signature)};")
    functions = "\n".join(
        _function(item) for item in declarations if isinstance(item, Function))
    parts.append(f'\nextern "C" {{\n{functions}}}')
    structs = [item for item in declarations if isinstance(item, Struct)]
    callbacks = {item.name for item in declarations if isinstance(item, Callback)}
    parts.append(
        '\n#[cfg(target_pointer_width = "64")]\nconst _: () = {\n'
        + "\n".join(_assertions(item, callbacks) for item in structs) + "\n};")
    body = "\n".join(parts) + "\n"
    imports = ", ".join(
        name for name in ["c_char", "c_int", "c_uint", "c_void"] if re.search(rf"\b{name}\b", body))
    return "\n".join([
        HEAD, "use std::marker::{PhantomData, PhantomPinned};",
        "use std::mem::{offset_of, size_of};", f"use std::os::raw::{{{imports}}};", "", body])


def _comment(text: str, indent: str) -> str:
    lines = textwrap.wrap(text, WIDTH - len(indent) - 3, break_on_hyphens=False)
    return "".join(f"{indent}// {line}\n" for line in lines)


def _constant(item: Constant, type_: str) -> str:
    return f"{_comment(item.doc, '')}pub const {item.name}: {type_} = {item.value};"


def _struct(item: Struct) -> str:
    fields = "".join(
        f"{_comment(field.doc, '    ')}    pub {_name(field.name)}: {_type(field.type)},\n"
        for field in item.fields)
    return (
        f"\n{_comment(item.doc, '')}#[repr(C)]\n#[derive(Clone, Copy)]\n"
        f"pub struct {item.name} {{\n{fields}}}")


def _function(item: Function) -> str:
    parameters = [f"{_name(name)}: {_parameter(type_)}" for name, type_ in item.signature.parameters]
    line = f"    pub fn {item.name}({', '.join(parameters)}){_result(item.signature.result)};"
    if len(line) <= WIDTH:
        return line + "\n"
    lines = "".join(f"        {parameter},\n" for parameter in parameters)
    return f"    pub fn {item.name}(\n{lines}    ){_result(item.signature.result)};\n"


# Types --------------------------------------------------------------------------------------------


def _name(name: str) -> str:
    return f"r#{name}" if name in KEYWORDS else name


def _type(type_: Union[Type, Signature]) -> str:
    if isinstance(type_, Signature):
        return _function_pointer(type_)
    if type_.count is not None:
        return f"[{_type(replace(type_, count=None))}; {type_.count}]"
    result = RUST.get(type_.base) or re.sub("^(u?)int([0-9]+)_t$", _integer, type_.base)
    # Rust says of a pointer whether what it points to is const.
    for is_const in (type_.is_const, *type_.const_pointers)[:type_.pointers]:
        result = f"*{'const' if is_const else 'mut'} {result}"
    return result


def _integer(match: re.Match) -> str:
    return f"{'u' if match.group(1) else 'i'}{match.group(2)}"


def _parameter(type_: Type) -> str:
    """An array among parameters is a pointer to its first element."""
    if type_.count is None:
        return _type(type_)
    pointers = type_.const_pointers + (False,)
    return _type(replace(type_, count=None, pointers=len(pointers), const_pointers=pointers))


def _result(type_: Type) -> str:
    return "" if type_ == Type("void") else f" -> {_type(type_)}"


def _function_pointer(signature: Signature) -> str:
    parameters = ", ".join(
        f"{_name(name)}: {_parameter(type_)}" for name, type_ in signature.parameters)
    return f'Option<unsafe extern "C" fn({parameters}){_result(signature.result)}>'


# Layout -------------------------------------------------------------------------------------------


def _size(type_: Union[Type, Signature], callbacks: Set[str]) -> Tuple[int, int]:
    """Size and alignment, as a C compiler has them."""
    if isinstance(type_, Signature) or type_.pointers or type_.base in callbacks:
        alignment = POINTER
    elif type_.base in SIZES:
        alignment = SIZES[type_.base]
    else:
        match = re.fullmatch("u?int([0-9]+)_t", type_.base)
        alignment = int(match.group(1)) // 8 if match else SIZES["int"]  # an enum's
    return alignment * (getattr(type_, "count", None) or 1), alignment


def _assertions(item: Struct, callbacks: Set[str]) -> str:
    place, largest, lines = 0, 1, []
    for field in item.fields:
        size, alignment = _size(field.type, callbacks)
        place = _aligned(place, alignment)
        lines.append(f"    assert!(offset_of!({item.name}, {_name(field.name)}) == {place});")
        place += size
        largest = max(largest, alignment)
    size = _aligned(place, largest)
    return "\n".join([f"    assert!(size_of::<{item.name}>() == {size});", *lines])


def _aligned(place: int, alignment: int) -> int:
    return -(-place // alignment) * alignment
