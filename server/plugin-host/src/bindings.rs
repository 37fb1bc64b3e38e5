//! Generated from the contract in `plugin-sdk/wit`, and the conversions to [`crate::shapes`].
#![allow(
    unsafe_code,
    missing_docs,
    unused_qualifications,
    clippy::all,
    reason = "generated code: lifting and lowering of the component model"
)]

pub(crate) mod classifier {
    wasmtime::component::bindgen!({
        path: "../../plugin-sdk/wit",
        world: "text-classifier",
        imports: { default: trappable },
        exports: { default: async },
    });
}

pub(crate) mod knowledge {
    wasmtime::component::bindgen!({
        path: "../../plugin-sdk/wit",
        world: "knowledge-publisher",
        imports: { "bihuan:plugin/files": async | trappable, default: trappable },
        exports: { default: async },
        with: {
            "bihuan:plugin/types": crate::bindings::classifier::bihuan::plugin::types,
            "bihuan:plugin/log": crate::bindings::classifier::bihuan::plugin::log,
            "bihuan:plugin/config": crate::bindings::classifier::bihuan::plugin::config,
            "bihuan:plugin/clock": crate::bindings::classifier::bihuan::plugin::clock,
            "bihuan:plugin/random": crate::bindings::classifier::bihuan::plugin::random,
            "bihuan:plugin/metrics": crate::bindings::classifier::bihuan::plugin::metrics,
        },
    });
}

pub(crate) use classifier::bihuan::plugin as host;
pub(crate) use knowledge::bihuan::plugin::files;

mod convert {
    use super::classifier::exports::bihuan::plugin::classifier as c;
    use super::host::types as t;
    use super::knowledge::exports::bihuan::plugin::knowledge_base as k;
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
