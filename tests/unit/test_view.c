#include "dataplane/view.h"

#include "crypto/ca.h"
#include "crypto/signer.h"
#include "dataplane/fanout.h"
#include "unit/seed.h"
#include "unit/suite.h"

#include <limits.h>

static struct fama_random generator;
static struct fama_channel_gate gate;

/* Gives the channels that a test does not look into what every sealed channel has. */
static void make_channels_sound(struct fama_view *view)
{
    for (uint32_t i = 0; i < view->channel_count; i++) {
        view->channels[i].gate = &gate;
    }
}

static void test_sizes_beyond_the_limits_are_refused(void)
{
    struct fama_view_channel channel = {.tag = 1};
    CU_ASSERT_PTR_NULL(fama_view_create(FAMA_PEERS_MAX + 1, 0));
    CU_ASSERT_PTR_NULL(fama_view_create(0, FAMA_CHANNELS_MAX + 1));
    CU_ASSERT_PTR_NULL(fama_view_create(UINT32_MAX, UINT32_MAX));
    CU_ASSERT_FALSE(fama_view_channel_size(&channel, FAMA_PEERS_MAX + 1, 0));
    CU_ASSERT_FALSE(fama_view_channel_size(&channel, 0, UINT32_MAX));
    struct fama_view *view = fama_view_create(FAMA_PEERS_MAX, FAMA_CHANNELS_MAX);
    CU_ASSERT_PTR_NOT_NULL_FATAL(view);
    CU_ASSERT(fama_view_channel_size(&view->channels[0], FAMA_PEERS_MAX, FAMA_PEERS_MAX));
    fama_view_destroy(view);
    fama_view_destroy(NULL);
}

static void test_an_empty_view_finds_nothing(void)
{
    struct fama_view *view = fama_view_create(0, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(view);
    CU_ASSERT(fama_view_seal(view));
    CU_ASSERT_PTR_NULL(fama_view_peer(view, 0));
    CU_ASSERT_PTR_NULL(fama_view_channel(view, 0));
    fama_view_destroy(view);
}

/* Peers with random even tags, in random order; the port remembers who is who. */
static struct fama_view *random_view(uint32_t peers, uint32_t channels, const uint64_t **tags)
{
    static uint64_t made[FAMA_PEERS_MAX];
    struct fama_view *view = fama_view_create(peers, channels);
    CU_ASSERT_PTR_NOT_NULL_FATAL(view);
    for (uint32_t i = 0; i < peers; i++) {
        made[i] = fama_random_next(&generator) << 16 | i << 1;
        view->peers[i].tag = made[i];
        view->peers[i].endpoint.port = (uint16_t)i;
    }
    make_channels_sound(view);
    *tags = made;
    return view;
}

static void test_sealing_sorts_and_every_index_still_means_the_same_peer(void)
{
    enum { PEERS = 3000, CHANNELS = 5 };
    const uint64_t *tags;
    struct fama_view *view = random_view(PEERS, CHANNELS, &tags);
    static bool is_member[CHANNELS][PEERS];
    static bool is_target[CHANNELS][PEERS];
    for (uint32_t c = 0; c < CHANNELS; c++) {
        struct fama_view_channel *channel = &view->channels[c];
        channel->tag = (CHANNELS - c) * 1000;
        channel->index = (uint16_t)c;
        CU_ASSERT_FATAL(fama_view_channel_size(channel, PEERS, PEERS));
        channel->target_count = channel->member_count = 0;
        /* Downwards, so that nothing is in order beforehand. */
        for (uint32_t i = PEERS; i-- > 0;) {
            is_member[c][i] = fama_random_below(&generator, 3) > 0;
            is_target[c][i] = is_member[c][i] && fama_random_below(&generator, 4) == 0;
            if (is_member[c][i]) {
                channel->members[channel->member_count++] = i;
            }
            if (is_target[c][i]) {
                channel->targets[channel->target_count++] = i;
            }
        }
    }
    CU_ASSERT_FATAL(fama_view_seal(view));
    for (uint32_t i = 1; i < PEERS; i++) {
        CU_ASSERT_FATAL(view->peers[i - 1].tag < view->peers[i].tag);
    }
    for (uint32_t i = 0; i < PEERS; i++) {
        const struct fama_view_peer *peer = fama_view_peer(view, tags[i]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
        CU_ASSERT_FATAL(peer->tag == tags[i] && peer->endpoint.port == i);
        CU_ASSERT_PTR_NULL_FATAL(fama_view_peer(view, tags[i] | 1));
    }
    for (uint32_t c = 0; c < CHANNELS; c++) {
        const struct fama_view_channel *channel = fama_view_channel(view, (CHANNELS - c) * 1000);
        CU_ASSERT_PTR_NOT_NULL_FATAL(channel);
        CU_ASSERT_EQUAL(channel->index, c);
        for (uint32_t i = 0; i < PEERS; i++) {
            CU_ASSERT_EQUAL_FATAL(fama_view_is_member(view, channel, tags[i]), is_member[c][i]);
        }
        CU_ASSERT_FALSE(fama_view_is_member(view, channel, tags[0] | 1));
        for (uint32_t i = 0; i < channel->target_count; i++) {
            CU_ASSERT_FATAL(is_target[c][view->peers[channel->targets[i]].endpoint.port]);
        }
    }
    CU_ASSERT_PTR_NULL(fama_view_channel(view, 1));
    CU_ASSERT_PTR_NULL(fama_view_channel(view, UINT64_MAX));
    fama_view_destroy(view);
}

static void test_the_outermost_tags_are_found(void)
{
    struct fama_view *view = fama_view_create(3, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(view);
    view->peers[0].tag = UINT64_MAX;
    view->peers[1].tag = 0;
    view->peers[2].tag = 7;
    CU_ASSERT(fama_view_seal(view));
    CU_ASSERT_PTR_EQUAL(fama_view_peer(view, 0), &view->peers[0]);
    CU_ASSERT_PTR_EQUAL(fama_view_peer(view, 7), &view->peers[1]);
    CU_ASSERT_PTR_EQUAL(fama_view_peer(view, UINT64_MAX), &view->peers[2]);
    CU_ASSERT_PTR_NULL(fama_view_peer(view, 8));
    fama_view_destroy(view);
}

enum flaw {
    NO_FLAW,
    TWO_PEERS_ALIKE,
    TWO_CHANNELS_ALIKE,
    A_MEMBER_TWICE,
    A_TARGET_TWICE,
    A_MEMBER_NOWHERE,
    A_TARGET_NOWHERE,
    NO_GATE,
    NUMBER_TOO_HIGH,
    FLAW_COUNT
};

static bool seal_with(enum flaw flaw)
{
    struct fama_view *view = fama_view_create(3, 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(view);
    for (uint32_t i = 0; i < 3; i++) {
        view->peers[i].tag = 30 - i;
    }
    make_channels_sound(view);
    struct fama_view_channel *channel = &view->channels[0];
    channel->tag = 9;
    view->channels[1].tag = flaw == TWO_CHANNELS_ALIKE ? 9 : 8;
    CU_ASSERT_FATAL(fama_view_channel_size(channel, 2, 2));
    channel->targets[0] = channel->members[0] = 2;
    channel->targets[1] = flaw == A_TARGET_TWICE ? 2 : flaw == A_TARGET_NOWHERE ? 3 : 0;
    channel->members[1] = flaw == A_MEMBER_TWICE ? 2 : flaw == A_MEMBER_NOWHERE ? UINT32_MAX : 0;
    if (flaw == TWO_PEERS_ALIKE) {
        view->peers[2].tag = 30;
    } else if (flaw == NO_GATE) {
        channel->gate = NULL;
    } else if (flaw == NUMBER_TOO_HIGH) {
        channel->index = FAMA_CHANNELS_MAX;
    }
    bool is_sealed = fama_view_seal(view);
    fama_view_destroy(view);
    return is_sealed;
}

static void test_a_view_that_contradicts_itself_is_not_sealed(void)
{
    for (enum flaw flaw = NO_FLAW; flaw < FLAW_COUNT; flaw++) {
        CU_ASSERT_EQUAL(seal_with(flaw), flaw == NO_FLAW);
    }
}

static struct fama_signer *open_new_signer(struct fama_msp **msp)
{
    char folder[] = "/tmp/fama-test-view-XXXXXX";
    char path[PATH_MAX];
    char made[PATH_MAX];
    struct fama_error error = {{0}};
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    CU_ASSERT_EQUAL_FATAL(fama_ca_init(folder, "org1.example.com", &error), 0);
    struct fama_ca_issue request = {.organisation = folder,
                                    .role = FAMA_MSP_ROLE_PEER,
                                    .name = "peer0",
                                    .not_before_s = -60,
                                    .not_after_s = 3600};
    CU_ASSERT_EQUAL_FATAL(fama_ca_issue(&request, made, sizeof(made), &error), 0);
    (void)snprintf(path, sizeof(path), "%s/msp", folder);
    CU_ASSERT_EQUAL_FATAL(fama_msp_open_directory(path, "Org1MSP", msp, &error), 0);
    CU_ASSERT_FATAL((size_t)snprintf(path, sizeof(path), "%s/msp", made) < sizeof(path));
    struct fama_signer *signer = NULL;
    int opened = fama_signer_open(path, *msp, &signer, &error);
    if (opened != 0) {
        fprintf(stderr, "%s\n", error.text);
    }
    CU_ASSERT_EQUAL_FATAL(opened, 0);
    (void)snprintf(path, sizeof(path), "rm -rf %s", folder);
    CU_ASSERT_EQUAL(system(path), 0);
    return signer;
}

/* That references are released, and not once too often, is for the sanitizers to see; that they are
 * held shows here. */
static void test_a_view_keeps_its_identities_alive_and_lets_them_go(void)
{
    struct fama_msp *msp = NULL;
    struct fama_signer *signer = open_new_signer(&msp);
    struct fama_view *view = fama_view_create(1, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(view);
    struct fama_view_peer *peer = &view->peers[0];
    peer->identity = fama_identity_acquire(fama_signer_identity(signer));
    memcpy(peer->pki_id, fama_identity_pki_id(peer->identity), sizeof(peer->pki_id));
    peer->tag = fama_tag_of(peer->pki_id);
    view->msp = msp;
    CU_ASSERT(fama_view_seal(view));
    fama_signer_close(signer);
    const struct fama_view_peer *found = fama_view_peer(view, peer->tag);
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    CU_ASSERT_STRING_EQUAL(fama_identity_mspid(found->identity), "Org1MSP");
    CU_ASSERT_STRING_EQUAL(fama_msp_id(view->msp), "Org1MSP");
    fama_view_destroy(view);
}

/* Ourselves with tag `self`; peers 10, 20, .. of which the bits of `alive` name the living. */
static struct fama_view *small_view(fama_tag self, uint32_t peers, uint32_t alive)
{
    struct fama_view *view = fama_view_create(peers, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(view);
    view->self = self;
    view->channels[0].tag = 7;
    make_channels_sound(view);
    CU_ASSERT_FATAL(fama_view_channel_size(&view->channels[0], peers, peers));
    view->channels[0].target_count = 0;
    for (uint32_t i = 0; i < peers; i++) {
        view->peers[i].tag = 10 * (i + 1);
        view->channels[0].members[i] = i;
        if ((alive >> i & 1) != 0) {
            view->channels[0].targets[view->channels[0].target_count++] = i;
        }
    }
    CU_ASSERT_FATAL(fama_view_seal(view));
    return view;
}

static void expect_roster(const struct fama_view *view, const struct fama_roster *roster,
                          const fama_tag *tags, uint32_t count)
{
    CU_ASSERT_EQUAL_FATAL(roster->count, count);
    CU_ASSERT_NOT_EQUAL(roster->view_id, 0);
    for (uint32_t i = 0; i < count; i++) {
        CU_ASSERT_EQUAL(roster->tags[i], tags[i]);
        const struct fama_view_peer *peer = fama_view_peer(view, tags[i]);
        if (tags[i] == view->self || peer == NULL) {
            CU_ASSERT_EQUAL(roster->peers[i], FAMA_ROSTER_NOT_A_PEER);
        } else {
            CU_ASSERT_EQUAL(roster->peers[i], peer - view->peers);
        }
    }
}

static void test_the_roster_is_the_living_and_ourselves(void)
{
    static const struct {
        fama_tag self;
        uint32_t alive;
        fama_tag tags[4];
        uint32_t count;
    } cases[] = {
        {5, 7, {5, 10, 20, 30}, 4},
        {15, 7, {10, 15, 20, 30}, 4},
        {35, 7, {10, 20, 30, 35}, 4},
        {15, 5, {10, 15, 30}, 3},
        {15, 0, {15}, 1},
        {20, 7, {10, 20, 30}, 3}, /* we are among our own peers */
        {30, 4, {30}, 1},
        {10, 3, {10, 20}, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fama_view *view = small_view(cases[i].self, 3, cases[i].alive);
        expect_roster(view, &view->channels[0].now, cases[i].tags, cases[i].count);
        CU_ASSERT_EQUAL(view->channels[0].before.view_id, 0);
        fama_view_destroy(view);
    }
}

static void test_the_roster_of_the_view_before_stays_known(void)
{
    static const fama_tag three[] = {5, 10, 20, 30};
    static const fama_tag two[] = {5, 10, 20};
    struct fama_view *first = small_view(5, 3, 7);
    struct fama_view *second = small_view(5, 2, 3); /* peer 30 is forgotten */
    struct fama_view *third = small_view(5, 3, 3);  /* known again and dead: the same roster */
    struct fama_view *fourth = small_view(5, 3, 7);
    fama_view_follow(first, NULL);
    CU_ASSERT_EQUAL(first->channels[0].before.view_id, 0);
    fama_view_follow(second, first);
    expect_roster(second, &second->channels[0].before, three, 4);
    CU_ASSERT_EQUAL(second->channels[0].before.view_id, first->channels[0].now.view_id);
    fama_view_follow(third, second);
    expect_roster(third, &third->channels[0].before, three, 4);
    fama_view_follow(fourth, third);
    expect_roster(fourth, &fourth->channels[0].before, two, 3);
    fama_view_destroy(first);
    fama_view_destroy(second);
    fama_view_destroy(third);
    fama_view_destroy(fourth);
}

static void test_a_channel_that_was_not_there_has_no_roster_before(void)
{
    struct fama_view *first = small_view(5, 3, 7);
    struct fama_view *second = small_view(5, 3, 3);
    second->channels[0].tag = 8;
    fama_view_follow(second, first);
    CU_ASSERT_EQUAL(second->channels[0].before.view_id, 0);
    fama_view_destroy(first);
    fama_view_destroy(second);
}

int main(void)
{
    fama_random_seed(&generator, test_seed("view"));
    static const struct test_case cases[] = {
        TEST(test_sizes_beyond_the_limits_are_refused),
        TEST(test_an_empty_view_finds_nothing),
        TEST(test_sealing_sorts_and_every_index_still_means_the_same_peer),
        TEST(test_the_outermost_tags_are_found),
        TEST(test_a_view_that_contradicts_itself_is_not_sealed),
        TEST(test_a_view_keeps_its_identities_alive_and_lets_them_go),
        TEST(test_the_roster_is_the_living_and_ourselves),
        TEST(test_the_roster_of_the_view_before_stays_known),
        TEST(test_a_channel_that_was_not_there_has_no_roster_before),
    };
    return run_suite("view", cases, sizeof(cases) / sizeof(cases[0]));
}
