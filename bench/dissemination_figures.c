#include "bench/dissemination_figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- What the nodes say ---- */

static bool read_path(const char *name, enum fama_arrival_path *path)
{
    static const struct {
        const char *name;
        enum fama_arrival_path path;
    } paths[] = {
        {"source", FAMA_ARRIVAL_SOURCE}, {"push", FAMA_ARRIVAL_PUSH}, {"pull", FAMA_ARRIVAL_PULL}};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (strcmp(name, paths[i].name) == 0) {
            *path = paths[i].path;
            return true;
        }
    }
    return false;
}

static bool read_time(const json_t *entry, struct fama_block_time *time)
{
    json_int_t number, bytes, whole, judged, sent, committed;
    const char *path;
    *time = (struct fama_block_time){.number = 0};
    if (json_unpack((json_t *)entry, "{s:I, s:I, s:s, s:I, s:I, s:I, s:I}", "number", &number,
                    "bytes", &bytes, "path", &path, "whole_ns", &whole, "judged_ns", &judged,
                    "sent_ns", &sent, "committed_ns", &committed) != 0 ||
        number <= 0 || bytes <= 0 || whole <= 0 || judged < whole || sent < 0 ||
        committed < judged || !read_path(path, &time->path)) {
        return false;
    }
    time->number = (uint64_t)number;
    time->bytes = (uint64_t)bytes;
    time->whole_ns = (uint64_t)whole;
    time->judged_ns = (uint64_t)judged;
    time->sent_ns = (uint64_t)sent;
    time->committed_ns = (uint64_t)committed;
    return true;
}

bool fama_spread_read(struct fama_spread_node *node, const json_t *answer)
{
    const json_t *blocks = json_object_get(answer, "blocks");
    size_t more = json_array_size(blocks);
    if (!json_is_array(blocks)) {
        return false;
    }
    if (more == 0) {
        return true;
    }
    struct fama_block_time *grown = realloc(node->times, (node->count + more) * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    node->times = grown;
    for (size_t i = 0; i < more; i++) {
        struct fama_block_time time;
        if (!read_time(json_array_get(blocks, i), &time)) {
            return false;
        }
        if (node->count == 0 || time.number > grown[node->count - 1].number) {
            grown[node->count++] = time;
        }
    }
    return true;
}

void fama_spread_clear(struct fama_spread *spread)
{
    for (size_t i = 0; i < spread->count; i++) {
        free(spread->nodes[i].times);
    }
    *spread = (struct fama_spread){.count = 0};
}

static const struct fama_block_time *find(const struct fama_spread_node *node, uint64_t number)
{
    size_t low = 0;
    size_t high = node->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (node->times[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < node->count && node->times[low].number == number ? &node->times[low] : NULL;
}

/* ---- One block ---- */

/* Moments on the common clock, which may be before its zero. */
struct block_spread {
    int64_t leader_had, sent;
    int64_t first_had, last_had, last_committed;
    bool was_repaired;
};

static int64_t common(const struct fama_spread_node *node, uint64_t time_ns)
{
    return (int64_t)time_ns + node->clock_ns;
}

static bool spread_of(const struct fama_spread *spread, const struct fama_block_time *sent,
                      struct block_spread *block)
{
    const struct fama_spread_node *leader = &spread->nodes[0];
    if (sent->sent_ns == 0) {
        return false;
    }
    *block = (struct block_spread){
        .leader_had = common(leader, sent->whole_ns),
        .sent = common(leader, sent->sent_ns),
        .first_had = INT64_MAX,
        .last_had = INT64_MIN,
        .last_committed = common(leader, sent->committed_ns),
    };
    for (size_t i = 1; i < spread->count; i++) {
        const struct fama_spread_node *node = &spread->nodes[i];
        const struct fama_block_time *time = find(node, sent->number);
        if (time == NULL) {
            return false;
        }
        int64_t had = common(node, time->judged_ns);
        int64_t committed = common(node, time->committed_ns);
        block->first_had = had < block->first_had ? had : block->first_had;
        block->last_had = had > block->last_had ? had : block->last_had;
        block->last_committed =
            committed > block->last_committed ? committed : block->last_committed;
        block->was_repaired |= time->path == FAMA_ARRIVAL_PULL;
    }
    return spread->count > 1;
}

/* ---- All blocks ---- */

/* Clocks of several machines may make a short time negative: it then counts as none. */
static uint64_t interval(int64_t from, int64_t to)
{
    return to > from ? (uint64_t)(to - from) : 0;
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* The smallest value that at least `percent` of all do not exceed. */
static uint64_t percentile(const uint64_t *sorted, size_t count, size_t percent)
{
    size_t rank = (count * percent + 99) / 100;
    return sorted[rank == 0 ? 0 : rank - 1];
}

static struct fama_spread_times summarise(uint64_t *times, size_t count)
{
    if (count == 0) {
        return (struct fama_spread_times){.p50_ns = 0};
    }
    qsort(times, count, sizeof times[0], compare);
    return (struct fama_spread_times){
        .p50_ns = percentile(times, count, 50),
        .p95_ns = percentile(times, count, 95),
        .p99_ns = percentile(times, count, 99),
        .max_ns = times[count - 1],
    };
}

/* The columns that percentiles are taken of. */
enum { HAD, COMMITTED, FROM_LEADER, FIRST, BYTES, COLUMNS };

bool fama_spread_judge(const struct fama_spread *spread, const struct fama_spread_choice *choice,
                       struct fama_spread_figures *figures)
{
    *figures = (struct fama_spread_figures){.blocks = 0};
    if (spread->count == 0 || spread->nodes[0].count == 0) {
        return true;
    }
    const struct fama_spread_node *leader = &spread->nodes[0];
    size_t capacity = leader->count;
    uint64_t *columns = calloc(capacity, COLUMNS * sizeof columns[0]);
    if (columns == NULL) {
        return false;
    }
    for (size_t i = 0; i < leader->count; i++) {
        const struct fama_block_time *sent = &leader->times[i];
        struct block_spread block;
        if (sent->number < choice->first || sent->number > choice->last ||
            sent->bytes < choice->least_bytes || sent->bytes > choice->most_bytes) {
            continue;
        }
        if (!spread_of(spread, sent, &block)) {
            figures->missing++;
            continue;
        }
        size_t row = figures->blocks++;
        columns[HAD * capacity + row] = interval(block.sent, block.last_had);
        columns[COMMITTED * capacity + row] = interval(block.sent, block.last_committed);
        columns[FROM_LEADER * capacity + row] = interval(block.leader_had, block.last_had);
        columns[FIRST * capacity + row] = interval(block.sent, block.first_had);
        columns[BYTES * capacity + row] = sent->bytes;
        figures->repaired += block.was_repaired;
        figures->late += interval(block.sent, block.last_had) > FAMA_SPREAD_LATE_NS;
        figures->all_bytes += sent->bytes;
    }
    figures->had = summarise(&columns[HAD * capacity], figures->blocks);
    figures->committed = summarise(&columns[COMMITTED * capacity], figures->blocks);
    figures->had_from_leader = summarise(&columns[FROM_LEADER * capacity], figures->blocks);
    figures->first_had = summarise(&columns[FIRST * capacity], figures->blocks);
    figures->bytes = summarise(&columns[BYTES * capacity], figures->blocks).p50_ns;
    free(columns);
    return true;
}

/* ---- The rival ---- */

/* Hyperledger Fabric 2.5.12, eight peers of one organisation, on a machine of two cores: milliseconds until
 * the last peer has the block. */
static const struct {
    double bytes, p50_ms, p95_ms;
} fabric[] = {{4500, 20.0, 3326}, {400e3, 97.1, 3711}, {2.0e6, 245, 1857}};
#define FABRIC_SIZES (sizeof fabric / sizeof fabric[0])

static double between(double low, double high, double share)
{
    return exp(log(low) + (log(high) - log(low)) * share);
}

struct fama_spread_rival fama_spread_rival_at(uint64_t block_bytes)
{
    double bytes = (double)(block_bytes > 0 ? block_bytes : 1);
    size_t above = 0;
    struct fama_spread_rival rival = {.is_measured = false};
    for (size_t i = 0; i < FABRIC_SIZES; i++) {
        above += fabric[i].bytes < bytes;
        rival.is_measured |= fabs(log(bytes / fabric[i].bytes)) < 0.1;
    }
    size_t low = above == 0 ? 0 : above - 1;
    size_t high = above == FABRIC_SIZES ? FABRIC_SIZES - 1 : above;
    double share =
        low == high ? 0
                    : log(bytes / fabric[low].bytes) / log(fabric[high].bytes / fabric[low].bytes);
    rival.p50_ms = between(fabric[low].p50_ms, fabric[high].p50_ms, share);
    rival.p95_ms = between(fabric[low].p95_ms, fabric[high].p95_ms, share);
    return rival;
}
