"""No memory: an error, and the host and the library continue."""

import resource
import subprocess

import pytest

from conftest import ROOT, compile_c

# Between two that are tried, by kind: so many that all kinds together take half a minute. `make
# test-memory` tries every one.
STEPS = {"cold-once": 2039, "cold-all": 2039, "warm-once": 1021, "warm-all": 1021}

HOST = r"""
#include <stdio.h>
#include "cifar.h"

/* Trains a little, and says the status and the message. */
int main(void) {
  cifar_dataset *train = NULL, *test = NULL;
  cifar_trainer *trainer = NULL;
  cifar_model *model = NULL;
  cifar_train_options options;
  cifar_evaluation evaluation;
  cifar_train_options_init(&options, sizeof options);
  options.epochs = 1;
  options.threads = 2;
  options.registry = "runs.db";
  int status = cifar_dataset_open("shapes", CIFAR_TRAIN, 64, &train);
  if (!status) status = cifar_dataset_open("shapes", CIFAR_TEST, 20, &test);
  if (!status) status = cifar_trainer_create(train, test, &options, &trainer);
  if (!status) status = cifar_trainer_run(trainer);
  if (!status) status = cifar_model_from_trainer(trainer, &model);
  if (!status) status = cifar_model_evaluate(model, test, &evaluation, sizeof evaluation);
  printf("%s %s\n", cifar_status_name(status), status ? cifar_last_error() : "");
  cifar_model_free(model);
  cifar_trainer_free(trainer);
  cifar_dataset_free(test);
  cifar_dataset_free(train);
  return 0;
}
"""


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    program = tmp_path_factory.mktemp("memory") / "fail_allocations"
    compile_c(
        ROOT / "Tests/CABI/fail_allocations.c", program, "-O1", "-std=gnu11",
        "-pthread", "-ldl",
    )
    return program


@pytest.mark.parametrize("kind", STEPS)
def test_an_allocation_that_fails_ends_no_host(failing, tmp_path, kind):
    command = [failing, tmp_path, kind, "1", str(STEPS[kind]), "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " 0 other errors, 0 failures" in done.stdout, done.stdout


@pytest.mark.parametrize("kind", ["cold-once", "cold-all"])
def test_the_first_allocations_may_all_fail(failing, tmp_path, kind):
    command = [failing, tmp_path, kind, "1", "1", "60"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    place = tmp_path_factory.mktemp("host")
    (place / "host.c").write_text(HOST)
    compile_c(place / "host.c", place / "host", "-std=c99")
    return place / "host"


@pytest.mark.parametrize("limit", [resource.RLIMIT_AS, resource.RLIMIT_DATA], ids=["AS", "DATA"])
def test_a_limit_of_the_process_is_an_error(host, tmp_path, limit):
    """From hardly enough to load the library to enough to train."""
    outcomes = set()
    for megabytes in [*range(32, 200, 7), 260, 340, 4096]:
        bytes = megabytes << 20

        def limits():
            resource.setrlimit(limit, (bytes, bytes))

        done = subprocess.run(
            [host], cwd=tmp_path, preexec_fn=limits, capture_output=True, text=True, timeout=120,
        )
        if done.returncode == 127 and "cannot" in done.stderr:
            continue  # the dynamic linker had no memory to load the library
        assert done.returncode == 0, (megabytes, done.returncode, done.stdout, done.stderr[-2000:])
        status, message = done.stdout.split(" ", 1)
        assert status in ("CIFAR_OK", "CIFAR_E_OUT_OF_MEMORY"), (megabytes, done.stdout)
        assert status == "CIFAR_OK" or message.strip(), megabytes
        assert done.stderr == "", done.stderr
        outcomes.add(status)
        (tmp_path / "runs.db").unlink(missing_ok=True)
        (tmp_path / "runs.db-journal").unlink(missing_ok=True)
    assert outcomes == {"CIFAR_OK", "CIFAR_E_OUT_OF_MEMORY"}
