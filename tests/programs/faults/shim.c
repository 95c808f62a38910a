/* Counts the file operations under a folder in every process that it is preloaded into, and makes one of them fail.

   FAULT_CONTROL names a file of one `struct control`, mapped by all processes, so that the number of an operation is
   its place among those of all of them. FAULT_ROOT is the folder; nothing else is counted or touched. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum action { COUNT, KILL, TORN, SHORT, NO_SPACE, NO_SPACE_ON, IO_ERROR, IO_ERROR_ON };
enum { LOGGED = 8192, LINE = 192 };

struct control {
    uint64_t counter;
    uint64_t target;
    uint64_t fired;
    int64_t clock_jump;
    uint32_t action;
    uint32_t armed;
    char log[LOGGED][LINE];
};

static struct control *control;
static char root[PATH_MAX];
static size_t root_length;

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void prepare(void) {
    const char *path = getenv("FAULT_CONTROL"), *folder = getenv("FAULT_ROOT");
    if (!path || !folder) return;
    snprintf(root, sizeof root, "%s", folder);
    root_length = strlen(root);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *at = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at != MAP_FAILED) control = at;
}

static int is_inside(int dir, const char *path, char *whole) {
    if (path[0] == '/') {
        snprintf(whole, PATH_MAX, "%s", path);
    } else {
        char link[64], folder[PATH_MAX];
        if (dir == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
        ssize_t n = readlink(link, folder, sizeof folder - 1);
        if (n < 0) return 0;
        folder[n] = 0;
        if (snprintf(whole, PATH_MAX, "%s/%s", folder, path) >= PATH_MAX) return 0;
    }
    return strncmp(whole, root, root_length) == 0;
}

static int is_of(int fd, char *whole) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, whole, PATH_MAX - 1);
    if (n < 0) return 0;
    whole[n] = 0;
    return strncmp(whole, root, root_length) == 0;
}

/* What is to be done to this operation; `needs_room` says whether a full disk would refuse it. */
static enum action due(const char *name, const char *path, int needs_room) {
    uint64_t number = __atomic_add_fetch(&control->counter, 1, __ATOMIC_SEQ_CST);
    if (number <= LOGGED) snprintf(control->log[number - 1], LINE, "%s %s", name, path + root_length);
    enum action action = control->action;
    int goes_on = action == NO_SPACE_ON || action == IO_ERROR_ON;
    if (action == COUNT || number < control->target || (number > control->target && !goes_on)) return COUNT;
    if (action == NO_SPACE_ON && !needs_room) return COUNT;
    __atomic_add_fetch(&control->fired, 1, __ATOMIC_SEQ_CST);
    if (action == KILL) {
        kill(-getpgrp(), SIGKILL);
        for (;;) pause();
    }
    return action;
}

static int fails(enum action action) {
    if (action < NO_SPACE) return 0;
    errno = action == NO_SPACE || action == NO_SPACE_ON ? ENOSPC : EIO;
    return 1;
}

static void end_if_torn(enum action action) {
    if (action != TORN) return;
    kill(-getpgrp(), SIGKILL);
    for (;;) pause();
}

#define SIMPLE(result, name, inside, path, needs_room, parameters, arguments)          \
    result name parameters {                                                            \
        REAL(name);                                                                     \
        char whole[PATH_MAX];                                                           \
        if (!control || !control->armed || !(inside)) return real arguments;            \
        enum action action = due(#name, whole, needs_room);                             \
        if (fails(action)) return -1;                                                   \
        result value = real arguments;                                                  \
        end_if_torn(action);                                                            \
        return value;                                                                   \
    }

SIMPLE(int, rename, is_inside(AT_FDCWD, b, whole), b, 0, (const char *a, const char *b), (a, b))
SIMPLE(int, renameat, is_inside(d, b, whole), b, 0, (int c, const char *a, int d, const char *b), (c, a, d, b))
SIMPLE(int, link, is_inside(AT_FDCWD, b, whole), b, 1, (const char *a, const char *b), (a, b))
SIMPLE(int, linkat, is_inside(d, b, whole), b, 1, (int c, const char *a, int d, const char *b, int f), (c, a, d, b, f))
SIMPLE(int, symlink, is_inside(AT_FDCWD, b, whole), b, 1, (const char *a, const char *b), (a, b))
SIMPLE(int, unlink, is_inside(AT_FDCWD, a, whole), a, 0, (const char *a), (a))
SIMPLE(int, unlinkat, is_inside(d, a, whole), a, 0, (int d, const char *a, int f), (d, a, f))
SIMPLE(int, mkdir, is_inside(AT_FDCWD, a, whole), a, 1, (const char *a, mode_t m), (a, m))
SIMPLE(int, mkdirat, is_inside(d, a, whole), a, 1, (int d, const char *a, mode_t m), (d, a, m))
SIMPLE(int, rmdir, is_inside(AT_FDCWD, a, whole), a, 0, (const char *a), (a))
SIMPLE(int, fsync, is_of(fd, whole), "", 1, (int fd), (fd))
SIMPLE(int, fdatasync, is_of(fd, whole), "", 1, (int fd), (fd))
SIMPLE(int, ftruncate, is_of(fd, whole), "", 0, (int fd, off_t n), (fd, n))
SIMPLE(int, ftruncate64, is_of(fd, whole), "", 0, (int fd, off64_t n), (fd, n))
SIMPLE(int, posix_fallocate, is_of(fd, whole), "", 1, (int fd, off_t a, off_t n), (fd, a, n))

#define WRITER(name, kind, parameters, half, all)                                       \
    ssize_t name parameters {                                                           \
        REAL(name);                                                                     \
        char whole[PATH_MAX];                                                           \
        if (!control || !control->armed || !is_of(fd, whole)) return real all;          \
        enum action action = due(#name, whole, 1);                                      \
        if (fails(action)) return -1;                                                   \
        if (action != TORN && action != SHORT) return real all;                         \
        ssize_t written = n > 1 ? real half : real all;                                 \
        end_if_torn(action);                                                            \
        return written;                                                                 \
    }

WRITER(write, , (int fd, const void *b, size_t n), (fd, b, n / 2), (fd, b, n))
WRITER(pwrite, , (int fd, const void *b, size_t n, off_t o), (fd, b, n / 2, o), (fd, b, n, o))
WRITER(pwrite64, , (int fd, const void *b, size_t n, off64_t o), (fd, b, n / 2, o), (fd, b, n, o))
WRITER(writev, , (int fd, const struct iovec *b, int n), (fd, b, n / 2), (fd, b, n))

/* Opening is counted where it makes or empties a file, or opens one for writing. */
#define OPENER(name, parameters, dir, arguments)                                        \
    int name parameters {                                                               \
        REAL(name);                                                                     \
        mode_t mode = 0;                                                                \
        if (flags & (O_CREAT | O_TMPFILE)) {                                            \
            va_list rest;                                                               \
            va_start(rest, flags);                                                      \
            mode = va_arg(rest, mode_t);                                                \
            va_end(rest);                                                               \
        }                                                                               \
        char whole[PATH_MAX];                                                           \
        int is_writing = flags & (O_CREAT | O_TRUNC | O_WRONLY | O_RDWR);               \
        if (!control || !control->armed || !is_writing || !is_inside(dir, path, whole)) \
            return real arguments;                                                      \
        enum action action = due(#name, whole, flags & O_CREAT);                        \
        if (fails(action)) return -1;                                                   \
        int fd = real arguments;                                                        \
        end_if_torn(action);                                                            \
        return fd;                                                                      \
    }

OPENER(open, (const char *path, int flags, ...), AT_FDCWD, (path, flags, mode))
OPENER(open64, (const char *path, int flags, ...), AT_FDCWD, (path, flags, mode))
OPENER(openat, (int dir, const char *path, int flags, ...), dir, (dir, path, flags, mode))
OPENER(openat64, (int dir, const char *path, int flags, ...), dir, (dir, path, flags, mode))

/* The wall clock of every process jumps when `clock_jump` does; clocks that only count seconds do not. */
int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(clock_gettime);
    int value = real(clock, now);
    if (value == 0 && control && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += __atomic_load_n(&control->clock_jump, __ATOMIC_SEQ_CST);
    return value;
}
