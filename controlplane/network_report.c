#include "controlplane/network_report.h"

#include <stdlib.h>
#include <string.h>

static const char *const path_names[FAMA_REPORT_PATHS] = {"genesis", "source", "push", "pull"};

/* ---- Reading answers ---- */

static bool refuse(struct fama_report_row *row, const char *words)
{
    row->has_answered = false;
    snprintf(row->problem, sizeof(row->problem), "%s", words);
    return false;
}

/* Only counters above zero are kept: they are what an operator looks at. */
static json_t *keep_raised(const json_t *counters)
{
    json_t *kept = json_object();
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)counters, name, value)
    {
        if (json_integer_value(value) > 0) {
            json_object_set(kept, name, value);
        }
    }
    return kept;
}

bool fama_report_read_status(struct fama_report_row *row, const json_t *status, const char *channel)
{
    size_t index;
    json_t *entry;
    json_array_foreach(json_object_get(status, "channels"), index, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "channel"));
        if (name == NULL || strcmp(name, channel) != 0) {
            continue;
        }
        const char *hash = json_string_value(json_object_get(entry, "last_hash"));
        const char *commit_hash = json_string_value(json_object_get(entry, "commit_hash"));
        const json_t *height = json_object_get(entry, "height");
        json_int_t transactions = json_integer_value(json_object_get(entry, "transactions"));
        json_int_t invalid = json_integer_value(json_object_get(entry, "invalid_transactions"));
        if (hash == NULL || strlen(hash) >= sizeof(row->last_hash) || commit_hash == NULL ||
            strlen(commit_hash) >= sizeof(row->commit_hash) || !json_is_integer(height) ||
            json_integer_value(height) < 0 || invalid < 0 || transactions < invalid) {
            return refuse(row, "its status makes no sense");
        }
        memcpy(row->last_hash, hash, strlen(hash) + 1);
        memcpy(row->commit_hash, commit_hash, strlen(commit_hash) + 1);
        row->transactions = (uint64_t)transactions;
        row->invalid = (uint64_t)invalid;
        row->height = (uint64_t)json_integer_value(height);
        json_decref(row->refused);
        json_decref(row->drops);
        row->refused = keep_raised(json_object_get(entry, "refused"));
        row->drops = keep_raised(json_object_get(json_object_get(status, "dataplane"), "drops"));
        row->has_answered = true;
        const char *failure = json_string_value(json_object_get(entry, "error"));
        snprintf(row->problem, sizeof(row->problem), "%s", failure == NULL ? "" : failure);
        return true;
    }
    return refuse(row, "it has not joined the channel");
}

static bool read_arrival(const json_t *entry, struct fama_report_arrival *arrival)
{
    json_int_t number, sent_ns, durable_ns;
    const char *path;
    if (json_unpack((json_t *)entry, "{s:I, s:s, s:I, s:I}", "number", &number, "path", &path,
                    "sent_ns", &sent_ns, "durable_ns", &durable_ns) != 0 ||
        number < 0 || sent_ns < 0 || durable_ns < 0) {
        return false;
    }
    for (int i = 0; i < FAMA_REPORT_PATHS; i++) {
        if (strcmp(path, path_names[i]) == 0) {
            *arrival = (struct fama_report_arrival){.number = (uint64_t)number,
                                                    .path = (enum fama_report_path)i,
                                                    .sent_ns = (uint64_t)sent_ns,
                                                    .durable_ns = (uint64_t)durable_ns};
            return true;
        }
    }
    return false;
}

bool fama_report_read_arrivals(struct fama_report_row *row, const json_t *answer)
{
    const json_t *list = json_object_get(answer, "arrivals");
    size_t more = json_array_size(list);
    if (!json_is_array(list) || more > FAMA_REPORT_ARRIVALS_MAX - row->arrival_count) {
        return refuse(row, "its arrivals make no sense");
    }
    if (more == 0) {
        return true;
    }
    struct fama_report_arrival *grown =
        realloc(row->arrivals, (row->arrival_count + more) * sizeof(*grown));
    if (grown == NULL) {
        return refuse(row, "no memory for its arrivals");
    }
    row->arrivals = grown;
    for (size_t i = 0; i < more; i++) {
        struct fama_report_arrival *arrival = &grown[row->arrival_count];
        if (!read_arrival(json_array_get(list, i), arrival) ||
            (row->arrival_count > 0 && arrival->number <= arrival[-1].number)) {
            return refuse(row, "its arrivals make no sense");
        }
        row->arrival_count++;
    }
    return true;
}

/* ---- Judging ---- */

static const struct fama_report_arrival *find_arrival(const struct fama_report_row *row,
                                                      uint64_t number)
{
    size_t low = 0, high = row->arrival_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (row->arrivals[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < row->arrival_count && row->arrivals[low].number == number ? &row->arrivals[low]
                                                                           : NULL;
}

/* When the block was sent towards this node, or 0. */
static uint64_t sent_to(const struct fama_report *report, const struct fama_report_row *row,
                        const struct fama_report_arrival *arrival)
{
    uint64_t latest_ns = 0;
    for (size_t i = 0; i < report->count; i++) {
        const struct fama_report_row *sender = &report->rows[i];
        const struct fama_report_arrival *sent = find_arrival(sender, arrival->number);
        if (sent == NULL || sent->sent_ns == 0 || sent->sent_ns > arrival->durable_ns) {
            continue;
        }
        if (strcmp(sender->org, row->org) == 0) {
            return sent->sent_ns;
        }
        if (sent->sent_ns > latest_ns) {
            latest_ns = sent->sent_ns;
        }
    }
    return latest_ns;
}

static int compare_times(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Nearest rank: the smallest time that at least `percent` of all do not exceed. */
static uint64_t percentile(const uint64_t *sorted, size_t count, size_t percent)
{
    size_t rank = (count * percent + 99) / 100;
    return sorted[rank == 0 ? 0 : rank - 1];
}

static bool judge_row(const struct fama_report *report, struct fama_report_row *row)
{
    memset(row->blocks_by, 0, sizeof(row->blocks_by));
    row->timed_blocks = 0;
    row->p50_ns = 0;
    row->p99_ns = 0;
    if (row->arrival_count == 0) {
        return true;
    }
    uint64_t *times = calloc(row->arrival_count, sizeof(*times));
    if (times == NULL) {
        return false;
    }
    for (size_t i = 0; i < row->arrival_count; i++) {
        const struct fama_report_arrival *arrival = &row->arrivals[i];
        row->blocks_by[arrival->path]++;
        uint64_t sent_ns = sent_to(report, row, arrival);
        if (sent_ns != 0) {
            times[row->timed_blocks++] = arrival->durable_ns - sent_ns;
        }
    }
    if (row->timed_blocks > 0) {
        qsort(times, row->timed_blocks, sizeof(*times), compare_times);
        row->p50_ns = percentile(times, row->timed_blocks, 50);
        row->p99_ns = percentile(times, row->timed_blocks, 99);
    }
    free(times);
    return true;
}

static void judge_ledgers(struct fama_report *report)
{
    const struct fama_report_row *first = NULL;
    size_t silent = 0, behind = 0, other = 0, length = 0;
    uint64_t highest = 0;
    for (size_t i = 0; i < report->count; i++) {
        const struct fama_report_row *row = &report->rows[i];
        if (row->has_answered && row->height >= highest) {
            first = row->height > highest || first == NULL ? row : first;
            highest = row->height;
        }
    }
    char names[300] = "";
    for (size_t i = 0; i < report->count; i++) {
        const struct fama_report_row *row = &report->rows[i];
        const char *what = NULL;
        if (!row->has_answered) {
            silent++;
            what = "silent";
        } else if (row->height < highest) {
            behind++;
            what = "behind";
        } else if (strcmp(row->last_hash, first->last_hash) != 0) {
            other++;
            what = "other hash";
        } else if (strcmp(row->commit_hash, first->commit_hash) != 0) {
            other++;
            what = "other state";
        }
        if (what != NULL && length < sizeof(names)) {
            int more = snprintf(names + length, sizeof(names) - length, "%s%s %s",
                                length == 0 ? "" : ", ", row->node, what);
            length += more > 0 ? (size_t)more : 0;
        }
    }
    report->all_answered = silent == 0;
    report->is_identical = report->count > 0 && silent + behind + other == 0;
    if (report->is_identical) {
        snprintf(report->verdict, sizeof(report->verdict),
                 "ledgers and states: identical (%zu nodes, height %llu)", report->count,
                 (unsigned long long)highest);
    } else {
        snprintf(report->verdict, sizeof(report->verdict), "ledgers and states: DIFFERENT (%s)",
                 report->count == 0 ? "no nodes" : names);
    }
}

bool fama_report_judge(struct fama_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        if (!judge_row(report, &report->rows[i])) {
            return false;
        }
    }
    judge_ledgers(report);
    return true;
}

void fama_report_clear(struct fama_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        struct fama_report_row *row = &report->rows[i];
        json_decref(row->refused);
        json_decref(row->drops);
        free(row->arrivals);
        row->refused = NULL;
        row->drops = NULL;
        row->arrivals = NULL;
        row->arrival_count = 0;
    }
}

/* ---- Showing ---- */

static void print_time(FILE *out, const struct fama_report_row *row, uint64_t time_ns)
{
    if (row->timed_blocks == 0) {
        fprintf(out, "  %8s", "-");
    } else {
        fprintf(out, "  %8.1f", (double)time_ns / 1e6);
    }
}

static void print_counters(FILE *out, const char *title, const struct fama_report_row *row,
                           const json_t *counters)
{
    if (counters == NULL || json_object_size(counters) == 0) {
        return;
    }
    const char *name;
    json_t *value;
    fprintf(out, "%s at %s:", title, row->node);
    json_object_foreach((json_t *)counters, name, value)
    {
        fprintf(out, " %s %lld", name, (long long)json_integer_value(value));
    }
    fprintf(out, "\n");
}

void fama_report_print(const struct fama_report *report, FILE *out)
{
    const struct fama_report_row *judge = NULL;
    fprintf(out, "%-12s  %-10s  %-8s  %-6s  %7s  %-16s  %-16s  %7s  %6s  %6s  %8s  %8s\n", "node",
            "org", "role", "state", "height", "last block hash", "commit hash", "source", "push",
            "pull", "p50 ms", "p99 ms");
    for (size_t i = 0; i < report->count; i++) {
        const struct fama_report_row *row = &report->rows[i];
        if (!row->has_answered) {
            fprintf(out, "%-12s  %-10s  %-8s  %-6s  %s\n", row->node, row->org, row->role, "down",
                    row->problem);
            continue;
        }
        judge = judge == NULL || row->transactions > judge->transactions ? row : judge;
        fprintf(out, "%-12s  %-10s  %-8s  %-6s  %7llu  %-16.16s  %-16.16s  %7llu  %6llu  %6llu",
                row->node, row->org, row->role, row->problem[0] == '\0' ? "up" : "failed",
                (unsigned long long)row->height, row->last_hash, row->commit_hash,
                (unsigned long long)row->blocks_by[FAMA_REPORT_SOURCE],
                (unsigned long long)row->blocks_by[FAMA_REPORT_PUSH],
                (unsigned long long)row->blocks_by[FAMA_REPORT_PULL]);
        print_time(out, row, row->p50_ns);
        print_time(out, row, row->p99_ns);
        fprintf(out, "\n");
    }
    for (size_t i = 0; i < report->count; i++) {
        const struct fama_report_row *row = &report->rows[i];
        print_counters(out, "blocks refused", row, row->refused);
        if (row->has_answered && row->problem[0] != '\0') {
            fprintf(out, "failure at %s: %s\n", row->node, row->problem);
        }
    }
    if (judge != NULL) { /* the one that has judged most since it started */
        fprintf(out, "transactions: %llu valid, %llu invalid (as %s has judged them)\n",
                (unsigned long long)(judge->transactions - judge->invalid),
                (unsigned long long)judge->invalid, judge->node);
    }
    fprintf(out, "%s\n", report->verdict);
}

static json_t *row_json(const struct fama_report_row *row)
{
    if (!row->has_answered) {
        return json_pack("{s:s, s:s, s:s, s:s, s:s}", "node", row->node, "org", row->org, "role",
                         row->role, "state", "down", "problem", row->problem);
    }
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:O?, s:O?, "
        "s:s}",
        "node", row->node, "org", row->org, "role", row->role, "state",
        row->problem[0] == '\0' ? "up" : "failed", "height", (json_int_t)row->height, "last_hash",
        row->last_hash, "commit_hash", row->commit_hash, "transactions",
        (json_int_t)row->transactions, "invalid_transactions", (json_int_t)row->invalid,
        "blocks_from_source", (json_int_t)row->blocks_by[FAMA_REPORT_SOURCE], "blocks_by_push",
        (json_int_t)row->blocks_by[FAMA_REPORT_PUSH], "blocks_by_pull",
        (json_int_t)row->blocks_by[FAMA_REPORT_PULL], "timed_blocks", (json_int_t)row->timed_blocks,
        "p50_ms", (double)row->p50_ns / 1e6, "p99_ms", (double)row->p99_ns / 1e6, "refused",
        row->refused, "drops", row->drops, "problem", row->problem);
}

json_t *fama_report_json(const struct fama_report *report)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < report->count; i++) {
        if (json_array_append_new(nodes, row_json(&report->rows[i])) != 0) {
            json_decref(nodes);
            return NULL;
        }
    }
    return json_pack("{s:b, s:b, s:s, s:o}", "all_answered", (int)report->all_answered, "identical",
                     (int)report->is_identical, "verdict", report->verdict, "nodes", nodes);
}
