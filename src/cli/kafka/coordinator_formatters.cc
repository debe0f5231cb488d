// The formatters that show what the coordinators' logs say.
// Kafka: CoordinatorRecordMessageFormatter.
#include "cli/dump/record_text.h"
#include "cli/kafka/formatter.h"

namespace millrace::cli::kafka {
namespace {

class CoordinatorFormatter final : public Formatter {
public:
    CoordinatorFormatter(Decoder decoder, std::vector<int16_t> types)
        : decoder_(decoder), types_(std::move(types)) {}

    // Other types of records, and what cannot be read, are passed over.
    Result<void> write(const ConsumedRecord& consumed, std::string& out) const override {
        if (!consumed.record.key) return {};
        if (consumed.record.key->size() < sizeof(int16_t))
            return fail(ErrorCode::invalid_request,
                        fmt::format("java.lang.RuntimeException: Could not read record at offset "
                                    "{} due to: Could not read",
                                    consumed.record.offset));
        const auto parts = coordinator_parts(decoder_, consumed.record);
        if (!parts || !*parts || std::ranges::find(types_, (*parts)->type) == types_.end())
            return {};
        out += fmt::format(R"({{"key":{{"type":{},"data":{}}},"value":)", (*parts)->type,
                           (*parts)->key);
        if ((*parts)->value)
            out +=
                fmt::format(R"({{"version":{},"data":{}}}}})", (*parts)->version, *(*parts)->value);
        else
            out += "null}";
        return {};
    }

private:
    const Decoder decoder_;
    const std::vector<int16_t> types_;
};

struct Named {
    std::string_view name;
    Decoder decoder;
    std::vector<int16_t> types;
};

}  // namespace

std::unique_ptr<const Formatter> make_coordinator_formatter(std::string_view simple_name) {
    const Named kinds[] = {
        {"OffsetsMessageFormatter", Decoder::offsets, {0, 1}},
        {"GroupMetadataMessageFormatter", Decoder::offsets, {2}},
        {"TransactionLogMessageFormatter", Decoder::transactions, {0}},
        {"group.share.ShareGroupStateMessageFormatter", Decoder::share_state, {0, 1}},
        {"ShareGroupMessageFormatter", Decoder::offsets, {10, 11, 12, 13, 14, 15}},
    };
    for (const Named& kind : kinds)
        if (simple_name == kind.name)
            return std::make_unique<CoordinatorFormatter>(kind.decoder, kind.types);
    return nullptr;
}

}  // namespace millrace::cli::kafka
