/* log: see log.h. */
#include "log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "alloc.h"
#include "check.h"
#include "files.h"
#include "log_disk.h"
#include "log_history.h"
#include "log_read.h"
#include "ticks.h"

enum {
    WRITE_PAUSE_MS = 2,             /* between two looks of the busy writer */
    BUSY_LOOKS = 20,                /* in vain, before it waits to be woken */
    IDLE_WAIT_MS = 1000,
    UNSYNCED_WAIT_MS = 100,
    RETRY_MS = 100,
    SYNC_EVERY_MS = 1000,
    SYNC_LATE_MS = 2000,
    STAMP_EVERY_MS = 1000,
    BUFFER_KEPT = 4 << 20,          /* a larger buffer is freed once it is empty */
    QUEUE_MAX = 128 << 20,          /* bytes waiting, from which on the one who appends waits as well */
};

typedef struct {            /* a new file that is to begin */
    int64_t at;             /* offset */
    ws_log_mark mark;
} roll;

typedef struct {            /* another stream that is to take the place of this one */
    char *name;
    int64_t seq, offset;
    ws_log_mark mark;
} reset;

struct ws_log {
    ws_log_disk *disk;
    pthread_mutex_t disk_lock;
    ws_log_buffer chunk;            /* being written */
    int64_t chunk_start;            /* offset of its first byte */
    int64_t sync_begun_ms;
    int64_t trimmed_ms;
    int late_counted;

    pthread_mutex_t lock;
    pthread_cond_t wanted;          /* the writer */
    pthread_cond_t sync_wanted;     /* the sync thread */
    pthread_cond_t eased;           /* those who wait for either: less in the queue, a sync done */
    ws_log_buffer queue;
    int64_t queue_start;
    roll *rolls;                    /* in order */
    size_t roll_count, roll_cap;
    reset *reset;                   /* to be done before anything else is written, or NULL */
    int64_t stamp_ms, stamp_offset; /* for the file of times, or 0 */
    int64_t stamped_ms, stamped_offset;
    char *base_name;                /* to be told to the manifest, or NULL */
    int64_t base_seq, base_offset;
    int64_t base_number;            /* counts them */
    int base_error;
    int64_t base_tried_ms;
    int asleep, stopping;
    int sync_fd;                    /* what the sync thread is to sync up to sync_to; -1: nothing */
    int64_t sync_to, sync_units_to;
    int sync_stop;

    _Atomic int64_t end, synced, next_start, delayed_syncs;
    _Atomic int64_t synced_units;   /* units up to here are synced, with none begun behind them */
    _Atomic int64_t keep_bytes, keep_ms;
    _Atomic int policy, spare_syncs, write_error, sync_error, syncing;
    _Atomic int resetting;          /* what is on disk is not yet this stream */
    pthread_t writer, syncer;
    _Atomic int readers;            /* and who began it */
};

static int64_t mono_ms(void) { return ws_mono_us() / 1000; }

static void wait_for(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t ms) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(cond, lock, &t);
}

static void init_cond(pthread_cond_t *cond) {
    pthread_condattr_t kind;
    pthread_condattr_init(&kind);
    pthread_condattr_setclock(&kind, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &kind);
    pthread_condattr_destroy(&kind);
}

static char *copy_text(const char *text) {
    const size_t n = strlen(text) + 1;
    return memcpy(ws_alloc(n), text, n);
}

static void free_reset(reset *r) {
    if (r != NULL) ws_free(r->name);
    ws_free(r);
}

ws_log *ws_log_new(const char *dir, const char *name) {
    ws_log *l = ws_alloc_zeroed(sizeof *l);
    l->disk = ws_log_disk_new(dir, name);
    pthread_mutex_init(&l->disk_lock, NULL);
    pthread_mutex_init(&l->lock, NULL);
    init_cond(&l->wanted);
    init_cond(&l->sync_wanted);
    init_cond(&l->eased);
    l->sync_fd = -1;
    atomic_store(&l->policy, WS_LOG_EVERYSEC);
    atomic_store(&l->readers, 1);
    return l;
}

void ws_log_keep(ws_log *l) { atomic_fetch_add(&l->readers, 1); }

void ws_log_free(ws_log *l) {
    if (atomic_fetch_sub(&l->readers, 1) > 1) return;
    ws_log_disk_free(l->disk);
    pthread_mutex_destroy(&l->disk_lock);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->wanted);
    pthread_cond_destroy(&l->sync_wanted);
    pthread_cond_destroy(&l->eased);
    ws_free(l->chunk.data);
    ws_free(l->queue.data);
    ws_free(l->base_name);
    ws_free(l->rolls);
    free_reset(l->reset);
    ws_free(l);
}

int ws_log_add(ws_log *l, const ws_log_file *file) {
    return ws_log_disk_add(l->disk, file);
}

/* -- syncing ------------------------------------------------------------------------------------------------------- */

/* With disk_lock: where the last unit that is all written ends: what is appended at a time is whole units. */
static int64_t written_units(const ws_log *l) {
    const int64_t written = atomic_load(&l->disk->end);
    return written < l->chunk_start + (int64_t)l->chunk.len ? l->chunk_start : written;
}

/* A sync of all up to `offset`, and of whole units up to `units_to`, has ended. */
static void synced_to(ws_log *l, int64_t offset, int64_t units_to, int error) {
    if (!error && atomic_load(&l->synced) < offset) atomic_store(&l->synced, offset);
    if (!error && atomic_load(&l->synced_units) < units_to) atomic_store(&l->synced_units, units_to);
    atomic_store(&l->sync_error, error);
}

static int is_synced(ws_log *l) {
    return atomic_load(&l->synced) == atomic_load(&l->disk->end) && !atomic_load(&l->sync_error);
}

static void *run_syncer(void *arg) {
    ws_log *l = arg;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        if (l->sync_fd >= 0) {
            const int fd = l->sync_fd;
            const int64_t to = l->sync_to, units_to = l->sync_units_to;
            pthread_mutex_unlock(&l->lock);
            const int error = ws_file_sync(fd) == 0 ? 0 : errno;
            pthread_mutex_lock(&l->lock);
            synced_to(l, to, units_to, error);
            l->sync_fd = -1;
            atomic_store(&l->syncing, 0);
            pthread_cond_broadcast(&l->eased);
        } else if (l->sync_stop) {
            break;
        } else {
            pthread_cond_wait(&l->sync_wanted, &l->lock);
        }
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* With disk_lock: a sync has failed, and may have dropped what it was to sync. Bytes that are not in memory any more
 * are read back, as the system still has them as a rule, and written again. */
static int redo_unsynced(ws_log *l) {
    const int64_t written = atomic_load(&l->disk->end);
    const int64_t to = l->chunk.len > 0 && l->chunk_start < written ? l->chunk_start : written;
    if (!atomic_load(&l->sync_error)) return 0;
    return ws_log_disk_redo(l->disk, atomic_load(&l->synced), to);
}

/* With disk_lock: begin a sync in the background if one is due. */
static void sync_later(ws_log *l) {
    const int64_t now_ms = mono_ms(), written = atomic_load(&l->disk->end);
    if (atomic_load(&l->syncing)) {
        if (!l->late_counted && now_ms - l->sync_begun_ms > SYNC_LATE_MS) {
            l->late_counted = 1;
            atomic_fetch_add(&l->delayed_syncs, 1);
        }
        return;
    }
    const int64_t pause_ms = atomic_load(&l->sync_error) ? RETRY_MS : SYNC_EVERY_MS;
    if (atomic_load(&l->spare_syncs) || is_synced(l) || now_ms - l->sync_begun_ms < pause_ms) return;
    l->sync_begun_ms = now_ms;
    l->late_counted = 0;
    if (redo_unsynced(l) != 0) return;
    pthread_mutex_lock(&l->lock);
    l->sync_fd = l->disk->fd;
    l->sync_to = written;
    l->sync_units_to = written_units(l);
    atomic_store(&l->syncing, 1);
    pthread_cond_signal(&l->sync_wanted);
    pthread_mutex_unlock(&l->lock);
}

/* With disk_lock: sync what is written. A failed sync may have dropped it: what is still in memory is written again. */
static int sync_now(ws_log *l) {
    const int64_t written = atomic_load(&l->disk->end), synced = atomic_load(&l->synced);
    if (is_synced(l)) return 0;
    if (redo_unsynced(l) != 0) return -1;
    const int error = ws_file_sync(l->disk->fd) == 0 ? 0 : errno;
    pthread_mutex_lock(&l->lock);
    synced_to(l, written, written_units(l), error);
    pthread_mutex_unlock(&l->lock);
    if (!error) return 0;
    const int64_t again = l->chunk_start > synced ? l->chunk_start : synced;
    if (l->chunk.len > 0 && again < written) ws_log_disk_go_back(l->disk, again);
    errno = error;
    return -1;
}

/* -- writing: with disk_lock --------------------------------------------------------------------------------------- */

static void release_buffer(ws_log_buffer *b) {
    b->len = 0;
    if (b->cap <= BUFFER_KEPT) return;
    ws_free(b->data);
    *b = (ws_log_buffer){NULL, 0, 0};
}

/* Give the chunk up once it is safe, and take the next one. Returns where a new file is to begin, or -1; -2: the stream
 * is to be reset first. */
static int64_t take_chunk(ws_log *l) {
    const int64_t written = atomic_load(&l->disk->end), chunk_end = l->chunk_start + (int64_t)l->chunk.len;
    const int64_t safe = atomic_load(&l->policy) == WS_LOG_ALWAYS ? atomic_load(&l->synced) : written;
    int64_t stamp_ms = 0, stamp_offset = 0;
    if (safe >= chunk_end) release_buffer(&l->chunk);
    pthread_mutex_lock(&l->lock);
    if (l->reset != NULL) {
        pthread_mutex_unlock(&l->lock);
        return -2;
    }
    if (l->chunk.len == 0) {
        const ws_log_buffer empty = l->chunk;
        l->chunk = l->queue;
        l->queue = empty;
        l->chunk_start = l->queue_start;
        l->queue_start += (int64_t)l->chunk.len;
        stamp_ms = l->stamp_ms;
        stamp_offset = l->stamp_offset;
        l->stamp_ms = 0;
        pthread_cond_broadcast(&l->eased);
    }
    const int64_t roll_at = l->roll_count > 0 ? l->rolls[0].at : -1;
    pthread_mutex_unlock(&l->lock);
    if (stamp_ms > 0) ws_log_disk_stamp(l->disk, stamp_ms, stamp_offset);
    return roll_at;
}

/* With lock. */
static void wait_for_sync(ws_log *l) {
    while (atomic_load(&l->syncing)) pthread_cond_wait(&l->eased, &l->lock);
}

static int roll_now(ws_log *l) {
    pthread_mutex_lock(&l->lock);
    wait_for_sync(l);
    const int gone = l->reset != NULL || l->roll_count == 0;
    const ws_log_mark mark = gone ? (ws_log_mark){{0}, 0} : l->rolls[0].mark;
    pthread_mutex_unlock(&l->lock);
    if (gone) return 0;
    if (sync_now(l) != 0 || ws_log_disk_roll(l->disk, &mark) != 0) return -1;
    pthread_mutex_lock(&l->lock);
    if (l->roll_count > 0 && l->reset == NULL) {
        l->roll_count--;
        memmove(l->rolls, l->rolls + 1, l->roll_count * sizeof *l->rolls);
    }
    pthread_mutex_unlock(&l->lock);
    return 0;
}

/* Carry the reset out. 0, or -1 with errno: it still waits, or a later one does. */
static int reset_now(ws_log *l) {
    pthread_mutex_lock(&l->lock);
    wait_for_sync(l);
    reset *r = l->reset;
    l->reset = NULL;
    pthread_mutex_unlock(&l->lock);
    const int error = ws_log_disk_reset(l->disk, r->name, r->seq, r->offset, &r->mark) == 0 ? 0 : errno;
    pthread_mutex_lock(&l->lock);
    if (!error) {
        release_buffer(&l->chunk);
        l->chunk_start = r->offset;
        atomic_store(&l->synced, r->offset);
        atomic_store(&l->synced_units, r->offset);
        atomic_store(&l->sync_error, 0);
        if (l->reset == NULL) atomic_store(&l->resetting, 0);
    } else if (l->reset == NULL) {
        l->reset = r;
        r = NULL;
    }
    pthread_mutex_unlock(&l->lock);
    free_reset(r);
    errno = error;
    return error ? -1 : 0;
}

/* Write all there is, in new files where they are to begin; `sync` it. 0, or -1 with errno. */
static int write_all(ws_log *l, int sync) {
    for (;;) {
        const int64_t roll_at = take_chunk(l), written = atomic_load(&l->disk->end);
        if (roll_at == -2) {
            if (reset_now(l) != 0) return -1;
            continue;
        }
        const int64_t chunk_end = l->chunk_start + (int64_t)l->chunk.len;
        const int64_t to = written <= roll_at && roll_at < chunk_end ? roll_at : chunk_end;
        WS_ASSERT(l->chunk_start <= written && written <= chunk_end);
        if (written == roll_at) {
            if (roll_now(l) != 0) return -1;
        } else if (written < to) {
            if (ws_log_disk_write(l->disk, l->chunk.data + (written - l->chunk_start), (size_t)(to - written)) != 0)
                return -1;
        } else if (!sync || is_synced(l)) {
            return 0;
        } else if (sync_now(l) != 0) {
            return -1;
        }
    }
}

/* With lock: a base that is worth a try now, as the disk may let it fail for a while. */
static int base_is_due(const ws_log *l) {
    return l->base_name != NULL && (!l->base_error || l->stopping || mono_ms() - l->base_tried_ms >= RETRY_MS);
}

static void drop_base(ws_log *l) {
    ws_free(l->base_name);
    l->base_name = NULL;
}

/* Tell the manifest of a new base, if there is one and the file behind it has begun. */
static void tell_base(ws_log *l) {
    pthread_mutex_lock(&l->lock);
    const int64_t seq = l->base_seq, offset = l->base_offset, number = l->base_number;
    char *name = base_is_due(l) ? copy_text(l->base_name) : NULL;
    pthread_mutex_unlock(&l->lock);
    if (name == NULL) return;
    const int error = ws_log_disk_base(l->disk, name, seq, offset) == 0 ? 0 : errno;
    pthread_mutex_lock(&l->lock);
    if (l->base_number == number) {
        l->base_error = error;
        l->base_tried_ms = mono_ms();
        if (!error || error == EAGAIN || error == ENOENT) drop_base(l);     /* done, or never to be done */
    }
    pthread_mutex_unlock(&l->lock);
    ws_free(name);
    l->trimmed_ms = 0;
}

static void trim_history(ws_log *l) {
    const int64_t now_ms = mono_ms();
    if (l->trimmed_ms > 0 && now_ms - l->trimmed_ms < IDLE_WAIT_MS) return;
    l->trimmed_ms = now_ms;
    ws_log_disk_trim(l->disk, atomic_load(&l->keep_bytes), atomic_load(&l->keep_ms));
}

/* write_all, noting whether it failed, and sums of what is synced. */
static int work(ws_log *l, int sync) {
    const int failed = write_all(l, sync);
    const int error = errno;
    ws_log_disk_sum_up(l->disk, atomic_load(&l->synced_units));
    errno = error;
    atomic_store(&l->write_error, failed ? errno : 0);
    return failed;
}

/* -- the writer ---------------------------------------------------------------------------------------------------- */

/* With lock: wait until there is something to write, or it is time to look after other things. */
static void sleep_writer(ws_log *l) {
    const int64_t now_ms = ws_unix_ms();
    if (atomic_load(&l->end) > l->stamped_offset && l->stamp_ms == 0 && now_ms - l->stamped_ms >= STAMP_EVERY_MS) {
        l->stamp_ms = l->stamped_ms = now_ms;
        l->stamp_offset = l->stamped_offset = atomic_load(&l->end);
    }
    if (l->queue.len > 0 || base_is_due(l) || l->roll_count > 0 || l->reset != NULL || l->stopping) return;
    l->asleep = 1;
    wait_for(&l->wanted, &l->lock, is_synced(l) && l->base_name == NULL ? IDLE_WAIT_MS : UNSYNCED_WAIT_MS);
    l->asleep = 0;
}

static void *run_writer(void *arg) {
    ws_log *l = arg;
    int idle = 0;
    int64_t written = atomic_load(&l->disk->end);
    for (;;) {
        pthread_mutex_lock(&l->lock);
        if (ws_log_failing(l) && !l->stopping) wait_for(&l->wanted, &l->lock, RETRY_MS);
        else if (idle >= BUSY_LOOKS || atomic_load(&l->policy) == WS_LOG_ALWAYS) sleep_writer(l);
        else if (!l->stopping) wait_for(&l->wanted, &l->lock, WRITE_PAUSE_MS);
        const int stop = l->stopping;
        pthread_mutex_unlock(&l->lock);
        pthread_mutex_lock(&l->disk_lock);
        const int policy = atomic_load(&l->policy);
        if (work(l, stop || policy == WS_LOG_ALWAYS) == 0) {
            tell_base(l);
            trim_history(l);
        }
        if (policy == WS_LOG_EVERYSEC || atomic_load(&l->sync_error)) sync_later(l);
        idle = written == atomic_load(&l->disk->end) ? idle + 1 : 0;
        written = atomic_load(&l->disk->end);
        pthread_mutex_unlock(&l->disk_lock);
        if (stop) return NULL;
    }
}

static int start_threads(ws_log *l) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&l->syncer, NULL, run_syncer, l);
    if (!error) {
        error = pthread_create(&l->writer, NULL, run_writer, l);
        if (error) {
            pthread_mutex_lock(&l->lock);
            l->sync_stop = 1;
            pthread_cond_signal(&l->sync_wanted);
            pthread_mutex_unlock(&l->lock);
            pthread_join(l->syncer, NULL);
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return error ? -1 : 0;
}

int ws_log_begin(ws_log *l, int64_t start, int hidden, const ws_log_mark *mark) {
    if (ws_log_disk_open(l->disk, start, hidden, mark) != 0) return -1;
    const int64_t end = atomic_load(&l->disk->end);
    l->chunk_start = l->queue_start = l->stamped_offset = end;
    l->stamped_ms = ws_unix_ms();
    l->sync_begun_ms = mono_ms();
    atomic_store(&l->end, end);
    atomic_store(&l->synced, end);
    atomic_store(&l->synced_units, end);
    atomic_store(&l->next_start, l->disk->start);
    return start_threads(l);
}

int ws_log_stop(ws_log *l) {
    pthread_mutex_lock(&l->lock);
    l->stopping = 1;
    pthread_cond_signal(&l->wanted);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->writer, NULL);
    pthread_mutex_lock(&l->lock);
    l->sync_stop = 1;
    pthread_cond_signal(&l->sync_wanted);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->syncer, NULL);
    ws_log_disk_drop_hidden(l->disk);
    if (l->base_name != NULL && l->base_error) return l->base_error;
    return atomic_load(&l->synced) == atomic_load(&l->end) && !atomic_load(&l->resetting) ? 0 : ws_log_failing(l);
}

/* -- the side of the loop ------------------------------------------------------------------------------------------ */

void ws_log_configure(ws_log *l, const ws_log_settings *s) {
    atomic_store_explicit(&l->policy, s->policy, memory_order_relaxed);
    atomic_store_explicit(&l->spare_syncs, s->spare_syncs, memory_order_relaxed);
    atomic_store_explicit(&l->keep_bytes, s->keep_bytes, memory_order_relaxed);
    atomic_store_explicit(&l->keep_ms, s->keep_ms, memory_order_relaxed);
}

static void queue_bytes(ws_log *l, ws_log_buffer *buffer) {
    ws_log_buffer *q = &l->queue;
    if (q->len == 0) {
        const ws_log_buffer empty = *q;
        *q = *buffer;
        *buffer = empty;
        return;
    }
    if (q->cap - q->len < buffer->len) {
        q->cap = 2 * q->cap + buffer->len;
        q->data = ws_realloc(q->data, q->cap);
    }
    memcpy(q->data + q->len, buffer->data, buffer->len);
    q->len += buffer->len;
    release_buffer(buffer);
}

void ws_log_append(ws_log *l, ws_log_buffer *buffer, int64_t unix_ms) {
    const int64_t added = (int64_t)buffer->len, before = atomic_load(&l->end);
    if (added == 0) return;
    pthread_mutex_lock(&l->lock);
    while (l->queue.len > QUEUE_MAX && !ws_log_failing(l)) wait_for(&l->eased, &l->lock, RETRY_MS);
    if (unix_ms - l->stamped_ms >= STAMP_EVERY_MS && l->stamp_ms == 0) {
        l->stamp_ms = l->stamped_ms = unix_ms;
        l->stamp_offset = l->stamped_offset = before;
    }
    queue_bytes(l, buffer);
    atomic_store(&l->end, before + added);
    const int wake = l->asleep && atomic_load(&l->policy) != WS_LOG_ALWAYS;
    if (wake) pthread_cond_signal(&l->wanted);
    pthread_mutex_unlock(&l->lock);
}

int ws_log_commit(ws_log *l) {
    int error = ws_log_failing(l);
    if (error) return error;
    pthread_mutex_lock(&l->disk_lock);
    work(l, 1);
    error = ws_log_failing(l);
    pthread_mutex_unlock(&l->disk_lock);
    return error;
}

void ws_log_roll(ws_log *l, const ws_log_mark *mark) {
    pthread_mutex_lock(&l->lock);
    if (l->roll_count == l->roll_cap) {
        l->roll_cap = 2 * l->roll_cap + 4;
        l->rolls = ws_realloc(l->rolls, l->roll_cap * sizeof *l->rolls);
    }
    l->rolls[l->roll_count++] = (roll){atomic_load(&l->end), *mark};
    atomic_store(&l->next_start, atomic_load(&l->end));
    if (l->asleep) pthread_cond_signal(&l->wanted);
    pthread_mutex_unlock(&l->lock);
}

void ws_log_set_base(ws_log *l, const char *name, int64_t seq, int64_t offset) {
    pthread_mutex_lock(&l->lock);
    ws_free(l->base_name);
    l->base_name = copy_text(name);
    l->base_seq = seq;
    l->base_offset = offset;
    l->base_error = 0;
    l->base_number++;
    if (l->asleep) pthread_cond_signal(&l->wanted);
    pthread_mutex_unlock(&l->lock);
}

void ws_log_reset(ws_log *l, const char *name, int64_t seq, int64_t offset, const ws_log_mark *mark) {
    reset *r = ws_alloc(sizeof *r);
    *r = (reset){copy_text(name), seq, offset, *mark};
    pthread_mutex_lock(&l->lock);
    reset *earlier = l->reset;
    l->reset = r;
    atomic_store(&l->resetting, 1);
    release_buffer(&l->queue);
    l->queue_start = offset;
    l->roll_count = 0;
    drop_base(l);
    l->base_number++;
    l->base_error = 0;
    l->stamp_ms = 0;
    l->stamped_offset = offset;
    atomic_store(&l->end, offset);
    atomic_store(&l->next_start, offset);
    pthread_cond_signal(&l->wanted);
    pthread_cond_broadcast(&l->eased);
    pthread_mutex_unlock(&l->lock);
    free_reset(earlier);
}

int ws_log_base_pending(ws_log *l, int *error) {
    pthread_mutex_lock(&l->lock);
    const int pending = l->base_name != NULL;
    *error = l->base_error;
    pthread_mutex_unlock(&l->lock);
    return pending;
}

int ws_log_failing(const ws_log *l) {
    const int error = atomic_load_explicit(&l->write_error, memory_order_relaxed);
    return error ? error : atomic_load_explicit(&l->sync_error, memory_order_relaxed);
}

int64_t ws_log_file_bytes(const ws_log *l) {
    return atomic_load(&l->end) - atomic_load(&l->next_start);
}

void ws_log_get_facts(ws_log *l, ws_log_facts *out) {
    pthread_mutex_lock(&l->lock);
    out->end = atomic_load(&l->end);
    out->written = atomic_load(&l->disk->end);
    out->synced = atomic_load(&l->synced);
    out->file_start = atomic_load(&l->next_start);
    out->base_bytes = atomic_load(&l->disk->base_bytes);
    out->delayed_syncs = atomic_load(&l->delayed_syncs);
    out->write_error = atomic_load(&l->write_error);
    out->sync_error = atomic_load(&l->sync_error);
    out->syncing = atomic_load(&l->syncing);
    const int64_t file_start = atomic_load(&l->resetting) ? l->queue_start : atomic_load(&l->disk->start);
    if (atomic_load(&l->resetting)) out->written = out->synced = l->queue_start;
    out->buffer_bytes = out->end - out->written;
    pthread_mutex_unlock(&l->lock);
    out->current_bytes = atomic_load(&l->disk->closed_bytes) + out->end - file_start;
}

void ws_log_get_files(ws_log *l, ws_log_files *out) {
    pthread_mutex_lock(&l->disk->list_lock);
    ws_log_files_copy(out, &l->disk->files);
    pthread_mutex_unlock(&l->disk->list_lock);
}

int64_t ws_log_next_seq(ws_log *l, int is_incr) {
    return ws_log_disk_next_seq(l->disk, is_incr);
}

/* -- readers ------------------------------------------------------------------------------------------------------- */

int64_t ws_log_read(ws_log *l, int64_t offset, void *to, size_t cap) {
    return atomic_load(&l->resetting) ? 0 : ws_log_disk_read(l->disk, offset, to, cap);
}

int64_t ws_log_first(ws_log *l) {
    return atomic_load(&l->resetting) ? atomic_load(&l->end) : ws_log_disk_first(l->disk);
}

int ws_log_pin(ws_log *l, int64_t offset) {
    return atomic_load(&l->resetting) ? -1 : ws_log_disk_pin(l->disk, offset);
}

void ws_log_unpin(ws_log *l, int64_t offset) { ws_log_disk_unpin(l->disk, offset); }

int ws_log_damage(ws_log *l, char *text, size_t cap) { return ws_log_disk_damage(l->disk, text, cap); }
