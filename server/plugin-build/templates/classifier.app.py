"""A document belongs to a topic when it holds one of the topic's words."""
import json

import bihuan
from bihuan import guarded
from componentize_py_types import Ok
from wit_world import exports
from wit_world.exports import classifier, lifecycle


class Lifecycle(exports.Lifecycle):
    @guarded
    def validate_config(self):
        return None

    @guarded
    def check(self):
        return lifecycle.CheckReport(True, "", "null")

    @guarded
    def migrate_config(self, from_version, old):
        return old


# Of this instance: the host prepares each one before its first batch.
topics = None


def label(document):
    found = [key for key, words in topics if any(word in document.text for word in words)]
    return classifier.Classification(
        topics=[classifier.Label(key, 0.5) for key in found],
        sub_causes=[],
        intents=[],
        polarity=classifier.Polarity.NEUTRAL,
        sentiment=0.0,
        sentiment_confidence=0.0,
        emotions=[],
        risk=0.0,
        extracted=[],
        evidence=[],
        attributes=[],
    )


class Classifier(exports.Classifier):
    @guarded
    def prepare(self, taxonomy):
        global topics
        try:
            topics = [(t["key"], t.get("words", [])) for t in json.loads(taxonomy)["topics"]]
        except (ValueError, KeyError, TypeError) as failed:
            raise bihuan.invalid_input("taxonomy.malformed", str(failed)) from None
        return classifier.ModelInfo("@name@", "0.1.0", 256, 65536)

    @guarded
    def classify(self, batch):
        # One bad document does not fail the batch: its place may hold an Err.
        return [Ok(label(document)) for document in batch]
