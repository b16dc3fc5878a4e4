"""Glob matching as KEYS does it, for the few names that CONFIG GET compares: `*`, `?`, `[a-c]`, `[^x]`, `\\x`."""


def _match_class(pattern, at, char):
    """Match `char` with the class whose "[" is before `at`: (matched, place behind the class)."""
    negated = pattern[at:at + 1] == "^"
    at += negated
    found = False
    while at < len(pattern) and pattern[at] != "]":
        if pattern[at] == "\\" and at + 1 < len(pattern):
            at += 1
            found |= pattern[at] == char
            at += 1
        elif pattern[at + 1:at + 2] == "-" and at + 2 < len(pattern):
            low, high = sorted((pattern[at], pattern[at + 2]))
            found |= low <= char <= high
            at += 3
        else:
            found |= pattern[at] == char
            at += 1
    return found != negated, at + 1


def _match_one(pattern, at, char):
    """Match `char` with the element at `at`: (matched, place behind the element)."""
    if at >= len(pattern):
        return False, at
    if pattern[at] == "?":
        return True, at + 1
    if pattern[at] == "[":
        return _match_class(pattern, at + 1, char)
    if pattern[at] == "\\" and at + 1 < len(pattern):
        at += 1
    return pattern[at] == char, at + 1


def glob_match(pattern, text):
    """Whether `text` matches `pattern`, in any case; the time is bounded by the product of the lengths."""
    pattern, text = pattern.lower(), text.lower()
    at = place = 0
    star = retry = -1       # behind the last "*", and where in the text it stops matching for now
    while place < len(text):
        if pattern[at:at + 1] == "*":
            at += 1
            star, retry = at, place
            continue
        matched, behind = _match_one(pattern, at, text[place])
        if matched:
            at, place = behind, place + 1
        elif star >= 0:
            retry += 1
            at, place = star, retry
        else:
            return False
    return not pattern[at:].strip("*")
