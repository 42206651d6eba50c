#include "tests/net/impostor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/command.h"
#include "controlplane/config.h"

#define COUNT_DEFAULT 2000
#define AHEAD_DEFAULT 8
#define RUN_SECONDS   60 /* nothing here takes half as long */

struct command_line {
    const char *msp, *mspid, *bind, *other, *channel, *attack, *change, *origin;
    struct fama_texts targets, target_ids;
    bool expects_silence;
    bool is_listing;
};

static const struct fama_command self = {
    .path = "fama-impostor", .brief = "an adversary, for tests", .help = ""};

static int refuse(const struct fama_error *error)
{
    fprintf(stderr, "fama-impostor: %s\n", error->text);
    return FAMA_EXIT_FAILED;
}

static bool read_hex(const char *text, uint8_t *bytes, size_t len)
{
    if (strlen(text) != 2 * len || strspn(text, "0123456789abcdef") != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        const char pair[] = {text[2 * i], text[2 * i + 1], '\0'};
        bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return true;
}

static bool read_change(const char *name, enum impostor_change *change)
{
    for (int i = 0; i < IMPOSTOR_CHANGES; i++) {
        if (strcmp(impostor_change_name((enum impostor_change)i), name) == 0) {
            *change = (enum impostor_change)i;
            return true;
        }
    }
    return false;
}

static int parse(int argc, char **argv, struct command_line *line, struct impostor *impostor)
{
    const struct fama_option table[] = {
        {"list", FAMA_OPTION_FLAG, &line->is_listing, false},
        {"msp", FAMA_OPTION_TEXT, &line->msp, false},
        {"mspid", FAMA_OPTION_TEXT, &line->mspid, false},
        {"bind", FAMA_OPTION_TEXT, &line->bind, false},
        {"other", FAMA_OPTION_TEXT, &line->other, false},
        {"target", FAMA_OPTION_TEXTS, &line->targets, false},
        {"target-id", FAMA_OPTION_TEXTS, &line->target_ids, false},
        {"channel", FAMA_OPTION_TEXT, &line->channel, false},
        {"attack", FAMA_OPTION_TEXT, &line->attack, false},
        {"change", FAMA_OPTION_TEXT, &line->change, false},
        {"origin", FAMA_OPTION_TEXT, &line->origin, false},
        {"block-file", FAMA_OPTION_TEXT, &impostor->block_file, false},
        {"blocks", FAMA_OPTION_TEXT, &impostor->block_directory, false},
        {"swarm", FAMA_OPTION_TEXT, &impostor->swarm_directory, false},
        {"number", FAMA_OPTION_NUMBER, &impostor->number, false},
        {"ahead", FAMA_OPTION_NUMBER, &impostor->ahead, false},
        {"count", FAMA_OPTION_NUMBER, &impostor->count, false},
        {"seed", FAMA_OPTION_NUMBER, &impostor->seed, false},
        {"epoch", FAMA_OPTION_NUMBER, &impostor->epoch, false},
        {"expect-silence", FAMA_OPTION_FLAG, &line->expects_silence, false},
    };
    return fama_options_parse(&self, table, sizeof(table) / sizeof(table[0]), argc, argv, NULL);
}

/* What the command line says, made into an impostor. 0 or an exit code. */
static int prepare(const struct command_line *line, struct impostor *impostor)
{
    struct fama_error error = {""};
    const struct impostor_attack *attack =
        line->attack != NULL ? impostor_attack_find(line->attack) : NULL;
    bool is_sane = line->msp != NULL && line->mspid != NULL && line->bind != NULL &&
                   line->channel != NULL && attack != NULL && line->targets.count > 0 &&
                   line->targets.count <= IMPOSTOR_TARGETS_MAX &&
                   fama_endpoint_parse(line->bind, &impostor->home.endpoint, NULL) == 0 &&
                   (line->other != NULL || !attack->needs_other) &&
                   (line->other == NULL ||
                    fama_endpoint_parse(line->other, &impostor->other.endpoint, NULL) == 0) &&
                   (line->change == NULL || read_change(line->change, &impostor->change)) &&
                   (line->origin == NULL ||
                    read_hex(line->origin, impostor->claimed_origin, FAMA_PKI_ID_BYTES));
    for (size_t i = 0; is_sane && i < line->targets.count; i++) {
        struct impostor_target *target = &impostor->targets[i];
        is_sane = fama_endpoint_parse(line->targets.items[i], &target->endpoint, NULL) == 0;
        if (is_sane && i < line->target_ids.count) {
            is_sane = read_hex(line->target_ids.items[i], target->pki_id, FAMA_PKI_ID_BYTES);
            target->tag = fama_tag_of(target->pki_id);
            target->is_named = is_sane;
        }
    }
    if (!is_sane) {
        fprintf(
            stderr,
            "usage: fama-impostor --msp DIR --mspid ID --bind ADDRESS:PORT --target "
            "ADDRESS:PORT...\n"
            "           --channel NAME --attack NAME [--other ADDRESS:PORT] [--origin PKI-ID]\n"
            "           [--target-id PKI-ID...] [--epoch N]\n"
            "           [--blocks DIR | --block-file FILE] [--change NAME] [--number N | --ahead "
            "N]\n"
            "           [--count N] [--seed N] [--swarm DIR] [--expect-silence]\n"
            "       fama-impostor --list\n");
        return FAMA_EXIT_USAGE;
    }
    impostor->target_count = (uint32_t)line->targets.count;
    impostor->has_claimed_origin = line->origin != NULL;
    impostor->msp_directory = line->msp;
    impostor->channel = line->channel;
    uint8_t digest[FAMA_SHA256_BYTES];
    fama_channel_digest(line->channel, digest);
    impostor->channel_tag = fama_tag_of(digest);
    if (impostor_identity_open(line->msp, line->mspid, &impostor->identity, &error) != 0 ||
        impostor_socket_open(&impostor->home, &error) != 0 ||
        (line->other != NULL && impostor_socket_open(&impostor->other, &error) != 0)) {
        return refuse(&error);
    }
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    impostor->voice = (struct impostor_voice){.identity = &impostor->identity,
                                              .incarnation = (uint64_t)now.tv_sec * 1000000000u +
                                                             (uint64_t)now.tv_nsec};
    return 0;
}

/* ---- What is printed ---- */

static json_t *tally_json(const struct impostor_tally *tally)
{
    static const char *const names[IMPOSTOR_KINDS] = {
        "other", "alive", "chunk", "digest", "request", "stateinfo", "session", "sealed", "keys"};
    json_t *json =
        json_pack("{s:I, s:I, s:I}", "datagrams", (json_int_t)tally->datagrams, "bytes",
                  (json_int_t)tally->bytes, "repair_chunks", (json_int_t)tally->repair_chunks);
    for (int i = 0; i < IMPOSTOR_KINDS; i++) {
        json_object_set_new(json, names[i], json_integer((json_int_t)tally->kinds[i]));
    }
    return json;
}

static json_t *expected_json(const struct impostor_attack *attack)
{
    json_t *drops = json_array();
    for (int i = 0; i < IMPOSTOR_EXPECTED_MAX && attack->drops[i] != NULL; i++) {
        json_array_append_new(drops, json_string(attack->drops[i]));
    }
    return drops;
}

static int print_json(json_t *json)
{
    int status = json != NULL ? json_dumpf(json, stdout, JSON_COMPACT) : -1;
    printf("\n");
    json_decref(json);
    return status == 0 ? 0 : FAMA_EXIT_FAILED;
}

static int print_list(void)
{
    int status = 0;
    const struct impostor_attack *attack;
    for (size_t i = 0; status == 0 && (attack = impostor_attack_at(i)) != NULL; i++) {
        status = print_json(json_pack("{s:s, s:s, s:b, s:b, s:o, s:s?}", "attack", attack->name,
                                      "words", attack->words, "joins", attack->joins, "needs_other",
                                      attack->needs_other, "expects", expected_json(attack),
                                      "expects_log", attack->log));
    }
    return status;
}

static int print_result(const struct impostor_attack *attack, const struct impostor *impostor)
{
    const char *refusal = impostor_change_refusal(impostor->change);
    json_t *json = json_pack(
        "{s:s, s:s, s:o, s:s?, s:s?, s:o, s:o, s:o, s:o, s:o, s:O}", "attack", attack->name,
        "words", attack->words, "expects", expected_json(attack), "expects_refusal", refusal,
        "expects_log", attack->log, "keys", impostor_party_keys_json(impostor), "sent",
        tally_json(&impostor->home.sent), "received", tally_json(&impostor->home.received),
        "sent_from_other", tally_json(&impostor->other.sent), "received_at_other",
        tally_json(&impostor->other.received), "violations", impostor->violations);
    return print_json(json);
}

static int attack_and_tell(const struct command_line *line, struct impostor *impostor)
{
    const struct impostor_attack *attack = impostor_attack_find(line->attack);
    int code = impostor_attack_run(attack, impostor) == 0 ? 0 : refuse(&impostor->error);
    if (line->expects_silence && impostor->home.received.datagrams > 0) {
        json_array_append_new(impostor->violations, json_string("something was answered"));
    }
    int printed = print_result(attack, impostor);
    if (code == 0) {
        code = printed;
    }
    return code == 0 && json_array_size(impostor->violations) > 0 ? FAMA_EXIT_FAILED : code;
}

int main(int argc, char **argv)
{
    static struct impostor impostor;
    struct command_line line = {0};
    impostor.home.fd = -1;
    impostor.other.fd = -1;
    impostor.number = IMPOSTOR_NO_NUMBER;
    impostor.ahead = AHEAD_DEFAULT;
    impostor.count = COUNT_DEFAULT;
    impostor.seed = 1;
    alarm(RUN_SECONDS);
    int code = parse(argc, argv, &line, &impostor);
    if (code == 0 && line.is_listing) {
        return print_list();
    }
    if (code == 0) {
        code = prepare(&line, &impostor);
    }
    if (code == 0) {
        impostor.violations = json_array();
        code = impostor.violations != NULL ? attack_and_tell(&line, &impostor) : FAMA_EXIT_FAILED;
        json_decref(impostor.violations);
    }
    impostor_party_close(&impostor);
    impostor_socket_close(&impostor.home);
    impostor_socket_close(&impostor.other);
    impostor_identity_close(&impostor.identity);
    return code;
}
