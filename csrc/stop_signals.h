/* Ending a process by SIGTERM or SIGINT, also while a long command keeps the loop from looking.
 *
 * State is the process's: one loop at a time can be the one that signals stop. */
#ifndef WS_STOP_SIGNALS_H
#define WS_STOP_SIGNALS_H

/* From now on SIGTERM and SIGINT set *stopping and write to wake_fd; a second SIGINT ends the process, with code 1. */
void ws_stop_signals_catch(int *stopping, int wake_fd);
/* The signal that came, or 0. */
int ws_stop_signals_seen(void);
/* Back to the default action of both signals. */
void ws_stop_signals_release(void);

#endif
