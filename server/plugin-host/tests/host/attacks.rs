//! Guests that mean harm, with what the host must say of each. Shared by the tests and by
//! `--example hostile`, which runs many rounds of them.
//!
//! Attacks on the network (slow bodies, redirects, addresses that change, headers, secrets in
//! logs) belong to the egress module; add theirs to [`all`].

use std::collections::BTreeMap;

use plugin_host::{Classifier, Host, Installation, Limit, PluginError};

use crate::guests::{
    bad_classifier, bad_classifier_with, document, good_guest, one_answer, taxonomy, with_component,
};

/// What bad guests ask for: little enough for a test to use up.
pub const SMALL: &str = r#"{"cpu-ms":50,"memory-mb":16}"#;

/// What came of an attack; `Ok`: the host shrugged.
pub type Outcome = Result<(), PluginError>;

/// One kind of guest.
pub struct Attack {
    pub name: &'static str,
    pub component: Vec<u8>,
    /// Whether the host did what it must.
    pub expected: fn(&Outcome) -> bool,
    /// It strikes while it is loaded, not when it is called.
    pub at_start: bool,
}

fn trapped(outcome: &Outcome) -> bool {
    matches!(outcome, Err(PluginError::Trapped { .. }))
}

fn out_of_time(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Err(PluginError::TimedOut {
            limit: Limit::Cpu,
            ..
        })
    )
}

fn invalid(outcome: &Outcome) -> bool {
    matches!(outcome, Err(PluginError::InvalidAnswer { .. }))
}

fn too_much(outcome: &Outcome) -> bool {
    matches!(outcome, Err(PluginError::TooMuchData { .. }))
}

/// A component that does `body` when it is instantiated; `new` makes a handle.
fn at_start(body: &str) -> Vec<u8> {
    let inner = format!(
        r#"(component
          (type $r (resource (rep i32)))
          (core func $new (canon resource.new $r))
          (core module $m (import "" "new" (func $new (param i32) (result i32)))
            (func $start {body}) (start $start))
          (core instance (instantiate $m (with "" (instance (export "new" (func $new)))))))"#
    );
    with_component(bad_classifier("unreachable", SMALL), &inner)
}

/// All kinds.
pub fn all() -> Vec<Attack> {
    let no_topic = "(i32.store (i32.const 1060) (i32.const 0))";
    let calls = |name, component, expected| Attack {
        name,
        component,
        expected,
        at_start: false,
    };
    let starts = |name, component, expected| Attack {
        name,
        component,
        expected,
        at_start: true,
    };
    let guest = |body: &str| bad_classifier(body, SMALL);
    vec![
        calls("spin", guest("(loop $l (br $l)) (i32.const 0)"), out_of_time),
        calls(
            "spin past the wall clock",
            bad_classifier("(loop $l (br $l)) (i32.const 0)", r#"{"wall-ms":20}"#),
            |o| matches!(o, Err(PluginError::TimedOut { limit: Limit::WallClock, .. })),
        ),
        calls(
            "spin inside memory.fill",
            guest("(drop (memory.grow (i32.const 200)))
                (loop $l (memory.fill (i32.const 0) (i32.const 0) (i32.const 13000000)) (br $l)) (i32.const 0)"),
            out_of_time,
        ),
        calls(
            "hoard memory",
            guest("(loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable"),
            |o| matches!(o, Err(PluginError::OutOfMemory { limit: 16_777_216 })),
        ),
        calls(
            "touch all the memory there is",
            guest("(drop (memory.grow (i32.const 250)))
                (memory.fill (i32.const 65536) (i32.const 7) (i32.const 16000000)) unreachable"),
            trapped,
        ),
        calls("recurse", guest("(call 6 (local.get 0) (local.get 1)) drop (i32.const 0)"), trapped),
        calls(
            "grow a table",
            bad_classifier_with(
                "(table $t 1 funcref)",
                "(loop $l (br_if $l (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)))) unreachable",
                SMALL,
            ),
            trapped,
        ),
        calls(
            "flood the log",
            guest(&format!(
                "(local $i i32) (loop $l
                  (call $log (i32.const 0) (i32.const 24) (i32.const 10) (i32.const 0) (i32.const 0))
                  (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3000)))) {}",
                one_answer(no_topic)
            )),
            Result::is_ok,
        ),
        calls(
            "flood one log line",
            guest("(drop (memory.grow (i32.const 64)))
                (call $log (i32.const 0) (i32.const 0) (i32.const 0x200000) (i32.const 0) (i32.const 0)) unreachable"),
            too_much,
        ),
        calls(
            "answer with megabytes",
            // The id of the only topic: 3 MiB from 0.
            guest(&one_answer(
                "(drop (memory.grow (i32.const 64)))
                (i32.store (i32.const 1200) (i32.const 0)) (i32.store (i32.const 1204) (i32.const 0x300000))",
            )),
            too_much,
        ),
        calls("trap", guest("unreachable"), trapped),
        calls("divide by zero", guest("(i32.div_u (i32.const 1) (i32.const 0))"), trapped),
        calls("read beyond memory", guest("(i32.load (i32.const 0x7ffffff0))"), trapped),
        calls(
            "call nothing",
            bad_classifier_with(
                "(table $t 2 funcref) (type $f (func (result i32)))",
                "(call_indirect $t (type $f) (i32.const 1))",
                SMALL,
            ),
            trapped,
        ),
        calls("answer nothing", guest("(i32.const 1024)"), invalid),
        calls("answer from beyond memory", guest("(i32.const 0x7ffffff0)"), trapped),
        calls("answer from an odd address", guest("(i32.const 1023)"), trapped),
        calls(
            "lie about the number of answers",
            guest("(i32.store (i32.const 1032) (i32.const 1048)) (i32.store (i32.const 1036) (i32.const 0x7fffff)) (i32.const 1024)"),
            trapped,
        ),
        calls(
            "lie about the length of a text",
            guest(&one_answer("(i32.store (i32.const 1204) (i32.const 0x7fffffff))")),
            |o| trapped(o) || too_much(o),
        ),
        calls(
            "a text that is no UTF-8",
            guest(&one_answer(
                "(i32.store8 (i32.const 1400) (i32.const 0xc3)) (i32.store8 (i32.const 1401) (i32.const 0x28))
                (i32.store (i32.const 1200) (i32.const 1400)) (i32.store (i32.const 1204) (i32.const 2))",
            )),
            trapped,
        ),
        calls(
            "a case that does not exist",
            guest(&one_answer("(i32.store8 (i32.const 1048) (i32.const 9))")),
            trapped,
        ),
        calls("a topic of its own", guest(&one_answer("")), invalid),
        calls(
            "a feeling that is not a number",
            guest(&one_answer(&format!(
                "{no_topic} (f32.store (i32.const 1084) (f32.const nan))"
            ))),
            invalid,
        ),
        starts("spin at the start", at_start("(loop $l (br $l))"), out_of_time),
        starts("trap at the start", at_start("unreachable"), trapped),
        starts(
            "make handles",
            at_start("(loop $l (drop (call $new (i32.const 1))) (br $l))"),
            too_many_handles,
        ),
        starts(
            "a table that is too large",
            bad_classifier_with("(table 10000000 funcref)", "unreachable", SMALL),
            |o| matches!(o, Err(PluginError::Contract { .. })),
        ),
        starts(
            "a memory that is too large",
            bad_classifier("unreachable", r#"{"memory-mb":0}"#),
            |o| matches!(o, Err(PluginError::OutOfMemory { limit: 0 })),
        ),
    ]
}

fn too_many_handles(outcome: &Outcome) -> bool {
    matches!(outcome, Err(PluginError::TooManyHandles { limit: 1000 }))
}

/// Attackers and one honest neighbour in one host.
pub struct Arena {
    host: Host,
    neighbour: Classifier,
    /// What strikes at the start has no classifier.
    attackers: Vec<(Attack, Option<Classifier>)>,
}

/// What some rounds led to.
#[derive(Default)]
pub struct Tally {
    /// (attack, outcome) → how often.
    pub outcomes: BTreeMap<(&'static str, &'static str), u32>,
    /// Attacks with another outcome than they must have.
    pub surprises: Vec<String>,
    /// Calls that the neighbour got answered.
    pub neighbours: u32,
}

impl Arena {
    pub async fn new(host: Host) -> Self {
        let neighbour = classifier(&host, good_guest()).await.unwrap();
        let mut attackers = Vec::new();
        for attack in all() {
            let loaded = if attack.at_start {
                None
            } else {
                let loaded = classifier(&host, attack.component.clone()).await;
                Some(loaded.unwrap_or_else(|e| panic!("{}: {e}", attack.name)))
            };
            attackers.push((attack, loaded));
        }
        Self {
            host,
            neighbour,
            attackers,
        }
    }

    pub fn attacks(&self) -> usize {
        self.attackers.len()
    }

    /// One attack, with the neighbour at work at the same time.
    pub async fn round(&self, number: usize, tally: &mut Tally) {
        let (attack, loaded) = &self.attackers[number % self.attackers.len()];
        let strike = async {
            match loaded {
                Some(guest) => guest.classify(vec![document(&["套餐"])]).await.map(drop),
                None => self.host.compile(attack.component.clone()).await.map(drop),
            }
        };
        let work = self.neighbour.classify(vec![document(&["套餐"])]);
        let (outcome, answers) = tokio::join!(strike, work);
        match answers {
            Ok(answers) if answers.iter().all(Result::is_ok) => tally.neighbours += 1,
            other => tally
                .surprises
                .push(format!("{}: the neighbour got {other:?}", attack.name)),
        }
        let said = outcome.as_ref().map_or_else(PluginError::code, |()| "ok");
        *tally.outcomes.entry((attack.name, said)).or_default() += 1;
        if !(attack.expected)(&outcome) {
            tally
                .surprises
                .push(format!("{}: {outcome:?}", attack.name));
        }
    }
}

async fn classifier(host: &Host, component: Vec<u8>) -> Result<Classifier, PluginError> {
    let compiled = host.compile(component).await?;
    host.classifier(&compiled, Installation::default(), &taxonomy())
        .await
}
