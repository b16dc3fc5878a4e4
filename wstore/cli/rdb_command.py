"""`wstore rdb PATH`: what an RDB file holds, as a summary or exported record by record."""
import datetime
import os
import sys

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wstore.cli.exports import escape, exporter
from wstore.cli.options import SlotRanges, counted, progress_bar, size_text
from wstore.errors import RdbError
from wstore.persistence.rdb import open_rdb
from wstore.persistence.rdb_summary import TTL_NAMES, summarize

BAR_CELLS = 30
EXPORT_EVERY = 256      # records between two looks at the progress


@click.command(short_help="Summarize or export an RDB file.")
@click.argument("path", type=click.Path(exists=True, dir_okay=False))
@click.option("--format", "form", type=click.Choice(["summary", "jsonl", "msgpack", "resp", "keys"]),
              default="summary", show_default=True, help="A summary, or all records for other programs.")
@click.option("--slots", type=SlotRanges(), help="Only keys of these slots: 5, 0-99 or 0-99,200.")
@click.option("--match", help="Only keys that this glob matches.")
@click.option("--top", default=10, show_default=True, type=click.IntRange(0), help="Biggest keys to list.")
def rdb(path, form, slots, match, top):
    """Show what an RDB file holds, or write its records to standard output.

    jsonl: one JSON object a line; where "escaped" is true, \\xHH stands for a byte that is not UTF-8 and \\\\ for a
    backslash. msgpack: one map a record. resp: commands that build the keys, for redis-cli --pipe. keys: one key a
    line, escaped.

    Exit code: 0, or 1 if the file is damaged or has values that the format cannot tell.
    """
    try:
        with open_rdb(path, slots, match) as file, progress_bar(os.path.basename(path), file.size) as progress:
            if form == "summary":
                show_summary(file, summarize(file, top, lambda: progress(file.position)), Console(highlight=False))
                return
            left_out = export(file, exporter(form), sys.stdout.buffer, progress)
    except RdbError as error:
        raise click.ClickException(f"{error}\nwstore check {path} tells more.") from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())      # nobody reads any more: no word of it
        sys.exit(1)
    if left_out:
        raise click.ClickException(f"{counted(left_out, 'record')} left out")


# -- exports -------------------------------------------------------------------------------------------------------

def export(file, form, out, progress):
    """Write each record; how many could not be. Says on stderr which."""
    left_out = 0
    for number, record in enumerate(file):
        try:
            out.write(form(record))
        except ValueError as error:
            click.echo(f"{escape(record.key)} (database {record.db}, at byte {record.offset}): {error}", err=True)
            left_out += 1
        if number % EXPORT_EVERY == 0:
            progress(file.position)
    out.flush()
    for warning in dict.fromkeys(file.warnings):
        click.echo(warning, err=True)
    return left_out


# -- summary -------------------------------------------------------------------------------------------------------

def show_summary(file, found, console):
    show_file(file, found, console)
    if not found.total.keys:
        return
    show_kinds(found, console)
    if len(found.databases) > 1:
        show_databases(found, console)
    if found.total.expires:
        show_ttls(found, console)
    if found.biggest:
        show_biggest(found, console)
    show_slots(found, console)


def show_file(file, found, console):
    told = {name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, value in file.aux.items()}
    console.print(Text(file.path, style="bold"), soft_wrap=True)
    facts = [f"RDB version {file.version}", size_text(file.size)]
    if file.slot_index is not None:
        facts.append("written by wstore")
    elif "redis-ver" in told:
        facts.append(f"written by Redis {told['redis-ver']}")
    if told.get("ctime", "").isdigit():
        facts.append(datetime.datetime.fromtimestamp(int(told["ctime"])).strftime("%Y-%m-%d %H:%M:%S"))
    if "repl-offset" in told:
        facts.append(f"stream offset {told['repl-offset']}")
    console.print(Text(", ".join(facts)), soft_wrap=True)
    chosen = " asked for" if file.mask is not None or file.match is not None else ""
    with_index = ", slot index" if file.slot_index is not None else ""
    console.print(Text(f"{counted(found.total.keys, 'key')}{chosen}, {found.total.expires:,} with a TTL{with_index}"))
    for warning in dict.fromkeys(file.warnings):
        console.print(Text(warning, style="yellow"))


def table_of(console, *columns):
    """A table whose columns named with a leading ">" are numbers."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        number = column.startswith(">")
        table.add_column(column.lstrip(">"), justify="right" if number else "left", no_wrap=True,
                         overflow="ellipsis")
    return table


def show(table, console):
    console.print()
    console.print(table)


def show_kinds(found, console):
    table = table_of(console, "Type", "Encoding", ">Keys", ">With TTL", ">Bytes", ">Share")
    for (kind, encoding), tally in sorted(found.kinds.items(), key=lambda pair: -pair[1].size_bytes):
        table.add_row(kind, encoding, f"{tally.keys:,}", f"{tally.expires:,}", f"{tally.size_bytes:,}",
                      f"{tally.size_bytes / found.total.size_bytes:.1%}")
    show(table, console)


def show_databases(found, console):
    table = table_of(console, "Database", ">Keys", ">With TTL", ">Bytes")
    for db, tally in sorted(found.databases.items()):
        table.add_row(str(db), f"{tally.keys:,}", f"{tally.expires:,}", f"{tally.size_bytes:,}")
    show(table, console)


def show_ttls(found, console):
    table = table_of(console, "TTL", ">Keys", "")
    most = max(found.ttls)
    for name, keys in zip(TTL_NAMES, found.ttls):
        table.add_row(name, f"{keys:,}", "█" * max(keys > 0, round(keys / most * BAR_CELLS)))
    show(table, console)


def show_biggest(found, console):
    table = table_of(console, ">Bytes", "Type", ">Database", "Biggest keys")
    for size, key, kind, db in found.biggest:
        table.add_row(f"{size:,}", kind, str(db), Text(escape(key)))
    show(table, console)


def show_slots(found, console):
    used = int((found.slots > 0).sum())
    fullest = int(found.slots.argmax())
    console.print()
    console.print(Text(f"Keys in {counted(used, 'slot')}, {found.total.keys / used:,.1f} each; most in slot {fullest}: "
                       f"{found.slots[fullest]:,}"))
