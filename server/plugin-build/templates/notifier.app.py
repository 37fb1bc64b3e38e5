"""Posts messages into a chat."""
import bihuan
from bihuan import guarded
from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import lifecycle
from wit_world.imports import http, secrets


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


def token():
    try:
        return secrets.get("robot_token")
    except Err:
        raise bihuan.config_failure("secrets.missing", "the secret robot_token is missing") from None


class Notifier(exports.Notifier):
    @guarded
    def notify(self, m):
        bihuan.post_json(
            "https://chat.example.com/messages",
            {"title": m.title, "text": m.text, "link": m.link},
            [http.Credential_Bearer(token())],
            m.idempotency_key,
        )
