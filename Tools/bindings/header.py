"""Reads cifar.h: the part of C that it is written in, and nothing else.

What this part of C does not have is an error that names the line, so that no declaration is passed
over.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Dict, List, Optional, Tuple, Union

from tokens import HeaderError, Token, tokens_of

SCALARS = {
    "char", "int", "float", "double", "size_t",
    "int8_t", "int16_t", "int32_t", "int64_t", "uint8_t", "uint16_t", "uint32_t", "uint64_t",
}


@dataclass(frozen=True)
class Type:
    """`const char *const *`: the base, whether that is const, how many pointers lead to it."""

    base: str  # of SCALARS, "void", or a name that the header declares
    is_const: bool = False
    pointers: int = 0
    count: Optional[int] = None  # of an array's elements
    const_pointers: Tuple[bool, ...] = ()  # whether each pointer is const, the first one first


@dataclass(frozen=True)
class Signature:
    """What a function returns and takes."""

    result: Type
    parameters: Tuple[Tuple[str, Type], ...]


@dataclass
class Constant:
    """A `#define` of a number, or an enumerator."""

    name: str
    value: int
    doc: str


@dataclass
class Opaque:
    name: str
    doc: str


@dataclass
class Enum:
    name: str
    doc: str
    constants: List[Constant] = field(default_factory=list)


@dataclass
class Field:
    name: str
    type: Union[Type, Signature]  # a Signature: a pointer to such a function
    doc: str


@dataclass
class Struct:
    name: str
    doc: str
    fields: List[Field] = field(default_factory=list)


@dataclass
class Callback:
    """The type of a pointer to a function."""

    name: str
    doc: str
    signature: Signature


@dataclass
class Function:
    name: str
    doc: str
    signature: Signature


WORD = re.compile(r"[A-Za-z_]\w*")
NUMBER = re.compile(r"-?(0|[1-9]\d*)")
TERM = re.compile(r"(\w+)(?: \* (\w+))?")


def value_of(text: str, known: Dict[str, int]) -> Optional[int]:
    """Of a macro: a number, or a sum of products of numbers and macros in brackets."""
    if NUMBER.fullmatch(text):
        return int(text)
    total = 0
    terms = text[1:-1].split(" + ") if re.fullmatch(r"\(.* .*\)", text) else [""]
    for term in terms:
        match = TERM.fullmatch(term)
        if match is None:
            return None
        product = 1
        for factor in filter(None, match.groups()):
            if not NUMBER.fullmatch(factor) and factor not in known:
                return None
            product *= known[factor] if factor in known else int(factor)
        total += product
    return total


class Parser:
    def __init__(self, text: str):
        self._tokens = tokens_of(text)
        self._position = 0
        self._end = Token("the end of the file", text.count("\n") + 1)
        # By name: an Opaque, an Enum, a Struct or a Callback.
        self._types = {}
        self._names = set()

    # Tokens -----------------------------------------------------------------------------------

    @property
    def _next(self) -> Token:
        return self._tokens[self._position] if self._position < len(self._tokens) else self._end

    def _advance(self) -> Token:
        token = self._next
        if token.doc is not None:
            raise HeaderError(token.line, f"the comment before {token.text!r} is of no declaration")
        self._position += 1
        return token

    def _accept(self, text: str) -> bool:
        if self._next.text != text:
            return False
        self._advance()
        return True

    def _expect(self, text: str) -> Token:
        if self._next.text != text:
            raise self._error(f"{text!r} is expected")
        return self._advance()

    def _word(self, what: str) -> str:
        if not WORD.fullmatch(self._next.text):
            raise self._error(f"{what} is expected")
        return self._advance().text

    def _number(self, what: str) -> int:
        if not NUMBER.fullmatch(self._next.text):
            raise self._error(f"{what} is expected")
        return int(self._advance().text)

    def _error(self, message: str) -> HeaderError:
        return HeaderError(self._next.line, f"{message}, not {self._next.text!r}")

    def _doc(self) -> str:
        """The comment before what comes next."""
        doc, self._next.doc = self._next.doc, None
        return doc or ""

    def _declare(self, name: str, line: int) -> str:
        if name in self._names:
            raise HeaderError(line, f"{name} is declared twice")
        self._names.add(name)
        return name

    # Declarations -----------------------------------------------------------------------------

    def parse(self) -> list:
        """The declarations, in order."""
        declarations = []
        guard = None
        while self._position < len(self._tokens):
            if self._next.text.startswith("#"):
                guard = self._directive(declarations, guard)
            else:
                declarations.append(self._declaration())
        if guard:
            raise HeaderError(self._end.line, f"#ifndef {guard} has no #endif")
        return declarations

    def _directive(self, declarations: list, guard: Optional[str]) -> Optional[str]:
        """Returns the include guard that is open."""
        line, doc = self._next.line, self._doc()
        words = self._advance().text.replace("\\\n", " ").split()
        if len(words) > 2 and words[0] == "#define":
            known = {item.name: item.value for item in declarations if isinstance(item, Constant)}
            value = value_of(" ".join(words[2:]), known)
            if value is not None:
                declarations.append(Constant(self._declare(words[1], line), value, doc))
                return guard
        if doc:
            raise HeaderError(line, f"the comment before {' '.join(words)!r} is of no declaration")
        if words[0] == "#include" and re.fullmatch(r"<std\w+\.h>", "".join(words[1:])):
            return guard
        if words[0] == "#ifndef" and len(words) == 2 and guard is None and not declarations:
            if self._next.text.split() != ["#define", words[1]]:
                raise self._error(f"'#define {words[1]}' is expected")
            self._advance()
            return words[1]
        if words == ["#endif"] and guard and self._position == len(self._tokens):
            return None
        raise HeaderError(line, f"{' '.join(words)!r} is not understood")

    def _declaration(self):
        doc = self._doc()
        line = self._next.line
        if not self._accept("typedef"):
            result = self._type()
            name = self._declare(self._word("the name of a function"), line)
            return self._ended(Function(name, doc, self._signature(result, line)))
        if self._accept("struct"):
            return self._struct(doc)
        if self._accept("enum"):
            return self._enum(doc)
        name, signature = self._function_pointer(self._type())
        declaration = Callback(self._declare(name, line), doc, signature)
        self._types[name] = declaration
        return self._ended(declaration)

    def _ended(self, declaration):
        self._expect(";")
        return declaration

    def _typedef_name(self, name: str) -> None:
        line = self._next.line
        if self._word("the type's name") != name:
            raise HeaderError(line, f"the type is called otherwise than its tag, {name}")

    def _struct(self, doc: str):
        line = self._next.line
        name = self._declare(self._word("the struct's tag"), line)
        if not self._accept("{"):
            self._typedef_name(name)
            self._types[name] = Opaque(name, doc)
            return self._ended(self._types[name])
        struct = Struct(name, doc)
        line = self._next.line
        while self._next.text != "}":
            struct.fields.append(self._field({other.name for other in struct.fields}))
        first = [(field.name, field.type) for field in struct.fields[:1]]
        if first != [("struct_size", Type("uint32_t"))]:
            raise HeaderError(line, f"{name} does not begin with uint32_t struct_size")
        self._advance()
        self._typedef_name(name)
        self._types[name] = struct
        return self._ended(struct)

    def _field(self, others: set) -> Field:
        doc, line = self._doc(), self._next.line
        type_ = self._type()
        if self._next.text == "(":
            name, type_ = self._function_pointer(type_)
        else:
            name = self._word("the name of a field")
            type_ = self._array(type_)
            self._check_value(type_, line)
        if name in others:
            raise HeaderError(line, f"the field {name} is there twice")
        end = self._expect(";")
        return Field(name, type_, "\n".join(text for text in (doc, end.remark) if text))

    def _enum(self, doc: str) -> Enum:
        enum = Enum(self._declare(self._word("the enum's tag"), self._next.line), doc)
        self._expect("{")
        while True:
            doc, line = self._doc(), self._next.line
            name = self._declare(self._word("an enumerator"), line)
            self._expect("=")
            value = self._number("a number")
            if not 0 <= value < 2**31:
                raise HeaderError(line, f"{value} is no value of an unsigned and of a signed int")
            # The comment is after the comma, if there is one.
            end = self._next if self._next.text == "," else self._tokens[self._position - 1]
            is_last = not self._accept(",")
            remarks = (doc, end.remark)
            enum.constants.append(
                Constant(name, value, "\n".join(text for text in remarks if text)))
            if is_last or self._next.text == "}":
                break
        self._expect("}")
        self._typedef_name(enum.name)
        self._types[enum.name] = enum
        return self._ended(enum)

    # Types ------------------------------------------------------------------------------------

    def _type(self) -> Type:
        is_const = self._accept("const")
        line = self._next.line
        base = self._word("a type")
        if base not in SCALARS and base != "void" and base not in self._types:
            raise HeaderError(line, f"{base} is no type that is known here")
        const_pointers: List[bool] = []
        while self._accept("*"):
            const_pointers.append(self._accept("const"))
        if const_pointers and isinstance(self._types.get(base), Callback):
            raise HeaderError(line, f"{base} is a pointer already")
        return Type(base, is_const, len(const_pointers), None, tuple(const_pointers))

    def _array(self, type_: Type) -> Type:
        if not self._accept("["):
            return type_
        line = self._next.line
        count = self._number("the number of elements")
        if count < 1:
            raise HeaderError(line, f"an array of {count} elements")
        self._expect("]")
        return replace(type_, count=count)

    def _check_value(self, type_: Type, line: int) -> None:
        """A value that is stored or handed over: no void, no whole struct."""
        is_struct = isinstance(self._types.get(type_.base), (Opaque, Struct))
        if not type_.pointers and (type_.base == "void" or is_struct):
            raise HeaderError(line, f"{type_.base} is here without a pointer")

    def _function_pointer(self, result: Type) -> Tuple[str, Signature]:
        """`(*name)(parameters)`, after the result's type."""
        self._expect("(")
        self._expect("*")
        line = self._next.line
        name = self._word("the name of a function pointer")
        self._expect(")")
        return name, self._signature(result, line)

    def _signature(self, result: Type, line: int) -> Signature:
        """`(parameters)`, after the result's type and the name."""
        if result != Type("void"):
            self._check_value(result, line)
        return Signature(result, self._parameters())

    def _parameters(self) -> Tuple[Tuple[str, Type], ...]:
        self._expect("(")
        parameters: List[Tuple[str, Type]] = []
        while True:
            line = self._next.line
            type_ = self._type()
            if type_ == Type("void") and not parameters and self._accept(")"):
                return ()
            name = self._word("the name of a parameter")
            type_ = self._array(type_)
            self._check_value(type_, line)
            parameters.append((name, type_))
            if self._accept(")"):
                return tuple(parameters)
            self._expect(",")


def declarations_of(text: str) -> list:
    """Every declaration of a header, in order."""
    return Parser(text).parse()
