#include "ledger/chaincode_id.h"

#include "ledger/proto_reader.h"

bool fama_chaincode_id_merge(struct fama_bytes part, struct fama_chaincode_id *id)
{
    struct fama_proto_reader reader = fama_proto_reader(part);
    struct fama_proto_field field;
    id->is_present = true;
    while (fama_proto_next(&reader, &field)) {
        if (field.type != FAMA_PROTO_LEN || field.number > 3) {
            continue;
        }
        if (!fama_proto_is_utf8(field.value)) {
            return false;
        }
        if (field.number == 2) {
            id->name = field.value;
        } else if (field.number == 3) {
            id->version = field.value;
        }
    }
    return !reader.failed;
}
