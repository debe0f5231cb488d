"""The right answers of the publishing log: what the bundles are in the end, from the log alone."""

from answers import Answer, last_values


def bundle(article, assets):
    present = [key for key in article["images"] + article["tags"] if key in assets]
    return {"headline": article["headline"], "rev": article["rev"],
            "images": [{"id": key, **assets[key]} for key in present if key.startswith("image/")],
            "tags": [{"id": key, "name": assets[key]["name"]} for key in present if key.startswith("tag/")]}


def expected(read):
    assets = last_values(read("assets"))
    return {"bundles": {key: Answer(bundle(asset, assets)) for key, asset in assets.items() if key.startswith("article/")}}
