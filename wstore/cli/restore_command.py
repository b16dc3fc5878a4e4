"""`wstore restore`: a data directory as it was at an offset or a time."""
import contextlib
import datetime
import os

import click
from rich.console import Console
from rich.text import Text

from wstore.cli.options import counted, progress_bar
from wstore.errors import RdbError
from wstore.persistence.manifest import ManifestError
from wstore.persistence.restore import RestoreError, restore


class Moment(click.ParamType):
    """A time as Unix seconds or in ISO 8601: Unix milliseconds."""

    name = "time"

    def convert(self, value, param, ctx):
        with contextlib.suppress(ValueError):
            return int(float(value) * 1000)
        try:
            return int(datetime.datetime.fromisoformat(value).timestamp() * 1000)
        except ValueError:
            self.fail(f"{value!r} is neither Unix seconds nor a time as 2026-01-31T12:00:00", param, ctx)


@click.command("restore", short_help="Recover a data directory as it was at a point in time.")
@click.option("--dir", "source", required=True, type=click.Path(exists=True, file_okay=False),
              help="The data directory, or the folder of the log.")
@click.option("--output", required=True, type=click.Path(), help="Folder to write, new or empty.")
@click.option("--until-offset", type=click.IntRange(0), help="Offset in the stream of writes.")
@click.option("--until-time", type=Moment(), help="Unix seconds, or as 2026-01-31T12:00:00 in local time.")
def restore_command(source, output, until_offset, until_time):
    """Write a data directory that holds what the log held at an offset or a time.

    It is made from any base that was kept and the log behind it, history included, and ends with the last command or
    transaction that is whole by then. Without --until-... all of the log counts. The source stays as it is.

    Exit code: 0, or 1 if that point cannot be restored.
    """
    if until_offset is not None and until_time is not None:
        raise click.UsageError("--until-offset and --until-time do not go together")
    try:
        with Bars() as bars:
            done = restore(source, output, until_offset, until_time, bars.show)
    except (OSError, ManifestError, RdbError, RestoreError) as error:
        raise click.ClickException(str(error)) from None
    tell(done, output)


def tell(done, output):
    console = Console(highlight=False)
    base = f"{done.base.name} (offset {done.base.start:,}) and " if done.base else ""
    console.print(Text(f"Restored to offset {done.offset:,}: {base}{counted(done.commands, 'command')} of the log"),
                  soft_wrap=True)
    words = ["wstore-server --appendonly yes --dir", os.path.abspath(output)]
    if done.name != "appendonly.aof":
        words += ["--appendfilename", done.name]
    console.print(Text(f"Start a server from it: {' '.join(words)}"), soft_wrap=True)


class Bars:
    """A progress bar for one file after another."""

    def __init__(self):
        self._stack = contextlib.ExitStack()
        self._name = None
        self._update = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._stack.close()

    def show(self, name, done, total):
        if name != self._name:
            self._stack.close()
            self._update = self._stack.enter_context(progress_bar(name, total))
            self._name = name
        self._update(done)
