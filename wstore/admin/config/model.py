"""`Config`: the values of all directives in force, set from files and clients, applied through hooks.

Invariants
* A value is only ever one that its directive's kind accepted.
* `set_pairs` is atomic: after an error all values, and everything that hooks did, are as before.
* A hook runs after all values of its `set_pairs` are in place, once, and only if one of its values changed.
"""
import os
from collections.abc import Mapping

from wstore.admin.config.table import HIDDEN, PROTECTED, STARTUP, TABLE
from wstore.admin.config.words import UNBALANCED, split_words, to_bytes, to_text
from wstore.engine._engine import glob_match


class ConfigError(Exception):
    """A setting that cannot be: the text says why, without an error code."""


class Config(Mapping):
    """Read like a dict: `config["maxclients"]` is an int, "yes"/"no" directives are bool, text is `str`
    (other kinds: see kinds.py and specials.py); aliases work; KeyError if there is no such directive.

    owns_process: `dir` changes the working directory of the process (the server's own process only).
    """

    def __init__(self, owns_process=False):
        self.path = None            # of the configuration file, absolute; None: there is none
        self._owns_process = owns_process
        self._values = {directive.key: directive.default for directive in TABLE.values()}
        self._values["dir"] = os.getcwd()
        self._given = set()         # keys that a file, the command line or a caller has set at start-up
        self.noted = set()          # keys of directives without effect that the log has named: see notes.py
        self._hooks = []            # (keys, function)

    def __getitem__(self, name):
        return self._values[TABLE[name.lower()].key]

    def __iter__(self):
        return iter(self._values)

    def __len__(self):
        return len(self._values)

    @property
    def given(self):
        """Names of the directives that were set at start-up, whatever their value."""
        return frozenset(self._given)

    def text(self, name):
        """A value as CONFIG GET shows it."""
        return TABLE[name.lower()].kind.text(self[name])

    def find(self, patterns):
        """CONFIG GET: {name: text} of all directives that match a pattern.

        A pattern without `* ? [` names one directive, and comes back as it was written.
        """
        found = {}
        for pattern in patterns:
            if not any(char in pattern for char in "*?["):
                if pattern.lower() in TABLE:
                    found.setdefault(pattern.lower(), pattern)
                continue
            for name, directive in TABLE.items():
                if not directive.flags & HIDDEN and glob_match(to_bytes(pattern), name.encode(), True):
                    found.setdefault(name, name)
        return {shown: self.text(name) for name, shown in found.items()}

    def on_change(self, names, hook):
        """Call `hook()` when one of these directives has changed; ConfigError in it undoes the change."""
        self._hooks.append((frozenset(TABLE[name].key for name in names), hook))

    def forget(self, hook):
        """Call `hook` no more."""
        self._hooks = [entry for entry in self._hooks if entry[1] != hook]

    def run_hooks(self):
        """Call all hooks: values were loaded after the hooks were set."""
        for _, hook in list(self._hooks):
            hook()

    def _put(self, key, value):
        if key == "dir" and self._owns_process:
            try:
                os.chdir(value)
            except OSError as error:
                raise ValueError(os.strerror(error.errno)) from None
        self._values[key] = value

    def load(self, name, words):
        """Set a directive at start-up from its words; no hook runs.  ValueError with the reason."""
        directive = TABLE[name.lower()]
        kind, key = directive.kind, directive.key
        if not kind.multi and len(words) != 1:
            raise ValueError("wrong number of arguments")
        if kind.multi and len(words) == 1:
            words = _split_quoted(words[0])
        value = kind.parse(words, self._values[key])
        if kind.accumulates and key in self._given and value:
            value = self._values[key] + value
        self._put(key, value)
        self._given.add(key)

    def put(self, name, value):
        """Another command than CONFIG SET has changed a directive; no hook runs."""
        self._put(TABLE[name].key, value)

    def set_pairs(self, pairs, allow_protected=False):
        """CONFIG SET: set (name, text) pairs, all or none; ConfigError with the text of the error reply."""
        directives = _settable(pairs, allow_protected)
        before = dict(self._values)
        for directive, (_, text) in zip(directives, pairs):
            try:
                words = _split_blanks(text) if directive.kind.multi else [text]
                self._put(directive.key, directive.kind.parse(words, self._values[directive.key]))
            except ValueError as error:
                self._restore(before)
                raise _failure(directive.name, error) from None
        self._apply(directives, before)

    def _apply(self, directives, before):
        changed = {key for key, value in self._values.items() if before[key] != value}
        done = []
        for keys, hook in self._hooks:
            if not keys & changed:
                continue
            done.append(hook)
            try:
                hook()
            except ConfigError as error:
                self._restore(before)
                for undo in done:
                    undo()
                name = next(directive.name for directive in directives if directive.key in keys & changed)
                raise _failure(name, error) from None

    def _restore(self, before):
        for key, value in before.items():
            if self._values[key] != value:
                self._put(key, value)


def _split_blanks(text):
    """The words of a value as CONFIG SET takes it: every single blank separates; no text, no words."""
    return text.split(" ") if text else []


def _split_quoted(text):
    """The words of a value that a file gives as one quoted word."""
    words = split_words(to_bytes(text))
    if words is None:
        raise ValueError(UNBALANCED)
    return [to_text(word) for word in words]


def _failure(name, reason):
    return ConfigError(f"CONFIG SET failed (possibly related to argument '{name}') - {reason}")


def _settable(pairs, allow_protected):
    """The directives of CONFIG SET's pairs; ConfigError for the first one that may not be set."""
    directives = []
    for name, _ in pairs:
        directive = TABLE.get(name.lower())
        if directive is None:
            raise ConfigError(f"Unknown option or number of arguments for CONFIG SET - '{name}'")
        if directive.flags & STARTUP:
            raise _failure(name, "can't set immutable config")
        if directive.flags & PROTECTED and not allow_protected:
            raise _failure(name, "can't set protected config")
        if directive in directives:
            raise _failure(name, "duplicate parameter")
        directives.append(directive)
    return directives
