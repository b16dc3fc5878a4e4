"""Power cuts: a server runs with powercut.c preloaded; what a strict disk would hold is put into a new folder."""
from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("powercut.c")


def build(folder: Path) -> Path:
    """The library, compiled."""
    library = folder / "powercut.so"
    subprocess.run(["gcc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", str(SOURCE), "-o",
                    str(library), "-ldl"], check=True)
    return library


class Disk:
    """A folder for a server, and its shadow: the bytes and names that would survive."""

    def __init__(self, folder: Path):
        self.root = folder / "root"
        self.shadow = folder / "shadow"
        self.root.mkdir(parents=True)
        for name in ("data", "names", "keep"):
            (self.shadow / name).mkdir(parents=True)
        self.keep_all()

    def keep_all(self) -> None:
        """Take everything that is in the folder now for synced."""
        for path in [self.root, *self.root.rglob("*")]:
            inode = path.stat().st_ino
            if path.is_dir():
                lines = [f"{each.stat().st_ino} {'d' if each.is_dir() else 'f'} {each.name}\n"
                         for each in path.iterdir()]
                (self.shadow / "names" / str(inode)).write_text("".join(lines))
            else:
                shutil.copyfile(path, self.shadow / "data" / str(inode))

    def environment(self, library: Path) -> dict[str, str]:
        """What a server must be started with."""
        return {"LD_PRELOAD": os.pathsep.join(filter(None, [str(library), os.environ.get("LD_PRELOAD")])),
                "POWERCUT_ROOT": str(self.root), "POWERCUT_SHADOW": str(self.shadow)}

    def survivors(self, folder: Path) -> None:
        """Write what would be there after a power cut into a new folder. The server has been killed."""
        self._restore(self.root.stat().st_ino, folder)

    def _restore(self, inode: int, folder: Path) -> None:
        folder.mkdir()
        names = self.shadow / "names" / str(inode)
        for line in names.read_text().splitlines() if names.exists() else ():
            number, kind, name = line.split(" ", 2)
            data = self.shadow / "data" / number
            if kind == "d":
                self._restore(int(number), folder / name)
            elif data.exists():
                shutil.copyfile(data, folder / name)
            else:
                (folder / name).touch()
