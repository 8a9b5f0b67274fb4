"""Writes the version in cifar.h as Swift, for the library and its commands."""

from header import Constant

TEXT = """\
// Written by Tools/bindings from include/cifar.h: change the header, then `make bindings`.

/// The version of the library and its commands, as in semantic versioning.
public enum LibraryVersion {{
  public static let string = "{major}.{minor}.{patch}"
  /// As CIFAR_VERSION_NUMBER.
  public static let number = {number}
}}
"""


def version_of(declarations: list) -> str:
    values = {item.name: item.value for item in declarations if isinstance(item, Constant)}
    return TEXT.format(**{
        part.lower(): values.get(f"CIFAR_VERSION_{part}", 0)
        for part in ["MAJOR", "MINOR", "PATCH", "NUMBER"]
    })
