// Whole requests as they come off a socket, without the size: header, then the body of the api and
// version that it names.
#include "protocol/fuzz_message.h"
#include "protocol/header.h"

using namespace millrace;
using namespace millrace::protocol;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    ByteView in(data, size);
    auto header = decode_request_header(in);
    if (!header.has_value()) return 0;
    const MessageInfo* request = find_message(MessageKind::request, header->request_api_key);
    fuzz_message(*request, header->request_api_version, in);
    return 0;
}
