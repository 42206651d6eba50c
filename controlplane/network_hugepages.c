#include "controlplane/network_hugepages.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
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

uint64_t fama_network_hugepages_borrow(const struct fama_network *network)
{
    uint64_t total, free_pages, reached;
    char path[PATH_MAX];
    uint64_t wanted =
        (uint64_t)network->node_count * (FAMA_NETWORK_NODE_MEMORY_MB / PAGE_MB + SPARE_PAGES);
    if (!fama_network_run_path(network->name, "hugepages", path, sizeof(path)) ||
        !read_number(POOL "/nr_hugepages", &total) ||
        !read_number(POOL "/free_hugepages", &free_pages) || free_pages >= wanted) {
        return 0;
    }
    uint64_t missing = wanted - free_pages;
    if (missing * PAGE_KB > available_kb() / MEMORY_SHARE) {
        return 0;
    }
    /* The note is written first: a crash between the two then returns pages that were never added, which
     * the kernel answers by keeping those in use. */
    if (!write_number(path, missing) || !write_number(POOL "/nr_hugepages", total + missing) ||
        !read_number(POOL "/nr_hugepages", &reached)) {
        return 0;
    }
    uint64_t added = reached > total ? reached - total : 0;
    return write_number(path, added) ? added : 0;
}

void fama_network_hugepages_return(const char *network_name)
{
    uint64_t total, added;
    char path[PATH_MAX];
    if (fama_network_run_path(network_name, "hugepages", path, sizeof(path)) &&
        read_number(path, &added) && read_number(POOL "/nr_hugepages", &total) &&
        (added == 0 || write_number(POOL "/nr_hugepages", total > added ? total - added : 0))) {
        (void)unlink(path);
    }
}
