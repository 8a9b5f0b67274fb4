"""The environment's variables: where they are documented, read, and what they may hold."""

import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT, run

DESCRIPTION = (ROOT / "Sources" / "CifarCore" / "EnvironmentVariable.swift").read_text()
VARIABLES = re.findall(r'case \w+ = "(\w+)"', DESCRIPTION)
OWN = [name for name in VARIABLES if name.startswith("CIFAR")]


def words(text):
    return set(re.findall(r"\w+", text))


def test_nothing_else_asks_the_system_for_a_variable():
    files = [file for suffix in ("swift", "c", "h") for file in (ROOT / "Sources").rglob(f"*.{suffix}")]
    readers = [file.name for file in files if re.search(r"\b(secure_)?getenv\b", file.read_text())]
    assert readers == ["EnvironmentVariable.swift"]


def test_the_manual_pages_have_every_variable():
    page = run("cifar", "man").stdout_text
    section = page[page.index(".SH ENVIRONMENT"):page.index(".SH EXIT STATUS")]
    assert re.findall(r"^\.B (\w+)$", section, flags=re.M) == VARIABLES
    page = run("cifar-runs", "man").stdout_text
    section = page[page.index(".SH ENVIRONMENT"):page.index(".SH EXIT STATUS")]
    assert "CIFAR_REGISTRY" in section and "CIFAR10_DIR" not in section


def test_the_readme_has_every_variable_and_word():
    text = (ROOT / "README.md").read_text()
    paragraph = re.search(r"^Environment: .*?\n\n", text, flags=re.M | re.S).group()
    named = re.findall(r"`(CIFAR\w+)`", paragraph)
    assert sorted(named) == sorted([*OWN, "CIFAR_LIBRARY"])
    assert {"baseline", "avx2", "avx512", "avx512vnni", "direct", "winograd", "auto"} <= words(paragraph)


def test_the_header_has_every_variable_and_word_that_the_library_reads():
    text = (ROOT / "include" / "cifar.h").read_text()
    paragraph = re.search(r"^ \* Variables .*?(?=^ \* \w)", text, flags=re.M | re.S).group()
    named = {word for word in words(paragraph) if word.startswith("CIFAR")}
    # Only a command downloads.
    assert named == set(OWN) - {"CIFAR10_URL"}
    assert {"baseline", "avx2", "avx512", "avx512vnni", "direct", "winograd", "auto"} <= words(paragraph)


@pytest.mark.parametrize("variable, value, legal", [
    ("CIFAR_ISA", "AVX2", "baseline, avx2, avx512 or avx512vnni"),
    ("CIFAR_CONV", "fft", "direct, winograd or auto"),
])
@pytest.mark.parametrize("command", [
    ["train", "--data", "shapes", "--limit-train", 64, "--limit-test", 32, "--epochs", 1],
    ["summary", "tutorial", "--plan"],
])
def test_a_word_that_there_is_not_names_those_there_are(workplace, variable, value, legal, command):
    error = run("cifar", *command, env={**os.environ, variable: value}, expect=2).stderr_text
    assert f"{variable} is '{value}'; use {legal}, and start the process again" in error


def test_python_gets_the_error_too(workplace):
    program = ("import cifar\n"
               "images = cifar.load('shapes', limit_train=64, limit_test=32)\n"
               "try: cifar.fit(*images, epochs=1)\n"
               "except cifar.CifarError as error: print(error.status, error)\n")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "bindings" / "python"), "CIFAR_CONV": "fft"})
    assert done.stdout.startswith("CIFAR_E_INVALID_ARGUMENT CIFAR_CONV is 'fft'"), done


@pytest.mark.parametrize("variable, value", [
    ("CIFAR_ISA", "baseline"), ("CIFAR_ISA", ""), ("CIFAR_CONV", "direct"), ("CIFAR_CONV", "winograd"),
    ("CIFAR_CONV", "auto"), ("CIFAR_CONV", ""),
])
def test_legal_words_are_taken(workplace, variable, value):
    text = run(
        "cifar", "summary", "tutorial", "--plan", env={**os.environ, variable: value}).stdout_text
    if value == "baseline":
        assert "baseline" in text.splitlines()[0]
    if value == "direct":
        assert "winograd" not in text
