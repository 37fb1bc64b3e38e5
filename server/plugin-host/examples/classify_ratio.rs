//! How much slower classification is through the component than by the same code called natively.
//! Prints one line; the ratio is what counts, not the times of this machine.
//!
//! `cargo run -p plugin-host --release --example classify_ratio`

use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use jieba_rs::Jieba;
use plugin_host::taxonomy::{Taxonomy, Topic};
use plugin_host::{Document, Host, HostConfig, Installation};
use plugin_sdk::Classifier;

const BATCH: usize = 200;
const ROUNDS: usize = 300;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/keyword-classifier");
    let out = std::env::temp_dir().join("bihuan-classify-ratio.wasm");
    plugin_build::build(&folder, &out)?;
    let taxonomy = taxonomy();
    let documents = documents();

    let host = Host::new(HostConfig::default())?;
    let started = Instant::now();
    let compiled = host.compile(std::fs::read(&out)?).await?;
    let compile = started.elapsed();
    let started = Instant::now();
    let component = host
        .classifier(&compiled, Installation::default(), &taxonomy)
        .await?;
    let prepare = started.elapsed();
    let (native, _) =
        keyword_classifier::KeywordClassifier::prepare(taxonomy).map_err(|f| f.message)?;
    let native_documents: Vec<plugin_sdk::Document> = documents
        .iter()
        .map(|d| plugin_sdk::Document {
            text: d.text.clone(),
            token_ends: d.token_ends.clone(),
            language: None,
            channel: d.channel.clone(),
            attributes: Vec::new(),
        })
        .collect();

    let (mut by_component, mut by_library) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        let batch = documents.clone();
        let started = Instant::now();
        black_box(component.classify(batch).await?);
        by_component = by_component.min(started.elapsed());
        let started = Instant::now();
        for document in &native_documents {
            black_box(native.classify(document)).map_err(|f| f.message)?;
        }
        by_library = by_library.min(started.elapsed());
    }
    let per_document = |d: Duration| d.as_secs_f64() * 1e6 / BATCH as f64;
    writeln!(
        std::io::stdout(),
        "component / native = {:.2}  ({:.1} µs / {:.1} µs a document, best of {ROUNDS} batches of {BATCH}; compile {compile:.0?}, prepare {prepare:.0?})",
        by_component.as_secs_f64() / by_library.as_secs_f64(),
        per_document(by_component),
        per_document(by_library),
    )?;
    Ok(())
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

/// Made-up voices of about 60 characters, segmented as the server does.
fn documents() -> Vec<Document> {
    let jieba = Jieba::new();
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
            let text = format!(
                "{}，{}，{}",
                starts[i % 5],
                middles[i / 5 % 5],
                ends[i / 25 % 4]
            );
            let mut at = 0;
            let token_ends = jieba
                .cut(&text, true)
                .iter()
                .map(|t| {
                    at += t.word.len() as u32;
                    at
                })
                .collect();
            Document {
                text,
                token_ends,
                channel: "phone".to_owned(),
                ..Document::default()
            }
        })
        .collect()
}
