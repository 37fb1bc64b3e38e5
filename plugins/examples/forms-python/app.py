"""Takes the answers of a web form: POST {"submission": "…", "sent_at": "…", "answers": {…}}.

The host has proved the sender (Standard Webhooks) before this code runs.
"""

import bihuan  # first: it gives the interpreter a clock and random numbers

import json

from bihuan import FailureClass, exported, failure, item, rejected, scalar, settings
from wit_world import exports
from wit_world.exports.lifecycle import CheckReport
from wit_world.exports.webhook import Accepted, Outcome_Accept, Outcome_Respond, Reply, Request


class Lifecycle(exports.Lifecycle):
    @exported
    def validate_config(self) -> None:
        fields = settings()
        if fields["text_field"] == fields.get("rating_field"):
            raise failure(
                FailureClass.CONFIG, "forms.same_field", "text and rating come from the same field"
            )

    @exported
    def check(self) -> CheckReport:
        return CheckReport(True, "ready to be called", "null")

    @exported
    def migrate_config(self, from_version: int, old: str) -> str:
        return old


def _voice(form: dict, fields: dict):
    answers = form.get("answers")
    if not isinstance(form.get("submission"), str) or not isinstance(answers, dict):
        return None
    text = answers.get(fields["text_field"])
    return item(
        form["submission"],
        kind="survey",
        occurred_at=scalar(form.get("sent_at")),
        text=text if isinstance(text, str) else None,
        rating=scalar(answers.get(fields["rating_field"])) if "rating_field" in fields else None,
        invited=scalar(True),
    )


class Webhook(exports.Webhook):
    @exported
    def verify(self, req: Request) -> bool:
        return False

    @exported
    def handle(self, req: Request):
        if req.method == "GET":
            return Outcome_Respond(Reply(200, "text/plain", b"ready"))
        try:
            body = json.loads(req.body)
        except ValueError as error:
            raise failure(FailureClass.INVALID_INPUT, "forms.no_json", str(error)) from None
        fields = settings()
        forms = body if isinstance(body, list) else [body]
        items, bad = [], []
        for form in forms:
            voice = _voice(form, fields) if isinstance(form, dict) else None
            if voice is None:
                bad.append(
                    rejected(None, form, "forms.record", "no text submission or no answers object")
                )
            else:
                items.append(voice)
        return Outcome_Accept(Accepted(items, bad))
