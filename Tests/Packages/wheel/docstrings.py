"""numpydoc's own checks of every public docstring: run by wheel.py where numpydoc is installed."""

import inspect
import sys

import cifar
from numpydoc.validate import validate

# Not every docstring goes on, refers to others, or begins in its first line.
OPTIONAL = {"ES01", "GL01", "SA01", "SS05"}


def is_wanted(name, code):
    if code == "EX01":  # what callbacks overwrite: the example is the class's
        return ".on_" not in name
    if code == "PR01":  # fields are described as attributes
        return name.count(".") > 1 or not inspect.isclass(getattr(cifar, name.split(".")[1]))
    return code not in OPTIONAL


names = []
for name in cifar.__all__:
    names.append(f"cifar.{name}")
    item = getattr(cifar, name)
    if inspect.isclass(item) and not issubclass(item, dict):
        names += [
            f"cifar.{name}.{member}" for member, method in inspect.getmembers(item)
            if not member.startswith("_")
            and (inspect.isfunction(method) or inspect.ismethod(method))
        ]
problems = []
for name in names:
    for code, text in validate(name)["errors"]:
        if is_wanted(name, code):
            problems.append(f"{name}: {code} {text}")
if problems:
    sys.exit("\n".join(problems))
print(f"numpydoc finds nothing wrong in {len(names)} docstrings")
