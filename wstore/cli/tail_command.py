"""`wstore tail URL`: a server's data and then what changes in them, as text or for other programs."""
import os
import signal
import sys

import click

from wstore.admin.config.words import quote, to_text
from wstore.cli.exports import Commands, building, escape, json_facts, json_line, plain, texts
from wstore.cli.options import SlotRanges, Target
from wstore.replication.following import follow
from wstore.replication.handshake import HandshakeError
from wstore.replication.opening import Position


class Place(click.ParamType):
    """Where to go on: a Position as id:offset:database, or an offset."""

    name = "offset"

    def convert(self, value, param, ctx):
        try:
            return int(value) if value.isdecimal() else Position.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command(short_help="Follow what changes in a server.")
@click.argument("target", type=Target(), metavar="HOST[:PORT]|URL")
@click.option("--format", "form", type=click.Choice(["text", "resp", "jsonl"]), default="text", show_default=True,
              help="To be read, or for other programs.")
@click.option("--no-snapshot", is_flag=True, help="Only what changes from now on, not the data.")
@click.option("--from-offset", type=Place(), help="Go on from there: ID:OFFSET:DATABASE, or an offset of the present "
              "stream.")
@click.option("--slots", type=SlotRanges(), help="Only keys of these slots: 5, 0-99 or 0-99,200.")
@click.option("--match", help="Only keys that this glob matches.")
def tail(target, form, no_snapshot, from_offset, slots, match):
    """Print the data of a server, of any Redis or wstore, and then each change as it happens, until Ctrl-C or
    SIGTERM.

    TARGET is HOST, HOST:PORT, redis://[user:password@]host[:port] or unix://[user:password@]/path.

    text: offset, database, and a command as redis-cli takes it. resp: commands, for redis-cli --pipe. jsonl: one
    JSON object a line: offset and, for data, what wstore rdb says of a key, for changes, the database and the command;
    where "escaped" is true, \\xHH stands for a byte that is not UTF-8 and \\\\ for a backslash.

    At the end it says which --from-offset goes on behind all that was read; there is none within the data. Exit code:
    0, or 1 if there is no connection (any more) or no way to go on.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with (begun(target, from_offset, slots, match=match, snapshot=not no_snapshot) as stream,
              open(sys.stdout.fileno(), "wb", closefd=False) as out):
            show(stream, {"text": Text, "resp": Resp, "jsonl": Jsonl}[form](), out)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())      # nobody reads any more: no word of it
        sys.exit(1)
    except (OSError, HandshakeError, ValueError) as error:
        raise click.ClickException(f"{target}: {told(error)}") from None


def told(error):
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{text}. A password stands in the URL: redis://:password@host:port" if "-NOAUTH" in text else text


def begun(target, from_offset, slots, **options):
    """What `follow` returns; the end of the program if it is ended before the server has answered."""
    try:
        return follow(target, from_offset, slots, **options)
    except KeyboardInterrupt:
        tell(from_offset if isinstance(from_offset, Position) else None, "the server had not answered yet")
        sys.exit(0)


def show(stream, form, out):
    """Write each change, at once where no other is there; at the end say how to go on."""
    began = before = stream.position
    is_shown = True             # what was handed out; else only what was so at `before`
    try:
        while True:
            if not stream.wait():
                out.flush()
                stream.wait(None)
            before = stream.position
            is_shown = False
            change = next(stream)
            out.write(form.line(change, stream.record))
            is_shown = True
    except (KeyboardInterrupt, OSError, ValueError) as error:
        out.flush()
        place = stream.position if is_shown else before
        if not isinstance(error, ValueError) or place != began:     # else that is where no command begins
            tell(place)
        if not isinstance(error, KeyboardInterrupt):
            raise


def tell(place, why_not="the data had not all come yet"):
    """How to go on; why_not: why there is no place for it."""
    if place is None:
        click.echo(f"No --from-offset goes on from here: {why_not}", err=True)
    else:
        click.echo(f"--from-offset {place} goes on from here", err=True)


# -- forms ---------------------------------------------------------------------------------------------------------

class Text:
    """A line a command."""

    def line(self, change, record):
        offset, database, command = change
        head = f"{offset} [{database}] "
        return "".join([f"{head}{' '.join(map(quoted, words))}\n" for words in readable(command, record)]).encode()


def readable(command, record):
    """For one of the data the commands that build it, if its value can be read."""
    if record is not None:
        try:
            return list(building(record))
        except ValueError:
            pass
    return [command]


def quoted(word):
    """As redis-cli takes it."""
    return quote(to_text(word))


class Resp:
    """Commands, with a SELECT where the database changes."""

    def __init__(self):
        self.commands = Commands()

    def line(self, change, record):
        return self.commands.in_database(change.database, [change.command])


class Jsonl:
    """An object a line."""

    def line(self, change, record):
        offset, database, command = change
        if record is not None:
            return json_line({"offset": offset, **json_facts(record)})
        try:
            return json_line({"offset": offset, "db": database, "command": texts(list(command), plain)})
        except UnicodeDecodeError:
            return json_line({"offset": offset, "db": database, "command": texts(list(command), escape),
                              "escaped": True})
