"""Disturbs the commands in every way that systems do, and looks whether anything is lost.

    python3 Tests/Torture/torture.py [KIND…] [--scale X] [--seed N] [--commands train,gc]
    python3 Tests/Torture/torture.py --again 'kill gc 17 half'

Prints a line a kind, a line a failure (which --again tries once more), and in the end how many
kinds, cases and failures there were. Needs `make build` and sqlite3.
"""

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import crashes
import failures
import hosts
import situations
from programs import Programs, interposer
from scenarios import ALL, PLACES


def kinds(scale):
    """Every kind. Scale 1 is about an hour on two processors."""

    def times(number):
        return max(1, round(number * scale))

    chosen = [
        failures.FailingCalls(every=1, most=times(60)),
        hosts.Host(every=max(1, round(2 / scale))),
        failures.FullDisk(most=times(40)),
        failures.SmallDisk(most=times(20)),
        hosts.KillAtRandom(times(200)),
        crashes.Kill(times(20), times(20)),
        crashes.PowerLoss(times(60)),
        *situations.kinds(scale),
    ]
    may_mount = os.geteuid() == 0
    return [kind for kind in chosen if may_mount or not isinstance(kind, failures.SmallDisk)]


# Each worker has directories of its own.
worker = {}


def begin_process(library, directory):
    """Ctrl-C is for the process that waits for this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    begin(library, directory)


def begin(library, directory):
    worker["programs"] = Programs(library)
    worker["directory"] = Path(directory) / f"worker-{os.getpid()}"
    worker["scenarios"] = {}


def scenario(name):
    known = worker["scenarios"]
    if name not in known:
        kind = next(kind for kind in ALL + PLACES if kind.name == name)
        known[name] = kind(worker["programs"], worker["directory"])
    return known[name]


def present(programs, directory):
    """Directories for commands that the build has, and for what is not one command."""
    return [kind for kind in ALL + PLACES if kind.is_there(programs, directory)]


def list_cases(job):
    kind, name, seed = job
    generator = random.Random(f"{seed} {kind.name} {name}")
    try:
        return [(kind, name, case) for case in kind.cases(scenario(name), generator)], None
    except Exception:
        return [], f"{kind.name} {name}: {traceback.format_exc()}"


def run_case(job):
    kind, name, case = job
    title = " ".join(map(str, [kind.name, name, *case]))
    try:
        note, count = kind.run(scenario(name), case) or (None, 1)
        return title, None, note, count
    except AssertionError as problem:
        return title, " ".join(str(problem).split()) or traceback.format_exc(), None, 1
    except Exception:
        return title, traceback.format_exc(), None, 1


def torture(chosen, names, seed, directory, workers=2, report=print):
    """Runs kinds of disturbances on commands.

    Returns (kind, cases, problems, seconds) for each.
    """
    library = interposer(directory)
    results = []
    with multiprocessing.Pool(workers, begin_process, [library, directory]) as pool:
        for kind in chosen:
            start = time.monotonic()
            problems, jobs = [], []
            wanted = getattr(kind, "commands", [*names, *getattr(kind, "also", ())])
            known = {*names, *(place.name for place in PLACES)}
            places = [(kind, name, seed) for name in wanted if name in known]
            for found, problem in pool.map(list_cases, places, chunksize=1):
                jobs += found
                if problem:
                    problems.append(problem)
                    report(f"FAILED {problem}")
            # All of a command together: a worker prepares few of them.
            total = 0
            for title, problem, note, count in pool.imap_unordered(run_case, jobs):
                total += count
                if note:
                    report(f"{kind.name}: {note}")
                if problem:
                    problems.append(f"{title}: {problem}")
                    report(f"FAILED {title}: {problem}")
            seconds = time.monotonic() - start
            results.append((kind.name, total, problems, seconds))
            report(f"{kind.name:<16} {total:6} cases {len(problems):4} failures {seconds:7.0f} s")
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*")
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--commands", default="")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--again", default="")
    options = parser.parse_args()
    known = {kind.name: kind for kind in kinds(options.scale)}
    unknown = [name for name in options.kinds if name not in known]
    if unknown:
        parser.error(f"no kind {unknown[0]}: {', '.join(known)}")

    def report(line):
        print(line, flush=True)

    with tempfile.TemporaryDirectory(prefix="torture-") as directory:
        if options.again:
            name, command, *case = options.again.split()
            begin(interposer(directory), directory)
            case = [int(word) if word.isdigit() else word for word in case]
            _, problem, _, _ = run_case((known[name], command, case))
            report(problem or "fine")
            return 1 if problem else 0
        programs = Programs(interposer(directory))
        names = [
            kind.name for kind in present(programs, directory) if kind not in PLACES
            and (not options.commands or kind.name in options.commands.split(","))
        ]
        chosen = [known[name] for name in options.kinds or known]
        results = torture(chosen, names, options.seed, directory, options.workers, report)
    failed = sum(len(problems) for _, _, problems, _ in results)
    total = sum(count for _, count, _, _ in results)
    print(f"torture: {len(results)} kinds, {total} cases, {failed} failures, seed {options.seed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
