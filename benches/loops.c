/*
 * What reading costs without hashing: a file or a tree in, the number of bytes read out, or -1.
 *
 * These are the floors that hashing.md measures whorl against.  A tree is a folder of folders of files; threads take
 * its folders one after the other.
 */

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes per read: what whorl uses for large files. */
#define BLOCK (256 * 1024)
#define MOST_THREADS 64

int64_t read_file(const char *path) {
    char *buffer = malloc(BLOCK);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    int64_t total = 0;
    ssize_t got = -1;
    if (buffer && file >= 0)
        while ((got = pread(file, buffer, BLOCK, total)) > 0)
            total += got;
    if (file >= 0)
        close(file);
    free(buffer);
    return got < 0 ? -1 : total;
}

/* What is done to each file, by its folder and name; gives its bytes or -1. */
typedef int64_t visit(int folder, const char *name, char *buffer);

struct walk {
    int root;
    char **names;
    size_t count;
    visit *visit;
    atomic_size_t next;
    _Atomic int64_t total;
    atomic_bool failed;
};

static int64_t content(int folder, const char *name, char *buffer) {
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    int64_t total = 0;
    ssize_t got;
    /* A short read is the end of a regular file: small files take one. */
    do {
        got = read(file, buffer, BLOCK);
        total += got > 0 ? got : 0;
    } while (got == BLOCK);
    close(file);
    return got < 0 ? -1 : total;
}

static int64_t size(int folder, const char *name, char *buffer) {
    struct stat found;
    (void)buffer;
    return fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) < 0 ? -1 : (int64_t)found.st_size;
}

static int hidden(const char *name) {
    return name[0] == '.';
}

static int64_t visit_folder(struct walk *walk, const char *name, char *buffer) {
    int folder = openat(walk->root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = folder < 0 ? NULL : fdopendir(folder);
    int64_t total = 0;
    if (!listing) {
        if (folder >= 0)
            close(folder);
        return -1;
    }
    for (struct dirent *entry; (entry = readdir(listing));) {
        if (hidden(entry->d_name))
            continue;
        int64_t bytes = walk->visit(folder, entry->d_name, buffer);
        if (bytes < 0) {
            total = -1;
            break;
        }
        total += bytes;
    }
    closedir(listing);
    return total;
}

static void *work(void *argument) {
    struct walk *walk = argument;
    char *buffer = malloc(BLOCK);
    size_t index;
    while (buffer && (index = atomic_fetch_add(&walk->next, 1)) < walk->count) {
        int64_t bytes = visit_folder(walk, walk->names[index], buffer);
        if (bytes < 0)
            walk->failed = 1;
        else
            walk->total += bytes;
    }
    if (!buffer)
        walk->failed = 1;
    free(buffer);
    return NULL;
}

static void in_threads(struct walk *walk, int threads) {
    pthread_t others[MOST_THREADS];
    int started = 0;
    while (started < threads - 1 && started < MOST_THREADS && !pthread_create(&others[started], NULL, work, walk))
        started++;
    work(walk);
    while (started)
        pthread_join(others[--started], NULL);
}

static int list(struct walk *walk, DIR *listing) {
    size_t room = 0;
    for (struct dirent *entry; (entry = readdir(listing));) {
        if (hidden(entry->d_name))
            continue;
        if (walk->count == room) {
            room = room ? 2 * room : 256;
            char **larger = realloc(walk->names, room * sizeof *larger);
            if (!larger)
                return -1;
            walk->names = larger;
        }
        if (!(walk->names[walk->count] = strdup(entry->d_name)))
            return -1;
        walk->count++;
    }
    return 0;
}

static int64_t walk_tree(const char *path, int threads, visit *visit) {
    DIR *listing = opendir(path);
    if (!listing)
        return -1;
    struct walk walk = {.root = dirfd(listing), .visit = visit};
    int64_t total = -1;
    if (!list(&walk, listing)) {
        in_threads(&walk, threads);
        total = walk.failed ? -1 : walk.total;
    }
    while (walk.count)
        free(walk.names[--walk.count]);
    free(walk.names);
    closedir(listing);
    return total;
}

int64_t read_tree(const char *path, int threads) {
    return walk_tree(path, threads, content);
}

int64_t stat_tree(const char *path, int threads) {
    return walk_tree(path, threads, size);
}
