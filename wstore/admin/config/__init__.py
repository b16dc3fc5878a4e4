"""Configuration: the directive table, reading and rewriting files, and the CONFIG command.

Reading order: words and units (the syntax of a line), kinds and specials (of values), table (all directives),
model (`Config`), loader, rewrite, commands.
"""
from wstore.admin.config import commands
from wstore.admin.config.access import is_allowed
from wstore.admin.config.loader import FileError, LineError, Loader, options_text
from wstore.admin.config.model import Config, ConfigError

__all__ = ["Config", "ConfigError", "FileError", "LineError", "Loader", "commands", "is_allowed", "options_text"]
