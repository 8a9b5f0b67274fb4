"""The commands, as a person and as a script use them."""

import json
import os
import pathlib
import re
import sqlite3
import subprocess
import time

import pytest
from conftest import BUILD, run, start
from safetensors.numpy import load_file

SMALL = ["--data", "shapes", "--limit-train", 512, "--limit-test", 128, "--batch-size", 32]


def train(*options, **settings):
    return run("cifar", "train", *SMALL, *options, **settings)


def runs(*options):
    return json.loads(run("cifar-runs", "list", "--json", *options).stdout_text)


def show(name):
    return json.loads(run("cifar-runs", "show", name, "--json").stdout_text)


def test_from_training_to_export(workplace):
    result = train("--epochs", 2, "--name", "first", "--seed", 7, "--recipe", "keras")
    lines = result.stdout_text.splitlines()
    identifier = lines[-1]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", identifier)
    assert [line for line in lines if line.startswith("epoch")][1].startswith("epoch 2/2")
    assert "\r" not in result.stderr_text, "a bar is for terminals"

    (row,) = runs()
    assert set(row) >= {
        "id", "name", "status", "recipe", "started", "duration_s", "epochs",
        "best_val_accuracy", "best_val_loss",
    }
    assert row["id"] == identifier and row["name"] == "first" and row["recipe"] == "keras"
    assert row["status"] == "completed" and row["epochs"] == 2

    detail = show("first")
    assert set(detail["epochs"][0]) >= {
        "epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds",
        "images_per_second", "cpu_seconds", "peak_memory",
    }
    for epoch in detail["epochs"]:
        assert epoch["cpu_seconds"] > 0 and 10e6 < epoch["peak_memory"] < 10e9
    assert detail["hyperparameters"]["seed"] == 7

    file = workplace / "first.safetensors"
    run("cifar", "export", "first", "--format", "checkpoint", "--checkpoint", "last", "-o", file)
    tensors = load_file(file)
    assert tensors["0.weight"].shape == (32, 3, 3, 3) and tensors["1.running_mean"].shape == (32,)
    of_run = run("cifar", "evaluate", identifier[:8], "--checkpoint", "last", "--json")
    of_file = run("cifar", "evaluate", file, "--json")
    of_run, of_file = json.loads(of_run.stdout_text), json.loads(of_file.stdout_text)
    # Nobody sees in the file whether it was asked for as the last or, being that too, as the best.
    of_run.pop("chose_epoch"), of_file.pop("chose_epoch")
    assert of_run == of_file
    last = detail["epochs"][-1]
    assert of_file["accuracy"] == last["val_accuracy"]

    database = sqlite3.connect(workplace / "runs.db")
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]



def test_peak_memory_is_the_programs(workplace):
    """And not that of the process that it was before `exec`, which getrusage tells of."""
    large = b"x" * 500_000_000
    train("--epochs", 1, "--name", "small", "--quiet")
    assert show("small")["epochs"][0]["peak_memory"] < 400e6 < len(large)


def test_quiet_prints_the_id_alone(workplace):
    assert train("--epochs", 1, "--quiet").stdout_text.strip() == runs()[0]["id"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "command is missing"),
        (["trian"], "train"),
        (["train", "--epochz", "3"], "--epochs"),
        (["train", "--epochs"], "--epochs"),
        (["train", "--epochs", "many"], "many"),
        (["train", "--batch-size", "0"], "--batch-size"),
        (["train", "--learning-rate", "fast"], "fast"),
        (["train", "stray"], "stray"),
        (["resume"], "RUN"),
        (["export", "x"], "-o"),
        (["train", "--data", "shapes", "--recipe", "jax"], "pytorch"),
        (["evaluate", "x", "--checkpoint", "middle"], "middle"),
    ],
)
def test_wrong_usage(workplace, arguments, words):
    result = run("cifar", *arguments, expect=2)
    assert words in result.stderr_text and len(result.stderr_text.splitlines()) == 1
    assert not result.stdout_text and not os.listdir(workplace)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["train", "--data", "/nowhere"], "/nowhere"),
        (["train"], "data download"),
        (["resume", "abcd"], "runs.db"),
        (["evaluate", "nothing.safetensors"], "nothing.safetensors"),
        (["data", "info", "--data", "/nowhere"], "/nowhere"),
    ],
)
def test_what_is_not_there(workplace, arguments, words):
    result = run("cifar", *arguments, expect=1)
    assert words in result.stderr_text and len(result.stderr_text.splitlines()) == 1
    assert not result.stdout_text and not os.listdir(workplace)


def batches(directory, **changes):
    """A binary layout of black images of class 0; `changes` maps a file to what is done to it."""
    directory.mkdir()
    names = [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]
    for name in names:
        with open(directory / name, "wb") as file:
            file.truncate(10_000 * 3_073)
            changes.get(name.removesuffix(".bin"), lambda _: None)(file)
    (directory / "batches.meta.txt").write_text("\n".join("abcdefghij") + "\n\n")
    return directory


def test_a_data_set_on_disk(workplace):
    directory = batches(workplace / "cifar-10-batches-bin")
    output = run("cifar", "data", "info", "--data", workplace).stdout_text
    assert "50,000" in output and "10,000" in output and str(directory) in output


@pytest.mark.parametrize(
    "name, change, words",
    [
        ("data_batch_3", lambda file: file.truncate(30_729_999), "30,729,999|30729999"),
        ("test_batch", lambda file: file.truncate(30_730_001), "30,730,001|30730001"),
        ("data_batch_2", lambda file: file.seek(3_073 * 7) and file.write(b"\x0a"), "label 10"),
    ],
)
def test_a_damaged_data_set(workplace, name, change, words):
    batches(workplace / "set", **{name: change})
    result = run("cifar", "train", "--data", workplace / "set", "--epochs", 1, expect=1)
    assert f"{name}.bin" in result.stderr_text and re.search(words, result.stderr_text)
    assert len(result.stderr_text.splitlines()) == 1
    assert not (workplace / "runs.db").exists()


def test_foreign_and_newer_registries_stay_as_they_are(workplace):
    foreign = workplace / "foreign.db"
    connection = sqlite3.connect(foreign)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    before = foreign.read_bytes()
    for command in [
        ["cifar", "train", *SMALL, "--registry", foreign],
        ["cifar-runs", "list", "--registry", foreign],
    ]:
        assert "foreign.db" in run(*command, expect=1).stderr_text
    assert foreign.read_bytes() == before

    train("--epochs", 1)
    connection = sqlite3.connect(workplace / "runs.db")
    connection.execute("PRAGMA user_version = 9999")
    connection.commit()
    assert "newer" in train("--epochs", 1, expect=1).stderr_text


def test_ambiguous_and_unknown_runs(workplace):
    train("--epochs", 1, "--name", "twin")
    train("--epochs", 1, "--name", "twin")
    result = run("cifar", "resume", "twin", "--epochs", 2, expect=1)
    assert all(row["id"][:8] in result.stderr_text for row in runs())
    assert "none-such" in run("cifar", "resume", "none-such", expect=1).stderr_text
    result = run(
        "cifar", "export", runs()[0]["id"], "--checkpoint", 99, "-o", "x.safetensors", expect=1
    )
    assert "checkpoint 99" in result.stderr_text and not os.path.exists("x.safetensors")


def test_a_damaged_checkpoint_is_found(workplace):
    train("--epochs", 1, "--name", "damaged")
    path = workplace / "runs.db"
    connection = sqlite3.connect(path)
    query = "SELECT substr(data, 100000, 64) FROM blob_chunks LIMIT 1"
    (content,) = connection.execute(query).fetchone()
    connection.close()
    data = bytearray(path.read_bytes())
    data[data.index(content)] ^= 1
    path.write_bytes(data)
    for command in ["resume", "evaluate"]:
        options = ["--epochs", 2] if command == "resume" else []
        message = run("cifar", command, "damaged", *options, expect=1).stderr_text
        assert "checkpoint" in message and len(message.splitlines()) == 1


def wait_for_epochs(name, count):
    """Until the run is there and has this many epochs."""
    for _ in range(600):
        # Before the first run is in it, the file is missing or empty: the command says so.
        process = start("cifar-runs", "list", "--json")
        rows = json.loads(process.communicate()[0] or "[]")
        if any(row["name"] == name and row["epochs"] >= count for row in rows):
            return
        time.sleep(0.05)
    pytest.fail("the run makes no progress")


def test_hyperparameters_on_the_command_line(workplace):
    train(
        "--epochs", 2, "--name", "sgd", "--optimizer", "sgd,momentum=0.9", "--nesterov",
        "--weight-decay", 1e-4, "--clip-norm", 1, "--label-smoothing", 0.1,
        "--ema", 0.99, "--schedule", "multistep,milestones=1:5,gamma=0.5", "--steps-per-epoch", 4,
        "--early-stopping", "patience=3,min_delta=0.001", "--reduce-lr-on-plateau", "off",
        "--model-checkpoint", "save_freq=3", "--csv-log", "log.csv", "--terminate-on-nan",
        "--augment", "none", "--augment", "random_rotation,degrees=5",
        "--hyperparameters", '{"optimizer": {"epsilon": 1e-6}}',
    )
    detail = show("sgd")
    values = detail["hyperparameters"]
    assert values["optimizer"]["momentum"] == 0.9 and values["optimizer"]["nesterov"] is True
    assert values["optimizer"]["clip_norm"] == 1 and values["optimizer"]["epsilon"] == 1e-6
    assert values["loss"]["label_smoothing"] == 0.1 and values["steps_per_epoch"] == 4
    assert values["schedule"]["milestones"] == [1, 5] and values["ema"] == 0.99
    assert values["augmentations"] == [{"type": "random_rotation", "degrees": 5}]
    page = run("cifar", "train", "--help").stdout_text
    assert "keras-tuned" in page and "brightness_range=0.8:1.2" in page
    kinds = [callback["type"] for callback in values["callbacks"]]
    assert kinds == ["model_checkpoint", "early_stopping", "csv_logger", "terminate_on_nan"]
    assert [epoch["learning_rate"] for epoch in detail["epochs"]] == [1e-3, 5e-4]
    assert (workplace / "log.csv").read_text().count("\n") == 3


@pytest.mark.parametrize(
    "options, code, words",
    [
        (["--schedule", "step"], 2, "step_size"),
        (["--schedule", "a=b"], 2, "begins with a name"),
        (["--early-stopping", "patience"], 2, "'patience' is none"),
        (["--early-stopping", "patiense=1"], 2, "did you mean 'patience'?"),
        (["--momentum", "much"], 2, "--momentum must be a number"),
        (["--momentum", "0.9"], 2, "momentum 0.9 is that of sgd and muon"),
        (["--hyperparameters", "{"], 2, "not JSON"),
    ],
)
def test_wrong_hyperparameters_on_the_command_line(workplace, options, code, words):
    message = train(*options, expect=code).stderr_text
    assert words in message and message.count("\n") <= 2
    assert not (workplace / "runs.db").exists()


def test_a_validation_loss_that_is_no_number_is_told(workplace):
    """In the words of the log, and kept as a note."""
    result = train(
        "--limit-train", 32, "--epochs", 1, "--learning-rate", "1e30", "--optimizer", "adamw",
        "--weight-decay", "1e-3", "--quiet", "--name", "lost")
    (told,) = [line for line in result.stderr_text.splitlines() if "validation loss" in line]
    assert re.match(r"cifar: the validation loss of epoch 1 is -?nan: training may have diverged; ", told)
    assert "a lower learning rate than 1e+30 may help" in told
    assert "a smaller weight_decay than 0.001" in told
    assert told.removeprefix("cifar: ") in [note["text"] for note in show("lost")["notes"]]


def test_evaluation_class_by_class(workplace):
    train("--epochs", 1, "--name", "first", "--steps-per-epoch", 2)
    plain = json.loads(run("cifar", "evaluate", "first", "--json").stdout_text)
    assert {"loss", "accuracy", "top5_accuracy", "macro_f1", "images", "epoch"} <= set(plain)
    assert plain["flips"] is False and len(plain["confusion"]) == 10
    assert sum(map(sum, plain["confusion"])) == plain["images"] == 128
    assert [scores["support"] for scores in plain["classes"]] == [
        sum(row) for row in plain["confusion"]
    ]
    flipped = json.loads(run("cifar", "evaluate", "first", "--flips", "--json").stdout_text)
    assert flipped["flips"] is True
    lines = run("cifar", "evaluate", "first", "--classes", "--flips").stdout_text.splitlines()
    assert "top-5" in lines[0] and "averaged with mirror images" in lines[0]
    assert "precision" in lines[1] and len(lines) == 13


@pytest.mark.parametrize("text, expected", [
    ("random_horizontal_flip,probability=0.25", {"probability": 0.25}),
    ("random_translation,share=0.2", {"share": 0.2}),
    ("random_crop,padding=3,reflect=true", {"padding": 3, "reflect": True}),
    (
        "color_jitter,brightness=0.1,contrast=0.2,saturation=0.3,hue=0.05",
        {"brightness": 0.1, "contrast": 0.2, "saturation": 0.3, "hue": 0.05},
    ),
    (
        "image_data_generator,rotation_range=5,width_shift_range=0.2,height_shift_range=0.1,"
        "horizontal_flip=true,zoom_range=0.9:1.2,brightness_range=0.8:1.2",
        {
            "rotation_range": 5, "width_shift_range": 0.2, "height_shift_range": 0.1,
            "horizontal_flip": True, "zoom_range": [0.9, 1.2], "brightness_range": [0.8, 1.2],
        },
    ),
    ("cutout,size=8", {"size": 8}),
    (
        "random_erasing,probability=0.7,scale=0.02:0.2,ratio=0.5:2",
        {"probability": 0.7, "scale": [0.02, 0.2], "ratio": [0.5, 2]},
    ),
    ("trivial_augment_wide,num_magnitude_bins=16,fill=128", {"num_magnitude_bins": 16, "fill": 128}),
    (
        "rand_augment,num_ops=1,magnitude=5,num_magnitude_bins=10,fill=3",
        {"num_ops": 1, "magnitude": 5, "num_magnitude_bins": 10, "fill": 3},
    ),
    ("mixup,alpha=0.2,probability=0.9", {"alpha": 0.2, "probability": 0.9}),
    ("cutmix,alpha=0.5,probability=1", {"alpha": 0.5, "probability": 1}),
])
def test_every_option_of_an_augmentation_can_be_said(workplace, text, expected):
    train(
        "--epochs", 1, "--steps-per-epoch", 1, "--name", "augmented", "--augment", "none",
        "--augment", text,
    )
    (augmentation,) = show("augmented")["hyperparameters"]["augmentations"]
    assert augmentation.pop("type") == text.split(",")[0] and augmentation == expected


WHOLE = "not a whole number from"


@pytest.mark.parametrize("options, words", [
    (["--hyperparameters", '{"seed": -1}'], f"seed is -1, {WHOLE} 0 to 18446744073709551615"),
    (["--hyperparameters", '{"seed": 1.5}'], f"seed is 1.5, {WHOLE} 0 to 18446744073709551615"),
    (["--hyperparameters", '{"batch_size": 1e30}'], f"batch_size is 1e+30, {WHOLE} 1 to 65536"),
    (["--hyperparameters", '{"epochs": -1.5}'], "epochs -1.5 is not above 0, up to 1000000"),
    (["--hyperparameters", '{"seed": 1e3000}'], "number, seed, that is out of range"),
    (["--hyperparameters", '{"seed": %s}' % ("1" * 400)], "number, seed, that is out of range"),
    (["--hyperparameters", '{"normalization": {"std": [1e-320, 1, 1]}}'],
     "normalization.std.0 is 1e-320, which float32 does not hold"),
    (["--hyperparameters", '{"epochs": "x"}'], 'wrong type: "x" is not a number'),
    (["--hyperparameters", '{"seed": 1, "epochs": 1, "seed": 2}'], "key 'seed' twice"),
    (["--schedule", "cosine,warmup=1e30"], f"schedule.warmup is 1e+30, {WHOLE} 0 to 1000000000"),
    (["--augment", "cutout,size=1e308"], f"size is 1e+308, {WHOLE} 1 to 256"),
    (["--schedule", "exponential,gamma=0.5"],
     "no 'schedule.gamma'; use decay_rate, decay_steps, staircase, unit, warmup, warmup_start"),
    (["--schedule", "multistep,milestone=3"], "'schedule.milestone'; did you mean 'milestones'?"),
    (["--schedule", "exponential"], "schedule has no 'decay_rate'"),
    (["--precision", "bf16"], "precision 'bf16' is none of float32, mixed_bfloat16"),
    (["--early-stopping", "monitor=x"], "monitor 'x' is none of loss, accuracy, val_loss"),
    (["--schedule", "cosine,unit=x"], "schedule.unit 'x' is none of epoch, step"),
])
def test_a_wrong_value_is_named_with_what_it_may_be(workplace, options, words):
    error = train(*options, expect=2).stderr_text
    assert words in error and "JSON" not in error and not (workplace / "runs.db").exists()


@pytest.mark.parametrize("key, above", [
    ("batch_size", 65537), ("steps_per_epoch", 1_000_001),
    ("augment", [{"type": "cutout", "size": 257}]),
    ("augment", [{"type": "random_crop", "padding": 129}]),
    ("model_spec", [{"type": "flatten"}, {"type": "dense", "units": 65537}]),
    ("model_spec", [{"type": "conv2d", "filters": 4097}]),
    ("model_spec", [{"type": "conv2d", "filters": 1, "stride": 3}]),
])
def test_the_range_is_the_same_for_what_fits_no_integer(workplace, key, above):
    text = json.dumps({key: above})
    legal = re.search(r"\d+ to \d+", train("--hyperparameters", text, expect=2).stderr_text).group()
    text = re.sub(r"\d+(?=[]}]*$)", "1e30", text)
    assert f"from {legal}" in train("--hyperparameters", text, expect=2).stderr_text


def changed_header(data, change):
    """A safetensors file with its header's text changed."""
    length = int.from_bytes(data[:8], "little")
    header = change(data[8 : 8 + length].decode()).encode()
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


@pytest.mark.parametrize("name, limit", [
    ("epoch", "0 to 1000000"), ("batch", "0 to 4294967295"), ("step", "0 to 9007199254740992"),
    ("seen", "0 to 9007199254740992"), ("correct", "0 to 9007199254740992"),
])
def test_a_wrong_number_in_a_checkpoint_is_named(workplace, name, limit):
    train("--epochs", 1, "--name", "a")
    run("cifar", "export", "a", "--format", "checkpoint", "-o", "a.safetensors")
    data = (workplace / "a.safetensors").read_bytes()
    (workplace / "b.safetensors").write_bytes(changed_header(
        data, lambda text: re.sub(rf'(\\"{name}\\":)\d+', r"\g<1>1e308", text)))
    error = run("cifar", "evaluate", "b.safetensors", "--data", "shapes", expect=1).stderr_text
    assert f"state can't be read: {name} is 1e+308, {WHOLE} {limit}" in error


def test_a_key_that_is_there_twice_is_refused(workplace):
    train("--epochs", 1, "--name", "a")
    run("cifar", "export", "a", "--format", "checkpoint", "-o", "a.safetensors")
    data = (workplace / "a.safetensors").read_bytes()
    for change, key in [
        (lambda text: text.replace('"0.bias":', '"0.bias":[],"0.bias":', 1), "0.bias"),
        (lambda text: text.replace('"format":', '"format":"x","format":', 1), "format"),
        (lambda text: text.replace('\\"epoch\\":', '\\"epoch\\":0,\\"epoch\\":', 1), "epoch"),
    ]:
        (workplace / "b.safetensors").write_bytes(changed_header(data, change))
        error = run("cifar", "evaluate", "b.safetensors", "--data", "shapes", expect=1).stderr_text
        assert f"key '{key}' twice" in error
    (workplace / "m.json").write_text('[{"type": "relu", "type": "flatten"}]')
    assert "key 'type' twice" in run("cifar", "summary", "m.json", expect=1).stderr_text


def test_a_removed_working_directory_is_named(workplace):
    script = 'mkdir d && cd d && rmdir ../d && exec "$@"'
    for command in [["cifar-runs", "list"], ["cifar", "train", *map(str, SMALL)]]:
        program = [str(BUILD / "bin" / command[0]), *command[1:], "--registry", "r.db"]
        done = subprocess.run(
            ["sh", "-c", script, "sh", *program], capture_output=True, text=True)
        assert done.returncode == 1 and "working directory" in done.stderr, done.stderr
        assert "was removed" in done.stderr


def test_the_page_of_hyperparameters_is_what_the_command_writes():
    page = pathlib.Path(__file__).parents[2] / "docs" / "hyperparameters.md"
    written = run("cifar", "hyperparameters", "--markdown").stdout_text
    assert page.read_text() == written, "run `make docs`"
    sections = json.loads(run("cifar", "hyperparameters", "--json").stdout_text)
    names = {option["name"] for section in sections for option in section["options"]}
    assert {"batch_size", "ema", "weight_decay", "label_smoothing", "zoom_range", "min_lr"} <= names
    assert {"cosine", "random_crop", "early_stopping", None} <= {row["type"] for row in sections}


def test_one_hyperparameter_is_told_by_its_name():
    text = run("cifar", "hyperparameters", "gamma").stdout_text
    assert text.count("above 0, up to 1") == 2 and "momentum" not in text
    assert "share" in run("cifar", "hyperparameters", "random_translation").stdout_text
    unknown = run("cifar", "hyperparameters", "lr", expect=2)
    assert "did you mean learning_rate?" in unknown.stderr_text
