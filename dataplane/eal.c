#include "dataplane/eal.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define ARGUMENTS_MAX     32
#define ARGUMENT_BYTES    512
#define HUGEPAGES_FOLDER  "/sys/kernel/mm/hugepages"
#define WORDS_BYTES       384
#define MEGABYTE          (1024u * 1024u)
#define FILE_PREFIX_BYTES 64

struct arguments {
    int count;
    char *list[ARGUMENTS_MAX + 1];
    char text[ARGUMENTS_MAX][ARGUMENT_BYTES];
    bool has_room;
};

/* The EAL is a singleton, and so is what it says. Its threads log too, hence the lock. */
static struct {
    bool is_up;
    FILE *log;
    pthread_mutex_t lock;
    char words[WORDS_BYTES];
    char shown[WORDS_BYTES];
    int saved_stderr;
} eal = {.lock = PTHREAD_MUTEX_INITIALIZER, .saved_stderr = -1};

static void add(struct arguments *arguments, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct arguments *arguments, const char *format, ...)
{
    if (arguments->count == ARGUMENTS_MAX) {
        arguments->has_room = false;
        return;
    }
    char *text = arguments->text[arguments->count];
    va_list values;
    va_start(values, format);
    int len = vsnprintf(text, ARGUMENT_BYTES, format, values);
    va_end(values);
    arguments->has_room = arguments->has_room && len >= 0 && len < ARGUMENT_BYTES;
    arguments->list[arguments->count++] = text;
}

/* Receives each line of DPDK's log; only errors are worth keeping, the newest last. */
static ssize_t keep_words(void *cookie, const char *line, size_t len)
{
    (void)cookie;
    if (rte_log_cur_msg_loglevel() > (int)RTE_LOG_ERR) {
        return (ssize_t)len;
    }
    size_t kept = len;
    while (kept > 0 && isspace((unsigned char)line[kept - 1])) {
        kept--;
    }
    pthread_mutex_lock(&eal.lock);
    size_t used = strlen(eal.words);
    if (kept > 0 && used + kept + 3 <= sizeof eal.words) {
        if (used > 0) {
            memcpy(eal.words + used, "; ", 2);
            used += 2;
        }
        memcpy(eal.words + used, line, kept);
        eal.words[used + kept] = '\0';
    }
    pthread_mutex_unlock(&eal.lock);
    return (ssize_t)len;
}

const char *fama_eal_words(void)
{
    pthread_mutex_lock(&eal.lock);
    memcpy(eal.shown, eal.words, sizeof eal.shown);
    pthread_mutex_unlock(&eal.lock);
    return eal.shown;
}

void fama_eal_words_clear(void)
{
    pthread_mutex_lock(&eal.lock);
    eal.words[0] = '\0';
    pthread_mutex_unlock(&eal.lock);
}

void fama_eal_quiet_begin(void)
{
    (void)fflush(stderr);
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0) {
        return;
    }
    eal.saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (eal.saved_stderr >= 0) {
        (void)dup2(nowhere, STDERR_FILENO);
    }
    (void)close(nowhere);
}

void fama_eal_quiet_end(void)
{
    if (eal.saved_stderr >= 0) {
        (void)fflush(stderr);
        (void)dup2(eal.saved_stderr, STDERR_FILENO);
        (void)close(eal.saved_stderr);
        eal.saved_stderr = -1;
    }
}

bool fama_eal_is_pci(const char *port)
{
    unsigned int domain, bus, device, function;
    int used = 0;
    size_t len = strcspn(port, ",");
    bool with_domain =
        sscanf(port, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &used) == 4;
    if (with_domain && (size_t)used == len) {
        return true;
    }
    used = 0;
    return sscanf(port, "%2x:%2x.%1x%n", &bus, &device, &function, &used) == 3 &&
           (size_t)used == len;
}

/* Free huge pages of all sizes together, in MB. */
static uint64_t free_hugepages_mb(void)
{
    uint64_t megabytes = 0;
    DIR *folder = opendir(HUGEPAGES_FOLDER);
    if (folder == NULL) {
        return 0;
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        unsigned long kilobytes = 0;
        if (sscanf(entry->d_name, "hugepages-%lukB", &kilobytes) != 1) {
            continue;
        }
        char path[sizeof HUGEPAGES_FOLDER + sizeof entry->d_name + 32];
        (void)snprintf(path, sizeof path, HUGEPAGES_FOLDER "/%s/free_hugepages", entry->d_name);
        FILE *file = fopen(path, "r");
        unsigned long pages = 0;
        if (file != NULL) {
            if (fscanf(file, "%lu", &pages) == 1) {
                megabytes += (uint64_t)pages * kilobytes / 1024;
            }
            (void)fclose(file);
        }
    }
    (void)closedir(folder);
    return megabytes;
}

static int add_memory(struct arguments *arguments, const struct fama_dataplane_config *config,
                      struct fama_error *error)
{
    uint64_t free_mb = config->hugepages == FAMA_HUGEPAGES_OFF ? 0 : free_hugepages_mb();
    bool is_enough = free_mb >= config->memory_mb;
    if (config->hugepages == FAMA_HUGEPAGES_ON && !is_enough) {
        return fama_error_set(error, FAMA_DATAPLANE_EAL,
                              "%llu MB of huge pages are free, %u MB are needed: raise "
                              "vm.nr_hugepages, lower the packet memory or allow ordinary pages",
                              (unsigned long long)free_mb, config->memory_mb);
    }
    if (config->hugepages == FAMA_HUGEPAGES_AUTO && !is_enough && config->warn != NULL) {
        char words[160];
        (void)snprintf(words, sizeof words,
                       "%llu MB of huge pages are free, %u MB are wanted: using ordinary pages, "
                       "which cost speed",
                       (unsigned long long)free_mb, config->memory_mb);
        config->warn(words);
    }
    add(arguments, "-m");
    if (config->hugepages != FAMA_HUGEPAGES_OFF && is_enough) {
        add(arguments, "%u", config->memory_mb);
        /* Nothing of ours then stays behind in hugetlbfs or /var/run when the process is killed. */
        add(arguments, "--in-memory");
    } else {
        /* The EAL takes more huge pages as it needs them, but never more ordinary memory than this. Pages
         * that are never touched cost nothing. */
        add(arguments, "%llu", 2ull * config->memory_mb);
        /* The EAL refuses --in-memory together with --no-huge; this leaves no files either. */
        add(arguments, "--no-huge");
        add(arguments, "--no-shconf");
    }
    return 0;
}

/* The CPU of a logical core. */
static uint32_t cpu_of(const struct fama_dataplane_config *config, uint32_t lcore)
{
    uint32_t verify = fama_eal_lcore_verify(config);
    if (lcore < FAMA_EAL_LCORE_NET) {
        return config->control_core;
    }
    return lcore < verify ? config->net_cores[lcore - FAMA_EAL_LCORE_NET]
                          : config->verify_cores[lcore - verify];
}

static int check(const struct fama_dataplane_config *config, struct fama_error *error)
{
    if (config->port == NULL || config->port[0] == '\0') {
        return fama_error_set(error, FAMA_DATAPLANE_CONFIG, "no dataplane port is configured");
    }
    if (config->net_core_count == 0 || config->net_core_count > FAMA_NET_CORES_MAX) {
        return fama_error_set(error, FAMA_DATAPLANE_CONFIG,
                              "%u net cores: between 1 and %d are possible", config->net_core_count,
                              FAMA_NET_CORES_MAX);
    }
    if (config->verify_core_count == 0 || config->verify_core_count > FAMA_CORES_MAX) {
        return fama_error_set(error, FAMA_DATAPLANE_CONFIG,
                              "%u verify cores: between 1 and %d are possible",
                              config->verify_core_count, FAMA_CORES_MAX);
    }
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    uint32_t verify = fama_eal_lcore_verify(config);
    for (uint32_t i = 0; i < verify + config->verify_core_count; i++) {
        uint32_t core = cpu_of(config, i);
        if (cpus > 0 && core >= (uint32_t)cpus) {
            return fama_error_set(error, FAMA_DATAPLANE_CONFIG,
                                  "CPU %u is configured for the dataplane, this machine has %ld "
                                  "(0 to %ld)",
                                  core, cpus, cpus - 1);
        }
    }
    if (config->memory_mb == 0) {
        return fama_error_set(error, FAMA_DATAPLANE_CONFIG, "no packet memory is configured");
    }
    return 0;
}

static void add_lcores(struct arguments *arguments, const struct fama_dataplane_config *config)
{
    char map[ARGUMENT_BYTES];
    int len = snprintf(map, sizeof map, "0@%u", config->control_core);
    uint32_t lcores = fama_eal_lcore_verify(config) + config->verify_core_count;
    for (uint32_t i = 1; i < lcores && len > 0 && (size_t)len < sizeof map; i++) {
        len += snprintf(map + len, sizeof map - (size_t)len, ",%u@%u", i, cpu_of(config, i));
    }
    add(arguments, "--lcores");
    add(arguments, "%s", map);
}

static bool open_log(void)
{
    if (eal.log == NULL) {
        eal.log = fopencookie(NULL, "w", (cookie_io_functions_t){.write = keep_words});
        /* Line by line, so that each arrives while its level is still known. */
        if (eal.log == NULL || setvbuf(eal.log, NULL, _IOLBF, BUFSIZ) != 0) {
            return false;
        }
    }
    return rte_openlog_stream(eal.log) == 0;
}

int fama_eal_start(const struct fama_dataplane_config *config, struct fama_error *error)
{
    /* DPDK keeps pointers into its arguments' text for as long as it runs. */
    static struct arguments arguments;
    arguments = (struct arguments){.has_room = true};
    if (eal.is_up) {
        return fama_error_set(error, FAMA_DATAPLANE_EAL,
                              "this process has a dataplane already: DPDK allows one");
    }
    int status = check(config, error);
    if (status != 0) {
        return status;
    }
    add(&arguments, "fama");
    add_lcores(&arguments, config);
    add(&arguments, "--file-prefix");
    add(&arguments, "%s", config->file_prefix != NULL ? config->file_prefix : "fama");
    add(&arguments, "--no-telemetry");
    add(&arguments, "--log-level=warning");
    if (fama_eal_is_pci(config->port)) {
        add(&arguments, "-a");
        add(&arguments, "%s", config->port);
    } else {
        add(&arguments, "--no-pci");
    }
    status = add_memory(&arguments, config, error);
    if (status != 0) {
        return status;
    }
    if (!arguments.has_room) {
        return fama_error_set(error, FAMA_DATAPLANE_CONFIG,
                              "the dataplane's port or file prefix is too long");
    }
    if (!open_log()) {
        return fama_error_set(error, FAMA_DATAPLANE_NO_MEMORY, "out of memory for DPDK's log");
    }
    fama_eal_words_clear();
    fama_eal_quiet_begin();
    status = rte_eal_init(arguments.count, arguments.list);
    fama_eal_quiet_end();
    if (status < 0) {
        const char *words = fama_eal_words();
        return fama_error_set(error, FAMA_DATAPLANE_EAL, "DPDK does not start (%s): %s",
                              rte_strerror(rte_errno),
                              words[0] != '\0' ? words : "it gives no reason");
    }
    eal.is_up = true;
    return 0;
}

void fama_eal_stop(void)
{
    if (!eal.is_up) {
        return;
    }
    eal.is_up = false;
    fama_eal_quiet_begin();
    /* Whatever it could not give back, the process's end does. */
    (void)rte_eal_cleanup();
    fama_eal_quiet_end();
}
