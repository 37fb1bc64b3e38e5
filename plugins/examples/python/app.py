"""A connector in Python: tickets of a help desk, oldest first, a page at a time."""
import json
import re

import bihuan
from bihuan import guarded
from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import lifecycle, puller
from wit_world.imports import connector_types, http, secrets, types

FORMAT = 1
# Not read by `json`: deep nesting in a damaged cursor would use up the stack, which is a trap.
PLACE = re.compile(r'\{"after": (\d{1,18})\}')


def place(cursor):
    if cursor is None:
        return 0
    found = PLACE.fullmatch(cursor.value)
    if cursor.format == FORMAT and found:
        return int(found[1])
    raise bihuan.cursor_expired("cursor.malformed", "the stored place cannot be read")


def token():
    try:
        return secrets.get("api_token")
    except Err:
        raise bihuan.config_failure("secrets.missing", "the secret api_token is missing") from None


def ask(after, limit):
    settings = bihuan.settings()
    url = settings.get("url") if isinstance(settings, dict) else None
    if not isinstance(url, str):
        raise bihuan.config_failure("config.url", "the settings have no url")
    tickets = bihuan.get_json(f"{url}?after={after}&limit={limit}", [http.Credential_Bearer(token())])
    # Gateways under load answer 200 with anything.
    if not isinstance(tickets, list):
        raise bihuan.transient("ticket.no_list", "the answer is no list")
    return tickets


class Lifecycle(exports.Lifecycle):
    @guarded
    def validate_config(self):
        return None

    @guarded
    def check(self):
        # "Test connection": one cheap call with the settings, secrets and grants as they are.
        ask(0, 1)
        return lifecycle.CheckReport(True, "连接正常。The service answers.", "null")

    @guarded
    def migrate_config(self, from_version, old):
        return old


class Puller(exports.Puller):
    @guarded
    def streams(self):
        return [puller.StreamSpec("tickets", "工单 Tickets")]

    @guarded
    def pull(self, req):
        after = place(req.cursor)
        tickets = ask(after, req.max_items)
        items, rejected, last = [], [], after
        for ticket in tickets:
            known = ticket if isinstance(ticket, dict) and isinstance(ticket.get("id"), int) else None
            if known:
                last = max(last, ticket["id"])
            if known and isinstance(ticket.get("text"), str):
                items.append(
                    bihuan.item(
                        external_id=str(ticket["id"]),
                        occurred_at=bihuan.scalar(ticket.get("created_at")),
                        text=ticket["text"],
                        kind="ticket",
                        rating=bihuan.scalar(ticket.get("rating")),
                    )
                )
            else:
                failure = types.Failure(types.FailureClass.INVALID_INPUT, "ticket.malformed", "a ticket without id or text", None, [])
                name = str(ticket["id"]) if known else None
                rejected.append(connector_types.Rejected(name, json.dumps(ticket), failure))
        print(f"{len(tickets)} tickets behind {after}")
        more = len(tickets) == req.max_items
        return puller.Page(
            items,
            rejected,
            connector_types.Cursor(FORMAT, json.dumps({"after": last})),
            puller.Next_More() if more else puller.Next_Idle(None),
            [],
        )

    @guarded
    def migrate_cursor(self, stream_name, old):
        raise bihuan.cursor_expired("cursor.unknown_format", "the layout of the cursor is not known")
