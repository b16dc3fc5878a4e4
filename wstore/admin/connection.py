"""Commands that change a connection: AUTH, HELLO, RESET."""
import hmac

from wstore.admin.registry import command
from wstore.engine._engine import str_to_i64
from wstore.errors import ReplyError
from wstore.versions import REDIS_VERSION

NO_PASSWORD = ("ERR AUTH <password> called without any password configured for the default user. "
               "Are you sure your configuration is correct?")
WRONG_PASSWORD = "WRONGPASS invalid username-password pair or user is disabled."
UNAUTHENTICATED_HELLO = (
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> "
    "option can be used to authenticate the client and select the RESP protocol version at the same time")
BAD_NAME = "ERR Client names cannot contain spaces, newlines or special characters."


def password_of(engine):
    """The password of the default user as bytes; b"": there is none."""
    text = engine.config["requirepass"] if engine.config is not None else ""
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


def log_in(session, user, password):
    """Check user and password; the only user is "default". ReplyError if they do not fit."""
    wanted = password_of(session.engine)
    fits = hmac.compare_digest(password, wanted) or not wanted
    if user != b"default" or not fits:
        raise ReplyError(WRONG_PASSWORD)
    session.authenticated = True


def is_printable(text):
    """Whether text is ASCII without blanks and control characters, as names of clients must be."""
    return all(0x21 <= byte <= 0x7E for byte in text)


@command("auth", arity=-2, flags="noscript loading stale fast no_auth allow_busy")
def auth(session, args):
    """AUTH [username] password"""
    if len(args) > 3:
        raise ReplyError("ERR syntax error")
    session.redact(1, len(args))
    if len(args) == 2 and not password_of(session.engine):
        raise ReplyError(NO_PASSWORD)
    log_in(session, args[1] if len(args) == 3 else b"default", args[-1])
    return "OK"


def _version(text):
    version = str_to_i64(text)
    if version is None:
        raise ReplyError("ERR Protocol version is not an integer or out of range")
    if version not in (2, 3):
        raise ReplyError("NOPROTO unsupported protocol version")
    return version


def _hello_options(session, args):
    """(user, password) or None, and the name or None."""
    account = name = None
    at = 2
    while at < len(args):
        option = args[at].lower()
        if option == b"auth" and at + 2 < len(args):
            account = args[at + 1], args[at + 2]
            session.redact(at + 1, at + 3)
            at += 3
        elif option == b"setname" and at + 1 < len(args):
            name = args[at + 1]
            if not is_printable(name):
                raise ReplyError(BAD_NAME)
            at += 2
        else:
            shown = args[at].decode("utf-8", "surrogateescape")
            raise ReplyError(f"ERR Syntax error in HELLO option '{shown}'")
    return account, name


@command("hello", arity=-1, flags="noscript loading stale fast no_auth allow_busy")
def hello(session, args):
    """HELLO [protover [AUTH username password] [SETNAME name]]"""
    version = _version(args[1]) if len(args) > 1 else session.resp
    account, name = _hello_options(session, args)
    if account is not None:
        log_in(session, *account)
    if not session.authenticated:
        raise ReplyError(UNAUTHENTICATED_HELLO)
    if name is not None:
        session.name = name
    session.resp = version
    role = "replica" if session.engine.replication.is_replica else "master"
    return {b"server": b"redis", b"version": REDIS_VERSION.encode(), b"proto": version, b"id": session.id,
            b"mode": b"standalone", b"role": role.encode(), b"modules": []}


@command("reset", arity=1, flags="noscript loading stale fast no_auth allow_busy")
def reset(session, args):
    """RESET: the connection as it was when new"""
    session.reset()
    return "RESET"
