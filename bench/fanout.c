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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/command.h"
#include "controlplane/network_process.h"
#include "controlplane/scratch_folder.h"
#include "dataplane/wire.h"

#define ROUNDS_MAX   15
#define TRIES        3
#define REPEATED_MAX 10
#define SENDER_LINK  "ftx"
#define SINK_LINK    "frx"
#define FRAMES_LEAST 10000 /* more than a sender's ARP: it is under way */

static const uint8_t sink_mac[6] = {0x02, 0xfa, 0x3a, 0, 0, 1};
static const char sink_mac_text[] = "02:fa:3a:00:00:01";

enum sender {
    SENDER_FAMA = 0,
    SENDER_TESTPMD = 1,
    SENDER_CHAINED = 2, /* testpmd, frames in two pieces */
    SENDER_SENDMMSG = 3,
    SENDER_COUNT = 4,
};
static const char *const sender_names[] = {"fama", "testpmd", "testpmd_chained", "sendmmsg"};

/* The benches of one machine stay apart by their process ids. */
static char sender_space[32];
static char sink_space[32];
static char socket_folder[32];

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

/* ---- What the bench makes and removes ---- */

static void remove_spaces(void)
{
    fama_network_try_tool((const char *const[]){"ip", "netns", "del", sender_space, NULL});
    fama_network_try_tool((const char *const[]){"ip", "netns", "del", sink_space, NULL});
}

static int make_spaces(struct fama_error *error)
{
    snprintf(sender_space, sizeof(sender_space), "fama-bench-tx-%d", (int)getpid());
    snprintf(sink_space, sizeof(sink_space), "fama-bench-rx-%d", (int)getpid());
    /* The sender's address is only used by the kernel's own sender; nothing listens at the sink, whose
     * kernel drops the frames first thing because they are for another link address. */
    const char *const steps[][16] = {
        {"ip", "netns", "add", sender_space, NULL},
        {"ip", "netns", "add", sink_space, NULL},
        {"ip", "-n", sender_space, "link", "add", SENDER_LINK, "type", "veth", "peer", "name",
         SINK_LINK, "netns", sink_space, NULL},
        {"ip", "-n", sink_space, "link", "set", SINK_LINK, "up", NULL},
        /* One segment at a time: datagrams are cut apart before they reach the link. */
        {"ip", "-n", sender_space, "link", "set", SENDER_LINK, "gso_max_segs", "1", "up", NULL},
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

struct sinks {
    pid_t veth;
    pid_t memif; /* 0: not wanted */
};

static pid_t start_sink(int (*run)(const struct fama_fanout_case *, const uint8_t[6]),
                        const struct fama_fanout_case *what)
{
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(enter_space(sink_space) ? run(what, sink_mac) : 1);
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
    if (!enter_space(sender_space)) {
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
    case SENDER_CHAINED:
        _exit(fama_fanout_run_testpmd_chained(what, sink_mac_text));
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

/* The kernel's count of frames received at the veth pair's far end, from its sink's view. */
static bool frames_at_link(pid_t sink, uint64_t *frames)
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

static bool frames_arrived(enum sender sender, const struct fama_fanout_case *what,
                           const struct sinks *sinks, uint64_t *frames)
{
    if (sinks->memif == 0 || sender == SENDER_SENDMMSG) {
        return frames_at_link(sinks->veth, frames);
    }
    *frames = atomic_load_explicit(&what->tally->frames, memory_order_relaxed);
    return waitpid(sinks->memif, NULL, WNOHANG) == 0;
}

/* ---- Measuring ---- */

/* Whether the sender still runs; says so if something else than its own words ended it. */
static bool is_running(pid_t pid)
{
    siginfo_t end = {0};
    if (waitid(P_PID, (id_t)pid, &end, WEXITED | WNOHANG | WNOWAIT) != 0 || end.si_pid == 0) {
        return true;
    }
    if (end.si_code != CLD_EXITED) {
        fprintf(stderr, "fama-bench: fanout: a sender was ended by signal %d\n", end.si_status);
    }
    return false;
}

/* What one measurement says. */
struct rate {
    double per_s;      /* frames; negative: the sender did not run */
    double core;       /* share of its core's time that the sender had */
    double per_core_s; /* frames per second of that time */
    double crowded;    /* of the frames at a memif sink, the share in full bursts */
};

/* All that is counted, at one moment. */
struct moment {
    double at_s;
    uint64_t frames;
    uint64_t crowded;
    uint64_t core_ns;
};

static bool look(enum sender sender, const struct fama_fanout_case *what, const struct sinks *sinks,
                 pid_t pid, struct moment *moment)
{
    moment->at_s = now_s();
    moment->crowded = atomic_load_explicit(&what->tally->crowded, memory_order_relaxed);
    return frames_arrived(sender, what, sinks, &moment->frames) &&
           fama_fanout_core_time(pid, what->core, &moment->core_ns);
}

static struct rate rate_between(const struct moment *before, const struct moment *after)
{
    double elapsed_s = after->at_s - before->at_s;
    double core_s = (double)(after->core_ns - before->core_ns) / 1e9;
    double frames = (double)(after->frames - before->frames);
    if (frames == 0 || core_s <= 0) {
        return (struct rate){.per_s = -1};
    }
    return (struct rate){
        .per_s = frames / elapsed_s,
        .core = core_s / elapsed_s,
        .per_core_s = frames / core_s,
        .crowded = (double)(after->crowded - before->crowded) / frames,
    };
}

static bool is_under_way(enum sender sender, const struct fama_fanout_case *what,
                         const struct sinks *sinks, pid_t pid, uint64_t first)
{
    uint64_t frames = first;
    for (int waited_ms = 0; is_running(pid) && waited_ms < 20000; waited_ms += 50) {
        if (frames_arrived(sender, what, sinks, &frames) && frames - first > FRAMES_LEAST) {
            sleep_ms(300);
            return true;
        }
        sleep_ms(50);
    }
    return false;
}

/* What arrives while `sender` runs. */
static struct rate measure(enum sender sender, const struct fama_fanout_case *what,
                           const struct sinks *sinks, double seconds)
{
    struct rate rate = {.per_s = -1};
    struct moment before;
    struct moment after;
    uint64_t first = 0;
    bool is_read = frames_arrived(sender, what, sinks, &first);
    pid_t pid = is_read ? start_sender(sender, what) : -1;
    if (pid > 0 && is_under_way(sender, what, sinks, pid, first) &&
        look(sender, what, sinks, pid, &before)) {
        sleep_ms((uint64_t)(seconds * 1000));
        if (look(sender, what, sinks, pid, &after) && is_running(pid)) {
            rate = rate_between(&before, &after);
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

/* Of all rounds. */
struct result {
    double per_s[SENDER_COUNT]; /* medians */
    double core[SENDER_COUNT];
    double per_core_s[SENDER_COUNT];
    double crowded[SENDER_COUNT];
    double ratios[SENDER_COUNT]; /* Fama's rate to theirs: medians of the rounds' */
    double clock_ratios[SENDER_COUNT];
};

static void summarise(const struct rate rates[SENDER_COUNT][ROUNDS_MAX], size_t rounds,
                      struct result *result)
{
    for (int i = 0; i < SENDER_COUNT; i++) {
        double columns[6][ROUNDS_MAX];
        for (size_t round = 0; round < rounds; round++) {
            const struct rate *rate = &rates[i][round];
            columns[0][round] = rate->per_s;
            columns[1][round] = rate->core;
            columns[2][round] = rate->per_core_s;
            columns[3][round] = rate->crowded;
            columns[4][round] = rates[SENDER_FAMA][round].per_core_s / rate->per_core_s;
            columns[5][round] = rates[SENDER_FAMA][round].per_s / rate->per_s;
        }
        result->per_s[i] = median(columns[0], rounds);
        result->core[i] = median(columns[1], rounds);
        result->per_core_s[i] = median(columns[2], rounds);
        result->crowded[i] = median(columns[3], rounds);
        result->ratios[i] = median(columns[4], rounds);
        result->clock_ratios[i] = median(columns[5], rounds);
    }
}

static int report_json(const struct fama_fanout_case *what, const struct result *result,
                       uint32_t chunk_bytes)
{
    json_t *json = json_pack("{s:s, s:s, s:i, s:i, s:i, s:f}", "case", "fanout", "port",
                             what->sink == NULL ? "af_packet" : "memif", "targets",
                             (int)what->targets, "datagram_bytes", (int)what->datagram_bytes,
                             "chunk_payload_bytes", (int)chunk_bytes, "fama_goodput_gbit_per_s",
                             goodput_gbit(result->per_core_s[SENDER_FAMA], chunk_bytes));
    bool is_whole = json != NULL;
    for (int i = 0; is_whole && i < SENDER_COUNT; i++) {
        const struct {
            const char *form;
            double value;
        } figures[] = {
            {"%s_packets_per_s", result->per_core_s[i]},
            {"%s_packets_per_s_by_the_clock", result->per_s[i]},
            {"%s_core_share", result->core[i]},
            {"%s_crowded_share", result->crowded[i]},
            {"ratio_%s", result->ratios[i]},
            {"ratio_%s_by_the_clock", result->clock_ratios[i]},
        };
        for (size_t k = 0; is_whole && k < sizeof figures / sizeof figures[0]; k++) {
            char name[64];
            (void)snprintf(name, sizeof name, figures[k].form, sender_names[i]);
            is_whole = json_object_set_new(json, name, json_real(figures[k].value)) == 0;
        }
    }
    char *text = is_whole ? json_dumps(json, JSON_REAL_PRECISION(6)) : NULL;
    json_decref(json);
    if (text == NULL) {
        fprintf(stderr, "fama-bench: fanout: out of memory\n");
        return FAMA_EXIT_FAILED;
    }
    puts(text);
    free(text);
    return FAMA_EXIT_OK;
}

static int report(const struct fama_fanout_case *what, const struct result *result,
                  uint32_t chunk_bytes)
{
    printf("%-16s %12s %12s %8s %8s %8s %12s %8s\n", "sender", "packets/s", "Gbit/s", "fama /",
           "of core", "behind", "by the clock", "fama /");
    for (int i = 0; i < SENDER_COUNT; i++) {
        uint32_t payload = i == SENDER_FAMA ? chunk_bytes : what->datagram_bytes;
        printf("%-16s %12.0f %12.2f %8.2f %8.2f %8.2f %12.0f %8.2f\n", sender_names[i],
               result->per_core_s[i], goodput_gbit(result->per_core_s[i], payload),
               result->ratios[i], result->core[i], result->crowded[i], result->per_s[i],
               result->clock_ratios[i]);
    }
    printf(
        "%u targets, datagrams of %u bytes, of which a chunk's payload is %u (Gbit/s of payload)\n",
        what->targets, what->datagram_bytes, chunk_bytes);
    return FAMA_EXIT_OK;
}

const struct fama_command fama_bench_fanout_command = {
    .path = "fanout",
    .brief = "chunks per second from one net lcore to many targets, beside testpmd and sendmmsg",
    .help =
        "Sends datagrams of one size: Fama's dataplane fanning chunks out, DPDK's testpmd txonly "
        "on\n"
        "the same port (the limit; in one piece, and chained of two as Fama's are), and a kernel "
        "UDP\n"
        "socket with sendmmsg and segmentation offload (UDP_SEGMENT). Prints medians of "
        "alternating\n"
        "rounds of what arrived for each second of the sending core's time and of the clock, "
        "ratios\n"
        "of both, the share of the core that the senders had, and the share of frames with which "
        "a\n"
        "memif's sink was behind: near 1 it was the limit, and the clock's ratios count. Needs "
        "root.\n"
        "\n"
        "  --port P        af_packet: all on a veth pair (the default);\n"
        "                  memif: Fama and testpmd through shared memory to another process\n"
        "  --targets N     peers that get every chunk (default 8, at most 64)\n"
        "  --bytes N       UDP payload of each datagram (default 1400)\n"
        "  --seconds S     measured time of each sender and round (default 1)\n"
        "  --rounds N      rounds (default 5)\n"
        "  --core N        the CPU that sends (default 1)\n"
        "  --json          one JSON object per line\n",
    .run = fama_bench_fanout,
};

/* What was asked for on the command line. */
struct request {
    const char *port;
    uint64_t targets;
    uint64_t bytes;
    uint64_t rounds;
    uint64_t core;
    double seconds;
    bool as_json;
};

static int parse(struct request *request, int argc, char **argv)
{
    const struct fama_option options[] = {
        {"port", FAMA_OPTION_TEXT, &request->port, false},
        {"targets", FAMA_OPTION_NUMBER, &request->targets, false},
        {"bytes", FAMA_OPTION_NUMBER, &request->bytes, false},
        {"rounds", FAMA_OPTION_NUMBER, &request->rounds, false},
        {"core", FAMA_OPTION_NUMBER, &request->core, false},
        {"seconds", FAMA_OPTION_REAL, &request->seconds, false},
        {"json", FAMA_OPTION_FLAG, &request->as_json, false},
    };
    int usage = fama_options_parse(&fama_bench_fanout_command, options,
                                   sizeof(options) / sizeof(options[0]), argc, argv, NULL);
    if (usage != 0) {
        return usage;
    }
    bool is_port = strcmp(request->port, "memif") == 0 || strcmp(request->port, "af_packet") == 0;
    if (!is_port || request->targets < 1 || request->targets > FAMA_FANOUT_TARGETS_MAX ||
        request->bytes < 400 || request->bytes > 1472 || request->rounds < 1 ||
        request->rounds > ROUNDS_MAX || request->core > 1023 ||
        !(request->seconds > 0.1 && request->seconds < 60)) {
        fprintf(stderr, "fama-bench: fanout: port memif or af_packet, targets 1 to 64, bytes 400 "
                        "to 1472, rounds 1 to 15, core below 1024, seconds 0.1 to 60\n");
        return FAMA_EXIT_USAGE;
    }
    return 0;
}

/* One sender of one round; false if it did not run. */
static bool run_sender(const struct request *request, const struct fama_fanout_case *what,
                       const struct sinks *sinks, enum sender sender, struct rate *rate)
{
    /* The address belongs to the kernel for its own sender alone: else it would answer for it. */
    const char *verb = sender == SENDER_SENDMMSG ? "add" : "del";
    fama_network_try_tool((const char *const[]){"ip", "-n", sender_space, "addr", verb,
                                                "198.18.0.1/24", "dev", SENDER_LINK, NULL});
    rate->per_s = -1;
    /* DPDK 22.11's memif sometimes falls when its other end comes late. */
    for (int i = 0; i < TRIES && rate->per_s <= 0 && !is_interrupted; i++) {
        *rate = measure(sender, what, sinks, request->seconds);
    }
    return rate->per_s > 0 && !is_interrupted;
}

/* All senders once, there and back in turn; false if one did not run. `distances`: between the cores, least and
 * most. */
static bool run_round(const struct request *request, const struct fama_fanout_case *what,
                      const struct sinks *sinks, uint64_t round,
                      struct rate rates[SENDER_COUNT][ROUNDS_MAX], uint64_t distances[2])
{
    distances[0] = distances[1] = fama_fanout_distance_ns(what);
    for (int i = 0; i < SENDER_COUNT; i++) {
        int sender = round % 2 == 0 ? i : SENDER_COUNT - 1 - i;
        struct rate *rate = &rates[sender][round];
        if (!run_sender(request, what, sinks, sender, rate)) {
            return false;
        }
        uint64_t distance = fama_fanout_distance_ns(what);
        distances[0] = distance < distances[0] ? distance : distances[0];
        distances[1] = distance > distances[1] ? distance : distances[1];
        fprintf(stderr,
                "round %" PRIu64 " of %" PRIu64 ": %-16s %10.0f packets/s, %.2f of its core, "
                "%10.0f per second of it, sink behind %.2f, cores %" PRIu64 " ns apart\n",
                round + 1, request->rounds, sender_names[sender], rate->per_s, rate->core,
                rate->per_core_s, rate->crowded, distance);
    }
    return true;
}

/* False if a sender did not run. */
static bool run_rounds(const struct request *request, const struct fama_fanout_case *what,
                       const struct sinks *sinks, struct rate rates[SENDER_COUNT][ROUNDS_MAX])
{
    uint64_t repeated = 0;
    uint64_t round = 0;
    while (round < request->rounds) {
        uint64_t distances[2];
        if (!run_round(request, what, sinks, round, rates, distances)) {
            return false;
        }
        bool has_moved = sinks->memif != 0 && distances[1] > 2 * distances[0];
        if (has_moved && repeated < REPEATED_MAX) {
            fprintf(stderr, "the cores have moved: round %" PRIu64 " again\n", round + 1);
            repeated++;
        } else {
            round++;
        }
    }
    return true;
}

static int run_between_sinks(const struct request *request, const struct fama_fanout_case *what)
{
    struct sinks sinks = {.veth = start_sink(fama_fanout_run_veth_sink, what)};
    if (what->sink != NULL) {
        sinks.memif = start_sink(fama_fanout_run_memif_sink, what);
    }
    sleep_ms(what->sink != NULL ? 1500 : 200);
    struct rate rates[SENDER_COUNT][ROUNDS_MAX];
    bool is_whole = sinks.veth > 0 && sinks.memif >= 0 && run_rounds(request, what, &sinks, rates);
    end_process(sinks.veth);
    end_process(sinks.memif);
    if (!is_whole) {
        fprintf(stderr, "fama-bench: fanout: %s\n",
                is_interrupted ? "interrupted" : "a sender did not run: see the line above");
        return FAMA_EXIT_FAILED;
    }
    struct result result;
    summarise(rates, request->rounds, &result);
    uint32_t chunk_bytes = fama_chunk_bytes_for(what->datagram_bytes, 0);
    return request->as_json ? report_json(what, &result, chunk_bytes)
                            : report(what, &result, chunk_bytes);
}

int fama_bench_fanout(int argc, char **argv)
{
    struct request request = {
        .port = "af_packet", .targets = 8, .bytes = 1400, .rounds = 5, .core = 1, .seconds = 1};
    int usage = parse(&request, argc, argv);
    if (usage != 0) {
        return usage;
    }
    char device[128] =
        "net_af_packet0,iface=" SENDER_LINK ",framesz=2048,blocksz=4096,framecnt=4096";
    char sink[128];
    bool is_memif = strcmp(request.port, "memif") == 0;
    struct fama_fanout_case what = {
        .device = device,
        .sink = is_memif ? sink : NULL,
        .source_ipv4 = 0xC6120001, /* 198.18.0.1, RFC 2544 */
        .first_ipv4 = 0xC6120065,  /* 198.18.0.101 */
        .port = 7051,
        .targets = (uint32_t)request.targets,
        .datagram_bytes = (uint32_t)request.bytes,
        .core = (uint32_t)request.core,
        .helper_core = request.core == 0 ? 1 : 0,
        .tally = mmap(NULL, sizeof *what.tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                      -1, 0),
    };
    struct fama_error error = {""};
    if (what.tally == MAP_FAILED) {
        fprintf(stderr, "fama-bench: fanout: %s\n", strerror(errno));
        return FAMA_EXIT_FAILED;
    }
    if (fama_scratch_make("/tmp", "fama-bench", socket_folder, sizeof socket_folder, &error) != 0) {
        fprintf(stderr, "fama-bench: fanout: %s\n", error.text);
        return FAMA_EXIT_FAILED;
    }
    char *ends[] = {device, sink};
    for (int i = 0; is_memif && i < 2; i++) {
        snprintf(ends[i], sizeof device,
                 "net_memif0,role=%s,socket=%s/port,socket-abstract=no,rsize=11,bsize=2048",
                 i == 0 ? "client" : "server", socket_folder);
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    int status = FAMA_EXIT_FAILED;
    if (make_spaces(&error) == 0) {
        status = run_between_sinks(&request, &what);
        remove_spaces();
    } else {
        fprintf(stderr, "fama-bench: fanout: %s\n", error.text);
    }
    fama_scratch_remove(socket_folder);
    return status;
}
