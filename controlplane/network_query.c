#include "controlplane/network_query.h"

#include <string.h>

#include "controlplane/admin.h"

#define ASK_TIMEOUT_MS    5000
#define ARRIVALS_PER_CALL 1000

int fama_network_ask(const struct fama_network *network, const struct fama_network_node *node,
                     json_t *request, json_t **answer, struct fama_error *error)
{
    char socket[PATH_MAX];
    if (!fama_network_socket_path(network, node, socket, sizeof(socket))) {
        json_decref(request);
        return fama_error_set(error, FAMA_ADMIN_SOCKET, "%s: the socket's path is too long",
                              node->name);
    }
    return fama_admin_ask(socket, request, ASK_TIMEOUT_MS, answer, error);
}

uint64_t fama_network_height(const struct fama_network *network,
                             const struct fama_network_node *node, struct fama_error *problem)
{
    json_t *answer = NULL;
    problem->text[0] = '\0';
    if (fama_network_ask(network, node, json_pack("{s:s}", "op", "channel.list"), &answer,
                         problem) != 0) {
        return 0;
    }
    uint64_t height = 0;
    size_t index;
    json_t *entry;
    json_array_foreach(json_object_get(answer, "channels"), index, entry)
    {
        const char *channel = json_string_value(json_object_get(entry, "channel"));
        json_int_t value = json_integer_value(json_object_get(entry, "height"));
        if (channel != NULL && strcmp(channel, network->channel) == 0 && value > 0) {
            height = (uint64_t)value;
        }
    }
    json_decref(answer);
    return height;
}

uint32_t fama_network_living(const struct fama_network *network,
                             const struct fama_network_node *node)
{
    json_t *answer = NULL;
    if (fama_network_ask(network, node, json_pack("{s:s}", "op", "gossip.members"), &answer,
                         NULL) != 0) {
        return 0;
    }
    const char *own = json_string_value(json_object_get(json_object_get(answer, "self"), "mspid"));
    uint32_t count = 0;
    size_t index;
    json_t *entry;
    json_array_foreach(json_object_get(answer, "members"), index, entry)
    {
        const char *state = json_string_value(json_object_get(entry, "state"));
        const char *mspid = json_string_value(json_object_get(entry, "mspid"));
        count += state != NULL && strcmp(state, "alive") == 0 && mspid != NULL && own != NULL &&
                 strcmp(mspid, own) == 0;
    }
    json_decref(answer);
    return count;
}

/* Pages through the arrivals of the last blocks. */
static void ask_arrivals(const struct fama_network *network, const struct fama_network_node *node,
                         struct fama_report_row *row)
{
    uint64_t first =
        row->height > FAMA_REPORT_ARRIVALS_MAX ? row->height - FAMA_REPORT_ARRIVALS_MAX : 0;
    while (first < row->height) {
        uint64_t left = row->height - first;
        uint64_t count = left < ARRIVALS_PER_CALL ? left : ARRIVALS_PER_CALL;
        json_t *answer = NULL;
        struct fama_error error = {""};
        size_t before = row->arrival_count;
        if (fama_network_ask(network, node,
                             json_pack("{s:s, s:s, s:I, s:I}", "op", "channel.arrivals", "channel",
                                       network->channel, "first", (json_int_t)first, "count",
                                       (json_int_t)count),
                             &answer, &error) != 0) {
            row->has_answered = false;
            snprintf(row->problem, sizeof(row->problem), "%.200s", error.text);
            return;
        }
        bool is_read = fama_report_read_arrivals(row, answer);
        json_decref(answer);
        if (!is_read || row->arrival_count == before) {
            return;
        }
        first = row->arrivals[row->arrival_count - 1].number + 1;
    }
}

bool fama_network_query_report(const struct fama_network *network, struct fama_report *report)
{
    report->count = network->node_count;
    for (uint32_t i = 0; i < network->node_count; i++) {
        const struct fama_network_node *node = &network->nodes[i];
        struct fama_report_row *row = &report->rows[i];
        struct fama_error error = {""};
        json_t *answer = NULL;
        *row = (struct fama_report_row){.node = node->name,
                                        .org = network->orgs[node->org].name,
                                        .role = node->is_leader ? "leader" : "follower"};
        if (fama_network_ask(network, node, json_pack("{s:s}", "op", "node.status"), &answer,
                             &error) != 0) {
            snprintf(row->problem, sizeof(row->problem), "%.200s", error.text);
            continue;
        }
        if (fama_report_read_status(row, answer, network->channel)) {
            ask_arrivals(network, node, row);
        }
        json_decref(answer);
    }
    return fama_report_judge(report);
}
