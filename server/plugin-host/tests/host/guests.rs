//! Components for the tests: the plugins of this repository, and small bad ones written in WAT.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use plugin_host::taxonomy::{Cause, Taxonomy, Topic};
use plugin_host::{Document, Host, HostConfig, Manifest};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A crossing small enough for tests to fill.
pub fn small_host() -> Host {
    Host::new(HostConfig {
        wall: std::time::Duration::from_secs(5),
        crossing_bytes: 1 << 20,
        ..HostConfig::default()
    })
    .unwrap()
}

/// Cargo's folder for tests; examples use the same one.
fn scratch() -> PathBuf {
    let folder = option_env!("CARGO_TARGET_TMPDIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tmp"),
        PathBuf::from,
    );
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A plugin of this repository, built when its sources have changed.
pub fn built(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../plugins")
        .join(name);
    let out = scratch().join(format!("{name}.wasm"));
    plugin_build::build(&folder, &out).unwrap();
    std::fs::read(out).unwrap()
}

pub fn keyword_classifier() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| built("keyword-classifier"))
}

pub fn markdown_kb() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| built("markdown-kb"))
}

/// The SDK's example, which panics, hoards or recurses when a text asks for it.
pub fn minimal_classifier(limits: &str) -> Vec<u8> {
    example("minimal_classifier", &manifest("classifier", limits))
}

/// An example of the SDK, built as plugins are.
pub fn example(name: &str, manifest: &Manifest) -> Vec<u8> {
    let target = scratch().join("..");
    let status = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--package",
            "plugin-sdk",
            "--example",
            name,
        ])
        .args([
            "--target",
            "wasm32-unknown-unknown",
            "--profile",
            "plugin",
            "--config",
            r#"target.wasm32-unknown-unknown.rustflags=["-Ctarget-feature=+simd128"]"#,
            "--target-dir",
        ])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .unwrap();
    assert!(status.success());
    let module = target.join(format!(
        "wasm32-unknown-unknown/plugin/examples/{name}.wasm"
    ));
    plugin_build::assemble(&std::fs::read(module).unwrap(), manifest).unwrap()
}

pub fn contract() -> (Resolve, wit_parser::PackageId) {
    let mut resolve = Resolve::default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugin-sdk/wit");
    let (package, _) = resolve.push_dir(folder).unwrap();
    (resolve, package)
}

pub fn manifest(role: &str, limits: &str) -> Manifest {
    let asks = if role == "knowledge-base" {
        r#","asks":{"files":{"purpose":{"zh":"甲","en":"A"}}}"#
    } else {
        ""
    };
    let json = format!(
        r#"{{"name":"guest","version":"1.0.0","role":"{role}","title":{{"zh":"甲","en":"A"}}{asks},"limits":{limits}}}"#
    );
    Manifest::from_json(json.as_bytes()).unwrap()
}

/// A component from a core module against a world of the contract.
pub fn component(wat: &str, world: &str, manifest: &Manifest) -> Vec<u8> {
    let (resolve, package) = contract();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    encode(wat, &resolve, world, manifest)
}

pub fn encode(
    wat: &str,
    resolve: &Resolve,
    world: wit_parser::WorldId,
    manifest: &Manifest,
) -> Vec<u8> {
    let mut module = wat::parse_str(wat).unwrap();
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8, false).unwrap();
    let component = ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .validate(true)
        .encode()
        .unwrap();
    with_section(component, "bihuan:manifest", &manifest.to_json())
}

/// Appends a custom section; its length must stay below 2^28.
pub fn with_section(mut component: Vec<u8>, name: &str, data: &[u8]) -> Vec<u8> {
    let leb = |value: usize| {
        [
            (value & 127) as u8 | 128,
            (value >> 7 & 127) as u8 | 128,
            (value >> 14 & 127) as u8 | 128,
            (value >> 21) as u8,
        ]
    };
    let mut body = leb(name.len()).to_vec();
    body.extend(name.as_bytes());
    body.extend(data);
    component.push(0);
    component.extend(leb(body.len()));
    component.extend(body);
    component
}

/// A classifier in WAT: `prepare` succeeds, `classify` is the given body. It may use the bump
/// allocator `$alloc` (align, size) and must leave a pointer to the answer on the stack.
/// `$batch` is the number of documents.
pub fn bad_classifier(classify: &str, limits: &str) -> Vec<u8> {
    bad_classifier_with("", classify, limits)
}

/// As [`bad_classifier`], with more fields in its module. Functions: 0 `$log`, 1 `$alloc`,
/// 6 `classify`; those in `fields` follow.
pub fn bad_classifier_with(fields: &str, classify: &str, limits: &str) -> Vec<u8> {
    let wat = format!(
        r#"(module
          (import "bihuan:plugin/log@1.0.0" "log" (func $log (param i32 i32 i32 i32 i32)))
          (memory (export "memory") 2)
          (global $next (mut i32) (i32.const 65536))
          (func $alloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (local $at i32)
            (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
            (global.set $next (i32.add (local.get $at) (local.get 3)))
            (if (i32.gt_u (global.get $next) (i32.mul (memory.size) (i32.const 65536)))
              (then (drop (memory.grow (i32.const 64)))))
            (local.get $at))
          (func (export "bihuan:plugin/lifecycle@1.0.0#validate-config") (result i32) (i32.const 0))
          ;; zeros: ok, a report that says no and nothing else
          (func (export "bihuan:plugin/lifecycle@1.0.0#check") (result i32) (i32.const 512))
          (func (export "bihuan:plugin/lifecycle@1.0.0#migrate-config") (param i32 i32 i32) (result i32) unreachable)
          (func (export "bihuan:plugin/classifier@1.0.0#prepare") (param i32 i32) (result i32)
            ;; result at 64: ok, model-info {{ name "bad", version "bad", 100, 65536 }}
            (i32.store (i32.const 72) (i32.const 16)) (i32.store (i32.const 76) (i32.const 3))
            (i32.store (i32.const 80) (i32.const 16)) (i32.store (i32.const 84) (i32.const 3))
            (i32.store (i32.const 88) (i32.const 100)) (i32.store (i32.const 92) (i32.const 65536))
            (i32.const 64))
          (data (i32.const 16) "bad")
          (data (i32.const 24) "the reason")
          (data (i32.const 40) "panic")
          (data (i32.const 48) "nowhere")
          (func (export "bihuan:plugin/classifier@1.0.0#classify") (param $documents i32) (param $batch i32) (result i32)
            {classify})
          {fields}
        )"#
    );
    component(&wat, "text-classifier", &manifest("classifier", limits))
}

/// Answers the batch with what the guest put at 1024 (see the layouts at the uses).
pub const ANSWER: &str = "(i32.const 1024)";

/// A list with one answer whose only topic is at 1200: `store` fills in what is wrong.
pub fn one_answer(store: &str) -> String {
    format!(
        r"(i32.store (i32.const 1032) (i32.const 1048)) (i32.store (i32.const 1036) (local.get $batch))
          ;; element at 1048: ok at 0, classification from 8; topics are its first list
          (i32.store (i32.const 1056) (i32.const 1200)) (i32.store (i32.const 1060) (i32.const 1))
          ;; label: id, confidence
          (i32.store (i32.const 1200) (i32.const 48)) (i32.store (i32.const 1204) (i32.const 7))
          (f32.store (i32.const 1208) (f32.const 0.5))
          {store} {ANSWER}"
    )
}

/// The layout of [`one_answer`] with nothing wrong: no topic at all.
pub fn good_guest() -> Vec<u8> {
    bad_classifier(
        &one_answer("(i32.store (i32.const 1060) (i32.const 0))"),
        "{}",
    )
}

/// A component with one more core module inside, which nothing uses.
pub fn with_module(mut component: Vec<u8>, module: &[u8]) -> Vec<u8> {
    // Section 1 of a component is a core module; five bytes hold any length.
    component.push(1);
    component.extend(leb5(module.len()));
    component.extend(module);
    component
}

/// A component with one more component inside, given as WAT, which is instantiated at once.
pub fn with_component(mut component: Vec<u8>, inner: &str) -> Vec<u8> {
    let inner = wat::parse_str(inner).unwrap();
    // Its number: how many components the outer one has already.
    let mut depth = 0;
    let mut number = 0;
    for payload in wasmparser::Parser::new(0).parse_all(&component) {
        match payload.unwrap() {
            wasmparser::Payload::ModuleSection { .. } => depth += 1,
            wasmparser::Payload::ComponentSection { .. } => {
                number += usize::from(depth == 0);
                depth += 1;
            }
            wasmparser::Payload::End(_) => depth -= 1,
            _ => {}
        }
    }
    component.push(4);
    component.extend(leb5(inner.len()));
    component.extend(inner);
    // Section 5: one instance, of that component, without arguments.
    component.push(5);
    component.extend(leb5(8));
    component.extend([1, 0]);
    component.extend(leb5(number));
    component.push(0);
    component
}

/// What a component of an interpreted language looks like to the host, with a guest that answers:
/// so many core instances, a table of 7,700 elements and 13 MiB of memory.
pub fn interpreter(core_instances: usize) -> Vec<u8> {
    let parts = "(core instance (instantiate $m))".repeat(core_instances);
    with_component(
        bad_classifier_with(
            "(table 7700 funcref)",
            &format!(
                "(drop (memory.grow (i32.const 1600))) (i32.store8 (i32.const 100000000) (i32.const 1)) {}",
                one_answer("(i32.store (i32.const 1060) (i32.const 0))")
            ),
            r#"{"memory-mb":200}"#,
        ),
        &format!(r#"(component (core module $m (func (export "f"))) {parts})"#),
    )
}

/// LEB128 of five bytes.
pub fn leb5(value: usize) -> [u8; 5] {
    std::array::from_fn(|i| {
        let more = if i < 4 { 128 } else { 0 };
        (value >> (7 * i) & 127) as u8 | more
    })
}

/// Words of a telecom operator, enough to tell topics apart.
pub fn taxonomy() -> Taxonomy {
    let topic = |key: &str, words: &[&str], causes: &[(&str, &[&str])]| Topic {
        key: key.to_owned(),
        words: words.iter().map(|w| (*w).to_owned()).collect(),
        causes: causes
            .iter()
            .map(|(key, words)| Cause {
                key: (*key).to_owned(),
                words: words.iter().map(|w| (*w).to_owned()).collect(),
            })
            .collect(),
        ..Topic::default()
    };
    Taxonomy {
        version: 1,
        topics: vec![
            topic(
                "tariff_dispute",
                &["套餐", "资费", "扣费", "plan"],
                &[("unclear_rules", &["没说清楚", "不知情"])],
            ),
            topic("network_quality", &["信号", "网速", "断网", "signal"], &[]),
            topic("delivery", &["快递", "送货", "物流"], &[]),
        ],
        ..Taxonomy::default()
    }
}

/// A document whose tokens are given.
pub fn document(tokens: &[&str]) -> Document {
    let mut at = 0u32;
    let token_ends = tokens
        .iter()
        .map(|t| {
            at += u32::try_from(t.len()).unwrap();
            at
        })
        .collect();
    Document {
        text: tokens.concat(),
        token_ends,
        channel: "phone".to_owned(),
        ..Document::default()
    }
}
