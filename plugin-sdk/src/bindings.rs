//! Generated from `wit/`. Nothing here is written by hand; use what [`crate`] re-exports.
#![allow(
    missing_docs,
    unsafe_code,
    unsafe_op_in_unsafe_fn,
    unused_qualifications,
    clippy::all,
    reason = "generated code"
)]

/// The world `base`: the host's interfaces and `lifecycle`.
///
/// Each part of the contract is generated once, and wit-component merges the parts which a plugin
/// exports into its world: two whole worlds would define `lifecycle` twice.
pub mod base {
    wit_bindgen::generate!({
        path: "wit",
        world: "bihuan:plugin/base",
        pub_export_macro: true,
        export_macro_name: "export_base",
        default_bindings_module: "plugin_sdk::bindings::base",
        additional_derives: [PartialEq, Clone],
        generate_unused_types: true,
    });
}

/// What the world `text-classifier` adds to [`base`].
pub mod classifier {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package bihuan:parts; world classifier-part { export bihuan:plugin/classifier@1.0.0; }",
        pub_export_macro: true,
        export_macro_name: "export_classifier",
        default_bindings_module: "plugin_sdk::bindings::classifier",
        additional_derives: [PartialEq, Clone],
        generate_unused_types: true,
        generate_all,
        with: { "bihuan:plugin/types@1.0.0": crate::bindings::base::bihuan::plugin::types },
    });
}

/// What the world `knowledge-publisher` adds to [`base`].
pub mod knowledge {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package bihuan:parts; world knowledge-part { export bihuan:plugin/knowledge-base@1.0.0; }",
        pub_export_macro: true,
        export_macro_name: "export_knowledge_base",
        default_bindings_module: "plugin_sdk::bindings::knowledge",
        additional_derives: [PartialEq, Clone],
        generate_unused_types: true,
        generate_all,
        with: { "bihuan:plugin/types@1.0.0": crate::bindings::base::bihuan::plugin::types },
    });
}

/// What the host can be asked for beyond [`base`]. Functions that a plugin does not call are no
/// imports of its component.
pub mod powers {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package bihuan:parts; world powers-part {
            import bihuan:plugin/files@1.0.0;
            import bihuan:plugin/state@1.0.0;
            import bihuan:plugin/secrets@1.0.0;
            import bihuan:plugin/crypto@1.0.0;
            import bihuan:plugin/http@1.0.0;
            import bihuan:plugin/imap@1.0.0;
        }",
        generate_unused_types: true,
        generate_all,
        with: { "bihuan:plugin/types@1.0.0": crate::bindings::base::bihuan::plugin::types },
    });
}

/// The interface `puller` of connectors.
pub mod pull {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package bihuan:parts; world pull-part { export bihuan:plugin/puller@1.0.0; }",
        pub_export_macro: true,
        export_macro_name: "export_puller",
        default_bindings_module: "plugin_sdk::bindings::pull",
        additional_derives: [PartialEq, Clone],
        generate_unused_types: true,
        generate_all,
        with: {
            "bihuan:plugin/types@1.0.0": crate::bindings::base::bihuan::plugin::types,
        },
    });
}

/// The interface `webhook` of connectors.
pub mod push {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package bihuan:parts; world push-part { export bihuan:plugin/webhook@1.0.0; }",
        pub_export_macro: true,
        export_macro_name: "export_webhook",
        default_bindings_module: "plugin_sdk::bindings::push",
        additional_derives: [PartialEq, Clone],
        generate_unused_types: true,
        generate_all,
        with: {
            "bihuan:plugin/types@1.0.0": crate::bindings::base::bihuan::plugin::types,
            "bihuan:plugin/connector-types@1.0.0": crate::bindings::pull::bihuan::plugin::connector_types,
        },
    });
}

/// The optional interface `acker` of connectors.
pub mod ack {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package bihuan:parts; world ack-part { export bihuan:plugin/acker@1.0.0; }",
        pub_export_macro: true,
        export_macro_name: "export_acker",
        default_bindings_module: "plugin_sdk::bindings::ack",
        additional_derives: [PartialEq, Clone],
        generate_unused_types: true,
        generate_all,
        with: {
            "bihuan:plugin/types@1.0.0": crate::bindings::base::bihuan::plugin::types,
        },
    });
}

/// The interface `notifier`.
pub mod notify {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package bihuan:parts; world notify-part { export bihuan:plugin/notifier@1.0.0; }",
        pub_export_macro: true,
        export_macro_name: "export_notifier",
        default_bindings_module: "plugin_sdk::bindings::notify",
        additional_derives: [PartialEq, Clone],
        generate_unused_types: true,
        generate_all,
        with: {
            "bihuan:plugin/types@1.0.0": crate::bindings::base::bihuan::plugin::types,
        },
    });
}
