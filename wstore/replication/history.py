"""`History`: the ids under which the stream of writes is known, and was: who may go on with it, and from where.

    offsets      0 ........... 4711 ......... 5800 ................>
    ids          A            | B           | C, the present one

A peer that has bytes of stream X up to an offset has the beginning of this server's stream if X is the present id and
there are so many bytes, or if X is an earlier one and the peer's offset is not past its end.

A label says under which ids a file of the log begins: the one of its bytes, and those that ended there, newest first.

Invariant: `earlier` is newest first, its ends do not rise, and no id is in it twice or is the present one.
"""
import os

EARLIER_MAX = 16
LABEL_IDS_MAX = 8       # csrc/log_files.h has room for so many


def new_id():
    return os.urandom(20).hex()


class History:
    """changed: called when the stream goes on under another id from where it stands.

    id: the present one; earlier: (id, offset at which it ended), newest first; is_told: a replica has heard of it.
    """

    def __init__(self, changed=lambda: None):
        self._changed = changed
        self.id = new_id()
        self.earlier = []
        self.is_told = False

    # -- who may go on --------------------------------------------------------------------------------------------

    def reason_against(self, asked_id, offset, end):
        """Why a peer that has stream `asked_id` up to `offset` cannot go on, or None.  end: of this server's stream."""
        valid_to = end if asked_id == self.id else dict(self.earlier).get(asked_id)
        if valid_to is None:
            return f"stream {asked_id} is not known here"
        if offset > valid_to:
            return f"stream {asked_id} is known here up to offset {valid_to} only, not to {offset}"
        return None

    @property
    def second(self):
        """(id, end) of the latest id before the present one, or None."""
        return self.earlier[0] if self.earlier else None

    # -- changes ----------------------------------------------------------------------------------------------------

    def begin(self, offset):
        """The stream goes on under a new id from there on, its end."""
        self.change(new_id(), offset)

    def change(self, to_id, offset):
        """The same under that id, if it is another one."""
        if to_id != self.id:
            self._end(self.id, offset)
            self.earlier = [pair for pair in self.earlier if pair[0] != to_id]
            self.id = to_id
            self.is_told = False
            self._changed()

    def replace(self, by_id, _offset=0):
        """The data are others: those of stream `by_id`, of which nothing earlier is known."""
        self.id = by_id
        self.earlier = []
        self.is_told = False

    def renew(self):
        """Offsets of before say nothing any more: a new id, of which nothing earlier is known."""
        self.replace(new_id())
        self._changed()

    def _end(self, ended_id, offset):
        self.earlier = [(ended_id, offset), *self.earlier][:EARLIER_MAX]

    # -- in the manifest ----------------------------------------------------------------------------------------------

    def label(self, offset):
        """For a file that begins there, where the stream ends."""
        return ",".join([self.id, *(name for name, end in self.earlier if end == offset)][:LABEL_IDS_MAX])

    def resume(self, files):
        """Be what the labels of a log's files tell; whether they do.  files: (label, start) of each, oldest first."""
        self.earlier = []
        present = None
        for label, start in files:
            first, *ended = label.split(",")
            if not first:
                present, self.earlier = None, []
                continue
            if present is not None and present != first and present not in ended:
                ended.append(present)
            self.earlier = [pair for pair in self.earlier if pair[0] not in (first, *ended)]
            for name in reversed(ended):
                self._end(name, start)
            present = first
        self.id = present or new_id()
        return present is not None
