"""Where the keys of a command line are, by its key specs (COMMAND GETKEYS).

A key spec says how to find the first key (at an index, or after a keyword) and how to go on from there (a
range with a step, or a count given in front of the keys).  `keys_of` follows all specs of a command; SET and
BITFIELD narrow the flags by what their arguments ask for, and where SORT stores to no spec can say.  An argument
list is a list[bytes] with the command's name in front.
"""

_BITFIELD_STEPS = {b"get": 2, b"set": 3, b"incrby": 3, b"overflow": 1}     # arguments of each operation
_SORT_STEPS = {b"limit": 2, b"by": 1, b"get": 1}


def keys_of(name, specs, argv):
    """[(key, flags)] of the command line `argv` of command `name`; ValueError if its arguments make no sense.

    specs: in the shape of COMMAND INFO.  flags: list of str, such as ["RW", "access", "update"].
    """
    found = []
    for spec in specs:
        flags = _flags_in_use(name, spec["flags"], argv)
        found += [(argv[index], flags) for index in _places(name, spec, argv)]
    return found


def _places(name, spec, argv):
    """Indexes of the keys that one spec tells of."""
    if name == "sort" and "OW" in spec["flags"]:
        return _sort_destination(argv)
    first = _begin(spec["begin_search"], argv)
    return () if first is None else _indexes(spec["find_keys"], first, argv)


def _begin(search, argv):
    """Index of the first key, or None if there is none."""
    spec = search["spec"]
    if search["type"] == "index":
        return spec["index"]
    if search["type"] != "keyword":
        return None
    return _after_keyword(spec["keyword"].lower().encode(), spec["startfrom"], argv)


def _sort_destination(argv):
    """Index of the key that SORT stores to, if it does: behind the last STORE that is no option's argument."""
    index, found = 2, ()
    while index < len(argv):
        word = argv[index].lower()
        if word == b"store" and index + 1 < len(argv):
            found = (index + 1,)
        index += 1 + _SORT_STEPS.get(word, 0)
    return found


def _after_keyword(word, start, argv):
    """Index behind `word`, looked for from `start` on; backwards from the end if start is negative."""
    places = range(start, len(argv)) if start >= 0 else range(len(argv) + start, 0, -1)
    for index in places:
        if argv[index].lower() == word and index + 1 < len(argv):
            return index + 1
    return None


def _indexes(find, first, argv):
    """Indexes of all keys, the first one being at `first`."""
    spec = find["spec"]
    if find["type"] == "range":
        places = _range(spec, first, len(argv))
    elif find["type"] == "keynum":
        places = _counted(spec, first, argv)
    else:
        return ()
    if len(places) and not 0 < places[-1] < len(argv):
        raise ValueError("key outside of the arguments")
    return places


def _range(spec, first, argc):
    last = spec["lastkey"]
    if last >= 0:
        last += first
    elif spec["limit"] <= 1:
        last += argc
    else:
        last = first + (argc - first) // spec["limit"] + last
    return range(first, last + 1, spec["keystep"])


def _counted(spec, first, argv):
    count = int(argv[first + spec["keynumidx"]])
    if count < 1:
        raise ValueError("no keys")
    start = first + spec["firstkey"]
    return range(start, start + count * spec["keystep"], spec["keystep"])


def _flags_in_use(name, flags, argv):
    """The flags that hold for these arguments, if they vary with them."""
    if "variable_flags" not in flags:
        return flags
    if name == "set":
        changes_only = b"get" not in (word.lower() for word in argv[3:])
        return ["OW", "update"] if changes_only else ["RW", "access", "update"]
    return ["RO", "access"] if _reads_only(argv) else ["RW", "access", "update"]


def _reads_only(argv):
    """Do these arguments of BITFIELD change nothing?  What cannot be understood counts as a change."""
    index = 2
    while index < len(argv):
        word = argv[index].lower()
        index += 1 + _BITFIELD_STEPS.get(word, 0)
        if word not in (b"get", b"overflow") or index > len(argv):
            return False
    return True
