# Calls from other threads into the loop's. Engine.soon holds what is to be called, in order; Server.soon tells the loop
# that it is not empty. Both change with the GIL held only.


cdef void run_soon(Server* s) noexcept with gil:
    """Call what has been asked for until now; what these calls ask for has the next turn."""
    cdef Engine engine = <Engine>s.store.engine
    cdef list calls = engine.soon
    engine.soon = []
    s.soon = 0
    for fn in calls:
        try:
            fn()
        except Exception as error:
            import traceback
            traceback.print_exception(error)
        except BaseException as error:
            keep_raised(s, error)


cdef inline void soon_turn(Server* s) noexcept nogil:
    """At the begin of a turn, between two commands."""
    if WS_UNLIKELY(WS_ATOMIC_GET(&s.soon)):
        run_soon(s)


cdef void soon_forget(Server* s) noexcept:
    """The loop ends: nobody is left to make the calls."""
    (<Engine>s.store.engine).soon = []
    s.soon = 0


def call_soon(Engine engine not None, fn):
    """Have fn() called on the loop's thread between two commands, with the store locked; from any thread.

    Without a loop it is called before this returns. What the loop has not come to when it ends is not called.
    """
    cdef Server* s = server_of(engine.store)
    if s.poll_fd >= 0:
        engine.soon.append(fn)
        s.soon = 1
        ws_wake(s.wake_fd)
        return
    server_enter(s)
    try:
        fn()
    finally:
        server_unlock(s)
