"""Images of the command module: builds that this process has mapped beside the one it was started with.

An image is never unmapped, as a table in force may point into it.  So that reloads do not use up the process's
maps, a build is known by its content, and one that is known is not mapped again; how many different ones a process
maps is limited.  A build that is mapped, but fails to come up, stays as it is too, and fails again for the same reason.

A build is loaded from a private file under a name of its own: what it was read from may be overwritten later.
"""
import hashlib
import importlib.machinery
import os
import threading

IMAGE_LIMIT = 256       # some 200 KB and six of the 65530 maps that a process may have by default, each


class ImageError(Exception):
    """Why a build gives no tables, in one line."""


class Images:
    """The builds that were mapped, at most `limit`; for all engines of a process, and from any thread."""

    def __init__(self, limit=IMAGE_LIMIT):
        self.limit = limit
        self._images = {}       # (size, digest) of the build -> _Image
        self._lock = threading.Lock()

    def __len__(self):
        return len(self._images)

    def tables(self, build):
        """The PyCapsule with the tables of a command module, given as bytes of the shared object.

        ImageError if it is not one, or if there are too many already; OSError if the private file fails.
        """
        key = len(build), hashlib.blake2b(build, digest_size=32).digest()
        with self._lock:
            image = self._images.get(key)
            if image is None:
                image = self._images[key] = self._map(build)
        if image.error:
            raise ImageError(image.error)
        return image.tables

    def _map(self, build):
        if len(self._images) >= self.limit:
            raise ImageError(f"the limit of {self.limit} different builds in a process is reached; "
                             "those loaded before can be had again, for others the server must be restarted")
        path = os.path.join(os.environ.get("TMPDIR") or "/tmp", f"wstore-commands-{os.urandom(8).hex()}.so")
        target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(target, "wb") as file:
                file.write(build)
            return _Image(path)
        finally:
            os.unlink(path)     # the mapping keeps the bytes


class _Image:
    """A shared object, mapped: the extension module, and its tables or the error that there were none."""

    __slots__ = ("module", "tables", "error")

    def __init__(self, path):
        """ImageError if it could not even be mapped."""
        self.module = self.tables = self.error = None
        try:
            self.module = _import(path)
            self.tables = self.module.module()
        except Exception as error:
            self.error = in_one_line(error)
            if not _is_mapped(path):
                raise ImageError(self.error) from None


def _import(path):
    """The extension module in file `path`, under a name that no image had before, that of the file."""
    name = os.path.basename(path).removesuffix(".so").replace("-", "_") + "._commands"
    loader = importlib.machinery.ExtensionFileLoader(name, path)
    module = loader.create_module(importlib.machinery.ModuleSpec(name, loader, origin=path))
    loader.exec_module(module)
    return module


def _is_mapped(path):
    """Is a part of the file in this process's memory?  proc(5), maps: the name ends the line."""
    with open("/proc/self/maps", "rb") as file:
        return os.fsencode("/" + os.path.basename(path) + "\n") in file.read()


def in_one_line(error):
    """An exception as an error reply or a line of the log needs it."""
    text = str(error) if isinstance(error, ImageError) else f"{type(error).__name__}: {error}"
    return "".join(char if char.isprintable() else "?" for char in " ".join(text[:2000].split()))[:500]
