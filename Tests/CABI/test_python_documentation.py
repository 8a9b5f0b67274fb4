"""What `help()` says of the package: every public name is typed and documented in numpydoc's way,
and the examples work."""

import doctest
import inspect
import re
import typing

import cifar
import pytest

SECTIONS = [
    "Parameters", "Attributes", "Returns", "Raises", "Notes", "Examples",
]
PUBLIC = {
    name: getattr(cifar, name) for name in cifar.__all__ if name != "errors"}
CLASSES = {name: item for name, item in PUBLIC.items() if inspect.isclass(item)}


def members(kind):
    """The public methods and properties of a class by name, inherited ones of the package first,
    each as they are written."""
    for owner in reversed(kind.__mro__):
        if owner.__module__.split(".")[0] != "cifar":
            continue
        for name, item in vars(owner).items():
            if isinstance(item, (classmethod, staticmethod)):
                item = item.__func__
            if name.startswith("_"):
                continue
            if inspect.isfunction(item) or isinstance(item, property):
                yield name, item


def functions():
    """Every public function, method and property, by its whole name."""
    for name, item in PUBLIC.items():
        if not inspect.isclass(item):
            yield name, item
    for name, kind in CLASSES.items():
        for member, item in members(kind):
            yield f"{name}.{member}", item.fget if isinstance(item, property) else item


FUNCTIONS = dict(functions())


def sections(text):
    """The lines of each section, by its title."""
    found, title = {"": []}, ""
    lines = inspect.cleandoc(text).split("\n")
    for line, below in zip(lines, lines[1:] + [""]):
        if re.fullmatch("-{3,}", below) and len(below) == len(line):
            title = line
            found[title] = []
        elif not re.fullmatch("-{3,}", line):
            found[title].append(line)
    return found


def described(section):
    """The names that a section describes, each with a text below it."""
    names = []
    for line, below in zip(section, section[1:] + [""]):
        if line and not line.startswith(" "):
            assert below.startswith("    ") and below.strip(), line
            names += [name.strip(" *") for name in line.split(" : ")[0].split(",")]
    return names


def test_everything_public_is_in_one_list():
    assert cifar.__all__ == sorted(cifar.__all__, key=lambda name: (name[0].islower(), name))
    assert set(vars(cifar)) - {"callbacks", "dataset", "events", "loading", "model", "model_spec",
                               "optuna", "rates", "registry", "rerunning", "rows", "sklearn",
                               "training"} - set(cifar.__all__) == {
        name for name in vars(cifar) if name.startswith("_")}
    for module, more in [(cifar, {"callbacks"}), (cifar.callbacks, set())]:
        assert {name for name in dir(module) if not name.startswith("_")} == {*module.__all__, *more}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_function_is_typed_and_documented(name):
    function = FUNCTIONS[name]
    signature = inspect.signature(function)
    parameters = [item for item in signature.parameters if item != "self" and item != "cls"]
    hints = typing.get_type_hints(function, vars(inspect.getmodule(function)))
    assert set(hints) >= {*parameters, "return"}, "without annotations"
    found = sections(function.__doc__)
    titles = list(found)[1:]
    assert titles == [title for title in SECTIONS if title in titles], titles
    assert re.fullmatch(r"[A-Z].*\.", found[""][0]), "the first line is a sentence"
    assert described(found.get("Parameters", [])) == parameters
    returns = hints["return"] not in (type(None), typing.NoReturn)
    assert returns == ("Returns" in found)
    # Those of Callback and Peers are there to be overwritten, as the classes' own examples show.
    if ".on_" not in name and not name.startswith("Peers."):
        assert any(line.startswith(">>> ") for line in found["Examples"]), "no example"


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_class_is_documented_with_its_attributes(name):
    kind = CLASSES[name]
    found = sections(kind.__doc__)
    titles = list(found)[1:]
    assert titles == [title for title in SECTIONS if title in titles], titles
    assert any(line.startswith(">>> ") for line in found["Examples"]), "no example"
    attributes = [
        item for owner in reversed(kind.__mro__) for item in vars(owner).get("__annotations__", {})
        if owner.__module__.startswith("cifar") and not item.startswith("_")
        # Those of a public base are described there.
        and not (owner is not kind and owner in CLASSES.values())
    ]
    if name == "EpochRow":  # which names the class that describes them
        assert attributes == [field for field in cifar.Epoch.__annotations__ if field != "is_best"]
    elif name == "RunDetails":
        assert set(described(found["Attributes"])) == (
            set(attributes) - set(cifar.RunRow.__annotations__) | {"epochs"})
    elif name == "CifarError":
        assert described(found["Attributes"]) == ["status"]
    else:
        assert sorted(described(found.get("Attributes", []))) == sorted(attributes)
    without = issubclass(kind, (dict, Exception)) and "__init__" not in vars(kind)
    if not (attributes or without or name in ("Dataset", "Model")):
        parameters = [item for item in inspect.signature(kind).parameters]
        assert described(found.get("Parameters", [])) == parameters


def examples():
    """The module's, every function's, and of a class those of its methods after its own."""
    yield "cifar", [("cifar", cifar.__doc__)]
    for name, item in PUBLIC.items():
        if inspect.isclass(item):
            yield name, [(name, item.__doc__)] + [
                (f"{name}.{member}", method.__doc__) for member, method in members(item)
            ]
        else:
            yield name, [(name, item.__doc__)]


@pytest.mark.parametrize("texts", [pytest.param(texts, id=name) for name, texts in examples()])
def test_the_examples_work(workplace, texts):
    names = {}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    said = []
    for name, text in texts:
        test = doctest.DocTestParser().get_doctest(text, names, name, None, None)
        runner.run(test, out=said.append, clear_globs=False)
        names = test.globs
    assert runner.summarize(verbose=False).failed == 0, "".join(said)
