// A log of assets: 300 articles, 150 images and 40 tags at scale 1, and 4000 changes of them.
#include <set>

#include "assets.h"
#include "generator.h"

namespace millrace::examples {
namespace {

class Newsroom {
public:
    Newsroom(Records& records, Random& random, int64_t scale)
        : records_(records),
          random_(random),
          articles_(300 * scale),
          images_(150 * scale),
          image_(images_) {}

    void begin() {
        for (int64_t i = 0; i < kTags; ++i) put(10, tag(i), {.name = fmt::format("Tag {}", i)});
        for (int64_t i = 0; i < images_; ++i)
            put(10, image(i), {.caption = fmt::format("Image {}", i)});
        for (int64_t i = 0; i < articles_; ++i) put(10, article(i), draft(fmt::format("H{}", i)));
    }

    void change() {
        const int64_t pause = random_.between(1, 300);
        const int64_t what = random_.below(100);
        if (what < 60) {
            const int64_t i = random_.below(articles_);
            const Text key = article(i);
            put(pause, key, draft(fmt::format("H{}.{}", i, revisions_[key])));
        } else if (what < 85) {
            const int64_t i = image_.pick(random_);
            const Text key = image(i);
            put(pause, key, {.caption = fmt::format("Image {}.{}", i, revisions_[key])});
        } else if (what < 93) {
            const int64_t i = tag_.pick(random_);
            const Text key = tag(i);
            put(pause, key, {.name = fmt::format("Tag {}.{}", i, revisions_[key])});
        } else if (what < 97) {
            take_down(pause, article(random_.below(articles_)));
        } else {
            take_down(pause, image(random_.below(images_)));
        }
    }

private:
    using Text = std::string;
    static constexpr int64_t kTags = 40;

    static Text article(int64_t i) { return fmt::format("article/{}", i); }
    static Text image(int64_t i) { return fmt::format("image/{}", i); }
    static Text tag(int64_t i) { return fmt::format("tag/{}", i); }

    Asset draft(Text headline) {
        std::set<Text> images;
        for (int64_t left = random_.between(0, 4); left > 0; --left)
            images.insert(image(image_.pick(random_)));
        std::set<Text> tags;
        for (int64_t left = random_.between(1, 3); left > 0; --left)
            tags.insert(tag(tag_.pick(random_)));
        return {.headline = std::move(headline),
                .images = Texts(images.begin(), images.end()),
                .tags = Texts(tags.begin(), tags.end())};
    }

    void put(int64_t pause, const Text& key, Asset asset) {
        time_ += pause;
        asset.revision = ++revisions_[key];
        records_.add("assets", key, asset, time_);
    }
    void take_down(int64_t pause, const Text& key) {
        time_ += pause;
        ++revisions_[key];
        records_.add_null("assets", key, time_);
    }

    Records& records_;
    Random& random_;
    int64_t articles_;
    int64_t images_;
    Zipf image_;
    Zipf tag_{kTags};
    std::map<Text, int64_t> revisions_;
    int64_t time_ = kBegin;
};

void fill(Records& records, Random& random, int64_t scale) {
    Newsroom newsroom(records, random, scale);
    newsroom.begin();
    for (int64_t i = 0; i < 4000 * scale; ++i) newsroom.change();
}

}  // namespace
}  // namespace millrace::examples

int main(int argc, char** argv) {
    return millrace::examples::generate(argc, argv, millrace::examples::fill);
}
