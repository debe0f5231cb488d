// A metadata image as the tree of directories and files that Kafka's metadata shell shows: the
// names, and what each file says, are Kafka's. Pure.
// Kafka: MetadataImageNode and what is below it, RootShellNode, LocalShellNode.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "metadata/image.h"

namespace millrace::cli::kafka {

struct MetadataNode;
using MetadataNodePtr = std::shared_ptr<const MetadataNode>;

struct MetadataNode {
    std::function<std::string()> text;  // of a file; none: a directory
    std::map<std::string, MetadataNodePtr, std::less<>> children;
    // Names that are listed and lead nowhere: quotas of default entities, which have none.
    std::vector<std::string> nameless;

    bool is_directory() const { return !text; }
    // Null: there is none.
    const MetadataNode* child(std::string_view name) const;
    // Sorted.
    std::vector<std::string> names() const;
};

// "/": the image and what is told of the shell itself. Texts are made when they are asked for, out
// of `image`, which the nodes keep.
MetadataNodePtr metadata_tree(const metadata::ImagePtr& image);

// As Java writes a double: 1.0, 1.0E10.
std::string java_double(double value);

}  // namespace millrace::cli::kafka
