#include "controlplane/network_hugepages.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define POOL         "/sys/kernel/mm/hugepages/hugepages-2048kB"
#define PAGE_KB      2048
#define PAGE_MB      2
#define SPARE_PAGES  8 /* per node, for what DPDK allocates beside the packets */
#define MEMORY_SHARE 2 /* at most one part in so many of the available memory is taken */

static bool read_number(const char *path, uint64_t *number)
{
    FILE *file = fopen(path, "re");
    bool is_read = file != NULL && fscanf(file, "%" SCNu64, number) == 1;
    if (file != NULL) {
        fclose(file);
    }
    return is_read;
}

static bool write_number(const char *path, uint64_t number)
{
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return false;
    }
    bool is_written = fprintf(file, "%" PRIu64 "\n", number) > 0;
    return fclose(file) == 0 && is_written;
}

static uint64_t available_kb(void)
{
    FILE *file = fopen("/proc/meminfo", "re");
    char line[128];
    uint64_t found = 0;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "MemAvailable: %" SCNu64, &found) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

/* Networks of different names may come up at the same time: one looks at the pool at a time. */
static int lock_pool(void)
{
    int fd = open(FAMA_NETWORK_RUN_FOLDER "/hugepages.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && flock(fd, LOCK_EX) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* What other networks have borrowed is theirs even while it is free: their nodes may be about to start, or
 * to come back. */
static uint64_t borrowed_by_others(const char *network_name)
{
    char path[PATH_MAX];
    uint64_t sum = 0, added;
    DIR *entries = opendir(FAMA_NETWORK_RUN_FOLDER);
    if (entries == NULL) {
        return 0;
    }
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, network_name) != 0 &&
            fama_network_run_path(entry->d_name, "hugepages", path, sizeof(path)) &&
            read_number(path, &added)) {
            sum += added;
        }
    }
    closedir(entries);
    return sum;
}

static uint64_t borrow(const struct fama_network *network, const char *note)
{
    uint64_t total, free_pages, reached;
    uint64_t wanted = (uint64_t)network->node_count *
                      (fama_network_node_memory_mb(network) / PAGE_MB + SPARE_PAGES);
    if (!read_number(POOL "/nr_hugepages", &total) ||
        !read_number(POOL "/free_hugepages", &free_pages)) {
        return 0;
    }
    uint64_t others = borrowed_by_others(network->name);
    uint64_t at_hand = free_pages > others ? free_pages - others : 0;
    uint64_t missing = wanted > at_hand ? wanted - at_hand : 0;
    /* The note is written first: a crash between the two then returns pages that were never added, which
     * the kernel answers by keeping those in use. */
    if (missing == 0 || missing * PAGE_KB > available_kb() / MEMORY_SHARE ||
        !write_number(note, missing) || !write_number(POOL "/nr_hugepages", total + missing) ||
        !read_number(POOL "/nr_hugepages", &reached)) {
        return 0;
    }
    uint64_t added = reached > total ? reached - total : 0;
    return write_number(note, added) ? added : 0;
}

uint64_t fama_network_hugepages_borrow(const struct fama_network *network)
{
    char note[PATH_MAX];
    int fd = lock_pool();
    uint64_t added = 0;
    if (fd >= 0) {
        if (fama_network_run_path(network->name, "hugepages", note, sizeof(note))) {
            added = borrow(network, note);
        }
        close(fd);
    }
    return added;
}

void fama_network_hugepages_return(const char *network_name)
{
    uint64_t total, added;
    char note[PATH_MAX];
    if (!fama_network_run_path(network_name, "hugepages", note, sizeof(note)) ||
        !read_number(note, &added)) {
        return;
    }
    int fd = lock_pool();
    if (fd >= 0) {
        if (read_number(POOL "/nr_hugepages", &total) &&
            write_number(POOL "/nr_hugepages", total > added ? total - added : 0)) {
            (void)unlink(note);
        }
        close(fd);
    }
}
