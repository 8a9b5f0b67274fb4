"""The registry from Python and from C."""

import json
import os
import shutil
import subprocess
import sys

import cifar
import pandas
import pytest
from conftest import ROOT, compile_c
from safetensors import safe_open


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two runs of two epochs, that tests may write on but not remove."""
    path = tmp_path_factory.mktemp("registry") / "runs.db"
    data = cifar.load("shapes", limit_train=64, limit_test=32)
    for name, lr in [("slow", 1e-4), ("fast", 1e-2)]:
        cifar.fit(
            *data, epochs=2, batch_size=32, registry=path, name=name, learning_rate=lr, keep_last=1,
            tags=["sweep", name], callbacks=[lambda epoch: epoch.log(score=epoch.epoch / 2)],
        )
    return path


@pytest.fixture
def registry(trained):
    return cifar.Registry(trained)


def names(rows):
    return [row["name"] for row in rows]


def test_runs_are_filtered_sorted_and_cut(registry):
    assert names(registry.runs()) == ["fast", "slow"]
    assert names(registry.runs(1)) == ["fast"]
    assert names(registry.runs(filter="learning_rate < 0.001 and tag = sweep")) == ["slow"]
    assert names(registry.runs(sort="learning_rate", ascending=True)) == ["slow", "fast"]
    assert names(registry.runs(filter="metrics.score = 1 and name ~ FAS")) == ["fast"]
    assert registry.runs(trash=True) == []
    with pytest.raises(cifar.CifarError, match="column 23: .*did you mean val_accuracy"):
        registry.runs(filter="learning_rate < 1 and val_acuracy > 0.5")


ASK = """
import cifar, locale, sys
def ask():
    registry = cifar.Registry(sys.argv[1])
    found = [registry.runs(filter=f) for f in sys.argv[3:]]
    found.append(registry.runs(sort="learning_rate", ascending=True))
    return [[row["name"] for row in rows] for rows in found]
before = ask()
locale.setlocale(locale.LC_ALL, sys.argv[2])
assert locale.localeconv()["decimal_point"] == ","
assert ask() == before == [["fast"], ["fast"], ["fast", "slow"], ["slow", "fast"]], (before, ask())
"""


def test_numbers_are_the_same_in_a_comma_locale(trained, tmp_path):
    """A host may have called setlocale, as Qt and R do."""
    name = "de_DE.UTF-8"
    command = ["localedef", "-i", "de_DE", "-f", "UTF-8", tmp_path / name]
    if shutil.which("localedef") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no locale can be made here (Debian: locales)")
    filters = ["learning_rate = 0.01", "learning_rate > 0.005", "optimizer.beta1 = 0.9"]
    environment = dict(
        os.environ, LOCPATH=str(tmp_path), PYTHONPATH=str(ROOT / "bindings" / "python"))
    subprocess.run(
        [sys.executable, "-c", ASK, trained, name, *filters], env=environment, check=True)


def test_a_row_is_plain_values(registry):
    row = registry.runs(filter="name = slow")[0]
    assert row["tags"] == "slow, sweep" and row["parent"] is None
    assert row["last_val_loss"] == registry.run("slow")["epochs"][-1]["val_loss"]
    json.dumps(registry.run("slow"))


def test_metrics_of_ones_own(registry):
    assert registry.run("fast")["metrics"] == [
        {"name": "score", "epoch": 1, "value": 0.5}, {"name": "score", "epoch": 2, "value": 1.0},
    ]


def test_a_metric_needs_a_name_that_filters_understand(workplace):
    data = cifar.load("shapes", limit_train=32, limit_test=32)
    with pytest.raises(cifar.CifarError, match="two words"):
        cifar.fit(*data, epochs=1, callbacks=[lambda epoch: epoch.log(**{"two words": 1})])


def test_tags_notes_names_and_pins(registry):
    registry.tag("slow", "a", "b")
    registry.untag("slow", "a")
    registry.note("slow", "first line\nsecond")
    assert "b" in registry.runs(filter="name = slow")[0]["tags"].split(", ")
    assert registry.run("slow")["notes"][-1]["text"] == "first line\nsecond"
    registry.untag("slow", "b")
    identifier = registry.run("slow")["id"]
    registry.rename("slow", "slower")
    registry.rename("slower", None)
    assert registry.run(identifier)["name"] is None
    registry.rename(identifier, "slow")
    checkpoint = registry.run("slow")["checkpoints"][0]["id"]
    registry.pin(checkpoint)
    assert registry.run("slow")["checkpoints"][0]["is_pinned"]
    registry.pin(checkpoint, False)
    with pytest.raises(cifar.CifarError, match="nobody"):
        registry.tag("nobody", "x")


def test_a_fork_is_resumed_and_leaves_its_parent_alone(registry, trained):
    identifier = registry.fork("slow", name="fork")
    run = cifar.resume("fork", epochs=3, registry=trained)
    assert run.id == identifier and [epoch.epoch for epoch in run.epochs] == [3]
    assert len(registry.run("fork")["epochs"]) == 3 and len(registry.run("slow")["epochs"]) == 2
    assert registry.run("fork")["parent"] == registry.run("slow")["id"]
    registry.remove("fork")
    assert registry.runs(trash=True)[0]["name"] == "fork"
    registry.restore("fork")
    registry.remove("fork")
    assert registry.collect() > 0
    assert registry.runs(trash=True) == [] and registry.verify() == []


def test_what_is_exported_opens_in_safetensors(registry, tmp_path):
    checkpoint = registry.run("fast")["checkpoints"][-1]
    registry.export(checkpoint["id"], tmp_path / "x.safetensors")
    assert (tmp_path / "x.safetensors").stat().st_size == checkpoint["size"]
    with safe_open(tmp_path / "x.safetensors", "numpy") as file:
        assert file.get_tensor("0.weight").shape == (32, 3, 3, 3)
    with pytest.raises(cifar.CifarError, match="checkpoint 999"):
        registry.export(999, tmp_path / "y.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["x.safetensors"]


def test_backup_while_others_train(registry, trained, tmp_path):
    path = tmp_path / "runs.db"
    registry.backup(path)
    copied = cifar.Registry(path)
    cifar.fit(
        *cifar.load("shapes", limit_train=64, limit_test=32), epochs=4, batch_size=32,
        registry=path, name="beside", keep_last=1,
        callbacks=[lambda epoch: copied.backup(tmp_path / f"copy {epoch.epoch}.db")],
    )
    for number in range(1, 5):
        other = cifar.Registry(tmp_path / f"copy {number}.db")
        assert other.verify() == []
        assert len(other.run("beside")["epochs"]) in (number - 1, number)
    for target in (tmp_path / "copy 1.db", tmp_path, trained, "/dev/null"):
        with pytest.raises(cifar.CifarError) as caught:
            registry.backup(target)
        assert caught.value.status == "CIFAR_E_INVALID_ARGUMENT"


def test_pandas_takes_the_rows_as_they_are(registry):
    frame = pandas.DataFrame(registry.runs())
    assert set(frame["name"]) == {"slow", "fast"}


def test_from_c(trained, tmp_path):
    source = tmp_path / "query.c"
    source.write_text(
        """
        #include <stdio.h>
        #include "cifar.h"
        static int print(const char *problem, void *user) {
          (void)user;
          puts(problem);
          return 0;
        }
        int main(int argc, char **argv) {
          cifar_registry *registry = NULL;
          cifar_run_list *list = NULL;
          cifar_run_query query;
          cifar_run_info info;
          size_t count = 0, i;
          if (argc < 2 || cifar_registry_open(argv[1], &registry)) return 1;
          cifar_run_query_init(&query, sizeof query);
          query.filter = "tag = sweep and epochs >= 2";
          query.sort = "learning_rate";
          query.limit = 10;
          if (cifar_registry_query(registry, &query, &list)) return 2;
          cifar_run_list_count(list, &count);
          for (i = 0; i < count; i++) {
            cifar_run_list_get(list, i, &info, sizeof info);
            printf("%s %u %d\\n", info.name, info.epochs, info.last_val_loss > 0);
          }
          cifar_run_list_free(list);
          if (cifar_registry_verify(registry, NULL, print, NULL)) return 3;
          if (argc > 2 && cifar_registry_backup(registry, argv[2])) return 5;
          if (cifar_registry_backup(registry, argv[1]) != CIFAR_E_INVALID_ARGUMENT) return 6;
          if (cifar_registry_backup(registry, NULL) != CIFAR_E_INVALID_ARGUMENT) return 7;
          query.filter = "epochs >";
          if (cifar_registry_query(registry, &query, &list) != CIFAR_E_INVALID_ARGUMENT) return 4;
          puts(cifar_last_error());
          cifar_registry_free(registry);
          return 0;
        }
        """
    )
    compile_c(source, tmp_path / "query", "-std=c99")
    result = subprocess.run(
        [tmp_path / "query", trained], check=True, capture_output=True, text=True
    )
    assert result.stdout.splitlines() == [
        "fast 2 1", "slow 2 1", "filter, column 9: a value is missing here",
    ]
