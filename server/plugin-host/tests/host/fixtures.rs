//! Components that were built against version 1.0.0 of the contract must load and work for ever.

use plugin_host::{
    EngineKind, FileGrant, Host, Installation, Message, PluginError, RemoteState, Role,
};
use serde_json::{Value, json};
use wit_component::ComponentEncoder;

use crate::guests::{document, taxonomy};
use crate::lab::{ASKS, Lab, asking, fixture, fixtures, manifest, reaching, run, with_manifest};

const ROLES: [&str; 6] = [
    "classifier",
    "knowledge-base",
    "acking-puller",
    "webhook",
    "connector",
    "notifier",
];

fn asks(role: &str) -> &'static str {
    match role {
        "classifier" => "{}",
        "knowledge-base" => r#"{"files":{"purpose":{"zh":"甲","en":"A"}}}"#,
        "acking-puller" | "connector" => IMAP,
        _ => ASKS,
    }
}

/// As [`ASKS`], with a mailbox: the guests that can be asked import it.
pub const IMAP: &str = r#"{"hosts":[{"origin":"*","methods":["GET","POST","PUT","HEAD"],"purpose":{"zh":"甲","en":"A"}}],
    "secrets":[{"name":"token","title":{"zh":"甲","en":"A"}},{"name":"unset","title":{"zh":"甲","en":"A"}}],
    "imap":{"purpose":{"zh":"甲","en":"A"}}}"#;

/// Run `tests/guests/build.sh` before. Never again for 1.0.0 once it is released: a new version of the
/// contract gets a folder of its own.
#[test]
#[ignore = "writes the fixtures"]
fn make_fixtures() {
    for role in ROLES {
        let module = fixtures().join(format!("../guests/probe/target/{role}.wasm"));
        let component = ComponentEncoder::default()
            .module(&std::fs::read(module).unwrap())
            .unwrap()
            .validate(true)
            .encode()
            .unwrap();
        assert!(component.len() < 256 << 10, "{role}: {}", component.len());
        std::fs::write(
            fixtures().join("1.0.0").join(format!("{role}.wasm")),
            component,
        )
        .unwrap();
    }
}

/// The guest of the server's own tests (`tests/it/plugins_life.rs`), which its settings steer. Run
/// `tests/guests/build.sh` before.
#[test]
#[ignore = "writes the guest"]
fn make_steered() {
    let module = fixtures().join("../guests/probe/target/steered.wasm");
    let component = ComponentEncoder::default()
        .module(&std::fs::read(module).unwrap())
        .unwrap()
        .validate(true)
        .encode()
        .unwrap();
    assert!(component.len() < 256 << 10, "{}", component.len());
    std::fs::write(fixtures().join("steered.wasm"), component).unwrap();
}

/// The same component as if it had been built against another version of the contract.
fn rebuilt(component: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "lengths stand before names");
    let mut bytes = component.to_vec();
    let mut at = 0;
    let mut found = 0;
    while let Some(next) = bytes[at..]
        .windows(from.len())
        .position(|w| w == from.as_bytes())
    {
        bytes[at + next..at + next + from.len()].copy_from_slice(to.as_bytes());
        at += next + from.len();
        found += 1;
    }
    assert!(found > 0, "{from} does not occur");
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn components_of_1_0_0_load_and_answer() {
    let lab = Lab::new(None);
    for role in ROLES {
        let component = with_manifest(fixture(role), &manifest(role, asks(role), "{}"));
        let inspection = Host::inspect(&component).unwrap();
        assert_eq!(inspection.api_version, "1.0.0");
        let compiled = lab.host.compile(component).await.unwrap();
        let installation = reaching(&[]);
        let asked = installation.clone();
        match (inspection.role, role) {
            (Role::Classifier, _) => {
                let classifier = lab
                    .host
                    .classifier(&compiled, installation, &taxonomy())
                    .await
                    .unwrap();
                let answers = classifier
                    .classify(vec![document(&["delivery"])])
                    .await
                    .unwrap();
                assert_eq!(answers[0].as_ref().unwrap().topics[0].id, "delivery");
            }
            (Role::KnowledgeBase, _) => {
                let folder = tempfile::tempdir().unwrap();
                let files = Some(FileGrant::new(folder.path()));
                let base = lab
                    .host
                    .knowledge_base(
                        &compiled,
                        Installation {
                            files,
                            ..installation
                        },
                    )
                    .unwrap();
                let article = crate::knowledge::article();
                assert_eq!(
                    base.lookup(article.clone()).await.unwrap().value,
                    RemoteState::Absent
                );
                let receipt = base.upsert(article.clone()).await.unwrap().value;
                assert_eq!(
                    base.lookup(article).await.unwrap().value,
                    RemoteState::Unchanged(receipt)
                );
            }
            (Role::Connector, "webhook") => {
                let connector = lab.host.connector(&compiled, installation).unwrap();
                assert!(!connector.exports().puller && connector.exports().webhook);
                let outcome = connector
                    .handle(crate::granted::hook(&json!([{"do": "now"}])))
                    .await
                    .unwrap();
                assert!(
                    matches!(outcome.value, plugin_host::Outcome::Accept { items, .. } if items.len() == 1)
                );
                assert!(matches!(
                    connector.streams().await,
                    Err(PluginError::Refused { .. })
                ));
            }
            (Role::Connector, _) => {
                let connector = lab.host.connector(&compiled, installation).unwrap();
                assert_eq!(connector.exports().webhook, role == "connector");
                assert_eq!(connector.exports().acker, role == "acking-puller");
                assert_eq!(connector.streams().await.unwrap().value[0].name, "tickets");
                assert_eq!(
                    run(&connector, &json!([{"do": "nothing"}])).await,
                    [Value::Null]
                );
                if role == "acking-puller" {
                    let acked = connector
                        .ack(&["a".to_owned(), "b".to_owned()])
                        .await
                        .unwrap();
                    assert_eq!(
                        acked.staged.set,
                        [("acked".to_owned(), b"a,b".to_vec(), None)]
                    );
                }
            }
            (Role::Notifier, _) => {
                let notifier = lab.host.notifier(&compiled, installation).unwrap();
                let message = Message {
                    text: json!([{"do": "now"}]).to_string(),
                    ..Message::default()
                };
                let done = notifier.notify(message).await.unwrap();
                assert_eq!(done.staged.set[0].0, "answers");
            }
        }
        let asked = std::sync::Arc::new(asked);
        assert!(compiled.check(&asked).await.unwrap().value.ok, "{role}");
        let old = json!({"a": 1});
        assert_eq!(
            compiled.migrate_config(&asked, 1, &old).await.unwrap(),
            old,
            "{role}"
        );
    }
}

/// What is denied, and the words for it: the same whichever version a component was built against.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_versions_deny_alike() {
    let lab = Lab::new(None);
    let manifest = manifest("acking-puller", IMAP, "{}");
    let script = json!([
        {"do": "http", "url": "https://example.com/"},
        {"do": "http", "url": "http://127.0.0.1/"},
        {"do": "secret", "name": "token"},
        {"do": "secret", "name": "unset"},
        {"do": "secret", "name": "other"},
        {"do": "examine", "folder": "INBOX"},
        {"do": "fetch", "folder": "INBOX", "after": 0, "limit": 1},
        {"do": "mark-seen", "folder": "INBOX", "uids": [1]},
        {"do": "verify-mac", "key": ["known"], "message": ["m"], "mac": "00"},
        {"do": "state-set", "key": "", "value": "x"},
    ]);
    let mut answers = Vec::new();
    for version in ["1.0.0", "1.1.0", "1.9.7"] {
        let component = fixture("acking-puller");
        let component = if version == "1.0.0" {
            component
        } else {
            rebuilt(&component, "@1.0.0", &format!("@{version}"))
        };
        let component = with_manifest(component, &manifest);
        assert_eq!(Host::inspect(&component).unwrap().api_version, version);
        let compiled = lab.host.compile(component).await.unwrap();
        let nothing = Installation {
            granted_secrets: vec!["unset".to_owned()],
            ..Installation::default()
        };
        let connector = lab.host.connector(&compiled, nothing).unwrap();
        let page = connector.pull(asking(&script)).await.unwrap();
        assert_eq!(page.used.denied, 7, "{version}");
        let texts: Vec<String> = page
            .value
            .items
            .into_iter()
            .map(|i| i.text.unwrap())
            .collect();
        assert!(texts.iter().all(|t| t.contains("error")), "{texts:?}");
        answers.push(texts);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_later_version_adds_is_refused_by_name() {
    let lab = Lab::new(None);
    let manifest = manifest("notifier", ASKS, "{}");
    let later = rebuilt(&fixture("notifier"), "@1.0.0", "@1.1.0");
    let interface = with_manifest(
        rebuilt(&later, "bihuan:plugin/state@", "bihuan:plugin/stars@"),
        &manifest,
    );
    assert_eq!(
        lab.host.compile(interface).await.map(drop).unwrap_err(),
        PluginError::UnknownImport {
            import: "bihuan:plugin/stars@1.1.0".to_owned()
        }
    );
    let function = with_manifest(rebuilt(&later, "verify-mac", "verify-mad"), &manifest);
    let error = lab.host.compile(function).await.map(drop).unwrap_err();
    assert!(
        matches!(&error, PluginError::Contract { detail } if detail.contains("verify-mad") && detail.contains("crypto")),
        "{error}"
    );
    let major = with_manifest(rebuilt(&fixture("notifier"), "@1.0.0", "@2.0.0"), &manifest);
    assert!(matches!(
        lab.host.compile(major).await,
        Err(PluginError::Incompatible { .. })
    ));
}

#[test]
fn a_power_that_is_not_asked_for_cannot_be_imported() {
    for (role, asks, missing) in [
        (
            "notifier",
            r#"{"secrets":[{"name":"k","title":{"zh":"甲","en":"A"}}]}"#,
            "hosts",
        ),
        ("acking-puller", ASKS, "imap"),
        ("knowledge-base", "{}", "files"),
    ] {
        let component = with_manifest(fixture(role), &manifest(role, asks, "{}"));
        let error = Host::inspect(&component).unwrap_err();
        assert!(
            matches!(&error, PluginError::BadManifest { detail } if detail.contains(missing)),
            "{role}: {error}"
        );
    }
    // What an interpreter imports says nothing about what its script uses.
    let large = manifest("acking-puller", ASKS, r#"{"memory-mb":200}"#);
    let inspection = Host::inspect(&with_manifest(fixture("acking-puller"), &large)).unwrap();
    assert_eq!(inspection.engine, EngineKind::Script);
    // A notifier has no mailbox, whatever it asks for.
    let stolen = rebuilt(
        &fixture("notifier"),
        "bihuan:plugin/http@",
        "bihuan:plugin/imap@",
    );
    let error =
        Host::inspect(&with_manifest(stolen, &manifest("notifier", IMAP, "{}"))).unwrap_err();
    assert_eq!(
        error,
        PluginError::UnknownImport {
            import: "bihuan:plugin/imap@1.0.0".to_owned()
        }
    );
    // A webhook without words about proof, and words without a webhook.
    let silent = manifest("acking-puller", ASKS, "{}");
    assert!(matches!(
        Host::inspect(&with_manifest(fixture("webhook"), &silent)),
        Err(PluginError::BadManifest { .. })
    ));
    let loud = manifest("webhook", IMAP, "{}");
    assert!(matches!(
        Host::inspect(&with_manifest(fixture("acking-puller"), &loud)),
        Err(PluginError::BadManifest { .. })
    ));
}
