//! What plugins cost, against goals and against the same work without a plugin, in one run on one
//! machine: ratios and growth are what counts, not the times of this machine.
//!
//! `cargo run -p plugin-host --release --example bench -- [fresh calls, default 1000000]`
#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "shares the helpers of the tests"
)]

#[path = "../tests/host/guests.rs"]
mod guests;
#[path = "../tests/host/memory.rs"]
mod memory;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jieba_rs::Jieba;
use plugin_host::taxonomy::{Taxonomy, Topic};
use plugin_host::{
    CacheConfig, Classifier, Document, Header, HookRequest, Host, HostConfig, Installation,
    PullMode, PullRequest, SecretValue, webhook,
};
use plugin_sdk::Classifier as _;

const BATCH: usize = 256;
const ROUNDS: usize = 200;

fn main() -> ExitCode {
    if let Some(code) = plugin_host::run_as_compiler() {
        return code;
    }
    let fresh_calls = std::env::args()
        .nth(1)
        .map_or(1_000_000, |text| text.parse().unwrap());
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(run(fresh_calls));
    ExitCode::SUCCESS
}

/// One line: what, how much, the goal.
fn line(what: &str, measured: &str, goal: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what:<58} {measured:>22}   {goal}").unwrap();
}

fn micros(time: Duration, of: usize) -> f64 {
    time.as_secs_f64() * 1e6 / of as f64
}

/// The shortest of some runs: what the machine can do when nobody disturbs it.
fn best(rounds: usize, mut work: impl FnMut()) -> Duration {
    (0..rounds)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed()
        })
        .min()
        .unwrap()
}

async fn best_of<F: Future>(rounds: usize, mut work: impl FnMut() -> F) -> Duration {
    let mut least = Duration::MAX;
    for _ in 0..rounds {
        let work = work();
        let started = Instant::now();
        black_box(work.await);
        least = least.min(started.elapsed());
    }
    least
}

async fn load(host: &Host, component: &[u8], taxonomy: &Taxonomy) -> Classifier {
    let compiled = host.compile(component.to_vec()).await.unwrap();
    host.classifier(&compiled, Installation::default(), taxonomy)
        .await
        .unwrap()
}

/// A guest that answers every document with nothing: what is left is the crossing.
fn silent() -> Vec<u8> {
    guests::bad_classifier(
        "(if (i32.lt_u (memory.size) (i32.const 80)) (then (drop (memory.grow (i32.const 64)))))
         ;; all documents are forgotten
         (global.set $next (i32.const 65536))
         ;; the list: zeros from 4 MiB on are answers without any label
         (i32.store (i32.const 1032) (i32.const 4194304)) (i32.store (i32.const 1036) (local.get $batch))
         (i32.const 1024)",
        "{}",
    )
}

async fn run(fresh_calls: u64) {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::new(HostConfig {
        cache: Some(CacheConfig::in_data_dir(folder.path()).unwrap()),
        ..HostConfig::default()
    })
    .unwrap();
    let taxonomy = taxonomy();
    let jieba = Jieba::new();
    let texts = texts();
    let documents: Vec<Document> = texts.iter().map(|t| tokenised(&jieba, t)).collect();

    // Compilation in a child, then from the cache.
    let keyword = guests::keyword_classifier();
    let started = Instant::now();
    host.compile(keyword.to_vec()).await.unwrap();
    let compile = started.elapsed();
    let cached = best_of(30, || host.compile(keyword.to_vec())).await;
    line(
        "compile in a child process",
        &format!("{:.1} ms", compile.as_secs_f64() * 1e3),
        "",
    );
    line(
        "the same from the cache, dry run included",
        &format!("{:.2} ms", cached.as_secs_f64() * 1e3),
        &goal(cached.as_secs_f64() * 1e3, 1.0, "1 ms"),
    );

    // Classification, natively and as a plugin.
    let plugin = load(&host, keyword, &taxonomy).await;
    let (native, _) = keyword_classifier::KeywordClassifier::prepare(taxonomy.clone()).unwrap();
    let native_documents: Vec<plugin_sdk::Document> =
        documents.iter().cloned().map(for_native).collect();
    let by_library = best(ROUNDS, || {
        for document in &native_documents {
            black_box(native.classify(document)).unwrap();
        }
    });
    let by_plugin = best_of(ROUNDS, || plugin.classify(documents.clone())).await;
    let crossing_guest = load(&host, &silent(), &taxonomy).await;
    let crossing = best_of(ROUNDS, || crossing_guest.classify(documents.clone())).await;
    let segmentation = best(20, || {
        for text in &texts {
            black_box(tokenised(&jieba, text));
        }
    });
    let ratio = by_plugin.as_secs_f64() / by_library.as_secs_f64();
    let with = (by_plugin + segmentation).as_secs_f64() / (by_library + segmentation).as_secs_f64();
    line(
        "classify natively",
        &format!("{:.2} µs a document", micros(by_library, BATCH)),
        "",
    );
    line(
        "classify by the plugin, batches of 256",
        &format!("{:.2} µs a document", micros(by_plugin, BATCH)),
        "",
    );
    line(
        "  ratio",
        &format!("{ratio:.2}"),
        &goal(ratio, 1.15, "1.15"),
    );
    line(
        "  of it the crossing of documents (a guest that does nothing)",
        &format!("{:.2} µs a document", micros(crossing, BATCH)),
        "",
    );
    line(
        "segmentation of the text, without which nobody classifies",
        &format!("{:.2} µs a document", micros(segmentation, BATCH)),
        "",
    );
    line(
        "  ratio with it on both sides",
        &format!("{with:.3}"),
        &goal(with, 1.05, "1.05"),
    );
    let items = BATCH as f64 / crossing.as_secs_f64();
    line(
        "documents across the boundary",
        &format!("{:.2} M/s", items / 1e6),
        "",
    );

    // Calls.
    let one = vec![guests::document(&["套餐"])];
    let warm = best_of(20_000, || crossing_guest.classify(one.clone())).await;
    line(
        "warm call, one short document",
        &format!("{:.2} µs", micros(warm, 1)),
        &goal(micros(warm, 1), 1.0, "1 µs"),
    );
    let silent_one = host.compile(silent()).await.unwrap();
    let nobody = Arc::new(Installation::default());
    let fresh = best_of(5000, || silent_one.validate_config(&nobody)).await;
    line(
        "fresh store, call, drop",
        &format!("{:.1} µs", micros(fresh, 1)),
        &goal(micros(fresh, 1), 15.0, "15 µs"),
    );
    pages(&host, fresh).await;
    hooks(&host, fresh).await;

    // Growth: the first calls may still fill pools and caches.
    for _ in 0..fresh_calls / 20 {
        silent_one.validate_config(&nobody).await.unwrap();
    }
    let (before, started) = (memory::resident_kib(), Instant::now());
    for _ in 0..fresh_calls {
        black_box(silent_one.validate_config(&nobody).await.unwrap());
    }
    let per_second = fresh_calls as f64 / started.elapsed().as_secs_f64();
    let grown = memory::resident_kib().saturating_sub(before);
    line(
        &format!("{fresh_calls} fresh instances, one after another"),
        &format!("{:.0} /s, grown {grown} KiB", per_second),
        &goal(grown as f64, 1024.0, "less than 1 MiB"),
    );
}

/// A guest of the tests with a manifest.
fn guest(name: &str, more: &str) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/1.0.0");
    let component = std::fs::read(folder.join(format!("{name}.wasm"))).unwrap();
    let title = r#"{"zh":"甲","en":"A"}"#;
    let manifest = format!(
        r#"{{"name":"probe","version":"1.0.0","role":"connector","title":{title},"asks":{{"secrets":[{{"name":"token","title":{title}}}]{more}"#
    );
    guests::with_section(component, "bihuan:manifest", manifest.as_bytes())
}

/// Items of a page, from the guest to the host; beside it what the same items cost as lines of JSON, which is what
/// connectors that are processes of their own send.
async fn pages(host: &Host, fresh: Duration) {
    const ITEMS: usize = 1000;
    let component = guests::example("minimal_connector", &guests::manifest("connector", "{}"));
    let compiled = host.compile(component).await.unwrap();
    let connector = host.connector(&compiled, Installation::default()).unwrap();
    let request = |count: usize| PullRequest {
        stream: "tickets".to_owned(),
        mode: PullMode::Incremental,
        cursor: None,
        since_ms: None,
        until_ms: None,
        max_items: count as u32,
    };
    let one = best_of(200, || connector.pull(request(1))).await;
    let full = best_of(200, || connector.pull(request(ITEMS))).await;
    let got = connector.pull(request(ITEMS)).await.unwrap().value.items;
    assert_eq!(got.len(), ITEMS);
    let crossing = full.saturating_sub(one);
    let json = best(50, || {
        let lines: Vec<String> = got
            .iter()
            .map(|i| {
                serde_json::json!({"external_id": i.external_id, "text": i.text, "turns": [], "attributes": []})
                    .to_string()
            })
            .collect();
        for line in lines {
            black_box(serde_json::from_str::<serde_json::Value>(&line).unwrap());
        }
    });
    let millions = ITEMS as f64 / crossing.as_secs_f64() / 1e6;
    line(
        "a page of 1000 items, fresh store included",
        &format!("{:.0} µs", micros(full, 1)),
        "",
    );
    line(
        "  items across the boundary, with their checks",
        &format!("{millions:.2} M/s"),
        &goal(2.0, millions, "2 M/s"),
    );
    line(
        "  ratio to the same items as lines of JSON, without a sandbox",
        &format!("{:.2}", crossing.as_secs_f64() / json.as_secs_f64()),
        &goal(crossing.as_secs_f64(), json.as_secs_f64(), "1.00"),
    );
    line(
        "  a page of one item against a call that does nothing",
        &format!("{:.2}", one.as_secs_f64() / fresh.as_secs_f64()),
        "",
    );
}

/// What a webhook waits for beside the network and the database: the proof of its sender and the plugin.
async fn hooks(host: &Host, fresh: Duration) {
    let component = guest(
        "webhook",
        r#","hosts":[{"origin":"*","methods":["GET"],"purpose":{"zh":"甲","en":"A"}}]},"webhook":{"verify":[{"scheme":"standard-webhooks","secret":"token"}]}}"#,
    );
    let compiled = host.compile(component).await.unwrap();
    let scheme = compiled
        .inspection()
        .manifest
        .webhook
        .clone()
        .unwrap()
        .verify
        .remove(0);
    let connector = host.connector(&compiled, Installation::default()).unwrap();
    let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(1024)).into_bytes();
    let key = b"a key of thirty-two bytes or so.";
    let mac = ring::hmac::sign(
        &ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key),
        &[b"id.1700000000.".as_slice(), &body].concat(),
    );
    let secrets = BTreeMap::from([(
        "token".to_owned(),
        SecretValue::new(
            format!("whsec_{}", STANDARD.encode(key)).into_bytes(),
            1,
            Vec::new(),
        ),
    )]);
    let header = |name: &str, value: String| Header {
        name: name.to_owned(),
        value,
    };
    let headers = [
        header("webhook-id", "id".to_owned()),
        header("webhook-timestamp", "1700000000".to_owned()),
        header(
            "webhook-signature",
            format!("v1,{}", STANDARD.encode(mac.as_ref())),
        ),
    ];
    let settings = serde_json::json!({});
    let proof = best(2000, || {
        let request = webhook::Request {
            method: "POST",
            path: "",
            query: "",
            headers: &headers,
            body: &body,
        };
        let proved = webhook::verify(&scheme, &secrets, &settings, &request, 1_700_000_000_000);
        assert!(black_box(proved).is_ok());
    });
    let handled = best_of(2000, || {
        connector.handle(HookRequest {
            method: "POST".to_owned(),
            path: String::new(),
            query: String::new(),
            headers: Vec::new(),
            body: body.clone(),
            received_at_ms: 0,
            verified_by_host: true,
        })
    })
    .await;
    let added = proof + handled;
    line(
        "proof of a signed webhook of 1 KiB",
        &format!("{:.1} µs", micros(proof, 1)),
        "",
    );
    line(
        "  added latency: proof, fresh store, call, drop",
        &format!("{:.1} µs", micros(added, 1)),
        &goal(micros(added, 1), 100.0, "100 µs"),
    );
    line(
        "  ratio to a call that does nothing",
        &format!("{:.2}", added.as_secs_f64() / fresh.as_secs_f64()),
        "",
    );
}

fn goal(measured: f64, goal: f64, words: &str) -> String {
    format!(
        "goal {words}: {}",
        if measured <= goal { "met" } else { "missed" }
    )
}

fn for_native(d: Document) -> plugin_sdk::Document {
    plugin_sdk::Document {
        text: d.text,
        token_ends: d.token_ends,
        language: None,
        channel: d.channel,
        attributes: Vec::new(),
    }
}

fn taxonomy() -> Taxonomy {
    let subjects = [
        "套餐",
        "资费",
        "信号",
        "网速",
        "宽带",
        "客服",
        "营业厅",
        "账单",
        "流量",
        "合约",
        "携号",
        "充值",
    ];
    let troubles = [
        "扣费",
        "不到账",
        "太慢",
        "断网",
        "贵",
        "取消",
        "投诉",
        "退费",
        "不一致",
        "推诿",
    ];
    let topics = subjects
        .iter()
        .enumerate()
        .map(|(number, subject)| Topic {
            key: format!("topic_{number}"),
            words: std::iter::once((*subject).to_owned())
                .chain(troubles.iter().map(|t| format!("{subject}{t}")))
                .collect(),
            ..Topic::default()
        })
        .collect();
    Taxonomy {
        topics,
        ..Taxonomy::default()
    }
}

/// Made-up voices of about 60 characters.
fn texts() -> Vec<String> {
    let starts = [
        "上个月开始",
        "昨天下午",
        "办理的时候",
        "我家里",
        "打电话问了以后",
    ];
    let middles = [
        "套餐扣费和说好的不一致",
        "宽带总是断网",
        "信号很差打不通电话",
        "账单里多了一项流量费",
        "营业厅让我找客服",
    ];
    let ends = [
        "客服一直推诿，非常失望，希望尽快解决。",
        "问了三次都没人处理，太气人了！",
        "师傅态度不错，问题解决了，谢谢。",
        "再这样就投诉到工信部。",
    ];
    (0..BATCH)
        .map(|i| {
            format!(
                "{}，{}，{}",
                starts[i % 5],
                middles[i / 5 % 5],
                ends[i / 25 % 4]
            )
        })
        .collect()
}

/// Segmented as the server does.
fn tokenised(jieba: &Jieba, text: &str) -> Document {
    let mut at = 0;
    let token_ends = jieba
        .cut(text, true)
        .iter()
        .map(|t| {
            at += t.word.len() as u32;
            at
        })
        .collect();
    Document {
        text: text.to_owned(),
        token_ends,
        channel: "phone".to_owned(),
        ..Document::default()
    }
}
