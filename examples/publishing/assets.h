// What is in the topic of the publishing log.
#pragma once

#include "json.h"

namespace millrace::examples {

using Texts = std::vector<std::string>;

// Topic `assets`: an article (article/N), an image (image/N) or a tag (tag/N), each with the fields
// of its kind, and counting its revisions. A null takes it down.
struct Asset {
    std::optional<std::string> headline;
    std::optional<Texts> images;  // keys of assets, in the order of the article
    std::optional<Texts> tags;
    std::optional<std::string> caption;
    std::optional<std::string> name;
    int64_t revision = 0;
    void fields(this auto&& self, auto&& field) {
        field("headline", self.headline);
        field("images", self.images);
        field("tags", self.tags);
        field("caption", self.caption);
        field("name", self.name);
        field("rev", self.revision);
    }
};

}  // namespace millrace::examples
