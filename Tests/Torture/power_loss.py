"""What a power loss leaves of a directory: the log of `interpose.c` played back to an instant.

What was synced is there. Of the rest, each piece may be there or not, whatever came after it:

- bytes written and not synced, by 512-byte sectors: the new ones, the old ones; beyond the old end
  of the file also zeros or whatever the disk had there before;
- the size of a file that was not synced since it was cut;
- names made, removed or renamed in a directory that was not synced since: as journaling file
  systems do it, up to one of them; or each by itself. A rename happens whole or not at all.

This is what SQLite's own crash tests assume of a file system ("How SQLite Is Tested", I/O errors
and crashes), and more than ext4, XFS or Btrfs lose.
"""

import os
import random
from pathlib import Path

SECTOR = 512


class File:
    """An inode: what is on the disk, and what is only in memory yet."""

    def __init__(self, data=b"", mode=0o644):
        self.durable = bytes(data)
        self.mode = mode
        # ("write", offset, bytes) and ("size", bytes), in order.
        self.pending = []

    def synced(self):
        self.durable = self.content(lambda: True, None)
        self.pending = []

    def content(self, survives, generator):
        """The bytes where `survives` says of each piece whether it got to the disk."""
        data = bytearray(self.durable)
        for kind, *rest in self.pending:
            if kind == "size":
                (size,) = rest
                if survives():
                    del data[size:]
                    data.extend(bytes(size - len(data)))
                continue
            offset, new = rest
            end = offset + len(new)
            # Sectors by their place on the disk, not in the write.
            start = offset
            while start < end:
                stop = min(end, (start // SECTOR + 1) * SECTOR)
                piece = new[start - offset:stop - offset]
                if survives():
                    data.extend(bytes(max(0, stop - len(data))))
                    data[start:stop] = piece
                elif generator is not None and stop > len(data):
                    # The file has grown, and the bytes have not arrived.
                    if generator.random() < 0.5:
                        data.extend(bytes(start - len(data)) if start > len(data) else b"")
                        garbage = generator.random() < 0.5
                        size = stop - len(data)
                        data.extend(generator.randbytes(size) if garbage else bytes(size))
                start = stop
        return bytes(data)


class Disk:
    """A directory and what is below it."""

    def __init__(self, directory, numbers):
        """Before the log begins, all on the disk.

        - directory: how it was.
        - numbers: the names of its files by the inodes' numbers in the log.
        """
        self.names = {}
        self.directories = []
        for path in sorted(Path(directory).rglob("*")):
            name = str(path.relative_to(directory))
            if path.is_dir():
                self.directories.append(name)
            else:
                self.names[name] = File(path.read_bytes(), path.stat().st_mode & 0o777)
        # What names meant when their directories were synced, and what happened since.
        self.durable = dict(self.names)
        self.changes = []
        self.inodes = {number: self.names[name] for number, name in numbers.items()}
        # What the program has told the world.
        self.said = ""

    def apply(self, step):
        kind, number, first, second, data = step
        if kind == "C":
            file = File(mode=number[1])
            self.inodes[number[0]] = file
            self.change([(first, file)])
        elif kind == "W":
            self.inodes[number].pending.append(("write", first, data))
        elif kind == "T":
            self.inodes[number].pending.append(("size", first))
        elif kind == "S":
            self.inodes[number].synced()
        elif kind == "U":
            self.change([(first, None)])
        elif kind == "R":
            self.change([(first, None), (second, self.names.get(first))])
        elif kind == "L":
            self.change([(second, self.names.get(first))])
        elif kind == "D":
            self.sync(first)
        elif kind == "M":
            self.said += data.decode(errors="replace")

    def change(self, entries):
        for name, file in entries:
            if file is None:
                self.names.pop(name, None)
            else:
                self.names[name] = file
        self.changes.append(entries)

    def sync(self, directory):
        left = []
        for entries in self.changes:
            if any(str(Path(name).parent) == (directory or ".") for name, _ in entries):
                put(self.durable, entries)
            else:
                left.append(entries)
        self.changes = left

    def lose(self, target, seed):
        """Writes what is left of it into a directory.

        The seed chooses how: everything unsynced lost, a part of it by pieces of several sizes, or
        nothing lost.
        """
        generator = random.Random(seed)
        chance = generator.choice([0.0, 0.1, 0.5, 0.9, 1.0])
        names = dict(self.durable)
        if generator.random() < 0.5:
            for entries in self.changes[:generator.randint(0, len(self.changes))]:
                put(names, entries)
        else:
            for entries in self.changes:
                if generator.random() < chance:
                    put(names, entries)
        contents = {}
        # Files in the order of their names: the same seed makes the same disk.
        for name in sorted(names):
            file = names[name]
            if id(file) not in contents:
                contents[id(file)] = file.content(
                    lambda: generator.random() < chance, generator)
        target = Path(target)
        target.mkdir(parents=True)
        for directory in self.directories:
            (target / directory).mkdir(exist_ok=True)
        for name, file in names.items():
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents[id(file)])
            os.chmod(path, file.mode)


def put(names, entries):
    for name, file in entries:
        if file is None:
            names.pop(name, None)
        else:
            names[name] = file


def read_log(path):
    """The steps of a log: (kind, inode, …, bytes)."""
    text = Path(path).read_bytes()
    steps, place = [], 0
    while place < len(text):
        end = text.index(b"\n", place)
        fields = text[place:end].split()
        kind, numbers = fields[0].decode(), list(map(int, fields[1:]))
        place = end + 1
        if kind in "WM":
            number, offset, size = numbers
            steps.append((kind, number, offset, None, text[place:place + size]))
            place += size
            continue
        number, size, first, second = numbers
        name = text[place:place + first].decode()
        other = text[place + first:place + first + second].decode()
        place += first + second
        if kind == "C":
            steps.append((kind, (number, size), name, None, None))
        elif kind == "T":
            steps.append((kind, number, size, None, None))
        else:
            steps.append((kind, number, name, other, None))
    return steps


def inodes(directory):
    """The names of the files by their inodes' numbers, before a log begins."""
    return {
        path.stat().st_ino: str(path.relative_to(directory))
        for path in Path(directory).rglob("*") if path.is_file()
    }


def inside_commits(steps):
    """The indices of the steps that are part of a commit: from a journal's making to its end."""
    found, journals, is_open = [], set(), False
    for index, (kind, number, first, second, _) in enumerate(steps):
        if kind == "C" and first.endswith("-journal"):
            journals.add(number[0])
            is_open = True
        if is_open and kind != "M":
            found.append(index)
        if kind == "U" and first.endswith("-journal"):
            is_open = False
    return found
