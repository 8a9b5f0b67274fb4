"""cifar.h: it compiles alone, and says what the library and the Python binding have."""

import ctypes
import re
import subprocess

import pytest
from conftest import LIBRARY, ROOT, compile_c

HEADER = (ROOT / "include" / "cifar.h").read_text()


@pytest.mark.parametrize(
    "compiler, flags, suffix",
    [("cc", ["-std=c99", "-Wstrict-prototypes"], "c"), ("c++", ["-std=c++11"], "cpp")],
)
def test_the_header_compiles_alone(tmp_path, compiler, flags, suffix):
    source = tmp_path / f"alone.{suffix}"
    source.write_text('#include "cifar.h"\nint main(void) { return CIFAR_OK; }\n')
    compile_c(source, tmp_path / "alone", *flags, compiler=compiler, link=False)


def declared_functions():
    code = re.sub(r"/\*.*?\*/", "", HEADER, flags=re.S)
    return set(re.findall(r"^[a-z_][\w *]*?\b(cifar_\w+)\(", code, flags=re.M))


def test_the_library_exports_what_the_header_declares_and_nothing_else():
    table = subprocess.run(
        ["nm", "-D", "--defined-only", str(LIBRARY)], check=True, capture_output=True, text=True
    ).stdout
    # Lowercase types are local: nobody can link to them.
    exported = {
        line.split()[2].split("@")[0] for line in table.splitlines() if line.split()[1].isupper()
    } - {"CIFAR_0.1"}
    assert exported == declared_functions()
    assert len(exported) > 40


@pytest.mark.parametrize("file", ["bindings/python/cifar/_library.py", "Tests/CABI/call_sequences.c"])
def test_every_function_is_bound_in_python_and_called_in_sequences(file):
    named = set(re.findall(r"\bcifar_\w+", (ROOT / file).read_text()))
    assert declared_functions() - named == set()


def test_the_version_is_one():
    import cifar

    parts = [
        re.search(rf"CIFAR_VERSION_{part} (\d+)", HEADER).group(1)
        for part in ["MAJOR", "MINOR", "PATCH"]
    ]
    project = (ROOT / "bindings" / "python" / "pyproject.toml").read_text()
    assert cifar.version() == ".".join(parts) == cifar.__version__
    assert f'version = "{cifar.version()}"' in project


def test_every_status_has_the_name_of_the_header():
    from cifar._library import library

    codes = dict(re.findall(r"^\s+(CIFAR_OK|CIFAR_E_\w+) = (\d+)", HEADER, flags=re.M))
    assert len(codes) > 15
    for name, code in codes.items():
        assert library.cifar_status_name(int(code)).decode() == name
    assert library.cifar_status_name(7) == b"unknown status"


# Of Python, and of the header.
STRUCTS = {
    "DatasetInfo": "cifar_dataset_info", "TrainOptions": "cifar_train_options",
    "ResumeOptions": "cifar_resume_options", "BatchInfo": "cifar_batch_info",
    "EpochInfo": "cifar_epoch_info", "TrainerInfo": "cifar_trainer_info",
    "ModelInfo": "cifar_model_info", "ModelSpecInfo": "cifar_model_spec_info",
    "EvaluationInfo": "cifar_evaluation",
    "RunInfo": "cifar_run_info", "CheckpointInfo": "cifar_checkpoint_info",
    "RunQuery": "cifar_run_query", "MetricInfo": "cifar_metric_info",
    "NoteInfo": "cifar_note_info", "StorageInfo": "cifar_storage_info",
    "TrainerCallbacks": "cifar_trainer_callbacks", "ValidationInfo": "cifar_validation_info",
}


def test_the_library_knows_the_fields_that_a_size_can_end_in():
    from cifar import _structs

    layouts = (ROOT / "Sources" / "CifarC" / "StructLayouts.swift").read_text()
    known = {
        name: re.findall(r"\\\.(\w+)", body) for name, body in re.findall(
            r"^extension (cifar_\w+): Growing \{(.*?)^\}", layouts, flags=re.M | re.S)
    }
    declared = {
        name: [field for field, _ in getattr(_structs, python_name)._fields_]
        for python_name, name in STRUCTS.items()
    }
    # The library hands them to callbacks only, in its own size.
    for name in ["batch", "storage", "validation"]:
        del declared[f"cifar_{name}_info"]
    assert known == declared


def test_pythons_structs_are_laid_out_as_cs(tmp_path):
    from cifar import _structs

    lines, expected = [], []
    for python_name, c_name in STRUCTS.items():
        struct = getattr(_structs, python_name)
        lines.append(f'printf("{c_name} %zu\\n", sizeof({c_name}));')
        expected.append(f"{c_name} {ctypes.sizeof(struct)}")
        for field, _ in struct._fields_:
            lines.append(f'printf("{c_name}.{field} %zu\\n", offsetof({c_name}, {field}));')
            expected.append(f"{c_name}.{field} {getattr(struct, field).offset}")
    source = tmp_path / "layout.c"
    body = "\n  ".join(lines)
    source.write_text(
        f'#include <stdio.h>\n#include "cifar.h"\nint main(void) {{\n  {body}\n  return 0;\n}}\n'
    )
    compile_c(source, tmp_path / "layout", "-std=c99", link=False)
    printed = subprocess.run([tmp_path / "layout"], check=True, capture_output=True, text=True)
    assert printed.stdout.split("\n")[:-1] == expected
