/* The keys of one channel: offered, taken, rotated, and those of others. The generator is a counter. */
#include "controlplane/channel_keys.h"

#include "unit/suite.h"

#define MS      1000000ull
#define ROTATE  (3600000 * MS)
#define GRACE   (5000 * MS)
#define RETRY   (200 * MS)
#define MEMBERS 8

static uint8_t counter;
static bool has_randomness = true;

static bool draw(uint8_t *bytes, size_t count)
{
    memset(bytes, ++counter, count);
    return has_randomness;
}

static const uint8_t digest[FAMA_SHA256_BYTES] = {0xd7, 1, 2, 3, 4, 5, 6, 7};
static const uint8_t self[FAMA_PKI_ID_BYTES] = {0x11};

static fama_tag channel(void)
{
    return fama_tag_of(digest);
}

static struct fama_channel_keys_config usual_config(void)
{
    return (struct fama_channel_keys_config){.channel_digest = digest,
                                             .self_pki_id = self,
                                             .first_epoch = 1000,
                                             .rotate_ns = ROTATE,
                                             .grace_ns = GRACE,
                                             .retry_ns = RETRY,
                                             .members_max = MEMBERS,
                                             .random = draw};
}

static struct fama_channel_keys *create(void)
{
    const struct fama_channel_keys_config config = usual_config();
    struct fama_channel_keys *keys = fama_channel_keys_create(&config);
    CU_ASSERT_PTR_NOT_NULL_FATAL(keys);
    return keys;
}

static struct fama_channel_keys *begin(void)
{
    struct fama_channel_keys *keys = create();
    CU_ASSERT_TRUE_FATAL(fama_channel_keys_begin(keys, 0));
    return keys;
}

/* A member's PKI-ID by its tag. */
static const uint8_t *pki_id_of(fama_tag tag)
{
    static uint8_t pki_id[FAMA_PKI_ID_BYTES];
    memset(pki_id, 0, sizeof(pki_id));
    for (uint32_t i = 0; i < 8; i++) {
        pki_id[i] = (uint8_t)(tag >> 8 * (7 - i));
    }
    return pki_id;
}

static enum fama_drop hear(struct fama_channel_keys *keys, uint64_t now_ns, fama_tag from,
                           enum fama_keys_step step, uint32_t epoch, uint8_t key)
{
    struct fama_keys message = {.step = step, .channel = channel(), .epoch = epoch};
    memset(message.key, key, sizeof(message.key));
    return fama_channel_keys_on_message(keys, now_ns, pki_id_of(from), &message);
}

static uint32_t epoch_in_force(struct fama_channel_keys *keys)
{
    struct fama_channel_key *key = fama_channel_keys_in_force(keys);
    uint32_t epoch = key != NULL ? key->epoch : 0;
    fama_channel_key_release(key);
    return epoch;
}

/* The only message there is to send now. */
static void expect_message(struct fama_channel_keys *keys, uint64_t now_ns, fama_tag to,
                           enum fama_keys_step step, uint32_t epoch)
{
    fama_tag member = 0;
    struct fama_keys message = {0};
    CU_ASSERT_TRUE_FATAL(fama_channel_keys_next(keys, now_ns, &member, &message));
    CU_ASSERT_EQUAL(member, to);
    CU_ASSERT_EQUAL(message.step, step);
    CU_ASSERT_EQUAL(message.channel, channel());
    CU_ASSERT_EQUAL(message.epoch, epoch);
    uint8_t body[64];
    CU_ASSERT(fama_wire_keys_write(&message, body, sizeof(body)) > 0);
}

static void expect_silence(struct fama_channel_keys *keys, uint64_t now_ns)
{
    fama_tag member;
    struct fama_keys message;
    CU_ASSERT_FALSE(fama_channel_keys_next(keys, now_ns, &member, &message));
}

static void test_settings_that_are_nought_are_refused(void)
{
    for (uint32_t flaw = 0; flaw < 5; flaw++) {
        struct fama_channel_keys_config config = usual_config();
        config.first_epoch = flaw == 0 ? 0 : config.first_epoch;
        config.rotate_ns = flaw == 1 ? 0 : config.rotate_ns;
        config.grace_ns = flaw == 2 ? 0 : config.grace_ns;
        config.retry_ns = flaw == 3 ? 0 : config.retry_ns;
        config.members_max = flaw == 4 ? 0 : config.members_max;
        CU_ASSERT_PTR_NULL(fama_channel_keys_create(&config));
    }
    fama_channel_keys_destroy(NULL);
}

static void test_who_is_no_origin_has_no_key_and_offers_none(void)
{
    struct fama_channel_keys *keys = create();
    fama_channel_keys_join(keys, 0, 5);
    fama_channel_keys_tick(keys, 10 * ROTATE);
    CU_ASSERT_EQUAL(epoch_in_force(keys), 0);
    expect_silence(keys, 10 * ROTATE);
    CU_ASSERT_EQUAL(hear(keys, 0, 5, FAMA_KEYS_WANTED, 0, 0), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(hear(keys, 0, 5, FAMA_KEYS_TAKEN, 1000, 0), FAMA_DROP_NONE);
    expect_silence(keys, 10 * ROTATE);
    has_randomness = false;
    CU_ASSERT_FALSE(fama_channel_keys_begin(keys, 0));
    CU_ASSERT_EQUAL(epoch_in_force(keys), 0);
    has_randomness = true;
    CU_ASSERT_TRUE(fama_channel_keys_begin(keys, 0));
    CU_ASSERT_TRUE(fama_channel_keys_begin(keys, 0));
    CU_ASSERT_EQUAL(epoch_in_force(keys), 1000);
    fama_channel_keys_destroy(keys);
}

static void test_a_member_is_offered_the_key_until_it_says_that_it_has_it(void)
{
    struct fama_channel_keys *keys = begin();
    fama_channel_keys_join(keys, 0, 5);
    uint64_t now_ns = 0;
    for (uint32_t i = 0; i < 8; i++) {
        expect_message(keys, now_ns, 5, FAMA_KEYS_OFFER, 1000);
        uint64_t wait_ns = RETRY << (i < 4 ? i : 4);
        expect_silence(keys, now_ns + wait_ns - 1);
        now_ns += wait_ns;
    }
    CU_ASSERT_EQUAL(hear(keys, now_ns, 5, FAMA_KEYS_TAKEN, 1000, 0), FAMA_DROP_NONE);
    expect_silence(keys, now_ns + ROTATE / 2);
    struct fama_channel_keys_stats stats;
    fama_channel_keys_stats(keys, &stats);
    CU_ASSERT(stats.epoch == 1000 && stats.members == 1 && stats.without == 0);
    /* It asks when it came to want it again. */
    CU_ASSERT_EQUAL(hear(keys, now_ns, 5, FAMA_KEYS_WANTED, 0, 0), FAMA_DROP_NONE);
    expect_message(keys, now_ns, 5, FAMA_KEYS_OFFER, 1000);
    CU_ASSERT_EQUAL(hear(keys, now_ns, 6, FAMA_KEYS_WANTED, 0, 0), FAMA_DROP_NOT_A_MEMBER);
    expect_silence(keys, now_ns);
    fama_channel_keys_destroy(keys);
}

static void test_after_its_time_the_next_key_is_in_force_when_all_have_it(void)
{
    struct fama_channel_keys *keys = begin();
    fama_channel_keys_join(keys, 0, 5);
    fama_channel_keys_join(keys, 0, 6);
    expect_message(keys, 0, 5, FAMA_KEYS_OFFER, 1000);
    expect_message(keys, 0, 6, FAMA_KEYS_OFFER, 1000);
    (void)hear(keys, 0, 5, FAMA_KEYS_TAKEN, 1000, 0);
    (void)hear(keys, 0, 6, FAMA_KEYS_TAKEN, 1000, 0);
    fama_channel_keys_tick(keys, ROTATE - 1);
    expect_silence(keys, ROTATE - 1);
    fama_channel_keys_tick(keys, ROTATE);
    expect_message(keys, ROTATE, 5, FAMA_KEYS_OFFER, 1001);
    expect_message(keys, ROTATE, 6, FAMA_KEYS_OFFER, 1001);
    CU_ASSERT_EQUAL(epoch_in_force(keys), 1000);
    (void)hear(keys, ROTATE, 5, FAMA_KEYS_TAKEN, 1001, 0);
    CU_ASSERT_EQUAL(epoch_in_force(keys), 1000);
    /* A newcomer needs the key in force, and then the next. */
    fama_channel_keys_join(keys, ROTATE, 7);
    expect_message(keys, ROTATE, 7, FAMA_KEYS_OFFER, 1000);
    (void)hear(keys, ROTATE, 7, FAMA_KEYS_TAKEN, 1000, 0);
    expect_message(keys, ROTATE + RETRY, 6, FAMA_KEYS_OFFER, 1001);
    expect_message(keys, ROTATE + RETRY, 7, FAMA_KEYS_OFFER, 1001);
    (void)hear(keys, ROTATE + RETRY, 7, FAMA_KEYS_TAKEN, 1001, 0);
    CU_ASSERT_EQUAL(epoch_in_force(keys), 1000);
    (void)hear(keys, ROTATE + RETRY, 6, FAMA_KEYS_TAKEN, 1001, 0);
    CU_ASSERT_EQUAL(epoch_in_force(keys), 1001);
    fama_channel_keys_destroy(keys);
}

static void test_who_is_late_or_silent_holds_the_next_key_up_for_the_grace_only(void)
{
    struct fama_channel_keys *keys = begin();
    fama_channel_keys_join(keys, 0, 5);
    fama_channel_keys_tick(keys, ROTATE);
    fama_channel_keys_tick(keys, ROTATE + GRACE - 1);
    CU_ASSERT_EQUAL(epoch_in_force(keys), 1000);
    fama_channel_keys_tick(keys, ROTATE + GRACE);
    CU_ASSERT_EQUAL(epoch_in_force(keys), 1001);
    /* The dead are not waited for at all, nor offered anything. */
    fama_channel_keys_pause(keys, 5);
    fama_channel_keys_pause(keys, 77);
    fama_channel_keys_tick(keys, 2 * ROTATE + GRACE);
    CU_ASSERT_EQUAL(epoch_in_force(keys), 1002);
    expect_silence(keys, 2 * ROTATE + GRACE);
    fama_channel_keys_join(keys, 2 * ROTATE + GRACE, 5);
    expect_message(keys, 2 * ROTATE + GRACE, 5, FAMA_KEYS_OFFER, 1002);
    fama_channel_keys_destroy(keys);
}

static void test_when_a_reader_leaves_the_key_changes_and_it_is_told_nothing(void)
{
    struct fama_channel_keys *keys = begin();
    fama_channel_keys_join(keys, 0, 5);
    fama_channel_keys_join(keys, 0, 6);
    expect_message(keys, 0, 5, FAMA_KEYS_OFFER, 1000);
    (void)hear(keys, 0, 5, FAMA_KEYS_TAKEN, 1000, 0);
    /* Who was offered nothing can read nothing. */
    fama_channel_keys_leave(keys, 0, 6);
    fama_channel_keys_leave(keys, 0, 99);
    CU_ASSERT_EQUAL(epoch_in_force(keys), 1000);
    expect_silence(keys, 0);
    fama_channel_keys_join(keys, 0, 6);
    expect_message(keys, 0, 6, FAMA_KEYS_OFFER, 1000);
    fama_channel_keys_leave(keys, MS, 6);
    expect_message(keys, MS, 5, FAMA_KEYS_OFFER, 1001);
    CU_ASSERT_EQUAL(hear(keys, MS, 6, FAMA_KEYS_WANTED, 0, 0), FAMA_DROP_NOT_A_MEMBER);
    expect_silence(keys, MS);
    (void)hear(keys, MS, 5, FAMA_KEYS_TAKEN, 1001, 0);
    CU_ASSERT_EQUAL(epoch_in_force(keys), 1001);
    fama_channel_keys_destroy(keys);
}

static void test_a_reader_that_came_back_anew_has_still_read_what_it_was_given_before(void)
{
    struct fama_channel_keys *keys = begin();
    fama_channel_keys_join(keys, 0, 5);
    expect_message(keys, 0, 5, FAMA_KEYS_OFFER, 1000);
    fama_channel_keys_pause(keys, 5);
    fama_channel_keys_join(keys, MS, 5);
    fama_channel_keys_leave(keys, MS, 5);
    fama_channel_keys_tick(keys, MS);
    CU_ASSERT_EQUAL(epoch_in_force(keys), 1001);
    fama_channel_keys_destroy(keys);
}

static void test_who_leaves_with_the_next_key_in_its_hands_has_that_changed_too(void)
{
    struct fama_channel_keys *keys = begin();
    fama_channel_keys_join(keys, 0, 5);
    fama_channel_keys_join(keys, 0, 6);
    for (fama_tag tag = 5; tag <= 6; tag++) {
        expect_message(keys, 0, tag, FAMA_KEYS_OFFER, 1000);
        (void)hear(keys, 0, tag, FAMA_KEYS_TAKEN, 1000, 0);
    }
    fama_channel_keys_tick(keys, ROTATE);
    expect_message(keys, ROTATE, 5, FAMA_KEYS_OFFER, 1001);
    expect_message(keys, ROTATE, 6, FAMA_KEYS_OFFER, 1001);
    fama_channel_keys_leave(keys, ROTATE + MS, 6);
    (void)hear(keys, ROTATE + MS, 5, FAMA_KEYS_TAKEN, 1001, 0);
    /* Not at once: whoever comes and goes all the time must not outrun the members' two keys. */
    expect_silence(keys, ROTATE + MS);
    fama_channel_keys_tick(keys, ROTATE + GRACE);
    expect_message(keys, ROTATE + GRACE, 5, FAMA_KEYS_OFFER, 1002);
    (void)hear(keys, ROTATE + GRACE, 5, FAMA_KEYS_TAKEN, 1002, 0);
    CU_ASSERT_EQUAL(epoch_in_force(keys), 1002);
    fama_channel_keys_destroy(keys);
}

static void test_a_list_of_readers_that_is_full_takes_nobody_more(void)
{
    struct fama_channel_keys *keys = begin();
    struct fama_channel_keys_stats stats;
    for (fama_tag tag = 100; tag > 100 - 2 * MEMBERS; tag--) {
        fama_channel_keys_join(keys, 0, tag);
    }
    fama_channel_keys_stats(keys, &stats);
    CU_ASSERT_EQUAL(stats.members, MEMBERS);
    uint32_t offers = 0;
    fama_tag member;
    struct fama_keys message;
    while (fama_channel_keys_next(keys, 0, &member, &message)) {
        CU_ASSERT(member > 100 - MEMBERS);
        offers++;
    }
    CU_ASSERT_EQUAL(offers, MEMBERS);
    fama_channel_keys_destroy(keys);
}

/* ---- Others' keys ---- */

/* Whether the key list has this maker's key of this epoch, of these bytes. */
static bool has_key(const struct fama_channel_keys *keys, fama_tag maker, uint32_t epoch,
                    uint8_t bytes)
{
    struct fama_channel_key *list[FAMA_VIEW_KEYS_MAX];
    uint32_t count = fama_channel_keys_list(keys, list);
    bool is_there = false;
    for (uint32_t i = 0; i < count; i++) {
        is_there |= list[i]->maker == maker && list[i]->epoch == epoch &&
                    list[i]->bytes[0] == bytes && list[i]->channel == channel();
        fama_channel_key_release(list[i]);
    }
    return is_there;
}

static void test_an_offer_is_taken_listed_and_answered(void)
{
    struct fama_channel_keys *keys = create();
    CU_ASSERT_FALSE(fama_channel_keys_changed(keys));
    CU_ASSERT_EQUAL(hear(keys, 0, 9, FAMA_KEYS_OFFER, 50, 0xaa), FAMA_DROP_NONE);
    CU_ASSERT_TRUE(fama_channel_keys_changed(keys));
    CU_ASSERT_FALSE(fama_channel_keys_changed(keys));
    CU_ASSERT_TRUE(has_key(keys, 9, 50, 0xaa));
    expect_message(keys, 0, 9, FAMA_KEYS_TAKEN, 50);
    expect_silence(keys, 0);
    /* Again, since our answer may have been lost: answered, and nothing changes. */
    CU_ASSERT_EQUAL(hear(keys, 0, 9, FAMA_KEYS_OFFER, 50, 0xaa), FAMA_DROP_NONE);
    CU_ASSERT_FALSE(fama_channel_keys_changed(keys));
    expect_message(keys, 0, 9, FAMA_KEYS_TAKEN, 50);
    struct fama_keys elsewhere = {.step = FAMA_KEYS_OFFER, .channel = 1, .epoch = 1, .key = {1}};
    CU_ASSERT_EQUAL(fama_channel_keys_on_message(keys, 0, pki_id_of(9), &elsewhere),
                    FAMA_DROP_UNKNOWN_CHANNEL);
    fama_channel_keys_destroy(keys);
}

static void test_of_each_maker_the_two_latest_keys_are_kept(void)
{
    struct fama_channel_keys *keys = create();
    for (uint32_t epoch = 50; epoch < 60; epoch++) {
        CU_ASSERT_EQUAL(hear(keys, 0, 9, FAMA_KEYS_OFFER, epoch, (uint8_t)epoch), FAMA_DROP_NONE);
    }
    CU_ASSERT_FALSE(has_key(keys, 9, 57, 57));
    CU_ASSERT_TRUE(has_key(keys, 9, 58, 58));
    CU_ASSERT_TRUE(has_key(keys, 9, 59, 59));
    /* A maker whose clock stood still for a restart makes another key for the same epoch. */
    CU_ASSERT_EQUAL(hear(keys, 0, 9, FAMA_KEYS_OFFER, 59, 0x77), FAMA_DROP_NONE);
    CU_ASSERT_TRUE(has_key(keys, 9, 59, 0x77));
    CU_ASSERT_FALSE(has_key(keys, 9, 59, 59));
    CU_ASSERT_TRUE(has_key(keys, 9, 58, 58));
    /* One whose clock was put back begins below both: its old keys open nothing any more. */
    CU_ASSERT_EQUAL(hear(keys, 0, 9, FAMA_KEYS_OFFER, 40, 40), FAMA_DROP_NONE);
    CU_ASSERT_TRUE(has_key(keys, 9, 40, 40));
    CU_ASSERT_FALSE(has_key(keys, 9, 58, 58));
    CU_ASSERT_FALSE(has_key(keys, 9, 59, 0x77));
    fama_channel_keys_destroy(keys);
}

static void test_makers_beyond_all_places_push_out_who_was_not_heard_longest(void)
{
    struct fama_channel_keys *keys = create();
    struct fama_channel_key *list[FAMA_VIEW_KEYS_MAX];
    for (fama_tag maker = 1; maker <= FAMA_VIEW_KEYS_MAX; maker++) {
        CU_ASSERT_EQUAL(hear(keys, 0, maker, FAMA_KEYS_OFFER, 5, 1), FAMA_DROP_NONE);
    }
    CU_ASSERT_EQUAL(hear(keys, 0, 1, FAMA_KEYS_OFFER, 5, 1), FAMA_DROP_NONE);
    for (fama_tag maker = 101; maker < 111; maker++) {
        CU_ASSERT_EQUAL(hear(keys, 0, maker, FAMA_KEYS_OFFER, 5, 1), FAMA_DROP_NONE);
    }
    CU_ASSERT_TRUE(has_key(keys, 1, 5, 1));
    for (fama_tag maker = 2; maker <= FAMA_VIEW_KEYS_MAX; maker++) {
        CU_ASSERT_EQUAL(has_key(keys, maker, 5, 1), maker > 11);
    }
    uint32_t count = fama_channel_keys_list(keys, list);
    CU_ASSERT_EQUAL(count, FAMA_VIEW_KEYS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        fama_channel_key_release(list[i]);
    }
    /* One alone, however many it offers, costs the others nothing. */
    for (uint32_t epoch = 6; epoch < 200; epoch++) {
        (void)hear(keys, 0, 110, FAMA_KEYS_OFFER, epoch, 1);
    }
    CU_ASSERT_TRUE(has_key(keys, 1, 5, 1) && has_key(keys, 109, 5, 1));
    fama_channel_keys_destroy(keys);
}

static void test_a_key_that_is_missed_is_asked_for_once_each_time(void)
{
    struct fama_channel_keys *keys = create();
    for (uint32_t i = 0; i < 100; i++) {
        fama_channel_keys_miss(keys, 9);
    }
    expect_message(keys, 0, 9, FAMA_KEYS_WANTED, 0);
    expect_silence(keys, 0);
    for (fama_tag maker = 1; maker < 1000; maker++) {
        fama_channel_keys_miss(keys, maker);
        (void)hear(keys, 0, maker, FAMA_KEYS_OFFER, 5, 1);
    }
    fama_tag member;
    struct fama_keys message;
    uint32_t count = 0;
    while (fama_channel_keys_next(keys, 0, &member, &message)) {
        count++;
    }
    CU_ASSERT(count > 0 && count < 200); /* what is not answered is asked again */
    fama_channel_keys_destroy(keys);
}

static void test_what_hostile_members_claim_hurts_nobody_else(void)
{
    struct fama_channel_keys *keys = begin();
    fama_channel_keys_join(keys, 0, 5);
    fama_channel_keys_join(keys, 0, 6);
    expect_message(keys, 0, 5, FAMA_KEYS_OFFER, 1000);
    expect_message(keys, 0, 6, FAMA_KEYS_OFFER, 1000);
    /* Keys that were never made. */
    CU_ASSERT_EQUAL(hear(keys, 0, 6, FAMA_KEYS_TAKEN, UINT32_MAX, 0), FAMA_DROP_NONE);
    CU_ASSERT_EQUAL(hear(keys, 0, 6, FAMA_KEYS_TAKEN, 1001, 0), FAMA_DROP_NONE);
    struct fama_channel_keys_stats stats;
    fama_channel_keys_stats(keys, &stats);
    CU_ASSERT_EQUAL(stats.without, 2);
    /* Wanting it all the time costs one message each, and nobody else's turn. */
    for (uint32_t i = 0; i < 100; i++) {
        CU_ASSERT_EQUAL(hear(keys, MS, 6, FAMA_KEYS_WANTED, 0, 0), FAMA_DROP_NONE);
        expect_message(keys, MS, 6, FAMA_KEYS_OFFER, 1000);
        expect_silence(keys, MS);
    }
    expect_message(keys, RETRY, 5, FAMA_KEYS_OFFER, 1000);
    /* What it offers is its own, even with our epoch: our key stays ours. */
    (void)hear(keys, RETRY, 6, FAMA_KEYS_OFFER, 1000, 0x66);
    CU_ASSERT_TRUE(has_key(keys, 6, 1000, 0x66));
    struct fama_channel_key *key = fama_channel_keys_in_force(keys);
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    CU_ASSERT_EQUAL(key->maker, fama_tag_of(self));
    CU_ASSERT_NOT_EQUAL(key->bytes[0], 0x66);
    fama_channel_key_release(key);
    fama_channel_keys_destroy(keys);
}

/* Without random bytes there is no next key: the one in force stays, and it is tried again. */
static void test_no_randomness_no_next_key(void)
{
    struct fama_channel_keys *keys = begin();
    has_randomness = false;
    fama_channel_keys_tick(keys, ROTATE);
    fama_channel_keys_tick(keys, ROTATE + GRACE);
    CU_ASSERT_EQUAL(epoch_in_force(keys), 1000);
    has_randomness = true;
    fama_channel_keys_tick(keys, ROTATE + GRACE + 1);
    CU_ASSERT_EQUAL(epoch_in_force(keys), 1001);
    fama_channel_keys_destroy(keys);
}

int main(void)
{
    static const struct test_case cases[] = {
        TEST(test_settings_that_are_nought_are_refused),
        TEST(test_who_is_no_origin_has_no_key_and_offers_none),
        TEST(test_a_member_is_offered_the_key_until_it_says_that_it_has_it),
        TEST(test_after_its_time_the_next_key_is_in_force_when_all_have_it),
        TEST(test_who_is_late_or_silent_holds_the_next_key_up_for_the_grace_only),
        TEST(test_when_a_reader_leaves_the_key_changes_and_it_is_told_nothing),
        TEST(test_a_reader_that_came_back_anew_has_still_read_what_it_was_given_before),
        TEST(test_who_leaves_with_the_next_key_in_its_hands_has_that_changed_too),
        TEST(test_a_list_of_readers_that_is_full_takes_nobody_more),
        TEST(test_an_offer_is_taken_listed_and_answered),
        TEST(test_of_each_maker_the_two_latest_keys_are_kept),
        TEST(test_makers_beyond_all_places_push_out_who_was_not_heard_longest),
        TEST(test_a_key_that_is_missed_is_asked_for_once_each_time),
        TEST(test_what_hostile_members_claim_hurts_nobody_else),
        TEST(test_no_randomness_no_next_key),
    };
    return run_suite("channel keys", cases, sizeof(cases) / sizeof(cases[0]));
}
