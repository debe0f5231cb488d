// Responses as a client reads them: int16 api key, int16 version (which it knows from its request),
// then header and body.
#include "protocol/fuzz_message.h"
#include "protocol/header.h"

using namespace millrace;
using namespace millrace::protocol;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 4) return 0;
    const ApiInfo* api = find_api(load_be<int16_t>(data));
    const int16_t version = load_be<int16_t>(data + 2);
    if (api == nullptr || !api->has(version)) return 0;
    ByteView in(data + 4, size - 4);
    if (!decode_response_header(in, api->key, version).has_value()) return 0;
    fuzz_message(*find_message(MessageKind::response, static_cast<int16_t>(api->key)), version, in);
    return 0;
}
