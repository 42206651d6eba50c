#include "bench/fanout.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/command.h"
#include "controlplane/network_process.h"
#include "dataplane/wire.h"

#define ROUNDS_MAX   15
#define SENDER_SPACE "fama-bench-tx"
#define SINK_SPACE   "fama-bench-rx"
#define SENDER_LINK  "ftx"
#define SINK_LINK    "frx"

static const uint8_t sink_mac[6] = {0x02, 0xfa, 0x3a, 0, 0, 1};
static const char sink_mac_text[] = "02:fa:3a:00:00:01";

enum sender {
    SENDER_FAMA = 0,
    SENDER_TESTPMD = 1,
    SENDER_SENDMMSG = 2,
    SENDER_COUNT = 3,
};
static const char *const sender_names[] = {"fama", "testpmd", "sendmmsg"};

/* Set by SIGINT and SIGTERM: the rounds end, and what the bench has made is removed as always. */
static volatile sig_atomic_t is_interrupted;

static void on_signal(int number)
{
    (void)number;
    is_interrupted = 1;
}

static void sleep_ms(uint64_t ms)
{
    struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- The two namespaces ---- */

static void remove_spaces(void)
{
    fama_network_try_tool((const char *const[]){"ip", "netns", "del", SENDER_SPACE, NULL});
    fama_network_try_tool((const char *const[]){"ip", "netns", "del", SINK_SPACE, NULL});
}

static int make_spaces(struct fama_error *error)
{
    /* The sender's address is only used by the kernel's own sender; nothing listens at the sink, whose
     * kernel drops the frames first thing because they are for another link address. */
    static const char *const steps[][16] = {
        {"ip", "netns", "add", SENDER_SPACE, NULL},
        {"ip", "netns", "add", SINK_SPACE, NULL},
        {"ip", "-n", SENDER_SPACE, "link", "add", SENDER_LINK, "type", "veth", "peer", "name",
         SINK_LINK, "netns", SINK_SPACE, NULL},
        {"ip", "-n", SINK_SPACE, "link", "set", SINK_LINK, "up", NULL},
        {"ip", "-n", SENDER_SPACE, "link", "set", SENDER_LINK, "up", NULL},
    };
    remove_spaces();
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        int result = fama_network_run_tool(steps[i], error);
        if (result != 0) {
            remove_spaces();
            return result;
        }
    }
    return 0;
}

static bool enter_space(const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "/run/netns/%s", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_entered = fd >= 0 && setns(fd, CLONE_NEWNET) == 0;
    if (!is_entered) {
        fprintf(stderr, "fama-bench: %s: %s\n", path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return is_entered;
}

/* ---- Processes ---- */

static pid_t start_sink(const struct fama_fanout_case *what)
{
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(enter_space(SINK_SPACE) ? fama_fanout_run_sink(what, sink_mac) : 1);
    }
    return pid;
}

static pid_t start_sender(enum sender sender, const struct fama_fanout_case *what)
{
    pid_t pid = fork();
    if (pid != 0) {
        return pid;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!enter_space(SENDER_SPACE)) {
        _exit(1);
    }
    int devnull = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (devnull >= 0) {
        dup2(devnull, STDIN_FILENO);
        dup2(devnull, STDOUT_FILENO);
    }
    switch (sender) {
    case SENDER_FAMA:
        _exit(fama_fanout_run_dataplane(what));
    case SENDER_TESTPMD:
        _exit(fama_fanout_run_testpmd(what, sink_mac_text));
    case SENDER_SENDMMSG:
        _exit(fama_fanout_run_sendmmsg(what));
    case SENDER_COUNT:
        break;
    }
    _exit(1);
}

static void end_process(pid_t pid)
{
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

/* The kernel's count of frames received at the sink's end, from the sink process's view. */
static bool frames_at_sink(pid_t sink, uint64_t *frames)
{
    char path[64];
    char line[512];
    snprintf(path, sizeof(path), "/proc/%d/net/dev", (int)sink);
    FILE *file = fopen(path, "r");
    bool is_found = false;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        char *at = strstr(line, SINK_LINK ":");
        uint64_t bytes;
        if (at != NULL &&
            sscanf(at + strlen(SINK_LINK ":"), "%" SCNu64 " %" SCNu64, &bytes, frames) == 2) {
            is_found = true;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return is_found;
}

/* ---- Measuring ---- */

/* Frames per second at the sink while `sender` runs; negative if it did not. */
static double measure(enum sender sender, const struct fama_fanout_case *what, pid_t sink,
                      double seconds)
{
    pid_t pid = start_sender(sender, what);
    if (pid < 0) {
        return -1;
    }
    /* Frames flow when the count has moved by more than ARP would move it. */
    uint64_t first = 0;
    uint64_t frames = 0;
    bool is_running = frames_at_sink(sink, &first);
    for (int waited_ms = 0; is_running && waited_ms < 20000; waited_ms += 50) {
        sleep_ms(50);
        is_running = waitpid(pid, NULL, WNOHANG) == 0;
        if (frames_at_sink(sink, &frames) && frames - first > 10000) {
            break;
        }
    }
    double rate = -1;
    if (is_running && frames - first > 10000) {
        sleep_ms(300);
        uint64_t before = 0;
        uint64_t after = 0;
        bool is_read = frames_at_sink(sink, &before);
        double start = now_s();
        sleep_ms((uint64_t)(seconds * 1000));
        is_read = frames_at_sink(sink, &after) && is_read;
        double end = now_s();
        if (is_read && waitpid(pid, NULL, WNOHANG) == 0) {
            rate = (double)(after - before) / (end - start);
        }
    }
    end_process(pid);
    return rate;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(values[0]), compare);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static double goodput_gbit(double packets_per_s, uint32_t bytes)
{
    return packets_per_s * bytes * 8 / 1e9;
}

static int report(const struct fama_fanout_case *what, const double rates[SENDER_COUNT],
                  uint32_t chunk_bytes, bool as_json)
{
    double ratio_testpmd = rates[SENDER_FAMA] / rates[SENDER_TESTPMD];
    double ratio_sendmmsg = rates[SENDER_FAMA] / rates[SENDER_SENDMMSG];
    if (as_json) {
        json_t *json =
            json_pack("{s:s, s:s, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:f}", "case", "fanout",
                      "port", "net_af_packet", "targets", (int)what->targets, "datagram_bytes",
                      (int)what->datagram_bytes, "chunk_payload_bytes", (int)chunk_bytes,
                      "fama_packets_per_s", rates[SENDER_FAMA], "testpmd_packets_per_s",
                      rates[SENDER_TESTPMD], "sendmmsg_packets_per_s", rates[SENDER_SENDMMSG],
                      "fama_goodput_gbit_per_s", goodput_gbit(rates[SENDER_FAMA], chunk_bytes),
                      "ratio_testpmd", ratio_testpmd, "ratio_sendmmsg", ratio_sendmmsg);
        char *text = json == NULL ? NULL : json_dumps(json, JSON_REAL_PRECISION(6));
        json_decref(json);
        if (text == NULL) {
            fprintf(stderr, "fama-bench: fanout: out of memory\n");
            return FAMA_EXIT_FAILED;
        }
        puts(text);
        free(text);
        return FAMA_EXIT_OK;
    }
    printf("%-10s %14s %22s\n", "sender", "packets/s", "payload Gbit/s");
    for (int i = 0; i < SENDER_COUNT; i++) {
        uint32_t payload = i == SENDER_FAMA ? chunk_bytes : what->datagram_bytes;
        printf("%-10s %14.0f %22.2f\n", sender_names[i], rates[i], goodput_gbit(rates[i], payload));
    }
    printf("%u targets, datagrams of %u bytes, of which a chunk's payload is %u\n", what->targets,
           what->datagram_bytes, chunk_bytes);
    printf("fama / testpmd  %.2f\nfama / sendmmsg %.2f\n", ratio_testpmd, ratio_sendmmsg);
    return FAMA_EXIT_OK;
}

const struct fama_command fama_bench_fanout_command = {
    .path = "fanout",
    .brief = "chunks per second from one net lcore to many targets, beside testpmd and sendmmsg",
    .help =
        "Sends datagrams of one size through a veth pair: Fama's dataplane fanning chunks out,\n"
        "DPDK's testpmd txonly on the same port type (the limit), and a kernel UDP socket with\n"
        "sendmmsg. Prints medians of alternating rounds and the two ratios. Needs root.\n"
        "\n"
        "  --targets N     peers that get every chunk (default 8, at most 64)\n"
        "  --bytes N       UDP payload of each datagram (default 1400)\n"
        "  --seconds S     measured time of each sender and round (default 2)\n"
        "  --rounds N      rounds (default 3)\n"
        "  --core N        the CPU that sends (default 1)\n"
        "  --json          one JSON object per line\n",
    .run = fama_bench_fanout,
};

int fama_bench_fanout(int argc, char **argv)
{
    uint64_t targets = 8;
    uint64_t bytes = 1400;
    uint64_t rounds = 3;
    uint64_t core = 1;
    double seconds = 2;
    bool as_json = false;
    const struct fama_option options[] = {
        {"targets", FAMA_OPTION_NUMBER, &targets, false},
        {"bytes", FAMA_OPTION_NUMBER, &bytes, false},
        {"rounds", FAMA_OPTION_NUMBER, &rounds, false},
        {"core", FAMA_OPTION_NUMBER, &core, false},
        {"seconds", FAMA_OPTION_REAL, &seconds, false},
        {"json", FAMA_OPTION_FLAG, &as_json, false},
    };
    int usage = fama_options_parse(&fama_bench_fanout_command, options,
                                   sizeof(options) / sizeof(options[0]), argc, argv, NULL);
    if (usage != 0) {
        return usage;
    }
    if (targets < 1 || targets > FAMA_FANOUT_TARGETS_MAX || bytes < 400 || bytes > 1472 ||
        rounds < 1 || rounds > ROUNDS_MAX || core > 1023 || !(seconds > 0.1 && seconds < 60)) {
        fprintf(stderr, "fama-bench: fanout: targets 1 to 64, bytes 400 to 1472, rounds 1 to 15, "
                        "core below 1024, seconds 0.1 to 60\n");
        return FAMA_EXIT_USAGE;
    }
    struct fama_fanout_case what = {
        .interface = SENDER_LINK,
        .source_ipv4 = 0xC6120001, /* 198.18.0.1, RFC 2544 */
        .first_ipv4 = 0xC6120065,  /* 198.18.0.101 */
        .port = 7051,
        .targets = (uint32_t)targets,
        .datagram_bytes = (uint32_t)bytes,
        .core = (uint32_t)core,
        .helper_core = core == 0 ? 1 : 0,
    };
    struct fama_error error = {""};
    if (make_spaces(&error) != 0) {
        fprintf(stderr, "fama-bench: fanout: %s\n", error.text);
        return FAMA_EXIT_FAILED;
    }
    pid_t sink = start_sink(&what);
    sleep_ms(200);
    double rates[SENDER_COUNT][ROUNDS_MAX];
    bool is_whole = sink > 0;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    for (uint64_t round = 0; is_whole && round < rounds; round++) {
        for (int sender = 0; is_whole && sender < SENDER_COUNT; sender++) {
            /* The address belongs to the kernel for its own sender alone: else it would answer for it. */
            const char *verb = sender == SENDER_SENDMMSG ? "add" : "del";
            fama_network_try_tool((const char *const[]){"ip", "-n", SENDER_SPACE, "addr", verb,
                                                        "198.18.0.1/24", "dev", SENDER_LINK, NULL});
            rates[sender][round] = measure(sender, &what, sink, seconds);
            is_whole = rates[sender][round] > 0 && !is_interrupted;
            fprintf(stderr, "round %" PRIu64 " of %" PRIu64 ": %-8s %10.0f packets/s\n", round + 1,
                    rounds, sender_names[sender], rates[sender][round]);
        }
    }
    end_process(sink);
    remove_spaces();
    if (!is_whole) {
        fprintf(stderr, "fama-bench: fanout: %s\n",
                is_interrupted ? "interrupted" : "a sender did not run: see the line above");
        return FAMA_EXIT_FAILED;
    }
    double medians[SENDER_COUNT];
    for (int i = 0; i < SENDER_COUNT; i++) {
        medians[i] = median(rates[i], rounds);
    }
    return report(&what, medians, fama_chunk_bytes_for(what.datagram_bytes), as_json);
}
