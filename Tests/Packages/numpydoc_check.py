"""numpydoc's own checks of every public docstring: run by wheel.py where numpydoc is installed."""

import inspect
import sys

import cifar
from numpydoc.validate import validate

# Of style: a summary in the infinitive, a full stop behind every description, a "See Also".
STYLE = {
    "EX01", "ES01", "GL01", "GL02", "GL08", "PR02", "RT01", "RT02", "RT04", "SA01", "SS05", "SS06",
    "PR01", "PR08", "PR09",
}

names = []
for name in cifar.__all__:
    names.append(f"cifar.{name}")
    item = getattr(cifar, name)
    if inspect.isclass(item) and not issubclass(item, dict):
        names += [
            f"cifar.{name}.{member}" for member, method in inspect.getmembers(item)
            if not member.startswith("_") and inspect.isfunction(method) or inspect.ismethod(method)
        ]
problems = []
for name in names:
    for code, text in validate(name)["errors"]:
        if code not in STYLE:
            problems.append(f"{name}: {code} {text}")
if problems:
    sys.exit("\n".join(problems))
print(f"numpydoc finds nothing wrong in {len(names)} docstrings")
