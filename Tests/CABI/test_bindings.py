"""What `make bindings` writes from cifar.h, held against the header and against compilers."""

import ctypes
import re
import shutil
import subprocess
import sys

import pytest
from cifar import _abi as abi
from conftest import ROOT, compile_c

WRITTEN = [
    "bindings/python/cifar/_abi.py", "Sources/CifarC/StructLayouts.swift",
    "Sources/CifarCore/LibraryVersion.swift", "bindings/rust/src/raw.rs",
]
HEADER = (ROOT / "include" / "cifar.h").read_text()


def write_bindings(root, header):
    """Runs the program on another header, in a directory of its own."""
    for path in [*WRITTEN, "include/cifar.h"]:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / "include" / "cifar.h").write_text(header)
    return subprocess.run(
        [sys.executable, ROOT / "Tools" / "bindings", root], capture_output=True, text=True)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("written")
    done = write_bindings(root, HEADER)
    assert done.returncode == 0, done.stderr
    return root


@pytest.mark.parametrize("path", WRITTEN)
def test_what_is_written_from_the_header_is_the_file_in_the_tree(written, path):
    same = (written / path).read_bytes() == (ROOT / path).read_bytes()
    assert same, f"{path} is not what include/cifar.h says: run `make bindings`"


# Layouts ------------------------------------------------------------------------------------------

# By the header's name.
STRUCTS = {
    "cifar" + re.sub("([A-Z])", lambda match: "_" + match.group().lower(), name): value
    for name, value in vars(abi).items()
    if isinstance(value, type) and issubclass(value, ctypes.Structure)
    and value is not ctypes.Structure
}
CONSTANTS = {name: value for name, value in vars(abi).items() if name.startswith("CIFAR_")}


def test_the_library_knows_the_fields_that_a_size_can_end_in():
    layouts = (ROOT / "Sources" / "CifarC" / "StructLayouts.swift").read_text()
    known = {
        name: re.findall(r"\\\.(\w+)", body) for name, body in re.findall(
            r"^extension (cifar_\w+): Growing \{(.*?)^\}", layouts, flags=re.M | re.S)
    }
    declared = {name: [field for field, _ in struct._fields_] for name, struct in STRUCTS.items()}
    # The library hands them to callbacks only, in its own size.
    for name in ["batch", "storage", "validation"]:
        del declared[f"cifar_{name}_info"]
    assert known == declared


def kind(type_):
    """What a C compiler is asked to say about a type: `u4` is an unsigned number of 4 bytes."""
    if type_ is None:
        return "void"
    if type_ is ctypes.c_char_p:
        return "text"
    if type_ is ctypes.c_void_p:
        return "void *"
    if issubclass(type_, ctypes.Structure):
        return next(name for name, struct in STRUCTS.items() if struct is type_)
    if hasattr(type_, "_argtypes_"):
        arguments = "".join(kind(argument) + ", " for argument in type_._argtypes_)
        return f"{kind(type_._restype_)}({arguments})"
    if hasattr(type_, "contents"):
        return kind(type_._type_) + " *"
    if type_ is ctypes.c_char:
        return "char"
    if hasattr(type_, "_length_"):
        return f"{kind(type_._type_)}[{type_._length_}]"
    letter = "f" if type_._type_ in "fd" else "u" if type_._type_.isupper() else "i"
    return f"{letter}{ctypes.sizeof(type_)}"


def printed(tmp_path, text, *flags, compiler="cc"):
    source = tmp_path / ("program.c" if compiler == "cc" else "program.cpp")
    source.write_text(text)
    try:
        compile_c(source, tmp_path / "program", *flags, compiler=compiler, link=False)
    except subprocess.CalledProcessError as error:
        pytest.fail(error.stderr, pytrace=False)
    done = subprocess.run([tmp_path / "program"], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def different(said, expected):
    """What a compiler says, and what Python does, where these differ."""
    assert len(said) == len(expected)
    return [(c, python) for c, python in zip(said, expected) if c != python]


def layout(struct):
    """The size of a struct, and where its fields are."""
    places = {name: getattr(struct, name).offset for name, _ in struct._fields_}
    return {"": ctypes.sizeof(struct), **places}


def layouts(rust):
    """What the Rust declarations assert."""
    asserted = {}
    for name, field, number in re.findall(
            r"assert!\((?:size_of::<|offset_of!\()(\w+)(?:>\(|, (\w+))\) == (\d+)\);", rust):
        asserted.setdefault(name, {})[field] = int(number)
    return asserted


def test_rust_asserts_the_layout_that_python_has():
    text = (ROOT / WRITTEN[3]).read_text()
    assert layouts(text) == {name: layout(struct) for name, struct in STRUCTS.items()}
    assert text.count("assert!(") == sum(len(layout(struct)) for struct in STRUCTS.values())


@pytest.mark.skipif(not shutil.which("rustc"), reason="there is no Rust here")
def test_rust_lays_structs_out_as_it_asserts(tmp_path):
    subprocess.run(
        ["rustc", "--crate-type", "lib", "--emit", "metadata", "-D", "warnings", "-o",
         tmp_path / "raw.rmeta", ROOT / WRITTEN[3]], check=True, text=True, capture_output=True)


C_PROGRAM = """\
#include <stdio.h>
#include "cifar.h"

#define KIND(value) _Generic((value), \\
  int8_t: "i1", int16_t: "i2", int32_t: "i4", int64_t: "i8", uint8_t: "u1", uint16_t: "u2", \\
  uint32_t: "u4", uint64_t: "u8", float: "f4", double: "f8", const char *: "text", \\
  default: "pointer")
#define FIELD(type, field) printf("%%s.%%s at %%zu: %%zu bytes, %%s\\n", #type, #field, \\
  offsetof(type, field), sizeof(((type *)0)->field), KIND(((type *)0)->field))

int main(void) {
%s
  return 0;
}
"""


def test_every_struct_is_laid_out_as_a_c_compiler_does_it(tmp_path):
    declared = re.findall(r"^typedef struct (cifar_\w+) \{", HEADER, flags=re.M)
    assert sorted(STRUCTS) == sorted(declared) and len(declared) > 10
    lines, expected = [], []
    for name, struct in STRUCTS.items():
        fields = struct._fields_
        # Fewer values than fields are an error of the compiler's, and so are more: also a field
        # that is in the padding at the end counts.
        values = ", ".join("{0}" if hasattr(type_, "_length_") else "0" for _, type_ in fields)
        lines.append(f"  {{ {name} value = {{{values}}}; (void)value; }}")
        lines.append(f'  printf("{name}: %zu bytes\\n", sizeof({name}));')
        expected.append(f"{name}: {ctypes.sizeof(struct)} bytes")
        for field, type_ in fields:
            place = getattr(struct, field)
            which = kind(type_) if re.fullmatch(r"[uif]\d|text", kind(type_)) else "pointer"
            lines.append(f"  FIELD({name}, {field});")
            expected.append(f"{name}.{field} at {place.offset}: {place.size} bytes, {which}")
    said = printed(tmp_path, C_PROGRAM % "\n".join(lines), "-std=c11")
    assert different(said, expected) == []


def test_every_number_has_the_headers_value(tmp_path):
    code = re.sub(r"/\*.*?\*/", "", HEADER, flags=re.S)
    declared = re.findall(r"\b(CIFAR_\w+) =|^#define (CIFAR_\w+) ", code, flags=re.M)
    assert sorted(CONSTANTS) == sorted(first or second for first, second in declared)
    lines = [f'  printf("{name} %d\\n", (int){name});' for name in CONSTANTS]
    expected = [f"{name} {value}" for name, value in CONSTANTS.items()]
    said = printed(tmp_path, C_PROGRAM % "\n".join(lines), "-std=c11")
    assert different(said, expected) == []


CPP_PROGRAM = """\
#include <cstdio>
#include <string>
#include <type_traits>
#include "cifar.h"

template <class T> struct Kind {
  static std::string text() {
    if constexpr (std::is_enum_v<T>) return Kind<std::underlying_type_t<T>>::text();
    else if constexpr (std::is_class_v<T>) return "void";  // an opaque one
    else return (std::is_floating_point_v<T> ? "f" : std::is_unsigned_v<T> ? "u" : "i")
      + std::to_string(sizeof(T));
  }
};
template <class T> struct Kind<const T> : Kind<T> {};
template <> struct Kind<void> { static std::string text() { return "void"; } };
template <> struct Kind<char> { static std::string text() { return "char"; } };
template <class T> struct Kind<T *> {
  static std::string text() { return Kind<T>::text() + " *"; }
};
template <class T> struct Kind<T *const> : Kind<T *> {};
template <> struct Kind<const char *> { static std::string text() { return "text"; } };
template <> struct Kind<const char *const> : Kind<const char *> {};
template <class R, class... A> struct Kind<R (*)(A...)> {
  static std::string text() {
    return Kind<R>::text() + "(" + (std::string() + ... + (Kind<A>::text() + ", ")) + ")";
  }
};
#define STRUCT(name) \\
  template <> struct Kind<name> { static std::string text() { return #name; } };
%s
int main() {
%s
}
"""


def test_every_signature_is_the_one_that_a_compiler_reads(tmp_path):
    asked = {f"&{name}": f"{kind(result)}({''.join(kind(type_) + ', ' for type_ in arguments)})"
             for name, (result, arguments) in abi.FUNCTIONS.items()}
    asked["(cifar_log_callback)nullptr"] = kind(abi.LogCallback)
    asked["(cifar_problem_callback)nullptr"] = kind(abi.ProblemCallback)
    for name, struct in STRUCTS.items():
        for field, type_ in struct._fields_:
            if hasattr(type_, "_argtypes_"):
                asked[f"(({name} *)nullptr)->{field}"] = kind(type_)
    assert len(asked) > len(abi.FUNCTIONS) + 2
    lines = [
        f'  std::printf("%s\\n", Kind<std::decay_t<decltype({what})>>::text().c_str());'
        for what in asked
    ]
    text = CPP_PROGRAM % ("\n".join(f"STRUCT({name})" for name in STRUCTS), "\n".join(lines))
    said = printed(tmp_path, text, "-std=c++17", compiler="c++")
    expected = [f"{what}: {signature}" for what, signature in asked.items()]
    assert different([f"{what}: {read}" for what, read in zip(asked, said)], expected) == []


# The program --------------------------------------------------------------------------------------

EVERY_FORM = """\
/* A remark that is of nothing. */
#ifndef CIFAR_H
#define CIFAR_H
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#define CIFAR_LIMIT 7
#define CIFAR_SUM \\
  (CIFAR_LIMIT * 100 + 5)
typedef struct cifar_thing cifar_thing;
/** A colour. */
typedef enum cifar_colour { CIFAR_RED = 0, /**< like a rose */
  /** Like the sea. */ CIFAR_BLUE = 10 } cifar_colour;
/** Asked. */
typedef int (*cifar_ask)(const char *text, void *user);
/** Says "what\\n". */
typedef struct cifar_box {
  uint32_t struct_size;
  cifar_colour colour; /**< of its lid,
                          and of its sides */
  /** Called for each. */
  int (*on_each)(const cifar_thing *thing, void *user);
  char id[37];         /**< a UUID */
  const char *const *names;
  cifar_ask ask;
} cifar_box;
/** Fills it. */
void cifar_fill(cifar_thing *thing, const cifar_box *box, const char *const *names,
                cifar_colour colour, char id[37], cifar_ask ask, cifar_thing **out);
#ifdef __cplusplus
}
#endif
#endif
"""


def test_every_form_of_a_declaration_is_understood(tmp_path):
    done = write_bindings(tmp_path, EVERY_FORM)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / WRITTEN[0]).read_text()
    module = {}
    exec(text, module)
    box = module["Box"]
    assert module["CIFAR_LIMIT"] == 7 and module["CIFAR_SUM"] == 705 and module["CIFAR_BLUE"] == 10
    assert box.__doc__ == 'Says "what\\n".'
    fields = dict(box._fields_)
    assert fields["on_each"] is ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    assert fields["ask"] is module["Ask"] and ctypes.sizeof(fields["id"]) == 37
    for remark in [
        "  # of its lid, and of its sides", "# Called for each.", "  # a UUID", "# A colour.",
        "# like a rose\n", "# Like the sea.\n", "# Asked.\n",
    ]:
        assert remark in text
    pointer = ctypes.POINTER
    assert module["FUNCTIONS"] == {"cifar_fill": (None, [
        ctypes.c_void_p, pointer(box), pointer(ctypes.c_char_p), ctypes.c_uint,
        pointer(ctypes.c_char), module["Ask"], pointer(ctypes.c_void_p),
    ])}
    assert (
        "of: Self.self, \\.struct_size, \\.colour, \\.on_each, \\.id, \\.names, \\.ask)"
        in (tmp_path / WRITTEN[1]).read_text())
    text = (tmp_path / WRITTEN[3]).read_text()
    for line in [
        "pub const CIFAR_LIMIT: u32 = 7;", "pub const CIFAR_BLUE: cifar_colour = 10;",
        "    pub on_each: Option<unsafe extern \"C\" fn(thing: *const cifar_thing, "
        "user: *mut c_void) -> c_int>,",
        "    pub id: [c_char; 37],", "    pub names: *const *const c_char,", "    pub ask: cifar_ask,",
        "        id: *mut c_char,", "        out: *mut *mut cifar_thing,",
    ]:
        assert line + "\n" in text
    assert layouts(text) == {"cifar_box": layout(box)}


@pytest.mark.parametrize("found, instead, message", [
    ("cifar_colour colour; /**<", "cifar_color colour; /**<", "cifar_color is no type"),
    ("char id[37];  ", "char id[SIZE];", "the number of elements is expected, not 'SIZE'"),
    ("char id[37];  ", "char id[0x25];", "'0x25];"),
    ("char id[37];  ", "unsigned id;", "unsigned is no type"),
    ("char id[37];  ", "char a, b;", "';' is expected, not ','"),
    ("char id[37];  ", "uint32_t flag : 1;", "': 1;"),
    ("char id[37];  ", "cifar_thing thing;", "cifar_thing is here without a pointer"),
    ("char id[37];  ", "char colour;", "the field colour is there twice"),
    ("uint32_t struct_size;", "int64_t struct_size;", "cifar_box does not begin with uint32_t"),
    ("} cifar_box;", "} cifar_crate;", "the type is called otherwise"),
    ("CIFAR_BLUE = 10", "CIFAR_BLUE", "'=' is expected, not '}'"),
    ("CIFAR_BLUE = 10", "CIFAR_BLUE = 1 << 3", "'<< 3"),
    ("CIFAR_BLUE = 10", "CIFAR_RED = 10", "CIFAR_RED is declared twice"),
    ("CIFAR_BLUE = 10", "CIFAR_BLUE = -1", "-1 is no value"),
    ("CIFAR_LIMIT 7", "CIFAR_LIMIT (7)", "'#define CIFAR_LIMIT (7)' is not understood"),
    ("CIFAR_SUM \\\n  (CIFAR_LIMIT", "CIFAR_SUM (CIFAR_MOST", "'#define CIFAR_SUM (CIFAR_MOST * 100 + 5)' is not"),
    ("CIFAR_SUM \\\n  (CIFAR_LIMIT * 100 +", "CIFAR_SUM (CIFAR_LIMIT * 100 <<", "'#define CIFAR_SUM"),
    ("#define CIFAR_LIMIT 7", "#if 1", "'#if 1' is not understood"),
    ("#define CIFAR_LIMIT 7", "#pragma pack(1)", "'#pragma pack(1)' is not understood"),
    ("#define CIFAR_LIMIT 7", "// seven", "'// seven' is not understood"),
    ("#define CIFAR_LIMIT 7", "/** Seven. */\n/** A thing. */", "no declaration follows"),
    ("struct cifar_thing cifar_thing", "union cifar_thing cifar_thing", "union is no type"),
    ("cifar_colour colour, char", "cifar_colour, char", "the name of a parameter is expected"),
    ("cifar_colour colour, char", "cifar_box box, char", "cifar_box is here without a pointer"),
    ("cifar_thing **out);", "...);", "'...);' is not understood"),
    ("cifar_thing **out);", "cifar_thing **out) { }", "';' is expected, not '{'"),
    ("void cifar_fill", "static void cifar_fill", "static is no type"),
    ("void cifar_fill", "cifar_box cifar_fill", "cifar_box is here without a pointer"),
    ("#ifndef CIFAR_H\n#define CIFAR_H\n", "#ifndef CIFAR_H\n", "'#define CIFAR_H' is expected"),
    ("}\n#endif\n#endif\n", "}\n#endif\n", "#ifndef CIFAR_H has no #endif"),
])
def test_what_is_not_understood_is_an_error_with_its_line(tmp_path, found, instead, message):
    assert EVERY_FORM.count(found) == 1
    header = EVERY_FORM.replace(found, instead)
    done = write_bindings(tmp_path, header)
    assert done.returncode == 1
    match = re.match(r"include/cifar\.h:(\d+): (.*)", done.stderr)
    assert match.group(2).startswith(message)
    # Where something is missing, the next line may be the first that is wrong.
    line = EVERY_FORM[:EVERY_FORM.index(found)].count("\n") + 1
    assert int(match.group(1)) - line in ([1, 2] if found.endswith("\n") else [0])
    assert not any((tmp_path / path).exists() for path in WRITTEN)
