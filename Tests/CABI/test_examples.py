"""The examples people start from, as they stand in the repository."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from conftest import BUILD, ROOT, compile_c, run, without_swift


# C ------------------------------------------------------------------------------------------------

C = ROOT / "bindings" / "c"
C_EXAMPLES = ["train", "resume", "predict", "arrays", "runs", "interrupt", "model"]


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """The C examples, built: their directory."""
    directory = tmp_path_factory.mktemp("c")
    for name in C_EXAMPLES:
        compile_c(C / f"{name}.c", directory / name, "-std=c99", "-Wstrict-prototypes", "-pthread")
    return directory


def output(*command, expect=0):
    """What a program prints, which must end with the exit code `expect`: there to standard error."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env=without_swift(),
        timeout=300)
    assert done.returncode == expect, (done.stdout, done.stderr)
    return done.stderr if expect else done.stdout


def test_each_c_example_is_built_and_listed():
    sources = {path.stem for path in C.glob("*.c")}
    assert sources == set(C_EXAMPLES)
    for file in ["Makefile", "CMakeLists.txt", "README.md"]:
        assert sources <= set(re.findall(r"\w+", (C / file).read_text()))


def test_a_run_goes_through_the_c_examples(workplace, programs):
    text = output(programs / "train", "shapes", 1, 128)
    assert re.search(r"^epoch 1  loss [\d.]+ .* best$", text, flags=re.M)
    (run_id,) = re.findall(r"^run ([0-9a-f]{8})  best [\d.]+ %  all 1 epochs are done$", text, flags=re.M)

    text = output(programs / "resume", "from C", 2, "last")
    assert f"run {run_id} continues after epoch 1 of 2\nepoch 2  val_accuracy" in text

    text = output(programs / "runs", "name = 'from C'", "best_val_accuracy")
    assert re.search(rf"^{run_id}  completed .* 2/2 epochs  best [\d.]+ %  from C$", text, flags=re.M)
    assert re.search(r"^epoch 2  train_loss [\d.]+", text, flags=re.M)
    (best,) = re.findall(r"^checkpoint (\d+)  epoch \d  [\d.]+ kB  best$", text, flags=re.M)

    # A picture of the data set, at four times its size, and a strip of grey on either side.
    import cifar

    dataset = cifar.load("shapes", limit_train=1, limit_test=1)[0]
    picture = dataset.images[0].repeat(4, axis=0).repeat(4, axis=1)
    picture = np.pad(picture, [(0, 0), (8, 8), (0, 0)], constant_values=128)
    (workplace / "picture.ppm").write_bytes(b"P6\n144 128\n255\n" + picture.tobytes())
    model = cifar.Model.from_run("from C")
    expected = model.predict(dataset.images[:1])[0]
    by_run = output(programs / "predict", "from C", "picture.ppm")
    first = re.match(r" *([\d.]+) %  (.+)\n", by_run)
    assert first.group(2) == model.class_names[expected.argmax()]
    assert float(first.group(1)) == pytest.approx(100 * expected.max(), abs=0.051)
    assert len(by_run.splitlines()) == 3
    run("cifar", "export", "from C", "--checkpoint", best, "-o", "model.safetensors")
    assert output(programs / "predict", "model.safetensors", "picture.ppm") == by_run


def test_the_c_example_with_arrays_learns_its_stripes(workplace, programs):
    text = output(programs / "arrays")
    assert text.count("val_accuracy") == 5 and "epoch 5  val_accuracy 100.00 %" in text
    first, said = re.search(r"the first image is (\w+), and the model says (\w+)$", text).groups()
    assert first == said


def test_the_c_example_is_interrupted_by_its_thread(workplace, programs):
    text = output(programs / "interrupt", 1)
    assert re.search(r"^training was interrupted in epoch \d after batch \d+; resume run", text)
    assert "against time" in run("cifar-runs", "list", "--filter", "status = interrupted").stdout_text


def test_the_c_examples_report_errors(workplace, programs):
    for command, status, name in [
        (["train", "/nowhere"], "CIFAR_E_NOT_FOUND", "/nowhere"),
        (["model", "/nowhere"], "CIFAR_E_NOT_FOUND", "/nowhere"),
        (["resume", "nobody"], "CIFAR_E_NOT_FOUND", "runs.db"),
        (["runs"], "CIFAR_E_NOT_FOUND", "runs.db"),
    ]:
        text = output(programs / command[0], *command[1:], expect=1)
        assert status in text and name in text and len(text.splitlines()) == 1
    (workplace / "empty.ppm").write_bytes(b"")
    assert "no binary PPM" in output(programs / "predict", "run", "empty.ppm", expect=1)
    assert "usage" in output(programs / "predict", expect=2)
    assert "usage" in output(programs / "resume", expect=2)


# C++ ----------------------------------------------------------------------------------------------

CPP = ROOT / "bindings" / "cpp"
CPP_TEST = ROOT / "Tests" / "CABI" / "cpp_interface.cpp"
# Swift comes with a clang.
CLANG = shutil.which("clang++") or "c++"


@pytest.mark.parametrize("standard", ["c++11", "c++17", "c++20"])
@pytest.mark.parametrize("compiler", ["c++", CLANG])
def test_the_cpp_header_compiles_without_a_warning(tmp_path, compiler, standard):
    compile_c(
        CPP_TEST, tmp_path / "unused", f"-std={standard}", "-Wshadow", "-fsyntax-only", "-I", CPP,
        compiler=compiler, link=False)


def test_the_cpp_header_keeps_its_promises(workplace):
    program = workplace / "cpp_interface"
    compile_c(CPP_TEST, program, "-std=c++11", "-I", CPP, compiler="c++")
    assert output(program) == "all is well\n"


def test_the_cpp_example_trains_and_lists(workplace):
    compile_c(
        CPP / "train.cpp", workplace / "train", "-std=c++17", "-I", CPP, compiler="c++")
    text = output(workplace / "train", 1, 64)
    assert re.search(r"^epoch 1  val_accuracy [\d.]+ %\naccuracy [\d.]+ %\ncircle [\d.]+ %\n", text)
    assert re.search(r"^[0-9a-f-]{36}  completed  1 epochs  best [\d.]+ %$", text, flags=re.M)


def test_the_cpp_readmes_program_works(workplace):
    (source,) = code_blocks("cpp", CPP / "README.md")
    (workplace / "readme.cpp").write_text(source)
    compile_c(workplace / "readme.cpp", workplace / "readme", "-I", CPP, compiler="c++")
    assert "all 1 epochs are done" in output(workplace / "readme")
    assert (workplace / "model.safetensors").exists()


# Rust and Swift -----------------------------------------------------------------------------------

# Tests/Packages/examples.py builds and runs them.


def test_everything_public_of_cifarkit_is_documented():
    declarations = undocumented = 0
    for file in (ROOT / "bindings" / "swift" / "CifarKit").glob("*.swift"):
        lines = file.read_text().splitlines()
        for before, line in zip(lines, lines[1:]):
            if re.match(r" *(public (?!extension)|case \w)", line) and ": return" not in line:
                declarations += 1
                undocumented += not before.lstrip().startswith("///")
    assert declarations > 100 and undocumented == 0


@pytest.mark.parametrize("file, pattern", [
    ("bindings/rust/Cargo.toml", r'^version = "(.+)"$'),
    ("bindings/rust/README.md", r'tag = "v([\d.]+)"'),
    ("bindings/swift/README.md", r'from: "([\d.]+)"'),
])
def test_the_bindings_have_the_headers_version(file, pattern):
    import cifar

    (version,) = re.findall(pattern, (ROOT / file).read_text(), flags=re.M)
    assert version == cifar.version()


# The README ---------------------------------------------------------------------------------------


def code_blocks(language, file=ROOT / "README.md"):
    return re.findall(rf"```{language}\n(.*?)```", file.read_text(), flags=re.S)


def test_the_readmes_c_program_works(workplace):
    (source,) = code_blocks("c")
    (workplace / "readme.c").write_text(source)
    compile_c(workplace / "readme.c", workplace / "readme", "-std=c99")
    result = subprocess.run([workplace / "readme"], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert "runs.db" in {path.name for path in workplace.iterdir()}


def test_the_readmes_python_programs_work(workplace, capsys):
    sources = code_blocks("python")
    for source in sources:
        exec(compile(source, "README.md", "exec"), {})
        assert capsys.readouterr().out
    assert "best_val_accuracy" in sources[0] and "ModelSpec" in sources[1] and len(sources) == 2


def test_the_readmes_model_can_be_trained(workplace):
    (source,) = code_blocks("json")
    (workplace / "model.json").write_text(source)
    assert "(residual)" in run("cifar", "summary", "model.json").stdout_text
    run(
        "cifar", "train", "--model", "model.json", "--data", "shapes", "--limit-train", 64,
        "--limit-test", 64, "--epochs", 1,
    )


def test_the_readmes_commands_exist():
    used = set(re.findall(r"^\$? ?(?:build/bin/)?cifar-runs (\w+)", "\n".join(code_blocks("sh")), flags=re.M))
    help_text = subprocess.run(
        [BUILD / "bin" / "cifar-runs", "--help"], capture_output=True, text=True
    ).stdout
    assert used and all(f"  {command}" in help_text for command in used)
