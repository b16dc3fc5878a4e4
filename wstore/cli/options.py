"""What the subcommands of `wstore` that work on files share: kinds of options, numbers as text, progress."""
import contextlib
import sys

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from wstore.replication.address import Address

UNITS = ("B", "KB", "MB", "GB", "TB")


class Target(click.ParamType):
    """A server's address."""

    name = "address"

    def convert(self, value, param, ctx):
        try:
            return Address(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class SlotRanges(click.ParamType):
    """Slots as "5", "0-99" or "0-99,200": a list of pairs (first, last)."""

    name = "ranges"

    def convert(self, value, param, ctx):
        try:
            pairs = [[int(end) for end in part.split("-", 1)] for part in value.split(",")]
        except ValueError:
            self.fail(f"{value!r} is no list of slots as 5, 0-99 or 0-99,200", param, ctx)
        for pair in pairs:
            if not 0 <= pair[0] <= pair[-1] < 16384:
                self.fail(f"slots are 0 to 16383, the first of a range is not above its last: {value!r}", param, ctx)
        return [(pair[0], pair[-1]) for pair in pairs]


def size_text(size_bytes):
    """As "512 B" or "1.5 MB"; units of 1024."""
    unit = 0
    while size_bytes >= 1024 and unit < len(UNITS) - 1:
        size_bytes /= 1024
        unit += 1
    return f"{size_bytes:.1f} {UNITS[unit]}" if unit else f"{size_bytes:,} B"


def counted(number, noun):
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


@contextlib.contextmanager
def progress_bar(title, total):
    """A function that takes how far things are; it draws a bar on stderr if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, completed=done)
