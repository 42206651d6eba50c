#include "bench/dissemination_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UPLINK_ALLOWANCE 1.1 /* of the block, for headers, proofs and parity */

static double ms(uint64_t ns)
{
    return (double)ns / 1e6;
}

/* How many times faster than the rival; 0 if we have no time. */
static double ratio(double rival_ms, uint64_t ours_ns)
{
    return ours_ns == 0 ? 0 : rival_ms / ms(ours_ns);
}

static bool add(json_t *json, const char *key, json_t *value)
{
    return json_object_set_new(json, key, value) == 0;
}

void fama_spread_setting_read(struct fama_spread_setting *setting, const json_t *answer)
{
    const char *planner = json_string_value(json_object_get(answer, "planner"));
    json_int_t mtu = json_integer_value(json_object_get(answer, "mtu"));
    double fan_out = (double)json_integer_value(json_object_get(answer, "fan_out"));
    double others = setting->peers > 1 ? (double)(setting->peers - 1) : 0;
    setting->planner = planner == NULL ? "unknown" : planner;
    setting->mtu = mtu > 0 ? (uint64_t)mtu : 0;
    /* In a tree the origin sends a chunk to the node at its root only. */
    setting->leader_children = strcmp(setting->planner, "coordinated") == 0 ? 1
                               : fan_out < others                           ? fan_out
                                                                            : others;
}

static json_t *line_json(const struct fama_spread_setting *setting,
                         const struct fama_spread_line *line)
{
    const struct fama_spread_figures *figures = &line->figures;
    struct fama_spread_rival rival = fama_spread_rival_at(figures->bytes);
    json_t *json =
        json_pack("{s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "case",
                  "dissemination", "where", setting->where, "block_bytes",
                  (json_int_t)figures->bytes, "peers", (json_int_t)setting->peers, "blocks",
                  (json_int_t)figures->blocks, "p50_ms", ms(figures->had.p50_ns), "p95_ms",
                  ms(figures->had.p95_ns), "p99_ms", ms(figures->had.p99_ns), "max_ms",
                  ms(figures->had.max_ns), "commit_p50_ms", ms(figures->committed.p50_ns),
                  "commit_p95_ms", ms(figures->committed.p95_ns), "commit_p99_ms",
                  ms(figures->committed.p99_ns), "commit_max_ms", ms(figures->committed.max_ns));
    bool is_whole =
        json != NULL && add(json, "first_peer_p50_ms", json_real(ms(figures->first_had.p50_ns))) &&
        add(json, "after_leader_has_it_p50_ms", json_real(ms(figures->had_from_leader.p50_ns))) &&
        add(json, "after_leader_has_it_p95_ms", json_real(ms(figures->had_from_leader.p95_ns))) &&
        add(json, "fabric_p50_ms", json_real(rival.p50_ms)) &&
        add(json, "fabric_p95_ms", json_real(rival.p95_ms)) &&
        add(json, "fabric_figures_are",
            json_string(rival.is_measured ? "measured" : "interpolated")) &&
        add(json, "ratio_fabric_p50", json_real(ratio(rival.p50_ms, figures->had.p50_ns))) &&
        add(json, "ratio_fabric_p95", json_real(ratio(rival.p95_ms, figures->had.p95_ns))) &&
        add(json, "late_blocks", json_integer((json_int_t)figures->late)) &&
        add(json, "repaired_blocks", json_integer((json_int_t)figures->repaired)) &&
        add(json, "missing_blocks", json_integer((json_int_t)figures->missing)) &&
        add(json, "mtu", json_integer((json_int_t)setting->mtu)) &&
        add(json, "planner", json_string(setting->planner)) &&
        add(json, "loss_percent", json_real(setting->loss_percent)) &&
        add(json, "leader_children", json_real(setting->leader_children)) &&
        add(json, "clock_error_ms", json_real(ms(setting->clock_error_ns)));
    if (is_whole && line->uplink_bytes >= 0 && figures->bytes > 0) {
        double share = line->uplink_bytes / (double)figures->bytes;
        is_whole =
            add(json, "uplink_bytes_per_block", json_real(line->uplink_bytes)) &&
            add(json, "uplink_ratio", json_real(share)) &&
            add(json, "uplink_ratio_limit", json_real(UPLINK_ALLOWANCE * setting->leader_children));
    }
    if (!is_whole) {
        json_decref(json);
        return NULL;
    }
    return json;
}

static int print_json(const struct fama_spread_setting *setting,
                      const struct fama_spread_line *line)
{
    json_t *json = line_json(setting, line);
    char *text = json == NULL ? NULL : json_dumps(json, JSON_REAL_PRECISION(6));
    json_decref(json);
    if (text == NULL) {
        return -1;
    }
    int status = puts(text) >= 0 && fflush(stdout) == 0 ? 0 : -1;
    free(text);
    return status;
}

void fama_spread_print_heading(const struct fama_spread_setting *setting)
{
    if (setting->as_json) {
        return;
    }
    printf("%zu peers (%s), MTU %" PRIu64 ", %s fan-out, %g %% loss\n", setting->peers,
           setting->where, setting->mtu, setting->planner, setting->loss_percent);
    printf("%10s %6s | %8s %8s %8s %8s | %8s %8s | %8s %8s | %7s %7s | %6s | %4s %8s\n", "", "",
           "LAST", "has", "it", "ms", "last", "commit", "Fabric", "ms", "faster", "x", "uplink", "",
           "");
    printf("%10s %6s | %8s %8s %8s %8s | %8s %8s | %8s %8s | %7s %7s | %6s | %4s %8s\n", "bytes",
           "blocks", "p50", "p95", "p99", "max", "p50", "p95", "p50", "p95", "p50", "p95", "/block",
           "late", "repaired");
}

int fama_spread_print_line(const struct fama_spread_setting *setting,
                           const struct fama_spread_line *line)
{
    if (setting->as_json) {
        return print_json(setting, line);
    }
    const struct fama_spread_figures *figures = &line->figures;
    struct fama_spread_rival rival = fama_spread_rival_at(figures->bytes);
    char uplink[16] = "-";
    if (line->uplink_bytes >= 0 && figures->bytes > 0) {
        (void)snprintf(uplink, sizeof uplink, "%.2f", line->uplink_bytes / (double)figures->bytes);
    }
    printf("%10" PRIu64 " %6zu | %8.2f %8.2f %8.2f %8.2f | %8.2f %8.2f | %7.0f%s %7.0f%s | %7.1f "
           "%7.1f | %6s | %4zu %8zu",
           figures->bytes, figures->blocks, ms(figures->had.p50_ns), ms(figures->had.p95_ns),
           ms(figures->had.p99_ns), ms(figures->had.max_ns), ms(figures->committed.p50_ns),
           ms(figures->committed.p95_ns), rival.p50_ms, rival.is_measured ? " " : "~", rival.p95_ms,
           rival.is_measured ? " " : "~", ratio(rival.p50_ms, figures->had.p50_ns),
           ratio(rival.p95_ms, figures->had.p95_ns), uplink, figures->late, figures->repaired);
    if (figures->missing > 0) {
        printf("  %zu blocks are not everywhere", figures->missing);
    }
    printf("\n");
    return fflush(stdout) == 0 ? 0 : -1;
}

void fama_spread_print_footing(const struct fama_spread_setting *setting)
{
    if (setting->as_json) {
        return;
    }
    printf("LAST has it: from the leader's first send to the last peer's judgement of the whole "
           "block\n"
           "(chain link, data hash, orderers' signatures); last commit: to the last durable "
           "commit.\n"
           "Fabric: a real network of 8 peers on a machine of 2 cores, after the leader has the "
           "block; ~ is\n"
           "interpolated between the sizes measured there, or the nearest of them. uplink: what "
           "the leader\n"
           "sent, in blocks; its own children's share is %g. late: blocks with a peer more than a "
           "second late.\n",
           setting->leader_children);
    if (setting->clock_error_ns > 0) {
        printf("The hosts' clocks were compared by round trips; what is left is at most %.3f ms.\n",
               ms(setting->clock_error_ns));
    }
}
