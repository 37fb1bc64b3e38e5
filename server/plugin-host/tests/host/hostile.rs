//! Bad guests: each gives its own error, and the host stays healthy.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use plugin_host::{Classifier, Host, Installation, Limit, PluginError};
use tracing_subscriber::layer::{Context, SubscriberExt};

use crate::attacks::{Arena, Tally};
use crate::guests::{
    ANSWER, bad_classifier, document, good_guest, minimal_classifier, one_answer, small_host,
    taxonomy,
};

/// What the bad guests ask for: little enough for a test to use up.
const SMALL: &str = r#"{"cpu-ms":100,"memory-mb":16}"#;

async fn classifier(host: &Host, component: Vec<u8>) -> Classifier {
    let compiled = host.compile(component).await.unwrap();
    host.classifier(&compiled, Installation::default(), &taxonomy())
        .await
        .unwrap()
}

/// The error of one call to a bad guest; then the host must still serve a good one, and the bad
/// guest must get a fresh instance each time.
async fn error_of(classify: &str, limits: &str) -> PluginError {
    let host = small_host();
    let bad = classifier(&host, bad_classifier(classify, limits)).await;
    let first = bad.classify(vec![document(&["套餐"])]).await.unwrap_err();
    let second = bad.classify(vec![document(&["套餐"])]).await.unwrap_err();
    assert_eq!(first, second);
    let good = classifier(&host, good_guest()).await;
    let answers = good.classify(vec![document(&["套餐"])]).await.unwrap();
    assert!(answers[0].is_ok());
    first
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spinning_ends_with_the_budget_and_hinders_nobody() {
    let host = small_host();
    let bad = classifier(
        &host,
        bad_classifier("(loop $l (br $l)) (i32.const 0)", SMALL),
    )
    .await;
    let good = classifier(&host, good_guest()).await;
    let spinning = tokio::spawn(async move { bad.classify(vec![document(&["套餐"])]).await });
    let started = Instant::now();
    while !spinning.is_finished() {
        good.classify(vec![document(&["套餐"])]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(
            started.elapsed() < Duration::from_secs(4),
            "the guest is still running"
        );
    }
    let error = spinning.await.unwrap().unwrap_err();
    assert_eq!(
        error,
        PluginError::TimedOut {
            limit: Limit::Cpu,
            after: Duration::from_millis(100)
        }
    );
    assert!(error.is_fault_of_plugin());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wall_clock_ends_what_the_budget_would_allow() {
    let error = error_of("(loop $l (br $l)) (i32.const 0)", r#"{"wall-ms":30}"#).await;
    assert_eq!(
        error,
        PluginError::TimedOut {
            limit: Limit::WallClock,
            after: Duration::from_millis(30)
        }
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hoarding_memory_is_told_apart_from_other_traps() {
    let hoard =
        "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    assert_eq!(
        error_of(hoard, SMALL).await,
        PluginError::OutOfMemory { limit: 16 << 20 }
    );
    assert_eq!(
        error_of(hoard, r#"{"memory-mb":1}"#).await,
        PluginError::OutOfMemory { limit: 1 << 20 }
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trap_carries_the_panic_message_when_there_is_one() {
    let PluginError::Trapped { message } = error_of("unreachable", SMALL).await else {
        panic!("trapped")
    };
    assert!(message.contains("unreachable"), "{message}");
    let panic = r"(i32.store (i32.const 200) (i32.const 40)) (i32.store (i32.const 204) (i32.const 5))
        (i32.store (i32.const 208) (i32.const 16)) (i32.store (i32.const 212) (i32.const 3))
        (call $log (i32.const 4) (i32.const 24) (i32.const 10) (i32.const 200) (i32.const 1)) unreachable";
    assert_eq!(
        error_of(panic, SMALL).await,
        PluginError::Trapped {
            message: "the reason".to_owned()
        }
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lying_about_the_number_of_answers_is_an_invalid_answer() {
    let none = error_of(ANSWER, SMALL).await;
    assert!(
        matches!(&none, PluginError::InvalidAnswer { detail } if detail.contains("0 answers for 1")),
        "{none}"
    );
    let beyond_memory = "(i32.store (i32.const 1032) (i32.const 1048)) (i32.store (i32.const 1036) (i32.const 0x7fffff)) (i32.const 1024)";
    assert!(matches!(
        error_of(beyond_memory, SMALL).await,
        PluginError::Trapped { .. }
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_outside_the_taxonomy_or_out_of_range_are_refused() {
    let has = |error: PluginError, part: &str| {
        assert!(
            matches!(&error, PluginError::InvalidAnswer { detail } if detail.contains(part)),
            "{error} / {part}"
        );
    };
    has(
        error_of(&one_answer(""), SMALL).await,
        "\"nowhere\" is not in the taxonomy",
    );
    // No topics, sentiment (payload + 28) not a number.
    let no_topic = "(i32.store (i32.const 1060) (i32.const 0))";
    has(
        error_of(
            &one_answer(&format!(
                "{no_topic} (f32.store (i32.const 1084) (f32.const nan))"
            )),
            SMALL,
        )
        .await,
        "sentiment is NaN",
    );
    // risk (payload + 44) above one.
    has(
        error_of(
            &one_answer(&format!(
                "{no_topic} (f32.store (i32.const 1100) (f32.const 1.5))"
            )),
            SMALL,
        )
        .await,
        "risk is 1.5",
    );
    // evidence (payload + 56): 0..999 of a text of six bytes.
    let span =
        "(i32.store (i32.const 1112) (i32.const 1300)) (i32.store (i32.const 1116) (i32.const 1))
        (i32.store (i32.const 1304) (i32.const 999))";
    has(
        error_of(&one_answer(&format!("{no_topic} {span}")), SMALL).await,
        "not inside the text",
    );
    // causes (payload + 8) without a topic.
    let cause =
        "(i32.store (i32.const 1064) (i32.const 1200)) (i32.store (i32.const 1068) (i32.const 1))";
    has(
        error_of(&one_answer(&format!("{no_topic} {cause}")), SMALL).await,
        "is not one of the best topic",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_layout_with_a_good_answer_is_accepted() {
    let host = small_host();
    let guest = classifier(&host, good_guest()).await;
    let answers = guest.classify(vec![document(&["套餐"])]).await.unwrap();
    assert!(
        answers[0].as_ref().unwrap().topics.is_empty(),
        "otherwise the tests above prove nothing"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_much_data_in_one_crossing_is_refused() {
    let flood = "(drop (memory.grow (i32.const 64)))
        (call $log (i32.const 1) (i32.const 0) (i32.const 0x200000) (i32.const 0) (i32.const 0)) unreachable";
    assert_eq!(
        error_of(flood, SMALL).await,
        PluginError::TooMuchData { limit: 1 << 20 }
    );
}

/// Counts what arrives from plugins.
struct Counter(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Counter {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        // The end of each call is told as well, for whoever looks for faults.
        let of = event.metadata();
        if of.target() == "plugin" && *of.level() <= tracing::Level::INFO {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test]
async fn a_chatty_guest_is_cut_off() {
    let lines = Arc::new(AtomicUsize::new(0));
    let _guard = tracing::subscriber::set_default(
        tracing_subscriber::registry().with(Counter(Arc::clone(&lines))),
    );
    let host = small_host();
    let chatty = format!(
        "(local $i i32) (loop $l
            (call $log (i32.const 2) (i32.const 24) (i32.const 10) (i32.const 0) (i32.const 0))
            (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 5000)))) {}",
        one_answer("(i32.store (i32.const 1060) (i32.const 0))")
    );
    let guest = classifier(&host, bad_classifier(&chatty, SMALL)).await;
    guest.classify(vec![document(&["套餐"])]).await.unwrap();
    // 200 lines and one that tells of the rest.
    assert_eq!(lines.load(Ordering::Relaxed), 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_attack_gets_its_own_error_and_the_neighbour_its_answers() {
    let arena = Arena::new(small_host()).await;
    let mut tally = Tally::default();
    let rounds = arena.attacks() * 2;
    for round in 0..rounds {
        arena.round(round, &mut tally).await;
    }
    assert!(tally.surprises.is_empty(), "{:#?}", tally.surprises);
    assert_eq!(tally.neighbours as usize, rounds);
    assert_eq!(
        tally.outcomes.len(),
        arena.attacks(),
        "the same outcome twice"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_leaves_takes_the_instance_along() {
    let host = small_host();
    let bad = classifier(
        &host,
        bad_classifier("(loop $l (br $l)) (i32.const 0)", SMALL),
    )
    .await;
    for _ in 0..100 {
        // Begun, not finished, dropped.
        let call = bad.classify(vec![document(&["套餐"])]);
        assert!(call.now_or_never().is_none());
    }
    let good = classifier(&host, good_guest()).await;
    good.classify(vec![document(&["套餐"])]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_starts_too_large_never_runs() {
    let component = bad_classifier("unreachable", r#"{"memory-mb":0}"#);
    let refused = small_host().compile(component).await.unwrap_err();
    assert_eq!(refused, PluginError::OutOfMemory { limit: 0 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rust_guest_is_understood_when_it_goes_wrong() {
    let host = small_host();
    let guest = classifier(&host, minimal_classifier(SMALL)).await;
    let mut errors = Vec::new();
    for text in ["panic", "hoard", "recurse"] {
        errors.push(guest.classify(vec![document(&[text])]).await.unwrap_err());
        let fine = guest.classify(vec![document(&["套餐"])]).await.unwrap();
        assert_eq!(
            fine[0].as_ref().unwrap().topics[0].id,
            "tariff_dispute",
            "the next call has a fresh instance"
        );
    }
    let PluginError::Trapped { message } = &errors[0] else {
        panic!("{:?}", errors[0])
    };
    assert!(
        message.contains("asked to panic, seven is 7") && message.contains("minimal_classifier.rs"),
        "{message}"
    );
    assert_eq!(errors[1], PluginError::OutOfMemory { limit: 16 << 20 });
    assert!(
        matches!(&errors[2], PluginError::Trapped { .. }),
        "{:?}",
        errors[2]
    );
}
