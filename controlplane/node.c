/* Assembles a node, runs its control thread, and takes it apart again. */
#include "controlplane/node.h"
#include "dataplane/frame.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/command.h"
#include "controlplane/incarnation.h"
#include "controlplane/log.h"
#include "controlplane/node_state.h"

#define TICK_NS      10000000u /* timers of the protocol objects are kept to this */
#define EVENTS_BURST 64
#define HOLDERS_MAX  1024
#define ASKERS_MAX   4096
#define PEERS_MAX    FAMA_PEERS_MAX

uint64_t fama_node_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

size_t fama_node_datagram_bytes(const struct fama_node *node)
{
    const struct fama_dataplane_config *config = &node->config->dataplane;
    return (size_t)config->mtu - fama_frame_ip_udp_bytes(config->endpoint.address);
}

static uint64_t wall_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t random_seed(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
        seed = wall_clock_ns() ^ (uint64_t)getpid() << 32;
    }
    return seed;
}

/* ---- Channels ---- */

struct fama_node_channel *fama_node_find_channel(struct fama_node *node, const char *channel_id)
{
    for (uint32_t i = 0; i < node->channel_count; i++) {
        if (strcmp(fama_channel_id(node->channels[i].channel), channel_id) == 0) {
            return &node->channels[i];
        }
    }
    return NULL;
}

void fama_node_channel_setup(struct fama_node *node, struct fama_channel_setup *setup)
{
    *setup = (struct fama_channel_setup){
        .ledgers_directory = node->ledgers_directory,
        .mspid = node->config->local_mspid,
        .dataplane = node->dataplane,
        .sender = node->sender,
        .index = (uint16_t)node->channel_count,
        .wake_fd = node->wake_fd,
    };
}

static void release_channel(struct fama_node_channel *channel)
{
    if (channel->source != NULL) {
        channel->source->close(channel->source);
    }
    fama_repair_destroy(channel->repair);
    fama_channel_members_destroy(channel->members);
    fama_channel_close(channel->channel);
    fama_channel_keys_destroy(channel->push.keys);
    memset(channel, 0, sizeof(*channel));
}

int fama_node_add_channel(struct fama_node *node, struct fama_channel *channel,
                          struct fama_error *error)
{
    struct fama_node_channel *place = &node->channels[node->channel_count];
    const struct fama_config *config = node->config;
    struct fama_channel_status status;
    fama_channel_status(channel, &status);
    *place = (struct fama_node_channel){.channel = channel, .height = status.height};
    place->members = fama_channel_members_create(PEERS_MAX);
    place->repair = fama_repair_create(&(struct fama_repair_config){
        .self = fama_tag_of(fama_identity_pki_id(fama_signer_identity(node->signer))),
        .channel = fama_channel_tag(channel),
        .window_blocks = config->dataplane.reassembly.slots,
        .patience_ns = config->repair_patience_ns,
        .retry_ns = config->repair_retry_ns,
        .chunk_bytes = fama_chunk_bytes_for(fama_node_datagram_bytes(node), 0),
        .holders_max = HOLDERS_MAX,
        .random_seed = fama_random_next(&node->random),
    });
    place->push.keys = fama_node_make_keys(node, fama_channel_id(channel));
    place->push.channel = fama_channel_index(channel);
    atomic_init(&place->push.parity, (uint8_t)config->parity_min);
    fama_channel_push_as(channel, &place->push);
    int result = 0;
    if (place->members == NULL || place->repair == NULL || place->push.keys == NULL) {
        result = fama_error_set(error, FAMA_CHANNEL_NO_MEMORY, "no memory for channel %s",
                                fama_channel_id(channel));
    }
    if (result == 0 && config->is_org_leader && config->source_directory != NULL) {
        result = fama_node_open_source(node, place, error);
    }
    if (result == 0 && fama_channel_start(channel) != 0) {
        result = fama_error_set(error, FAMA_CHANNEL_NO_MEMORY, "no thread for channel %s",
                                fama_channel_id(channel));
    }
    if (result != 0) {
        release_channel(place);
        return result;
    }
    fama_repair_on_height(place->repair, fama_node_now_ns(), place->height);
    node->channel_count++;
    fama_node_publish_view(node);
    return 0;
}

/* SIGTERM or SIGINT before the event loop listens to them. */
static volatile sig_atomic_t early_signal;

static void note_early_signal(int number)
{
    early_signal = number;
}

static bool has_no_early_signal(void)
{
    return early_signal == 0;
}

/* Opens every ledger found, until a signal comes; a channel that does not open is an error of its own and
 * keeps nobody else from working. */
static void open_channels(struct fama_node *node)
{
    DIR *directory = opendir(node->ledgers_directory);
    struct dirent *entry;
    if (directory == NULL) {
        fama_failure("channel", "%s: %s: no channel was opened: give the node's user access",
                     node->ledgers_directory, strerror(errno));
        return;
    }
    while (has_no_early_signal() && (entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        if (node->channel_count == FAMA_CHANNELS_MAX) {
            fama_failure("channel", "%s: not opened: %d channels are the most", entry->d_name,
                         FAMA_CHANNELS_MAX);
            continue;
        }
        struct fama_channel_setup setup;
        struct fama_channel *channel = NULL;
        struct fama_error error = {""};
        fama_node_channel_setup(node, &setup);
        setup.may_go_on = has_no_early_signal;
        int result = fama_channel_open(&setup, entry->d_name, &channel, &error);
        if (result == 0) {
            result = fama_node_add_channel(node, channel, &error);
        }
        if (result == 0) {
            fama_info("channel", "%s: opened at height %" PRIu64, entry->d_name,
                      node->channels[node->channel_count - 1].height);
        } else if (result == FAMA_CHANNEL_STOPPED) {
            fama_info("channel", "%s", error.text);
        } else {
            fama_failure("channel", "%s", error.text);
        }
    }
    closedir(directory);
}

/* ---- The control thread ---- */

static void on_dataplane(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct fama_node *node = context;
    struct fama_event *events[EVENTS_BURST];
    uint32_t count;
    /* A bounded number of rounds: timers and the admin socket get their turn under a flood. */
    for (int round = 0; round < 8; round++) {
        count = fama_dataplane_receive(node->dataplane, events, EVENTS_BURST);
        for (uint32_t i = 0; i < count; i++) {
            fama_node_on_event(node, events[i]);
            fama_dataplane_event_done(node->dataplane, events[i]);
        }
        if (count == 0) {
            break;
        }
    }
    if (fama_view_pace_is_due(&node->view_pace, fama_node_now_ns())) {
        fama_node_publish_view(node);
    }
    if (count > 0) {
        /* libevent runs what has been activated before it looks at anything else; only a fresh round lets
         * timers, signals and the admin socket in between. */
        event_active(node->dataplane_event, EV_READ, 0);
        event_base_loopcontinue(node->base);
    }
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct fama_node *node = context;
    uint64_t rung;
    if (read(fd, &rung, sizeof(rung)) < 0 && errno != EAGAIN) {
        fama_failure("node", "wake-up: %s", strerror(errno));
    }
    uint64_t now_ns = fama_node_now_ns();
    for (uint32_t i = 0; i < node->channel_count; i++) {
        struct fama_channel_status status;
        fama_channel_status(node->channels[i].channel, &status);
        node->channels[i].has_failed = status.has_failed;
        if (status.height != node->channels[i].height) {
            node->channels[i].height = status.height;
            node->channels[i].source_attempts = 0;
            fama_repair_on_height(node->channels[i].repair, now_ns, status.height);
        }
    }
    fama_node_source_tick(node, now_ns);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct fama_node *node = context;
    uint64_t now_ns = fama_node_now_ns();
    fama_node_gossip_tick(node, now_ns);
    fama_node_source_tick(node, now_ns);
    if (fama_view_pace_is_due(&node->view_pace, fama_node_now_ns())) {
        fama_node_publish_view(node);
    }
    fama_log_flush();
}

static void note_stopping(int signal_number)
{
    fama_info("node", "%s: stopping", signal_number == SIGTERM ? "SIGTERM" : "SIGINT");
}

static void on_signal(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct fama_node *node = context;
    note_stopping((int)fd);
    event_base_loopbreak(node->base);
}

/* ---- Assembly ---- */

static int make_directory(const char *path, struct fama_error *error)
{
    char partial[4096];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof(partial)) {
        return fama_error_set(error, -1, "peer.fileSystemPath: a path of %zu bytes cannot be used",
                              len);
    }
    for (size_t i = 1; i <= len; i++) {
        if (path[i] == '/' || path[i] == '\0') {
            memcpy(partial, path, i);
            partial[i] = '\0';
            if (mkdir(partial, 0750) != 0 && errno != EEXIST) {
                return fama_error_set(error, -1,
                                      "%s: cannot be made: %s: check peer.fileSystemPath", partial,
                                      strerror(errno));
            }
        }
    }
    return 0;
}

static int open_identity(struct fama_node *node, struct fama_error *error)
{
    const struct fama_config *config = node->config;
    if (fama_msp_open_directory(config->msp_directory, config->local_mspid, &node->msp, error) !=
            0 ||
        fama_signer_open(config->msp_directory, node->msp, &node->signer, error) != 0) {
        return -1;
    }
    const struct fama_identity *self = fama_signer_identity(node->signer);
    size_t alive_bytes = FAMA_WIRE_MESSAGE_BYTES + 32 + strlen(fama_identity_mspid(self)) +
                         fama_identity_id_bytes(self).len;
    if (alive_bytes >
            (size_t)config->dataplane.mtu - fama_frame_ip_udp_bytes(config->endpoint.address) ||
        alive_bytes > FAMA_ALIVE_DATAGRAM_MAX) {
        return fama_error_set(
            error, -1,
            "%s: the certificate makes alive messages of %zu bytes, more than the "
            "MTU of %u carries: raise fama.dataplane.mtu or use a smaller one",
            config->msp_directory, alive_bytes, config->dataplane.mtu);
    }
    return 0;
}

static void warn(const char *words)
{
    fama_warning("dataplane", "%s", words);
}

static void tell(const char *words)
{
    fama_info("dataplane", "%s", words);
}

static int start_dataplane(struct fama_node *node, struct fama_error *error)
{
    struct fama_dataplane_config settings = node->config->dataplane;
    settings.random_seed = fama_random_next(&node->random);
    settings.warn = warn;
    settings.tell = tell;
    if (fama_dataplane_start(&settings, &node->dataplane, error) != 0) {
        return -1;
    }
    node->sender = fama_sender_start(node->dataplane, node->signer);
    if (node->sender == NULL) {
        return fama_error_set(error, -1, "the sender thread could not be started");
    }
    node->server = fama_chunk_server_start(node->dataplane, node->signer);
    if (node->server == NULL) {
        return fama_error_set(error, -1, "the server thread could not be started");
    }
    return 0;
}

static int make_protocols(struct fama_node *node, struct fama_error *error)
{
    const struct fama_config *config = node->config;
    struct fama_membership_config membership = {
        .self_endpoint = config->endpoint,
        .incarnation = node->incarnation,
        .bootstrap_count = config->bootstrap_count,
        .alive_interval_ns = config->alive_interval_ns,
        .alive_expiration_ns = config->alive_expiration_ns,
        .reconnect_interval_ns = config->reconnect_interval_ns,
        .digest_interval_ns = config->pull_interval_ns,
        .message_expiration_factor = config->message_expiration_factor,
        .propagate_peer_num = config->propagate_peer_num,
        .pull_peer_num = config->pull_peer_num,
        .peers_max = PEERS_MAX,
        .random_seed = fama_random_next(&node->random),
    };
    memcpy(membership.self_pki_id, fama_identity_pki_id(fama_signer_identity(node->signer)),
           FAMA_PKI_ID_BYTES);
    memcpy(membership.bootstrap, config->bootstrap, sizeof(membership.bootstrap));
    node->membership = fama_membership_create(&membership);
    node->repair_server = fama_repair_server_create(&(struct fama_repair_server_config){
        .bytes_per_second = config->repair_bytes_per_second,
        .bytes_per_second_each = config->repair_bytes_per_second_each,
        .askers_max = ASKERS_MAX,
    });
    if (node->membership == NULL || node->repair_server == NULL) {
        return fama_error_set(error, -1, "no memory for membership and repair tables");
    }
    return fama_node_start_addresses(node, error) == 0 ? fama_node_start_sessions(node, error) : -1;
}

static int make_events(struct fama_node *node, struct fama_error *error)
{
    node->base = event_base_new();
    if (node->base == NULL) {
        return fama_error_set(error, -1, "libevent: no event loop");
    }
    node->dataplane_event = event_new(node->base, fama_dataplane_event_fd(node->dataplane),
                                      EV_READ | EV_PERSIST, on_dataplane, node);
    node->wake_event = event_new(node->base, node->wake_fd, EV_READ | EV_PERSIST, on_wake, node);
    node->tick_event = event_new(node->base, -1, EV_PERSIST, on_tick, node);
    struct timeval tick = {.tv_usec = TICK_NS / 1000};
    if (node->dataplane_event == NULL || node->wake_event == NULL || node->tick_event == NULL ||
        event_add(node->dataplane_event, NULL) != 0 || event_add(node->wake_event, NULL) != 0 ||
        event_add(node->tick_event, &tick) != 0) {
        return fama_error_set(error, -1, "libevent: events could not be added");
    }
    return fama_admin_listen(node->base, node->config->admin_socket, fama_node_admin, node,
                             &node->admin, error);
}

/* While channels are opened nothing but a flag is listened to: the loop does not run yet. */
static int note_early_signals(struct fama_error *error)
{
    const struct sigaction noting = {.sa_handler = note_early_signal};
    early_signal = 0;
    if (sigaction(SIGTERM, &noting, NULL) != 0 || sigaction(SIGINT, &noting, NULL) != 0) {
        return fama_error_set(error, -1, "sigaction: %s", strerror(errno));
    }
    return 0;
}

static int listen_to_signals(struct fama_node *node, struct fama_error *error)
{
    node->term_event = evsignal_new(node->base, SIGTERM, on_signal, node);
    node->interrupt_event = evsignal_new(node->base, SIGINT, on_signal, node);
    if (node->term_event == NULL || node->interrupt_event == NULL ||
        event_add(node->term_event, NULL) != 0 || event_add(node->interrupt_event, NULL) != 0) {
        return fama_error_set(error, -1, "libevent: signals could not be added");
    }
    return 0;
}

static int assemble(struct fama_node *node, struct fama_error *error)
{
    const struct fama_config *config = node->config;
    node->started_ns = fama_node_now_ns();
    fama_random_seed(&node->random, random_seed());
    node->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (node->wake_fd < 0) {
        return fama_error_set(error, -1, "eventfd: %s", strerror(errno));
    }
    if (asprintf(&node->ledgers_directory, "%s/ledgers", config->file_system_path) < 0) {
        node->ledgers_directory = NULL;
        return fama_error_set(error, -1, "out of memory");
    }
    if (open_identity(node, error) != 0 || make_directory(node->ledgers_directory, error) != 0 ||
        fama_incarnation_next(config->file_system_path, wall_clock_ns(), &node->incarnation,
                              error) != 0 ||
        start_dataplane(node, error) != 0 || make_protocols(node, error) != 0 ||
        make_events(node, error) != 0 || note_early_signals(error) != 0) {
        return -1;
    }
    open_channels(node);
    if (listen_to_signals(node, error) != 0) {
        return -1;
    }
    fama_node_publish_view(node);
    /* The dataplane rings only for a thread that has found nothing: look once before sleeping. */
    event_active(node->dataplane_event, EV_READ, 0);
    return 0;
}

static void free_event(struct event *event)
{
    if (event != NULL) {
        event_free(event);
    }
}

static void release_identity(void *identity)
{
    fama_identity_release(identity);
}

/* The order matters: whoever uses a part ends before the part does. */
static void take_apart(struct fama_node *node)
{
    if (node->admin != NULL) {
        fama_admin_close(node->admin);
    }
    if (node->dataplane != NULL) {
        fama_dataplane_interrupt(node->dataplane);
    }
    for (uint32_t i = 0; i < node->channel_count; i++) {
        fama_channel_stop(node->channels[i].channel);
    }
    fama_sender_stop(node->sender);
    fama_chunk_server_stop(node->server);
    free_event(node->dataplane_event);
    free_event(node->wake_event);
    free_event(node->tick_event);
    free_event(node->term_event);
    free_event(node->interrupt_event);
    if (node->dataplane != NULL) {
        fama_dataplane_stop(node->dataplane);
    }
    for (uint32_t i = 0; i < node->channel_count; i++) {
        release_channel(&node->channels[i]);
    }
    if (node->membership != NULL) {
        fama_membership_destroy(node->membership, release_identity);
    }
    fama_repair_server_destroy(node->repair_server);
    fama_sessions_destroy(node->sessions);
    fama_address_proofs_destroy(node->addresses);
    if (node->base != NULL) {
        event_base_free(node->base);
    }
    if (node->wake_fd >= 0) {
        close(node->wake_fd);
    }
    free(node->ledgers_directory);
    fama_signer_close(node->signer);
    fama_msp_release(node->msp);
    free(node);
}

int fama_node_run(const struct fama_config *config)
{
    struct fama_node *node = calloc(1, sizeof(*node));
    struct fama_error error = {""};
    if (node == NULL) {
        fprintf(stderr, "fama: node start: out of memory\n");
        return FAMA_EXIT_FAILED;
    }
    node->config = config;
    node->wake_fd = -1;
    if (config->log_level != NULL) {
        (void)fama_log_set_level(config->log_level); /* Checked when the configuration was read. */
    }
    signal(SIGPIPE, SIG_IGN);
    if (fama_verifier_choose(config->verifier, config->hot_keys_memory, &error) != 0 ||
        assemble(node, &error) != 0) {
        fprintf(stderr, "fama: node start: %s\n", error.text);
        take_apart(node);
        fama_log_finish();
        return FAMA_EXIT_FAILED;
    }
    char endpoint[FAMA_ENDPOINT_TEXT_BYTES];
    fama_endpoint_format(&config->endpoint, endpoint);
    fama_info("node", "%s of %s is up at %s (%s), %u channels, admin socket %s", config->peer_id,
              config->local_mspid, endpoint, config->is_org_leader ? "leader" : "follower",
              node->channel_count, config->admin_socket);
    fama_info("node", "signatures are verified by %s", fama_verifier_name(fama_verifier_chosen()));
    int result = FAMA_EXIT_OK;
    if (!has_no_early_signal()) {
        note_stopping(early_signal);
    } else if (event_base_dispatch(node->base) < 0) {
        result = FAMA_EXIT_FAILED;
    }
    take_apart(node);
    fama_info("node", "stopped");
    fama_log_finish();
    return result;
}
