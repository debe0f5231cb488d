// The publishing log: articles with all that they refer to, ready to be shown (bundles). The log of
// assets is the source of truth; what is here can be built from it at any time.
#include "application.h"
#include "assets.h"
#include "streams/streams_builder.h"

namespace millrace::examples {
namespace {

using namespace streams;

using Text = std::string;

struct BundledImage {
    Text id;
    Text caption;
    int64_t revision = 0;
    void fields(this auto&& self, auto&& field) {
        field("id", self.id);
        field("caption", self.caption);
        field("rev", self.revision);
    }
};
struct BundledTag {
    Text id;
    Text name;
    void fields(this auto&& self, auto&& field) {
        field("id", self.id);
        field("name", self.name);
    }
};
struct Bundle {
    Text headline;
    int64_t revision = 0;
    std::vector<BundledImage> images;
    std::vector<BundledTag> tags;
    void fields(this auto&& self, auto&& field) {
        field("headline", self.headline);
        field("rev", self.revision);
        field("images", self.images);
        field("tags", self.tags);
    }
};

// Which articles use an image or a tag.
class Uses {
public:
    static StoreBuilder store() {
        return stores::key_value_store_builder<Text, Text>(
            stores::persistent_key_value_store("uses"));
    }
    explicit Uses(KeyValueStore<Text, Text> store) : store_(store) {}

    // What an article referred to, and what it refers to now; null: it is not there.
    void change(const Text& article, const Asset* before, const Asset* now) {
        const Texts old_references = references(before);
        const Texts new_references = references(now);
        for (const Text& reference : old_references)
            if (std::ranges::find(new_references, reference) == new_references.end())
                store_.remove(use(reference, article));
        for (const Text& reference : new_references)
            store_.put_if_absent(use(reference, article), article);
    }
    Texts articles_with(const Text& reference) {
        Texts articles;
        auto uses = store_.prefix_scan(use(reference, ""));
        while (auto entry = uses.next()) articles.push_back(std::move(entry->value));
        return articles;
    }

private:
    static Text use(const Text& reference, const Text& article) {
        return fmt::format("{}>{}", reference, article);
    }
    static Texts references(const Asset* article) {
        if (!article) return {};
        Texts all = article->images.value_or(Texts{});
        const Texts tags = article->tags.value_or(Texts{});
        all.insert(all.end(), tags.begin(), tags.end());
        return all;
    }

    KeyValueStore<Text, Text> store_;
};

// Each change of an asset publishes the bundles that it is part of.
class Publish final : public Processor<Text, Asset, Text, Bundle> {
public:
    static StoreBuilder store() {
        // Images and tags that many use are read all the time.
        return stores::key_value_store_builder<Text, Asset>(
                   stores::persistent_key_value_store("assets"))
            .with_caching_enabled();
    }
    void init(ProcessorContext<Text, Bundle>& context) override {
        Processor::init(context);
        assets_ = context.store<KeyValueStore<Text, Asset>>("assets");
        uses_.emplace(context.store<KeyValueStore<Text, Text>>("uses"));
    }
    void process(const Record<Text, Asset>& record) override {
        const Text& key = record.key();
        const Asset* now = record.value_ptr();
        const std::optional<Asset> before = assets_->get(key);
        if (now)
            assets_->put(key, *now);
        else
            assets_->remove(key);
        if (key.starts_with("article/")) {
            uses_->change(key, before ? &*before : nullptr, now);
            publish(record, key, now);
        } else {
            for (const Text& article : uses_->articles_with(key)) {
                const std::optional<Asset> asset = assets_->get(article);
                publish(record, article, asset ? &*asset : nullptr);
            }
        }
    }

private:
    void publish(const Record<Text, Asset>& cause, const Text& key, const Asset* article) {
        if (!article) return context().forward(cause.with_key(key).with_null<Bundle>());
        context().forward(cause.with_key(key).with_value(bundle(*article)));
    }

    // What is missing is left out.
    Bundle bundle(const Asset& article) {
        Bundle bundle{article.headline.value_or(""), article.revision, {}, {}};
        for (const Text& id : article.images.value_or(Texts{}))
            if (const auto image = assets_->get(id))
                bundle.images.push_back({id, image->caption.value_or(""), image->revision});
        for (const Text& id : article.tags.value_or(Texts{}))
            if (const auto tag = assets_->get(id))
                bundle.tags.push_back({id, tag->name.value_or("")});
        return bundle;
    }

    std::optional<KeyValueStore<Text, Asset>> assets_;
    std::optional<Uses> uses_;
};

Topology publishing() {
    StreamsBuilder builder;
    builder.stream<Text, Asset>("assets")
        .process<Text, Bundle>([] { return std::make_unique<Publish>(); }, {}, {},
                               {Publish::store(), Uses::store()})
        .to("bundles");
    return builder.build();
}

}  // namespace
}  // namespace millrace::examples

int main(int argc, char** argv) {
    using namespace millrace::examples;
    return run_application(argc, argv, "publishing", &publishing);
}
