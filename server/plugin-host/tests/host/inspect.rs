//! What the host says of files without running them.

use std::time::Duration;

use plugin_host::{EngineKind, Host, HostConfig, MAX_COMPONENT_BYTES, PluginError, Role};

use crate::attacks;
use crate::guests::{
    bad_classifier, contract, encode, interpreter, keyword_classifier, manifest, markdown_kb,
    small_host, with_section,
};
use crate::mutations::{Random, mutate};

fn refused(bytes: &[u8]) -> PluginError {
    Host::inspect(bytes).unwrap_err()
}

#[test]
fn the_plugins_of_this_repository_say_who_they_are_and_what_they_use() {
    let classifier = Host::inspect(keyword_classifier()).unwrap();
    assert_eq!(
        (classifier.role, classifier.manifest.name.as_str()),
        (Role::Classifier, "keyword-classifier")
    );
    assert_eq!(classifier.api_version, plugin_host::API_VERSION);
    assert_eq!(
        classifier.imports,
        ["bihuan:plugin/log@1.0.0", "bihuan:plugin/types@1.0.0"]
    );
    assert_eq!(
        (classifier.digest.len(), classifier.size),
        (64, keyword_classifier().len())
    );
    let kb = Host::inspect(markdown_kb()).unwrap();
    assert_eq!(kb.role, Role::KnowledgeBase);
    assert!(
        kb.imports.contains(&"bihuan:plugin/files@1.0.0".to_owned()),
        "{:?}",
        kb.imports
    );
    assert!(kb.manifest.asks.files.is_some());
}

#[test]
fn what_is_no_component_is_told_apart() {
    assert_eq!(refused(b""), PluginError::NotWasm);
    assert_eq!(refused(b"<html>not found</html>"), PluginError::NotWasm);
    assert_eq!(refused(b"\0asm\x77\0\0\0"), PluginError::NotWasm);
    assert_eq!(
        refused(&wat::parse_str("(module)").unwrap()),
        PluginError::CoreModule
    );
    assert_eq!(
        refused(&wat::parse_str("(component)").unwrap()),
        PluginError::NoManifest
    );
    assert!(matches!(
        refused(&vec![0; MAX_COMPONENT_BYTES + 1]),
        PluginError::TooLarge { .. }
    ));
    let good = keyword_classifier();
    assert!(matches!(
        refused(&good[..good.len() / 2]),
        PluginError::Malformed { .. }
    ));
}

#[test]
fn wasi_is_refused_by_name_even_without_a_manifest() {
    let wasi = r#"(component (import "wasi:cli/environment@0.2.0" (instance)))"#;
    let import = "wasi:cli/environment@0.2.0".to_owned();
    assert_eq!(
        refused(&wat::parse_str(wasi).unwrap()),
        PluginError::ForbiddenImport { import }
    );
    let strange = wat::parse_str(r#"(component (import "other:thing/x" (instance)))"#).unwrap();
    assert!(matches!(
        refused(&strange),
        PluginError::ForbiddenImport { .. }
    ));
}

#[test]
fn the_manifest_must_be_one_and_whole() {
    let bare = wat::parse_str("(component)").unwrap();
    let bad = with_section(bare.clone(), "bihuan:manifest", b"{\"name\":1}");
    assert!(matches!(refused(&bad), PluginError::BadManifest { .. }));
    let huge = with_section(bare, "bihuan:manifest", &vec![b' '; 70_000]);
    assert!(matches!(refused(&huge), PluginError::BadManifest { .. }));
    let twice = with_section(
        keyword_classifier().to_vec(),
        "bihuan:manifest",
        &manifest("classifier", "{}").to_json(),
    );
    assert!(matches!(refused(&twice), PluginError::BadManifest { .. }));
}

#[test]
fn role_imports_and_version_must_fit() {
    let with_manifest = |wat: &str, role: &str| {
        with_section(
            wat::parse_str(wat).unwrap(),
            "bihuan:manifest",
            &manifest(role, "{}").to_json(),
        )
    };
    let empty = with_manifest("(component)", "classifier");
    assert!(
        matches!(refused(&empty), PluginError::Contract { detail } if detail.contains("bihuan:plugin/classifier"))
    );

    let files = r#"(component (import "bihuan:plugin/files@1.0.0" (instance)))"#;
    assert!(
        matches!(refused(&with_manifest(files, "classifier")), PluginError::UnknownImport { import } if import.contains("files"))
    );

    let future = r#"(component (import "bihuan:plugin/log@0.9.0" (instance)))"#;
    let wanted = PluginError::Incompatible {
        asked: "0.9.0".to_owned(),
        offered: plugin_host::API_VERSION.to_owned(),
    };
    assert_eq!(refused(&with_manifest(future, "classifier")), wanted);
}

#[test]
fn using_files_without_asking_for_them_is_refused() {
    let mut bytes = markdown_kb().to_vec();
    // Cut the manifest off: it is the last section. Then put one without `asks` in its place.
    let place = bytes
        .windows(15)
        .rposition(|w| w == b"bihuan:manifest")
        .unwrap();
    let start = bytes[..place].iter().rposition(|b| *b == 0).unwrap();
    bytes.truncate(start);
    let mut silent = manifest("knowledge-base", "{}");
    silent.asks.files = None;
    let bytes = with_section(bytes, "bihuan:manifest", &silent.to_json());
    assert!(
        matches!(refused(&bytes), PluginError::BadManifest { detail } if detail.contains("files"))
    );
}

#[tokio::test]
async fn other_types_under_the_same_names_do_not_pass_the_dry_run() {
    let (mut resolve, package) = contract();
    // A classifier whose model-info has one field more.
    let interface = resolve.packages[package].interfaces["classifier"];
    let model_info = resolve.interfaces[interface].types["model-info"];
    let wit_parser::TypeDefKind::Record(record) = &mut resolve.types[model_info].kind else {
        panic!("a record")
    };
    let mut extra = record.fields[2].clone();
    extra.name = "extra".to_owned();
    record.fields.push(extra);
    let world = resolve
        .select_world(&[package], Some("text-classifier"))
        .unwrap();
    let wat = r#"(module (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
        (func (export "bihuan:plugin/lifecycle@1.0.0#validate-config") (result i32) unreachable)
        (func (export "bihuan:plugin/lifecycle@1.0.0#check") (result i32) unreachable)
        (func (export "bihuan:plugin/lifecycle@1.0.0#migrate-config") (param i32 i32 i32) (result i32) unreachable)
        (func (export "bihuan:plugin/classifier@1.0.0#prepare") (param i32 i32) (result i32) unreachable)
        (func (export "bihuan:plugin/classifier@1.0.0#classify") (param i32 i32) (result i32) unreachable))"#;
    let component = encode(wat, &resolve, world, &manifest("classifier", "{}"));
    assert!(Host::inspect(&component).is_ok(), "names alone look right");
    let error = small_host().compile(component).await.unwrap_err();
    assert!(
        matches!(&error, PluginError::Contract { detail } if detail.contains("5 fields")),
        "{error}"
    );
}

/// Truncated and mutated files: an answer, never a panic. Deterministic.
#[test]
fn no_bytes_make_the_inspection_panic() {
    let small = bad_classifier("unreachable", "{}");
    for end in 0..small.len() {
        let _ = Host::inspect(&small[..end]);
    }
}

/// What passes the inspection is compiled and instantiated too. `--example malformed` does many
/// more of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_components_get_an_answer_and_never_a_panic() {
    let host = Host::new(HostConfig {
        cpu: Duration::from_millis(50),
        ..HostConfig::default()
    })
    .unwrap();
    let goods: Vec<Vec<u8>> = attacks::all().into_iter().map(|a| a.component).collect();
    let mut random = Random::new(7);
    let (mut passed, mut refused) = (0, 0);
    for _ in 0..2000 {
        let mut bytes = goods[random.below(goods.len())].clone();
        let other = &goods[random.below(goods.len())];
        mutate(&mut bytes, other, &mut random);
        match Host::inspect(&bytes) {
            Ok(_) => {
                passed += 1;
                // Compiling is slow in a debug build: every eighth.
                if passed % 8 == 0 {
                    let said = host.compile(bytes).await;
                    assert!(
                        !matches!(
                            said,
                            Err(PluginError::CompilerCrashed { .. } | PluginError::Host { .. })
                        ),
                        "{said:?}"
                    );
                }
            }
            Err(PluginError::Malformed { detail }) if detail == "the parser gave up" => {
                panic!("a panic inside the parser")
            }
            Err(_) => refused += 1,
        }
    }
    assert!(
        passed > 50 && refused > 1000,
        "{passed} passed, {refused} refused"
    );
}

#[test]
fn size_and_parts_choose_the_engine() {
    let engine = |bytes: &[u8]| Host::inspect(bytes).unwrap().engine;
    let small = bad_classifier("unreachable", "{}");
    assert_eq!(engine(&small), EngineKind::Rust);
    let wish = |mb: u32| bad_classifier("unreachable", &format!(r#"{{"memory-mb":{mb}}}"#));
    assert_eq!(engine(&wish(64)), EngineKind::Rust);
    assert_eq!(engine(&wish(65)), EngineKind::Script);
    let big = with_section(small.clone(), "padding", &vec![0; 4 << 20]);
    assert_eq!(engine(&big), EngineKind::Script);
    assert_eq!(engine(&interpreter(38)), EngineKind::Script);
}
