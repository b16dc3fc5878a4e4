"""`wstore check PATH`: says whether files are whole, and cuts off a torn end."""
import functools
import os
import shlex
import sys

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wstore.cli.options import counted, progress_bar, size_text
from wstore.persistence.check import check_file, cut, writers
from wstore.persistence.check_folder import check_folder

WHOLE, DAMAGED, TORN = 0, 1, 3      # exit codes; 2 is wrong usage
STYLES = {"whole": "green", "torn": "yellow", "damaged": "red"}


@click.command(short_help="Check RDB files and logs.")
@click.argument("path", type=click.Path(exists=True))
@click.option("--values", is_flag=True, help="Also build every value of RDB files; takes longer.")
@click.option("--fix", is_flag=True, help="Cut off a torn end; the original stays beside the file.")
@click.option("--cut-damage", is_flag=True, help="With --fix: also where a log is damaged, and all that follows.")
def check(path, values, fix, cut_damage):
    """Check an RDB file, a log (AOF), or all files of a data directory.

    A file is torn if it ends within a command or transaction, as after a crash; a server cuts that off by itself as
    long as it is the last file of the log. Anything else that cannot be read is damage.

    Exit code: 0 all is whole or was repaired, 1 damage, 2 wrong usage, 3 torn.
    """
    if cut_damage and not fix:
        raise click.UsageError("--cut-damage goes with --fix")
    console = Console(highlight=False)
    try:
        look = functools.partial(looked_at, values=values)
        found = check_folder(path, look) if os.path.isdir(path) else [look(path)]
        if not found:
            raise click.ClickException(f"{path} has neither RDB files nor a log")
        show(found, path, console)
        for finding in found:
            if finding.state != "whole":
                explain(finding, console)
                repair(finding, fix, cut_damage, console)
    except OSError as error:
        raise click.ClickException(str(error)) from None
    states = {finding.state for finding in found}
    sys.exit(DAMAGED if "damaged" in states else TORN if "torn" in states else WHOLE)


def looked_at(path, values):
    with progress_bar(os.path.basename(path), os.path.getsize(path)) as progress:
        return check_file(path, progress, values)


# -- what is said --------------------------------------------------------------------------------------------------

def show(found, path, console):
    """One line a file, under the name of its folder where that is not the one that was asked for."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("File", "Size", "Holds", "State"):
        table.add_column(column, justify="right" if column == "Size" else "left", overflow="fold")
    asked = path if os.path.isdir(path) else os.path.dirname(path)
    folder = asked
    for finding in found:
        here, name = os.path.split(finding.path)
        if here != folder:
            table.add_row(Text(f"{os.path.relpath(here, asked)}/"))
            folder = here
        table.add_row(Text(name if folder == asked else f"  {name}"), size_text(finding.size), holds(finding),
                      Text(finding.state, style=STYLES[finding.state]))
    console.print(table)


def holds(finding):
    parts = [counted(finding.files, "file")] if finding.kind == "manifest" else []
    if finding.keys or finding.kind == "rdb":
        parts.append(counted(finding.keys, "key"))
    if finding.kind == "log":
        parts.append(counted(finding.commands, "command"))
    if finding.transactions:
        parts.append(counted(finding.transactions, "transaction"))
    return ", ".join(parts)


def explain(finding, console):
    """What is wrong, and where."""
    say(console, "")
    place = f"at byte {finding.offset:,}: " if finding.size and finding.kind != "manifest" else ""
    say(console, f"{finding.path}: {place}{finding.reason}", STYLES[finding.state])
    if finding.kind == "log" and finding.size:
        say(console, f"All is whole up to byte {finding.whole:,}; {counted(finding.size - finding.whole, 'byte')} "
                     "behind that.")
    if finding.bad_block:
        say(console, f"Without {finding.path}.sums, the checksums, it is loaded as it is.")
    if finding.follows is not None:
        offset, commands = finding.follows
        say(console, f"From byte {offset:,} on, {counted(commands, 'command')} can be read again.")


def say(console, text, style=""):
    console.print(Text(text, style=style), soft_wrap=True)


# -- repair --------------------------------------------------------------------------------------------------------

def repair(finding, fix, cut_damage, console):
    """Cut off what is torn, and what is damaged if that is asked for (the finding is whole then), or say how."""
    if finding.kind == "rdb":
        say(console, f"What is before it can be saved: wstore rdb --format resp {shlex.quote(finding.path)}")
    elif finding.kind == "log" and finding.whole < finding.size:
        option = "--fix" if finding.state == "torn" else "--fix --cut-damage"
        if fix and (cut_damage or finding.state == "torn"):
            cut_off(finding, console)
        else:
            say(console, f"This cuts it off and keeps the original: wstore check {option} {shlex.quote(finding.path)}")


def cut_off(finding, console):
    used_by = writers(finding.path)
    if used_by:
        raise click.ClickException(f"{finding.path} is open for writing in process {used_by[0]}: stop that first")
    kept = cut(finding.path, finding.whole)
    finding.state = "whole"
    say(console, f"Cut from {finding.size:,} to {finding.whole:,} bytes; the original is {kept}", "green")
