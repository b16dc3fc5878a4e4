"""The `wstore` command: looks at servers and their files from outside.

    wstore version
    wstore slots redis://127.0.0.1:6379
    wstore check /var/lib/wstore
    wstore rdb dump.rdb
    wstore restore --dir /var/lib/wstore --until-time 2026-01-31T12:00:00 --output /var/lib/restored
    wstore tail redis://127.0.0.1:6379
"""
import sys

import click
from rich.console import Console
from rich.table import Table

from wstore.cli.check_command import check
from wstore.cli.client import Client
from wstore.cli.options import Target
from wstore.cli.rdb_command import rdb
from wstore.cli.restore_command import restore_command
from wstore.cli.tail_command import tail
from wstore.errors import ReplyError
from wstore.versions import REDIS_VERSION, WSTORE_VERSION

SLOTS = 16384


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main():
    """Look at wstore servers, and at the files of servers."""


@main.command()
def version():
    """Show the version of wstore and of the Redis that it follows."""
    click.echo(f"wstore {WSTORE_VERSION} (commands and protocol of Redis {REDIS_VERSION}), "
               f"Python {sys.version.split()[0]}")


@main.command()
@click.argument("target", type=Target(), metavar="HOST[:PORT]|URL")
@click.option("--top", default=20, show_default=True, type=click.IntRange(0), help="Slots to list.")
@click.option("--by", type=click.Choice(["keys", "slot"]), default="keys", show_default=True, help="Their order.")
def slots(target, top, by):
    """Show how many keys the hash slots of a server hold.

    TARGET is HOST, HOST:PORT, redis://[user:password@]host[:port][/db] or unix://[user:password@]/path[?db=n].
    """
    try:
        with Client(target) as client:
            counts = client.call("SLOTSINFO")
    except (OSError, ReplyError) as error:
        raise click.ClickException(f"{target}: {error}") from None
    show_slots(counts, top, by, Console())


def show_slots(counts, top, by, console):
    """Print [slot, keys] pairs: the `top` first ones as a table, and what all of them amount to."""
    total = sum(keys for _, keys in counts)
    order = sorted(counts, key=(lambda pair: -pair[1]) if by == "keys" else (lambda pair: pair[0]))
    table = Table("Slot", "Keys", "Share")
    for column in table.columns:
        column.justify = "right"
    for slot, keys in order[:top]:
        table.add_row(str(slot), f"{keys:,}", f"{keys / total:.2%}")
    if top and counts:
        console.print(table)
    console.print(f"{total:,} keys in {len(counts):,} of {SLOTS:,} slots", highlight=False)


main.add_command(check)
main.add_command(rdb)
main.add_command(restore_command)
main.add_command(tail)

if __name__ == "__main__":
    main()
