"""cifar-runs ui, as a browser, another site and a hostile program see it."""

import contextlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.parse

import cifar
import pytest
from conftest import BUILD, run, start

ODD = "</script><img src=x onerror=alert(1)> & \"'"


@contextlib.contextmanager
def server(*options):
    """The port of a `cifar-runs ui` that runs."""
    process = start("cifar-runs", "ui", "--port", 0, *options)
    try:
        line = process.stdout.readline()
        found = re.match(r"http://127\.0\.0\.1:(\d+) shows ", line)
        assert found, (line, process.stderr.read())
        yield int(found[1])
        assert process.poll() is None, process.stderr.read()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    path = tmp_path_factory.mktemp("ui") / "runs.db"
    data = cifar.load("shapes", limit_train=32, limit_test=32)
    for seed, name in enumerate(["plain", "fast", ODD]):
        cifar.fit(
            *data, epochs=2, batch_size=16, registry=path, name=name, seed=seed,
            learning_rate=10.0 ** -(seed + 1), group="both" if seed < 2 else None,
            model=[{"type": "flatten"}, {"type": "dense", "units": 10}],
            callbacks=[lambda epoch: epoch.log(score=epoch.epoch)])
    return path


@pytest.fixture
def registry(original, workplace):
    shutil.copy(original, workplace / "runs.db")
    return workplace / "runs.db"


def ask(port, path, method="GET", body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body=body, headers=names)
    reply = connection.getresponse()
    reply.body = reply.read()
    connection.close()
    return reply


def data(port, path, expect=200, **query):
    reply = ask(port, path + "?" + urllib.parse.urlencode(query, doseq=True))
    assert reply.status == expect, reply.body
    return json.loads(reply.body)


def raw(port, request, seconds=10):
    """What comes back within a time for bytes that may be no request."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.settimeout(seconds)
        with contextlib.suppress(OSError):
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        received = b""
        with contextlib.suppress(OSError):
            while piece := connection.recv(65536):
                received += piece
        return received


def test_files_and_headers(registry):
    with server() as port:
        for path, kind in [("/", "text/html"), ("/ui.css", "text/css"), ("/ui.js", "text/javascript"),
                           ("/icon.svg", "image/svg+xml"), ("/api/runs", "application/json")]:
            reply = ask(port, path)
            assert reply.status == 200 and reply.getheader("Content-Type") == kind + "; charset=utf-8"
            policy = reply.getheader("Content-Security-Policy")
            assert policy.startswith("default-src 'none'; script-src 'self'; ")
            assert "unsafe" not in policy and "*" not in policy
            assert reply.getheader("X-Content-Type-Options") == "nosniff"
            assert reply.getheader("Referrer-Policy") == "no-referrer"
            assert reply.getheader("Cross-Origin-Resource-Policy") == "same-origin"
            assert reply.getheader("Access-Control-Allow-Origin") is None
            etag = reply.getheader("ETag")
            again = ask(port, path, If_None_Match=etag)
            assert (again.status, again.body, again.getheader("ETag")) == (304, b"", etag)
            assert ask(port, path, If_None_Match='"other"').status == 200
            head = ask(port, path, "HEAD")
            assert (head.status, head.body) == (200, b"")
            assert head.getheader("Content-Length") == str(len(reply.body))
        page = ask(port, "/").body.decode()
        assert "<script>" not in page and "style=" not in page and " on" not in page.replace(" one", "")
        assert not re.search(r"https?://", page + ask(port, "/ui.css").body.decode())
        for path in ["/nothing", "/api", "/api/runs/", "/../etc/passwd", "//", "/ui.js%2f"]:
            missing = ask(port, path)
            assert missing.status == 404 and "there is nothing at" in json.loads(missing.body)["error"]


def test_only_this_machine_and_this_page(registry):
    with server() as port:
        for host in [f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}"]:
            assert ask(port, "/api/runs", Host=host).status == 200, host
        for host in [f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port + 1}", "", "localhost",
                     f"127.0.0.1:{port}.evil.example", f"x@127.0.0.1:{port}", f"0.0.0.0:{port}"]:
            refused = ask(port, "/api/runs", Host=host)
            assert refused.status in (400, 403), host
            assert b"plain" not in refused.body
        twice = f"GET /api/runs HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example\r\n\r\n"
        assert re.match(rb"HTTP/1.1 40[03] ", raw(port, twice.encode(), 1))
        assert re.match(rb"HTTP/1.[01] 40[03] ", raw(port, b"GET /api/runs HTTP/1.0\r\n\r\n", 1))
        for site, status in [("same-origin", 200), ("none", 200), ("cross-site", 403), ("same-site", 403)]:
            assert ask(port, "/api/runs", Sec_Fetch_Site=site).status == status
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"]:
            refused = ask(port, "/api/runs", method)
            assert refused.status in (405, 413), method
        assert ask(port, "/", "OPTIONS").getheader("Allow") == "GET, HEAD"
        assert ask(port, "/", "POST", body=b"x" * 100).status == 413
        assert ask(port, "/", body=b"x").status == 413
        addresses = subprocess.run(
            ["cat", "/proc/net/tcp", "/proc/net/tcp6"], capture_output=True, text=True).stdout
        listening = re.findall(rf"([0-9A-F]+):{port:04X} [0-9A-F]+:0000 0A", addresses)
        assert listening == ["0100007F"], "it listens at 127.0.0.1 alone"


def test_runs_and_paging(registry):
    with server() as port:
        value = data(port, "/api/runs")
        assert value["total"] == 3 and value["registry"].endswith("runs.db")
        listed = json.loads(run("cifar-runs", "list", "--json").stdout_text)
        assert [row["id"] for row in value["runs"]] == [row["id"] for row in listed]
        assert all(row.items() >= other.items() for row, other in zip(value["runs"], listed))
        names = lambda **query: [row["name"] for row in data(port, "/api/runs", **query)["runs"]]
        assert names(limit=1) == [ODD] and names(limit=1, offset=1) == ["fast"]
        assert names(offset=2) == ["plain"] and names(offset=3) == []
        assert names(sort="name") == [ODD, "fast", "plain"]
        assert names(sort="learning_rate", desc=1) == ["plain", "fast", ODD]
        assert names(filter="group = both", sort="name", limit=1) == ["fast"]
        assert data(port, "/api/runs", filter="group = both", limit=1)["total"] == 2
        fields = data(port, "/api/runs", field=["optimizer.beta1", "metrics.score"], limit=1)
        assert fields["runs"][0]["values"] == [0.9, 2]
        for query, text in [
            ({"filter": "nonsense = 1"}, "filter, column 1: there is no field 'nonsense'"),
            ({"filter": "("}, "filter, column"), ({"sort": "tag"}, "cannot sort by 'tag'"),
            ({"limit": 0}, "limit '0' is no whole number from 1 to 1000"),
            ({"limit": 1001}, "limit '1001'"), ({"sort": "name", "desc": 7}, "desc '7'"), ({"offset": -1}, "offset '-1'"),
            ({"field": "x y"}, "there is no field 'x y'"), ({"field": ["name"] * 21}, "more than 20"),
            ({"filtr": "a"}, "/api/runs has no parameter 'filtr'; it has filter, sort, desc, offset, limit, field"),
            ({"run": "plain"}, "no parameter 'run'"), ({"": "x"}, "no parameter ''"),
            ({"limit": [1, 2]}, "limit is given more than once"), ({"filter": ["", ""]}, "filter is given more"),
        ]:
            assert text in data(port, "/api/runs", expect=400, **query)["error"]


def test_details_curves_and_sweep(registry):
    with server() as port:
        ids = [row["id"] for row in data(port, "/api/runs")["runs"]]
        curves = data(port, "/api/curves", run=ids)
        assert [row["id"] for row in curves] == ids
        shown = json.loads(run("cifar-runs", "show", "plain", "--json").stdout_text)
        (plain,) = data(port, "/api/curves", run="plain")
        assert (plain["group"], plain["group_runs"]) == ("both", 2)
        assert plain["epochs"] == shown["epochs"] and plain["metrics"] == shown["metrics"]
        (detail,) = data(port, "/api/details", run=ids[0][:8])
        assert detail["name"] == ODD and ["seed", "2"] in detail["hyperparameters"]
        assert "alert" not in ask(port, "/").body.decode()
        sweep = data(port, "/api/sweep", filter="group = both")
        assert sweep["names"] == ["optimizer.learning_rate", "seed"] and sweep["models"] == ["2 layers"]
        assert {row["label"]: row["hyperparameters"] for row in sweep["runs"]} == {
            "plain": {"optimizer.learning_rate": "0.1", "seed": "0"},
            "fast": {"optimizer.learning_rate": "0.01", "seed": "1"}}
        assert "no run" in data(port, "/api/details", expect=404, run="nobody")["error"]
        assert "run=ID is wanted" in data(port, "/api/details", expect=400)["error"]
        for path in ["details", "curves"]:
            wrong = data(port, f"/api/{path}", expect=400, run="plain", filter="")["error"]
            assert f"/api/{path} has no parameter 'filter'; it has run" == wrong
        assert "no parameter 'field'" in data(port, "/api/sweep", expect=400, field="name")["error"]
        many = [f"{n:08x}" for n in range(51)]
        assert "1 to 50 times" in data(port, "/api/curves", expect=400, run=many)["error"]


def test_what_cannot_be_decoded(registry):
    with server() as port:
        for path in ["/?a=%ff", "/%", "/?x=%0", "/?x=%zz", "/%00", "/?filter=%+1", "/?%c3%28"]:
            assert ask(port, path).status == 400, path
        assert ask(port, "/?&&=&a&a=b=c&" + "x=1&" * 100).status == 200
        assert data(port, "/api/runs", filter="name ~ 'ä'")["total"] == 0
        assert ask(port, "/", Cookie="z" * 16000).status == 200
        # Of an address or headers of any length there is an answer, whatever they consist of.
        for piece in ["y", "&", "a&", "field=&", "field=name&", "%41=%42&", "?"]:
            for length in [2 ** power for power in range(12, 20)]:
                path = "/api/runs?" + (piece * length)[:length]
                assert ask(port, path).status in ((200, 400) if length < 8000 else (414,)), (piece, length)
        assert "too long" in data(port, "/api/runs", expect=414, field=["name"] * 2000)["error"]
        assert "more than 20" in data(port, "/api/runs", expect=400, field=[""] * 1000)["error"]
        for length in [17000, 40000, 500_000]:
            assert ask(port, "/", Cookie="z" * length).status == 431
        assert ask(port, "/").status == 200


def test_a_registry_that_changes(registry):
    with server() as port:
        before = ask(port, "/api/runs")
        run("cifar-runs", "rename", "plain", "renamed")
        after = ask(port, "/api/runs", If_None_Match=before.getheader("ETag"))
        assert after.status == 200 and b"renamed" in after.body

        holder = sqlite3.connect(registry, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        locked = ask(port, "/api/runs")
        assert locked.status == 503 and str(registry).encode() in locked.body
        assert ask(port, "/ui.js").status == 200
        holder.execute("ROLLBACK")
        holder.close()
        assert ask(port, "/api/runs").status == 200

        kept = registry.rename(registry.with_name("kept.db"))
        missing = ask(port, "/api/runs")
        assert missing.status == 500 and b"there is no run registry at" in missing.body
        registry.write_bytes(b"no database" * 100)
        assert ask(port, "/api/runs").status == 500
        registry.unlink()
        shutil.copy(kept, registry)
        newer = sqlite3.connect(registry)
        newer.execute("PRAGMA user_version = 999")
        newer.execute("UPDATE meta SET value = 999 WHERE key = 'readable_by'")
        newer.commit()
        newer.close()
        reply = ask(port, "/api/runs")
        assert reply.status == 500 and b"newer" in reply.body
        os.replace(kept, registry)
        assert data(port, "/api/runs")["total"] == 3


def test_a_run_that_trains_is_seen(registry):
    with server() as port:
        trainer = start(
            "cifar", "train", "--data", "shapes", "--limit-train", 64, "--limit-test", 32, "--epochs",
            1000, "--name", "live", "--early-stopping", "off", "--quiet")
        try:
            epochs = set()
            end = time.monotonic() + 60
            while len(epochs) < 4 and time.monotonic() < end:
                found = [row for row in data(port, "/api/runs", limit=1)["runs"] if row["name"] == "live"]
                if found and found[0]["epochs"]:
                    assert found[0]["status"] == "running"
                    epochs.add(len(data(port, "/api/curves", run="live")[0]["epochs"]))
            assert len(epochs) >= 4
        finally:
            trainer.send_signal(signal.SIGINT)
            trainer.communicate(timeout=60)
        assert data(port, "/api/runs", limit=1)["runs"][0]["status"] == "interrupted"


def test_many_at_once_and_slow_ones(registry):
    with server() as port:
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
        idle[0].sendall(b"GET / HTTP/1.1\r\nHost:")
        totals = []
        threads = [
            threading.Thread(target=lambda: totals.append(data(port, "/api/runs")["total"]))
            for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert totals == [3] * 20
        for connection in idle:
            connection.close()
        # More than it keeps open at once.
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(300)]
        for connection in idle:
            connection.close()
        assert ask(port, "/").status == 200


def test_slow_ones_keep_nobody_out(registry):
    slow, stop = [], threading.Event()

    def trickle():
        """Hundreds of requests that never end, each of which always has something to say."""
        while not stop.is_set():
            for connection in slow:
                with contextlib.suppress(OSError):
                    connection.send(b"x")
            stop.wait(1)

    with server() as port:
        for _ in range(300):
            slow.append(socket.create_connection(("127.0.0.1", port), timeout=10))
            slow[-1].sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            for round in range(20):
                assert data(port, "/api/runs")["total"] == 3
                # A connection that stays, as a browser has it, is served among them, too.
                if round == 0:
                    browser = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                browser.request("GET", "/ui.css")
                assert browser.getresponse().read()
        finally:
            stop.set()
            thread.join()
            for connection in slow:
                connection.close()


def test_what_is_no_request_is_ended(registry):
    with server() as port:
        for garbage in [
            b"garbage\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0\xfc\r\n\r\n", b"\xff\xfe\xfd" * 100 + b"\r\n",
            b"GET / x HTTP/1.1\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/9.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"\0" * 4 + b"\r\n\r\n", b"z" * 500_000,
        ]:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                connection.sendall(garbage)
                said = b""
                while piece := connection.recv(65536):
                    said += piece
            assert not said or re.match(rb"HTTP/1\.[01] (400|414|505) ", said), garbage[:30]
        assert data(port, "/api/runs")["total"] == 3


def test_it_lives_through_anything(registry):
    generator = random.Random(20)
    good = "GET /api/runs?filter=name%20~%20a&sort=name&limit=5 HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n"
    pieces = [
        b"GET ", b"HEAD ", b"POST ", b"/", b"?", b"&", b"=", b"%", b"%00", b"%ff", b" HTTP/1.1\r\n", b"\r\n",
        b"\n", b"\0", b"Host: ", b"Content-Length: 99999999999999999999\r\n", b"Transfer-Encoding: chunked\r\n",
        b"Connection: keep-alive\r\n", b"If-None-Match: *\r\n", b"/api/sweep", b"/api/details?run=",
        b"/api/runs?filter=", b"((((", b"'", b"Expect: 100-continue\r\n", b"ffff\r\n", b" ", b"a" * 5000]
    with server() as port:
        seeds = [good.format(port).encode()] + [
            f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode() for path in [
                "/api/curves?run=plain&run=fast", "/api/details?run=plain", "/api/sweep?limit=9", "/ui.js"]]
        end = time.monotonic() + 60
        for round in range(3000):
            request = bytearray(generator.choice(seeds))
            for _ in range(generator.randrange(6)):
                at = generator.randrange(len(request) + 1)
                choice = generator.randrange(4)
                if choice == 0:
                    request[at:at] = generator.choice(pieces)
                elif choice == 1:
                    request[at:at + generator.randrange(1, 20)] = b""
                elif choice == 2:
                    request[at:at + 1] = bytes([generator.randrange(256)])
                else:
                    request[at:at] = generator.randbytes(generator.randrange(1, 30))
            if generator.randrange(10) == 0:
                request = bytearray(b"".join(generator.choices(pieces, k=generator.randrange(1, 12))))
            # Of what is no whole request it waits for the rest: nobody else does.
            raw(port, bytes(request), 0.02)
            if time.monotonic() > end:
                break
        assert round > 1000
        assert data(port, "/api/runs")["total"] == 3


def test_filters_from_the_address_are_no_sql(registry):
    generator = random.Random(21)
    words = ["name", "=", "'", "\"", ";", "--", "(", ")", "or", "and", "DROP TABLE runs", "null", "1e999",
             "~", "%", "in", "x.y", "metrics.f1", "\\", "\x00", "é", "started", "> '2 days ago'", "not"]
    with server() as port:
        for _ in range(400):
            text = " ".join(generator.choices(words, k=generator.randrange(1, 10)))
            query = urllib.parse.urlencode({generator.choice(["filter", "sort", "field", "run"]): text})
            path = generator.choice(["/api/runs", "/api/sweep", "/api/curves"])
            assert ask(port, f"{path}?{query}").status in (200, 400, 404)
        assert data(port, "/api/runs")["total"] == 3


def test_what_is_wrong_with_the_call(registry, workplace):
    with server() as port:
        taken = run("cifar-runs", "ui", "--port", port, expect=1).stderr_text
        assert f"port {port} of 127.0.0.1 is in use" in taken and f"--port {port + 1}" in taken
    for value in ["-1", "65536", "x", ""]:
        assert "--port" in run("cifar-runs", "ui", "--port", value, expect=2).stderr_text
    missing = run("cifar-runs", "ui", "--registry", "nothing.db", expect=1).stderr_text
    assert "there is no run registry at nothing.db" in missing
    assert "usage" in run("cifar-runs", "ui", "--help").stdout_text.lower()


def test_without_libmicrohttpd(registry, workplace):
    (workplace / "libmicrohttpd.so.12").write_bytes(b"not a library")
    environment = {**os.environ, "LD_LIBRARY_PATH": str(workplace)}
    said = run("cifar-runs", "ui", "--port", 0, expect=1, env=environment).stderr_text
    assert "apt install libmicrohttpd12" in said and "cifar-runs report" in said
    assert run("cifar-runs", "list", env=environment).stdout_text
    needed = subprocess.run(
        ["readelf", "-d", str(BUILD / "bin" / "cifar-runs")], capture_output=True, text=True).stdout
    assert "NEEDED" in needed and "microhttpd" not in needed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_it(registry, number):
    process = start("cifar-runs", "ui", "--port", 0)
    process.stdout.readline()
    process.send_signal(number)
    out, error = process.communicate(timeout=20)
    assert (process.returncode, out, error) == (-number, "", "")
