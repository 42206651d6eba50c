/* Feeds the ordering source's blocks to the channels of a leader: paced, never further ahead of the ledger
 * than the channel has room for, and again from a refused block on until a good copy is there. */
#include <inttypes.h>
#include <stdlib.h>

#include "controlplane/block_directory.h"
#include "controlplane/log.h"
#include "controlplane/node_state.h"

#define LOOK_AGAIN_NS   20000000u /* after finding that the next block is not there yet */
#define BLOCKS_PER_TICK 4         /* reading files must not hold up the control thread for long */

int fama_node_open_source(struct fama_node *node, struct fama_node_channel *channel,
                          struct fama_error *error)
{
    char *directory = NULL;
    const char *id = fama_channel_id(channel->channel);
    if (asprintf(&directory, "%s/%s", node->config->source_directory, id) < 0) {
        return fama_error_set(error, -1, "out of memory");
    }
    if (!fama_channel_keys_begin(channel->push.keys, fama_node_now_ns())) {
        free(directory);
        return fama_error_set(error, -1, "channel %s: no random bytes for a key to seal with", id);
    }
    int result = fama_block_directory_open(
        directory, node->config->dataplane.reassembly.block_bytes_max, &channel->source, error);
    free(directory);
    channel->source_next = channel->height;
    channel->source_due_ns = fama_node_now_ns();
    return result == 0 ? 0 : fama_error_prefix(error, result, "channel %s: ordering source: ", id);
}

static void back_off(struct fama_node *node, struct fama_node_channel *channel, uint64_t now_ns)
{
    channel->source_attempts++;
    channel->source_due_ns = now_ns + fama_block_retry_after_ns(channel->source_attempts,
                                                                fama_random_next(&node->random));
}

/* Where to go on: after a refusal at the refused block, else never below the ledger's height. */
static void steer(struct fama_node *node, struct fama_node_channel *channel, uint64_t now_ns)
{
    uint64_t refused;
    if (fama_channel_source_refusal(channel->channel, &refused) && refused < channel->source_next) {
        channel->source_next = refused;
        back_off(node, channel, now_ns);
    }
    if (channel->height > channel->source_next) {
        channel->source_next = channel->height; /* Gossip was faster than our source. */
    }
}

static bool offer_next(struct fama_node *node, struct fama_node_channel *channel, uint64_t now_ns)
{
    struct fama_error error = {""};
    uint8_t *bytes = NULL;
    size_t len = 0;
    int result = channel->source->next(channel->source, channel->source_next, &bytes, &len, &error);
    if (result == FAMA_BLOCK_SOURCE_NOT_YET) {
        channel->source_due_ns = now_ns + LOOK_AGAIN_NS;
        return false;
    }
    struct fama_block_buffer *buffer = result == 0 ? fama_block_buffer_adopt(bytes, len) : NULL;
    if (buffer == NULL) {
        fama_failure("source", "%s: block %" PRIu64 ": %s", fama_channel_id(channel->channel),
                     channel->source_next, result == 0 ? "out of memory" : error.text);
        free(bytes);
        back_off(node, channel, now_ns);
        return false;
    }
    fama_channel_offer(channel->channel, channel->source_next, buffer);
    fama_block_buffer_release(buffer);
    struct fama_block_pace pace = {node->config->source_blocks_per_second};
    channel->source_due_ns = fama_block_pace_due_ns(pace, channel->source_due_ns, now_ns);
    channel->source_next++;
    return true;
}

void fama_node_source_tick(struct fama_node *node, uint64_t now_ns)
{
    for (uint32_t i = 0; i < node->channel_count; i++) {
        struct fama_node_channel *channel = &node->channels[i];
        if (channel->source == NULL) {
            continue;
        }
        steer(node, channel, now_ns);
        for (int taken = 0; taken < BLOCKS_PER_TICK && now_ns >= channel->source_due_ns; taken++) {
            if (channel->source_next >= channel->height + FAMA_CHANNEL_SOURCE_AHEAD ||
                fama_channel_source_room(channel->channel) == 0 ||
                !offer_next(node, channel, now_ns)) {
                break;
            }
        }
    }
}
