"""The examples people start from, as they stand in the repository."""

import re
import subprocess

from conftest import BUILD, ROOT, compile_c, run, without_swift


def test_the_c_example_trains_and_lists(workplace):
    program = workplace / "train"
    compile_c(ROOT / "bindings" / "c" / "train.c", program, "-std=c99", "-Wstrict-prototypes")
    result = subprocess.run(
        [program, "shapes", "1", "600"], capture_output=True, text=True, env=without_swift(), timeout=300
    )
    assert result.returncode == 0, result.stderr
    assert re.search(r"^epoch 1  loss [\d.]+", result.stdout, flags=re.M)
    assert re.search(r"^[0-9a-f]{8}  completed .* 1/1 epochs", result.stdout, flags=re.M)
    assert "from C" in run("cifar-runs", "list").stdout_text


def test_the_c_example_reports_errors(workplace):
    program = workplace / "train"
    compile_c(ROOT / "bindings" / "c" / "train.c", program, "-std=c99")
    result = subprocess.run([program, "/nowhere"], capture_output=True, text=True)
    assert result.returncode == 1
    assert "CIFAR_E_NOT_FOUND" in result.stderr and "/nowhere" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def code_blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.S)


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
