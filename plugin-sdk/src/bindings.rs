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
        inline: "package bihuan:parts; world classifier-part { export bihuan:plugin/classifier@0.1.0; }",
        pub_export_macro: true,
        export_macro_name: "export_classifier",
        default_bindings_module: "plugin_sdk::bindings::classifier",
        additional_derives: [PartialEq, Clone],
        generate_unused_types: true,
        generate_all,
        with: { "bihuan:plugin/types@0.1.0": crate::bindings::base::bihuan::plugin::types },
    });
}

/// What the world `knowledge-publisher` adds to [`base`].
pub mod knowledge {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package bihuan:parts; world knowledge-part { import bihuan:plugin/files@0.1.0; export bihuan:plugin/knowledge-base@0.1.0; }",
        pub_export_macro: true,
        export_macro_name: "export_knowledge_base",
        default_bindings_module: "plugin_sdk::bindings::knowledge",
        additional_derives: [PartialEq, Clone],
        generate_unused_types: true,
        generate_all,
        with: { "bihuan:plugin/types@0.1.0": crate::bindings::base::bihuan::plugin::types },
    });
}
