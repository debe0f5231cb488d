#include "cli/kafka/reassign_generate.h"

#include <charconv>

namespace millrace::cli::kafka {
namespace {

template <typename T>
std::vector<T> repeated(const std::vector<T>& items) {
    std::set<T> seen, out;
    for (const T& item : items)
        if (!seen.insert(item).second) out.insert(item);
    return {out.begin(), out.end()};
}

}  // namespace

Result<int> generate_reassignment(const Console& console, Session& session,
                                  const Arguments& arguments) {
    TRY(const auto list, arguments.value("broker-list"));
    std::vector<NodeId> wanted;
    for (std::string_view rest = *list; !rest.empty();) {
        const size_t comma = std::min(rest.find(','), rest.size());
        NodeId id = 0;
        const auto [stop, error] = std::from_chars(rest.data(), rest.data() + comma, id);
        if (error != std::errc{} || stop != rest.data() + comma)
            return refused(fmt::format("For input string: \"{}\"", rest.substr(0, comma)));
        wanted.push_back(id);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    TRY(const std::string json, read_argument_file(arguments, "topics-to-move-json-file"));
    TRY(const auto topics, parse_topics_to_move(json));
    if (const auto twice = repeated(wanted); !twice.empty())
        return refused(
            fmt::format("Broker list contains duplicate entries: [{}]", fmt::join(twice, ", ")));
    if (const auto twice = repeated(topics); !twice.empty())
        return refused(fmt::format("List of topics to reassign contains duplicate entries: [{}]",
                                   fmt::join(twice, ", ")));
    const auto current = current_placement(session, topics);
    if (!current) return thrown(current.error());
    TRY(auto brokers, broker_places(session));
    std::erase_if(brokers, [&](const BrokerPlace& broker) {
        return std::ranges::find(wanted, broker.id) == wanted.end();
    });
    const auto racks = std::ranges::count_if(
        brokers, [](const BrokerPlace& broker) { return broker.rack.has_value(); });
    if (arguments.has("disable-rack-aware"))
        for (BrokerPlace& broker : brokers) broker.rack.reset();
    else if (racks != 0 && static_cast<size_t>(racks) != brokers.size())
        return refused(
            "Not all brokers have rack information. Add --disable-rack-aware in command line to "
            "make replica assignment without rack information.");
    Plan proposed;
    for (const std::string& topic : topics) {
        std::vector<const Placement*> places;
        for (const Placement& place : *current)
            if (place.partition.topic == topic) places.push_back(&place);
        const size_t replication = places.empty() ? 0 : places[0]->replicas.size();
        if (replication > brokers.size())
            return refused(fmt::format(
                "The target replication factor of {} cannot be reached because only {} broker(s) "
                "are registered or some brokers have all their log directories cordoned.",
                replication, brokers.size()));
        const auto replicas = spread_replicas(brokers, places.size(), replication,
                                              session.cluster().loop().rng().below(brokers.size()));
        for (size_t i = 0; i != places.size(); ++i)
            proposed.push_back({places[i]->partition, replicas[i], {}});
    }
    const auto in_order = [](Plan plan) {
        std::ranges::sort(plan, {}, &Placement::partition);
        return plan_json(plan);
    };
    console.line(fmt::format("Current partition replica assignment\n{}\n", in_order(*current)));
    console.line(fmt::format("Proposed partition reassignment configuration\n{}",
                             in_order(std::move(proposed))));
    return kDone;
}

}  // namespace millrace::cli::kafka
