"""Reading a configuration: file, standard input and command-line options, as one text; included files.

Errors are `FileError`s that carry the file, the line and its number.  An `include` reads another file at that place; a
pattern (`include conf.d/*.conf`) reads all files that match, in order, and need not match any.
"""
import os

from wstore.admin.config.table import RETIRED, TABLE
from wstore.admin.config.words import UNBALANCED, quote, split_words, to_bytes, to_text

INCLUDE_DEPTH_MAX = 16
NO_USERS = "wstore has no ACL users: use requirepass"
_ACL_OPEN = {
    "on", "nopass", "sanitize-payload", "~*", "&*", "+@all", "allkeys", "allchannels", "resetchannels", "allcommands"}


class FileError(Exception):
    """A configuration that cannot be used; the text is what the operator sees."""


class LineError(FileError):
    """A line of a configuration that is wrong.

    path: of its file; "" for a line of standard input or of the command line, which number on from the file's.
    """

    def __init__(self, path, number, line, reason):
        named = f" '{path}'" if path else ""
        super().__init__(f"Reading the configuration file{named}, at line {number}\n>>> '{line}'\n{reason}")
        self.path = path
        self.number = number
        self.line = line
        self.reason = reason


def options_text(arguments):
    """Command-line arguments as lines of configuration: "--port 6380 --save ''" becomes two lines.

    An argument that begins with "--" names a directive, unless the one before named one and has no value yet;
    it may hold the value as well ("--port 6380" in one argument).  `--save` followed by another option or by
    nothing means no save points.
    """
    lines = []
    closed = True       # the last directive has its value
    for at, argument in enumerate(arguments):
        if not (closed and argument.startswith("--")):
            if not lines:
                lines.append("")
            lines[-1] += f"{quote(argument)} "
            closed = True
            continue
        lines.append(f"{argument[2:]} ")
        closed = len(split_words(to_bytes(argument)) or ()) != 1
        if argument.lower() == "--save" and arguments[at + 1:at + 2] == []:
            lines[-1] += '""'
        elif argument.lower() == "--save" and arguments[at + 1].startswith("--"):
            lines[-1] += '""'
            closed = True
    return "\n".join(lines)


class Loader:
    """Reads configuration text into a Config.

    `renames` collects the lines of rename-command: (name, new name or "", path, line number, line); the last three as
    LineError takes them.
    """

    def __init__(self, config):
        self.config = config
        self.renames = []
        self._depth = 0
        self._at = ("", 0, "")      # path, number and text of the line at hand
        self._password_hash = ""    # of the user named default

    def load(self, path=None, stdin=None, options=""):
        """Read the file at `path` (str, or None), then `stdin` (bytes, or None), then `options` (see options_text)."""
        first = 1
        for source, text in (
                (path or "", b"" if path is None else read_file(path)), ("", stdin), ("", to_bytes(options) or None)):
            if text is not None:
                self.load_text(text, source, first)
                first += text.count(b"\n") + 1
        if self._password_hash:
            self._check_password()

    def load_text(self, text, path="", first=1):
        """Load lines (bytes) of the file at `path`, the first of which has the number `first`."""
        for number, line in enumerate(text.split(b"\n"), first):
            line = line.strip(b" \t\r\n")
            if not line or line.startswith(b"#"):
                continue
            self._at = (path, number, to_text(line))
            try:
                self._load_line(line)
            except ValueError as error:
                raise LineError(*self._at, str(error)) from None

    def _load_line(self, line):
        words = split_words(line)
        if words is None:
            raise ValueError(UNBALANCED)
        name, *values = map(to_text, words)
        name = name.lower()
        if name in TABLE:
            self.config.load(name, values)
        elif RETIRED.get(name) != len(values):
            self._load_statement(name, values)

    def _load_statement(self, name, values):
        """A line that is no setting but does something."""
        if name == "include" and len(values) == 1:
            self._include(values[0])
        elif name == "rename-command" and len(values) == 2:
            self.renames.append((*values, *self._at))
        elif name == "user" and values:
            self._load_user(values)
        elif "." in name and not values:
            raise ValueError("Module config specified without value")
        elif "." in name or (name == "loadmodule" and values):
            raise ValueError("wstore loads no modules")
        elif name == "sentinel" and values:
            raise ValueError("sentinel directive while not in sentinel mode")
        else:
            raise ValueError("Bad directive or wrong number of arguments")

    def _load_user(self, values):
        """Take the line that CONFIG REWRITE of a Redis without ACL users leaves in its file, and no other."""
        for word in values[1:]:
            if word.startswith("#"):
                self._password_hash = word[1:].lower()
            elif word.lower() not in _ACL_OPEN:
                raise ValueError(NO_USERS)
        if values[0] != "default":
            raise ValueError(NO_USERS)

    def _check_password(self):
        """The password of `user default` must be requirepass: it is a hash, of which wstore has no use."""
        import hashlib  # only here: no file that wstore writes needs it
        if hashlib.sha256(to_bytes(self.config["requirepass"])).hexdigest() != self._password_hash:
            raise FileError("The password of 'user default' is not that of requirepass; " + NO_USERS)

    def _include(self, pattern):
        if self._depth == INCLUDE_DEPTH_MAX:
            raise ValueError("include is nested too deeply")
        self._depth += 1
        for path in _matching_files(pattern):
            self.load_text(read_file(path), path)
        self._depth -= 1


def _matching_files(pattern):
    if not any(char in pattern for char in "*?["):
        return [pattern]
    import glob  # only here: includes with patterns are rare, and it takes time to import
    return sorted(path for path in glob.glob(pattern) if not os.path.isdir(path))


def read_file(path):
    """The bytes of a configuration file; FileError if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise FileError(f"Fatal error, can't open config file '{path}': {os.strerror(error.errno)}") from None
