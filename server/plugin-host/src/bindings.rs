//! Generated from the contract in `plugin-sdk/wit`, and the conversions to [`crate::shapes`].
#![allow(
    unsafe_code,
    missing_docs,
    unused_qualifications,
    clippy::all,
    reason = "generated code: lifting and lowering of the component model"
)]

/// Everything the host offers, generated once: whatever the world of a component, its imports lead
/// to the same code, so no world can have a check less than another.
mod everything {
    wasmtime::component::bindgen!({
        path: "../../plugin-sdk/wit",
        inline: "package bihuan:host; world everything {
            import bihuan:plugin/types@1.0.0;
            import bihuan:plugin/connector-types@1.0.0;
            import bihuan:plugin/log@1.0.0;
            import bihuan:plugin/config@1.0.0;
            import bihuan:plugin/clock@1.0.0;
            import bihuan:plugin/random@1.0.0;
            import bihuan:plugin/metrics@1.0.0;
            import bihuan:plugin/files@1.0.0;
            import bihuan:plugin/state@1.0.0;
            import bihuan:plugin/secrets@1.0.0;
            import bihuan:plugin/crypto@1.0.0;
            import bihuan:plugin/http@1.0.0;
            import bihuan:plugin/imap@1.0.0;
        }",
        imports: {
            "bihuan:plugin/files": async | trappable,
            "bihuan:plugin/http": async | trappable,
            "bihuan:plugin/imap": async | trappable,
            default: trappable,
        },
        with: { "bihuan:plugin/secrets.secret": crate::secrets::Handle },
    });
}

pub(crate) use everything::Everything;
pub(crate) use everything::bihuan::plugin as host;

/// What every plugin exports.
pub(crate) mod base {
    wasmtime::component::bindgen!({
        path: "../../plugin-sdk/wit",
        inline: "package bihuan:host; world base-part { export bihuan:plugin/lifecycle@1.0.0; }",
        imports: { default: trappable },
        exports: { default: async },
        with: {
            "bihuan:plugin/types": crate::bindings::host::types,
        },
    });
}

/// The exports of a classifier.
pub(crate) mod classifier {
    wasmtime::component::bindgen!({
        path: "../../plugin-sdk/wit",
        inline: "package bihuan:host; world classifier-part { export bihuan:plugin/lifecycle@1.0.0; export bihuan:plugin/classifier@1.0.0; }",
        imports: { default: trappable },
        exports: { default: async },
        with: {
            "bihuan:plugin/types": crate::bindings::host::types,
        },
    });
}

/// The exports of a knowledge base.
pub(crate) mod knowledge {
    wasmtime::component::bindgen!({
        path: "../../plugin-sdk/wit",
        inline: "package bihuan:host; world knowledge-part { export bihuan:plugin/lifecycle@1.0.0; export bihuan:plugin/knowledge-base@1.0.0; }",
        imports: { default: trappable },
        exports: { default: async },
        with: {
            "bihuan:plugin/types": crate::bindings::host::types,
        },
    });
}

/// The exports of a source that is asked.
pub(crate) mod pull {
    wasmtime::component::bindgen!({
        path: "../../plugin-sdk/wit",
        inline: "package bihuan:host; world pull-part { export bihuan:plugin/lifecycle@1.0.0; export bihuan:plugin/puller@1.0.0; }",
        imports: { default: trappable },
        exports: { default: async },
        with: {
            "bihuan:plugin/types": crate::bindings::host::types,
            "bihuan:plugin/connector-types": crate::bindings::host::connector_types,
        },
    });
}

/// The exports of a source that calls.
pub(crate) mod push {
    wasmtime::component::bindgen!({
        path: "../../plugin-sdk/wit",
        inline: "package bihuan:host; world push-part { export bihuan:plugin/lifecycle@1.0.0; export bihuan:plugin/webhook@1.0.0; }",
        imports: { default: trappable },
        exports: { default: async },
        with: {
            "bihuan:plugin/types": crate::bindings::host::types,
            "bihuan:plugin/connector-types": crate::bindings::host::connector_types,
        },
    });
}

/// What a source may export that is told what was kept.
pub(crate) mod ack {
    wasmtime::component::bindgen!({
        path: "../../plugin-sdk/wit",
        inline: "package bihuan:host; world ack-part { export bihuan:plugin/acker@1.0.0; }",
        imports: { default: trappable },
        exports: { default: async },
        with: {
            "bihuan:plugin/types": crate::bindings::host::types,
        },
    });
}

/// The exports of a robot of chats.
pub(crate) mod notify {
    wasmtime::component::bindgen!({
        path: "../../plugin-sdk/wit",
        inline: "package bihuan:host; world notify-part { export bihuan:plugin/lifecycle@1.0.0; export bihuan:plugin/notifier@1.0.0; }",
        imports: { default: trappable },
        exports: { default: async },
        with: {
            "bihuan:plugin/types": crate::bindings::host::types,
        },
    });
}

mod convert {
    use super::base::exports::bihuan::plugin::lifecycle as l;
    use super::classifier::exports::bihuan::plugin::classifier as c;
    use super::host::connector_types as ct;
    use super::host::types as t;
    use super::knowledge::exports::bihuan::plugin::knowledge_base as k;
    use super::notify::exports::bihuan::plugin::notifier as n;
    use super::pull::exports::bihuan::plugin::puller as p;
    use super::push::exports::bihuan::plugin::webhook as w;
    use crate::shapes as s;

    /// Moves fields of the same name.
    macro_rules! same {
        ($from:ty => $to:ty { $($field:ident),* $(,)? }) => {
            impl From<$from> for $to {
                fn from(x: $from) -> Self {
                    Self { $($field: x.$field.into()),* }
                }
            }
        };
    }

    /// Maps cases of the same name.
    macro_rules! cases {
        ($from:ty => $to:ty { $($case:ident),* $(,)? }) => {
            impl From<$from> for $to {
                fn from(x: $from) -> Self {
                    match x { $(<$from>::$case => Self::$case),* }
                }
            }
        };
    }

    fn all<A, B: From<A>>(list: Vec<A>) -> Vec<B> {
        list.into_iter().map(B::from).collect()
    }

    same!(t::Attribute => s::Attribute { name, value });
    same!(s::Attribute => t::Attribute { name, value });
    cases!(t::FailureClass => s::FailureClass { Config, RateLimited, Transient, InvalidInput, CursorExpired, Internal });
    same!(c::Label => s::Label { id, confidence });
    cases!(c::Polarity => s::Polarity { Negative, Neutral, Positive, Mixed });
    same!(c::ModelInfo => s::ModelInfo { name, version, max_batch, max_text_bytes });
    cases!(s::BodyFormat => k::BodyFormat { Markdown, Html, Plain });
    cases!(s::Visibility => k::Visibility { Draft, Internal, Public });
    same!(k::Receipt => s::Receipt { external_ref, external_version, url });

    same!(l::CheckReport => s::CheckReport { ok, message, details });
    same!(ct::Cursor => s::Cursor { format, value });
    same!(s::Cursor => ct::Cursor { format, value });
    same!(p::StreamSpec => s::StreamSpec { name, title });
    cases!(s::PullMode => p::PullMode { Incremental, Backfill, Preview });
    cases!(s::Urgency => n::Urgency { Info, Normal, Urgent });
    same!(w::Reply => s::Reply { status, content_type, body });
    same!(ct::Rejected => s::Rejected { external_id, raw, failure });
    same!(s::Header => t::Header { name, value });

    impl From<ct::Scalar> for s::Scalar {
        fn from(x: ct::Scalar) -> Self {
            match x {
                ct::Scalar::Number(n) => Self::Number(n),
                ct::Scalar::Text(t) => Self::Text(t),
                ct::Scalar::Flag(f) => Self::Flag(f),
            }
        }
    }

    impl From<ct::Turn> for s::Turn {
        fn from(t: ct::Turn) -> Self {
            Self {
                speaker: t.speaker,
                at: t.at.map(Into::into),
                text: t.text,
            }
        }
    }

    impl From<ct::Item> for s::Item {
        fn from(i: ct::Item) -> Self {
            Self {
                channel: i.channel,
                external_id: i.external_id,
                occurred_at: i.occurred_at.map(Into::into),
                text: i.text,
                turns: all(i.turns),
                kind: i.kind,
                rating: i.rating.map(Into::into),
                rating_max: i.rating_max.map(Into::into),
                nps: i.nps.map(Into::into),
                ces: i.ces.map(Into::into),
                invited: i.invited.map(Into::into),
                customer_ref: i.customer_ref,
                customer_tier: i.customer_tier,
                agent_ref: i.agent_ref,
                team: i.team,
                region: i.region,
                business_line: i.business_line,
                language: i.language,
                title: i.title,
                url: i.url,
                thread_id: i.thread_id,
                process_step: i.process_step,
                handle_seconds: i.handle_seconds.map(Into::into),
                talk_seconds: i.talk_seconds.map(Into::into),
                after_seconds: i.after_seconds.map(Into::into),
                response_seconds: i.response_seconds.map(Into::into),
                resolved: i.resolved.map(Into::into),
                resolved_first_contact: i.resolved_first_contact.map(Into::into),
                handled_by: i.handled_by,
                transferred: i.transferred.map(Into::into),
                script_score: i.script_score.map(Into::into),
                compensation_cents: i.compensation_cents.map(Into::into),
                query: i.query,
                hits: i.hits.map(Into::into),
                article: i.article,
                helpful: i.helpful.map(Into::into),
                topic: i.topic,
                cause: i.cause,
                sentiment: i.sentiment,
                attributes: all(i.attributes),
            }
        }
    }

    impl From<s::PullRequest> for p::PullRequest {
        fn from(r: s::PullRequest) -> Self {
            Self {
                stream_name: r.stream,
                mode: r.mode.into(),
                cursor: r.cursor.map(Into::into),
                since: r.since_ms,
                until: r.until_ms,
                max_items: r.max_items,
            }
        }
    }

    impl From<p::Page> for s::Page {
        fn from(p: p::Page) -> Self {
            Self {
                items: all(p.items),
                rejected: all(p.rejected),
                cursor: p.cursor.into(),
                next: match p.next {
                    p::Next::More => s::Next::More,
                    p::Next::Idle(ms) => s::Next::Idle(ms),
                },
                ack_tokens: p.ack_tokens,
            }
        }
    }

    impl From<s::HookRequest> for w::Request {
        fn from(r: s::HookRequest) -> Self {
            Self {
                method: r.method,
                path: r.path,
                query: r.query,
                headers: all(r.headers),
                body: r.body,
                received_at: r.received_at_ms,
                verified_by_host: r.verified_by_host,
            }
        }
    }

    impl From<w::Outcome> for s::Outcome {
        fn from(o: w::Outcome) -> Self {
            match o {
                w::Outcome::Accept(a) => Self::Accept {
                    items: all(a.items),
                    rejected: all(a.rejected),
                },
                w::Outcome::Respond(r) => Self::Respond(r.into()),
                w::Outcome::Reject(why) => Self::Reject(why),
            }
        }
    }

    impl From<s::Message> for n::Message {
        fn from(m: s::Message) -> Self {
            Self {
                title: m.title,
                text: m.text,
                markdown: m.markdown,
                language: m.language,
                link: m.link,
                mention: m.mention,
                urgency: m.urgency.into(),
                idempotency_key: m.idempotency_key,
                attributes: all(m.attributes),
            }
        }
    }

    impl From<t::Failure> for s::Failure {
        fn from(f: t::Failure) -> Self {
            Self {
                class: f.class.into(),
                code: f.code,
                message: f.message,
                retry_after_ms: f.retry_after_ms,
                attributes: all(f.attributes),
            }
        }
    }

    impl From<s::Document> for c::Document {
        fn from(d: s::Document) -> Self {
            Self {
                text: d.text,
                token_ends: d.token_ends,
                language: d.language,
                channel: d.channel,
                attributes: all(d.attributes),
            }
        }
    }

    impl From<c::Span> for s::Evidence {
        fn from(x: c::Span) -> Self {
            Self {
                start: x.start,
                end: x.end,
                label: x.label_id,
            }
        }
    }

    impl From<c::Classification> for s::Classification {
        fn from(x: c::Classification) -> Self {
            Self {
                topics: all(x.topics),
                causes: all(x.sub_causes),
                intents: all(x.intents),
                polarity: x.polarity.into(),
                sentiment: x.sentiment,
                sentiment_confidence: x.sentiment_confidence,
                emotions: all(x.emotions),
                risk: x.risk,
                extracted: all(x.extracted),
                evidence: all(x.evidence),
                attributes: all(x.attributes),
            }
        }
    }

    impl From<s::Article> for k::Article {
        fn from(a: s::Article) -> Self {
            Self {
                id: a.id,
                title: a.title,
                format: a.format.into(),
                body: a.body,
                locale: a.locale,
                path: a.path,
                tags: a.tags,
                visibility: a.visibility.into(),
                updated_at: a.updated_at_ms,
                content_hash: a.content_hash,
                idempotency_key: a.idempotency_key,
                external_ref: a.external_ref,
                external_version: a.external_version,
                attributes: all(a.attributes),
            }
        }
    }

    impl From<k::RemoteState> for s::RemoteState {
        fn from(x: k::RemoteState) -> Self {
            match x {
                k::RemoteState::Absent => Self::Absent,
                k::RemoteState::Unchanged(r) => Self::Unchanged(r.into()),
                k::RemoteState::ChangedRemotely(r) => Self::ChangedRemotely(r.into()),
                k::RemoteState::Ours(r) => Self::Ours(r.into()),
            }
        }
    }
}
