//! The macro that makes a type a plugin.

/// Exports one type as a plugin: `export!(classifier: Type)`, `knowledge_base`, `puller`,
/// `acking_puller` (a puller that is also told what was kept), `webhook`, `connector` (puller and
/// webhook) or `notifier`.
/// Does nothing in native builds, so a plugin's crate is an ordinary library there.
#[macro_export]
macro_rules! export {
    (classifier: $plugin:ty) => {
        $crate::__plugin!($plugin: __classifier);
    };
    (knowledge_base: $plugin:ty) => {
        $crate::__plugin!($plugin: __knowledge_base);
    };
    (puller: $plugin:ty) => {
        $crate::__plugin!($plugin: __puller);
    };
    (acking_puller: $plugin:ty) => {
        $crate::__plugin!($plugin: __puller __acker);
    };
    (webhook: $plugin:ty) => {
        $crate::__plugin!($plugin: __webhook);
    };
    (connector: $plugin:ty) => {
        $crate::__plugin!($plugin: __puller __webhook);
    };
    (notifier: $plugin:ty) => {
        $crate::__plugin!($plugin: __notifier);
    };
}

/// What all roles share, round the interfaces of one.
#[doc(hidden)]
#[macro_export]
macro_rules! __plugin {
    ($plugin:ty: $($interface:ident)+) => {
        #[cfg(target_arch = "wasm32")]
        mod __bihuan_export {
            use super::*;
            use $crate::bindings::base::exports::bihuan::plugin::lifecycle;
            use $crate::{Failure, __private};

            struct Exported;

            $crate::__lifecycle!($plugin);
            $($crate::$interface!($plugin);)+
            $crate::bindings::base::export_base!(Exported with_types_in $crate::bindings::base);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __classifier {
    ($plugin:ty) => {
        use $crate::bindings::classifier::exports::bihuan::plugin::classifier;
        use $crate::{Classification, Document, ModelInfo};

        std::thread_local! {
            static SLOT: __private::Slot<$plugin> = const { __private::Slot::new() };
        }

        impl classifier::Guest for Exported {
            fn prepare(taxonomy: String) -> Result<ModelInfo, Failure> {
                SLOT.with(|slot| slot.prepare(&taxonomy))
            }
            fn classify(
                batch: Vec<Document>,
            ) -> Result<Vec<Result<Classification, Failure>>, Failure> {
                SLOT.with(|slot| slot.classify(&batch))
            }
        }

        $crate::bindings::classifier::export_classifier!(Exported with_types_in $crate::bindings::classifier);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __knowledge_base {
    ($plugin:ty) => {
        use $crate::bindings::knowledge::exports::bihuan::plugin::knowledge_base;
        use $crate::{Article, KnowledgeBase, Receipt, RemoteState};

        fn open() -> Result<$plugin, Failure> {
            __private::opened(<$plugin as KnowledgeBase>::open)
        }

        impl knowledge_base::Guest for Exported {
            fn upsert(a: Article) -> Result<Receipt, Failure> {
                open()?.upsert(&a)
            }
            fn look_up(a: Article) -> Result<RemoteState, Failure> {
                open()?.look_up(&a)
            }
            fn retract(external_ref: String, _key: String) -> Result<(), Failure> {
                open()?.retract(&external_ref)
            }
            fn put_synonyms(terms: Vec<(String, String)>, _key: String) -> Result<(), Failure> {
                open()?.put_synonyms(&terms)
            }
            fn flag(external_ref: String, reason: String, _key: String) -> Result<Receipt, Failure> {
                open()?.flag(&external_ref, &reason)
            }
        }

        $crate::bindings::knowledge::export_knowledge_base!(Exported with_types_in $crate::bindings::knowledge);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __acker {
    ($plugin:ty) => {
        impl $crate::bindings::ack::exports::bihuan::plugin::acker::Guest for Exported {
            fn ack(tokens: Vec<String>) -> Result<(), Failure> {
                __private::opened(|| <$plugin as $crate::connector::Acker>::ack(&tokens))
            }
        }

        $crate::bindings::ack::export_acker!(Exported with_types_in $crate::bindings::ack);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __notifier {
    ($plugin:ty) => {
        use $crate::bindings::notify::exports::bihuan::plugin::notifier;
        use $crate::notifier::Notifier as _;

        impl notifier::Guest for Exported {
            fn notify(m: notifier::Message) -> Result<(), Failure> {
                __private::opened(<$plugin as $crate::notifier::Notifier>::open)?.notify(&m)
            }
        }

        $crate::bindings::notify::export_notifier!(Exported with_types_in $crate::bindings::notify);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __puller {
    ($plugin:ty) => {
        use $crate::connector::Puller as _;

        impl $crate::bindings::pull::exports::bihuan::plugin::puller::Guest for Exported {
            fn streams() -> Result<Vec<$crate::connector::StreamSpec>, Failure> {
                __private::opened(<$plugin as $crate::connector::Puller>::open)?.streams()
            }
            fn pull(
                req: $crate::connector::PullRequest,
            ) -> Result<$crate::connector::Page, Failure> {
                __private::opened(<$plugin as $crate::connector::Puller>::open)?.pull(&req)
            }
            fn migrate_cursor(
                stream_name: String,
                old: $crate::connector::Cursor,
            ) -> Result<$crate::connector::Cursor, Failure> {
                __private::opened(<$plugin as $crate::connector::Puller>::open)?
                    .migrate_cursor(&stream_name, old)
            }
        }

        $crate::bindings::pull::export_puller!(Exported with_types_in $crate::bindings::pull);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __webhook {
    ($plugin:ty) => {
        use $crate::connector::Webhook as _;

        impl $crate::bindings::push::exports::bihuan::plugin::webhook::Guest for Exported {
            fn verify(req: $crate::connector::HookRequest) -> Result<bool, Failure> {
                __private::opened(<$plugin as $crate::connector::Webhook>::open)?.verify(&req)
            }
            fn handle(
                req: $crate::connector::HookRequest,
            ) -> Result<$crate::connector::Outcome, Failure> {
                __private::opened(<$plugin as $crate::connector::Webhook>::open)?.handle(&req)
            }
        }

        $crate::bindings::push::export_webhook!(Exported with_types_in $crate::bindings::push);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __lifecycle {
    ($plugin:ty) => {
        impl lifecycle::Guest for Exported {
            fn validate_config() -> Result<(), Failure> {
                __private::validate_config::<$plugin>()
            }
            fn check() -> Result<lifecycle::CheckReport, Failure> {
                let (ok, message, details) = __private::check::<$plugin>()?;
                Ok(lifecycle::CheckReport {
                    ok,
                    message,
                    details,
                })
            }
            fn migrate_config(from_version: u32, old: String) -> Result<String, Failure> {
                __private::migrate_config::<$plugin>(from_version, &old)
            }
        }
    };
}
