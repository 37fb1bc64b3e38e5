//! What plugins cost, against goals and against the same work without a plugin, in one run on one
//! machine: ratios and growth are what counts, not the times of this machine.
//!
//! `cargo run -p plugin-host --release --example bench -- [fresh calls, default 100000]`
#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "shares the helpers of the tests"
)]

#[path = "../tests/host/guests.rs"]
mod guests;
#[path = "../tests/host/memory.rs"]
mod memory;

use std::hint::black_box;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use jieba_rs::Jieba;
use plugin_host::taxonomy::{Taxonomy, Topic};
use plugin_host::{CacheConfig, Classifier, Document, Host, HostConfig, Installation};
use plugin_sdk::Classifier as _;

const BATCH: usize = 256;
const ROUNDS: usize = 200;

fn main() -> ExitCode {
    if let Some(code) = plugin_host::run_as_compiler() {
        return code;
    }
    let fresh_calls = std::env::args()
        .nth(1)
        .map_or(100_000, |text| text.parse().unwrap());
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
    let fresh = best_of(5000, || crossing_guest.check()).await;
    line(
        "fresh store, two calls, drop",
        &format!("{:.1} µs", micros(fresh, 1)),
        &goal(micros(fresh, 1), 15.0, "15 µs"),
    );

    // Growth: the first calls may still fill pools and caches.
    for _ in 0..fresh_calls / 20 {
        crossing_guest.check().await.unwrap();
    }
    let (before, started) = (memory::resident_kib(), Instant::now());
    for _ in 0..fresh_calls {
        black_box(crossing_guest.check().await.unwrap());
    }
    let per_second = fresh_calls as f64 / started.elapsed().as_secs_f64();
    let grown = memory::resident_kib().saturating_sub(before);
    line(
        &format!("{fresh_calls} fresh instances, one after another"),
        &format!("{:.0} /s, grown {grown} KiB", per_second),
        &goal(grown as f64, 1024.0, "less than 1 MiB"),
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
