#include <dirent.h>
#include <stdio.h>

#include "tests/net/impostor_attacks.h"

#define PATH_MAX_BYTES 1024

/* Introduces one of the crowd to all targets, at our address and a port of its own. */
static int introduce(struct impostor *impostor, const char *msp_directory, uint16_t port)
{
    struct impostor_identity identity = {0};
    if (impostor_identity_open(msp_directory, impostor->identity.mspid, &identity,
                               &impostor->error) != 0) {
        return IMPOSTOR_FAILED;
    }
    struct impostor_voice voice = {.identity = &identity,
                                   .incarnation = impostor->voice.incarnation};
    struct fama_endpoint endpoint = impostor->home.endpoint;
    struct impostor_datagram datagram;
    endpoint.port = port;
    impostor_make_alive(&voice, &endpoint, &datagram);
    bool is_sent = impostor_send_all(impostor, &datagram);
    impostor_identity_close(&identity);
    return is_sent ? 0 : impostor_stopped(impostor);
}

/* All at once: read from the MSP directories that a folder holds. */
int impostor_swarm(struct impostor *impostor)
{
    DIR *folder = impostor->swarm_directory != NULL ? opendir(impostor->swarm_directory) : NULL;
    if (folder == NULL) {
        return impostor_failed(impostor, "--swarm names a folder of MSP directories");
    }
    int status = 0;
    uint16_t number = 0;
    const struct dirent *entry;
    while (status == 0 && (entry = readdir(folder)) != NULL) {
        char path[PATH_MAX_BYTES];
        if (entry->d_name[0] == '.') {
            continue;
        }
        int len = snprintf(path, sizeof(path), "%s/%s", impostor->swarm_directory, entry->d_name);
        if (len < 0 || (size_t)len >= sizeof(path)) {
            status = impostor_failed(impostor, "--swarm: a path is too long");
        } else {
            status = introduce(impostor, path, (uint16_t)(impostor->home.endpoint.port + ++number));
        }
    }
    (void)closedir(folder);
    impostor_listen(impostor, VIEW_MS);
    return status == 0 && number == 0 ? impostor_failed(impostor, "--swarm: the folder is empty")
                                      : status;
}
