use super::contract::{Asked, BASELINE_DAYS, answers_needed, propose};
use super::*;
use crate::clock::Timestamp;
use chrono::{Datelike, TimeDelta};

/// Without a comparison with other topics.
fn evaluate(contract: &Contract, rows: &[DayRow], course: &Course) -> Verification {
    super::evaluate(contract, &Facts::of_topic(rows), course)
}

fn day(n: i64) -> NaiveDate {
    // A Monday, so that 7k days later is a Monday too.
    NaiveDate::from_ymd_opt(2026, 6, 1).unwrap() + TimeDelta::days(n)
}

fn at(n: i64) -> Timestamp {
    day(n).and_hms_opt(1, 0, 0).unwrap().and_utc()
}

fn row(on: i64, channel: &str, rated: i64, satisfied: i64, contacts: i64) -> DayRow {
    let counters = Counters {
        contacts,
        rated,
        satisfied,
        r5: satisfied,
        r1: rated - satisfied,
        ..Counters::default()
    };
    DayRow {
        day: day(on),
        channel: channel.to_owned(),
        counters,
    }
}

/// `total` ratings over the days `from..=to`, spread evenly, `share` of them satisfied on every day
/// as nearly as whole numbers allow.
fn spread(from: i64, to: i64, total: i64, share: f64) -> Vec<DayRow> {
    let days = to - from + 1;
    let upto = |k: i64, of: f64| (of * k as f64 / days as f64).round() as i64;
    let good = share * total as f64;
    (0..days)
        .map(|k| {
            let n = upto(k + 1, total as f64) - upto(k, total as f64);
            let s = upto(k + 1, good) - upto(k, good);
            row(from + k, "phone", n, s.min(n), n)
        })
        .collect()
}

fn name() -> Sentence {
    Sentence {
        zh: "套餐资费争议".to_owned(),
        en: "Plan and tariff disputes".to_owned(),
    }
}

fn on_request(today: i64, fix: i64) -> Course {
    Course::on_request(at(today), day(today), day(fix), name())
}

fn contract(rows: &[DayRow], today: i64, alarm: Option<i64>) -> Contract {
    propose(
        rows,
        &Asked::by_rule("套餐资费争议", day(today), alarm.map(day)),
    )
}

/// The fix is day 0; ratings before on the 40 days up to the eve, after on the 9 days since.
fn story(before: (i64, f64), after: (i64, f64)) -> Vec<DayRow> {
    let mut rows = spread(-40, -1, before.0, before.1);
    rows.extend(spread(1, 9, after.0, after.1));
    rows
}

/// Asked at once, on the tenth day, of a fix whose date lies before the alarm.
fn asked_at_once(rows: &[DayRow]) -> Verification {
    let contract = contract(rows, 10, Some(10));
    let course = Course {
        edited_afterwards: true,
        ..on_request(10, 0)
    };
    evaluate(&contract, rows, &course)
}

#[test]
fn from_78_to_92_percent_with_500_ratings_a_side_is_improved() {
    let result = asked_at_once(&story((500, 0.78), (500, 0.92)));
    assert_eq!(result.verdict, Verdict::Improved, "{result:#?}");
    assert_eq!((result.before.n, result.after.n), (500, 500));
    assert!((result.before.value.unwrap() - 0.78).abs() < 1e-9);
    assert!((result.after.value.unwrap() - 0.92).abs() < 1e-9);
    assert_eq!(result.baseline_rule, BaselineRule::BeforeFix);
    assert_eq!(
        (result.before.from, result.before.to),
        (Some(day(-40)), Some(day(-1)))
    );
    assert_eq!(
        (result.after.from, result.after.to),
        (Some(day(1)), Some(day(9)))
    );
    assert_eq!(result.state, State::Provisional, "the horizon is not over");
    assert!(result.missing.is_empty());
    let effect = result.effect.unwrap();
    assert!(
        effect.low > 0.05 && effect.value > 0.12 && effect.high < 0.23,
        "{effect:?}"
    );
    assert!(
        result.sentence.zh.contains("从 78% 升到 92%") && result.sentence.zh.contains("事后填写"),
        "{}",
        result.sentence.zh
    );
    assert!(
        result.sentence.en.contains("rose from 78% to 92%"),
        "{}",
        result.sentence.en
    );
    assert!(
        result
            .sentence
            .en
            .contains("not compared with other topics")
    );
}

#[test]
fn the_same_with_20_a_side_is_pending_and_says_what_is_missing() {
    let result = asked_at_once(&story((20, 0.78), (20, 0.92)));
    assert_eq!(result.verdict, Verdict::Pending, "{result:#?}");
    assert!(
        result
            .missing
            .iter()
            .any(|m| m.code == "answers" && m.need == 30 && m.have == 20),
        "{:?}",
        result.missing
    );
    assert!(
        result.looks.is_empty(),
        "a refusal spends nothing of the error budget"
    );
    let enough_before = asked_at_once(&story((500, 0.78), (20, 0.92)));
    assert_eq!(enough_before.verdict, Verdict::Pending);
    assert!(
        enough_before.sentence.zh.contains("还差约"),
        "{}",
        enough_before.sentence.zh
    );
    assert!(
        enough_before
            .sentence
            .en
            .contains("more ratings are needed")
    );
}

#[test]
fn twenty_a_side_stay_pending_after_the_horizon_too() {
    let mut rows = spread(-40, -1, 500, 0.78);
    rows.extend(spread(1, 28, 20, 0.92));
    let result = evaluate(&contract(&rows, 40, None), &rows, &on_request(40, 0));
    assert_eq!(result.verdict, Verdict::Pending);
    let mut rows = spread(-40, -1, 20, 0.78);
    rows.extend(spread(1, 28, 500, 0.92));
    let csat = propose(
        &rows,
        &Asked {
            metric: Some(Metric::Csat),
            ..Asked::by_rule("t", day(0), None)
        },
    );
    let result = evaluate(&csat, &rows, &on_request(40, 0));
    assert_eq!(
        result.verdict,
        Verdict::Inconclusive,
        "no baseline will ever come"
    );
    assert!(result.sentence.zh.contains("没有可用的基线"));
}

#[test]
fn six_full_days_are_not_enough_however_many_ratings_there_are() {
    let mut rows = spread(-40, -1, 5000, 0.78);
    rows.extend(spread(1, 20, 20_000, 0.95));
    let contract = contract(&rows, 0, None);
    let result = evaluate(&contract, &rows, &on_request(7, 0));
    assert_eq!(result.verdict, Verdict::Pending);
    assert_eq!(
        (
            result.missing[0].code.as_str(),
            result.missing[0].need,
            result.missing[0].have
        ),
        ("days", 7, 6)
    );
    assert_eq!(
        evaluate(&contract, &rows, &on_request(8, 0)).verdict,
        Verdict::Improved
    );
}

#[test]
fn days_whose_ratings_may_still_come_are_left_out_and_that_is_said() {
    let mut rows = spread(-40, -1, 5000, 0.78);
    rows.extend(spread(1, 20, 20_000, 0.95));
    let contract = contract(&rows, 0, None);
    let scheduled = Course {
        maturity_days: MATURITY_SCHEDULED,
        ..on_request(9, 0)
    };
    let result = evaluate(&contract, &rows, &scheduled);
    assert_eq!(
        (result.verdict, result.missing[0].code.as_str()),
        (Verdict::Pending, "immature")
    );
    assert!(
        result.sentence.zh.contains("还没收齐"),
        "{}",
        result.sentence.zh
    );
    assert_eq!(result.after.to, Some(day(6)));
    let due = horizon_look_day(&contract, day(0));
    let later = Course {
        today: due,
        maturity_days: MATURITY_SCHEDULED,
        ..on_request(9, 0)
    };
    assert_eq!(evaluate(&contract, &rows, &later).state, State::Final);
    let eve = Course {
        today: due.pred_opt().unwrap(),
        ..later
    };
    assert_eq!(evaluate(&contract, &rows, &eve).state, State::Provisional);
}

#[test]
fn the_days_that_made_the_alarm_ring_are_never_used() {
    // Quiet at 80 %; a bad fortnight up to the alarm on day −10; then 80 % again; nothing improved.
    let mut rows = spread(-80, -24, 3420, 0.80);
    rows.extend(spread(-23, -10, 840, 0.55));
    rows.extend(spread(-9, -1, 540, 0.80));
    rows.extend(spread(0, 28, 1740, 0.80));
    let result = evaluate(&contract(&rows, -10, Some(-10)), &rows, &on_request(40, 0));
    assert_eq!(result.verdict, Verdict::NoEffect, "{result:#?}");
    assert!(
        result.naive.claims_success,
        "the naive comparison holds the bad fortnight: {:?}",
        result.naive
    );
    assert_eq!(result.baseline_rule, BaselineRule::Pooled);
    assert_eq!(
        result.before.n,
        60 * 56 + 540,
        "56 quiet days and the days after the alarm, nothing of the guard"
    );
    assert!(
        result.sentence.zh.contains("1680 条评分")
            && result.sentence.zh.contains("不到 5 个百分点"),
        "{}",
        result.sentence.zh
    );
}

#[test]
fn a_bad_spell_that_passed_is_recovered_not_improved() {
    // Alarm on day −10 in the middle of a spell that ends with the fix.
    let mut rows = spread(-80, -19, 62 * 60, 0.80);
    rows.extend(spread(-18, -1, 18 * 60, 0.60));
    rows.extend(spread(0, 28, 29 * 60, 0.80));
    let result = evaluate(&contract(&rows, -10, Some(-10)), &rows, &on_request(40, 0));
    assert_eq!(result.verdict, Verdict::Recovered, "{result:#?}");
    assert_eq!(result.baseline_rule, BaselineRule::Acute);
    assert!(result.naive.claims_success);
    assert!(
        result.sentence.zh.contains("从问题期间的 60% 回到 80%"),
        "{}",
        result.sentence.zh
    );
    // Better than ever before is more than recovered.
    let better: Vec<_> = rows
        .iter()
        .filter(|r| r.day < day(0))
        .cloned()
        .chain(spread(0, 28, 29 * 60, 0.90))
        .collect();
    assert_eq!(
        evaluate(
            &contract(&rows, -10, Some(-10)),
            &better,
            &on_request(40, 0)
        )
        .verdict,
        Verdict::Improved
    );
}

#[test]
fn a_fall_is_worse() {
    let result = asked_at_once(&story((500, 0.80), (500, 0.68)));
    assert_eq!(result.verdict, Verdict::Worse);
    assert!(
        result.sentence.zh.contains("下降 12 个百分点") && result.sentence.zh.contains("−"),
        "{}",
        result.sentence.zh
    );
}

#[test]
fn a_significant_trifle_is_not_called_improved() {
    // +4 points on so many ratings that chance is excluded: less than worth while.
    let mut rows = spread(-56, -1, 56_000, 0.80);
    rows.extend(spread(1, 28, 28_000, 0.84));
    let result = evaluate(&contract(&rows, 0, None), &rows, &on_request(40, 0));
    assert!(result.method.z.unwrap() > 3.0);
    assert_eq!(result.verdict, Verdict::NoEffect);
}

#[test]
fn too_little_to_tell_is_inconclusive_at_the_horizon_and_pending_before() {
    let mut rows = spread(-56, -1, 120, 0.78);
    rows.extend(spread(1, 28, 60, 0.86));
    let contract = contract(&rows, 0, None);
    let end = evaluate(&contract, &rows, &on_request(40, 0));
    assert_eq!(
        (end.verdict, end.state),
        (Verdict::Inconclusive, State::Final)
    );
    assert!(end.sentence.zh.contains("不足以下结论"));
    let early = evaluate(&contract, &rows, &on_request(20, 0));
    assert_eq!(
        (early.verdict, early.missing[0].code.as_str()),
        (Verdict::Pending, "evidence")
    );
    assert!(
        early.looks[0].boundary > end.looks[0].boundary,
        "an early look must cross more"
    );
    assert!(
        (end.looks[0].boundary - 1.96).abs() < 0.001,
        "one look at the horizon"
    );
}

#[test]
fn a_shift_between_channels_is_no_effect() {
    // Phone 60 %, app 90 %, before and after; the mix moves from phone to app.
    let level = |on, phone: i64, app: i64| {
        vec![
            row(on, "phone", phone, phone * 6 / 10, phone),
            row(on, "app", app, app * 9 / 10, app),
        ]
    };
    let mut rows: Vec<_> = (-56..0).flat_map(|d| level(d, 50, 10)).collect();
    rows.extend((1..=28).flat_map(|d| level(d, 10, 50)));
    let result = evaluate(&contract(&rows, 0, None), &rows, &on_request(40, 0));
    assert!(
        result.after.value.unwrap() - result.before.value.unwrap() > 0.15,
        "raw levels rise"
    );
    assert!((result.after.adjusted.unwrap() - result.before.adjusted.unwrap()).abs() < 0.01);
    assert_eq!(result.verdict, Verdict::NoEffect);
    assert!(result.naive.claims_success);
    assert_eq!(
        result
            .guards
            .iter()
            .map(|g| g.code.as_str())
            .collect::<Vec<_>>(),
        ["channel_mix"]
    );
}

#[test]
fn strata_without_a_counterpart_are_merged_and_that_is_said() {
    // Before only on workdays, after on every day: day types are merged.
    let mut rows: Vec<_> = (-56..0)
        .filter(|d| day(*d).weekday().num_days_from_monday() < 5)
        .map(|d| row(d, "phone", 20, 15, 20))
        .collect();
    rows.extend((1..=28).map(|d| row(d, "phone", 20, 15, 20)));
    let result = evaluate(&contract(&rows, 0, None), &rows, &on_request(40, 0));
    assert_eq!(result.method.strata, "channel");
    // After only in a channel that is new: everything is merged.
    rows.retain(|r| r.day < day(0));
    rows.extend((1..=28).map(|d| row(d, "app", 20, 15, 20)));
    let result = evaluate(&contract(&rows, 0, None), &rows, &on_request(40, 0));
    assert_eq!(result.method.strata, "none");
}

#[test]
fn answers_all_alike_decide_nothing() {
    let result = asked_at_once(&story((500, 1.0), (500, 1.0)));
    assert_eq!(result.verdict, Verdict::Pending);
    assert_eq!(result.effect, None);
    assert!(
        result.after.low.unwrap() > 0.99,
        "Wilson's interval is shown"
    );
}

#[test]
fn looking_again_costs_something_and_the_verdict_stands() {
    let mut rows = spread(-56, -1, 56 * 20, 0.78);
    rows.extend(spread(1, 28, 28 * 20, 0.815));
    let contract = contract(&rows, 0, None);
    let first = evaluate(&contract, &rows, &on_request(10, 0));
    assert_eq!(first.verdict, Verdict::Pending);
    let again = evaluate(
        &contract,
        &rows,
        &Course {
            previous: Some(Box::new(first.clone())),
            ..on_request(10, 0)
        },
    );
    assert_eq!(again.looks, first.looks, "the same days are the same look");
    let second = evaluate(
        &contract,
        &rows,
        &Course {
            previous: Some(Box::new(first.clone())),
            ..on_request(15, 0)
        },
    );
    assert_eq!(second.looks.len(), 2);
    let alone = evaluate(&contract, &rows, &on_request(15, 0));
    assert!(second.looks[1].boundary > alone.looks[0].boundary);
    assert_eq!(
        second.looks[0], first.looks[0],
        "what was spent is not spent again"
    );
}

#[test]
fn a_verdict_does_not_flip_but_a_recovery_may_become_an_improvement() {
    let rows = story((500, 0.78), (500, 0.92));
    let contract = contract(&rows, 10, Some(10));
    let improved = evaluate(&contract, &rows, &on_request(10, 0));
    let mut later = rows.clone();
    later.extend(spread(10, 28, 1000, 0.70));
    let course = Course {
        previous: Some(Box::new(improved.clone())),
        ..on_request(40, 0)
    };
    let stands = evaluate(&contract, &later, &course);
    assert_eq!(
        stands.verdict,
        Verdict::Improved,
        "more days do not take it back"
    );
    assert!(stands.effect.unwrap().value < 0.05, "the estimate goes on");
    assert_eq!(stands.history.len(), 1);
    let recovered = Verification {
        verdict: Verdict::Recovered,
        ..improved.clone()
    };
    let mut much_better = rows.clone();
    much_better.extend(spread(10, 28, 1000, 0.95));
    let course = Course {
        previous: Some(Box::new(recovered)),
        ..on_request(40, 0)
    };
    assert_eq!(
        evaluate(&contract, &much_better, &course).verdict,
        Verdict::Improved
    );
    // Late ratings of the same days are judged anew, and the history shows it.
    let mut corrected = rows.clone();
    corrected.extend(spread(1, 9, 500, 0.60));
    let course = Course {
        previous: Some(Box::new(improved)),
        ..on_request(10, 0)
    };
    let anew = evaluate(&contract, &corrected, &course);
    assert_ne!(anew.verdict, Verdict::Improved);
    assert_eq!(anew.history.len(), 2);
}

#[test]
fn without_ratings_the_volume_decides() {
    let volume = |from: i64, to: i64, per_day: i64| {
        (from..=to).map(move |d| row(d, "phone", 0, 0, per_day + (d * 7).rem_euclid(5) - 2))
    };
    let mut rows: Vec<_> = volume(-60, 0, 50).collect();
    rows.extend(volume(1, 28, 30));
    let contract = contract(&rows, 0, None);
    assert_eq!(
        (contract.metric, contract.expected_change),
        (Metric::Volume, -0.20)
    );
    let result = evaluate(&contract, &rows, &on_request(40, 0));
    assert_eq!(result.verdict, Verdict::Improved, "{result:#?}");
    let effect = result.effect.unwrap();
    assert!(
        (effect.value + 0.4).abs() < 0.02 && effect.high < -0.2,
        "{effect:?}"
    );
    assert!(
        result.sentence.zh.contains("从每天 50 次降到 30 次（−40%"),
        "{}",
        result.sentence.zh
    );
    // A fix that ends the contacts altogether leaves none to count.
    rows.retain(|r| r.day <= day(0));
    let ended = evaluate(&contract, &rows, &on_request(40, 0));
    assert_eq!(ended.verdict, Verdict::Improved, "{ended:#?}");
    assert_eq!(ended.after.n, 0);
    // And more of them is worse.
    rows.extend(volume(1, 28, 90));
    assert_eq!(
        evaluate(&contract, &rows, &on_request(40, 0)).verdict,
        Verdict::Worse
    );
}

#[test]
fn a_fallback_to_volume_is_taken_back_when_the_days_before_the_fix_hold_ratings() {
    let bare = contract(&[], 10, Some(10));
    assert_eq!((bare.metric, bare.chosen), (Metric::Volume, Chosen::Rule));
    let rows = story((500, 0.78), (500, 0.92));
    let result = evaluate(&bare, &rows, &on_request(10, 0));
    assert_eq!(
        (result.metric, result.verdict),
        (Metric::Csat, Verdict::Improved)
    );
    let person = Contract {
        chosen: Chosen::Person,
        ..bare
    };
    assert_eq!(
        evaluate(&person, &rows, &on_request(10, 0)).metric,
        Metric::Volume,
        "a person's choice stays"
    );
}

#[test]
fn only_the_channels_of_the_contract_count() {
    let mut rows = story((500, 0.78), (500, 0.92));
    rows.extend((-40..=9).map(|d| row(d, "app", 100, 10, 100)));
    let mut contract = contract(&rows, 10, Some(10));
    contract.channels = vec!["phone".to_owned()];
    let result = evaluate(&contract, &rows, &on_request(10, 0));
    assert_eq!((result.before.n, result.verdict), (500, Verdict::Improved));
}

#[test]
fn another_fix_of_the_topic_cuts_the_baseline_and_shares_the_verdict() {
    let rows = story((500, 0.78), (500, 0.92));
    let fixes = vec![
        OtherFix {
            name: "earlier".to_owned(),
            day: day(-20),
        },
        OtherFix {
            name: "beside".to_owned(),
            day: day(4),
        },
    ];
    let result = evaluate(
        &contract(&rows, 10, None),
        &rows,
        &Course {
            other_fixes: fixes,
            ..on_request(10, 0)
        },
    );
    assert_eq!(result.before.from, Some(day(-19)));
    assert_eq!(result.together_with, ["beside"]);
}

#[test]
fn noisy_history_widens_the_interval() {
    let wavy = |d: i64| {
        if d.div_euclid(28) % 2 == 0 {
            0.70
        } else {
            0.90
        }
    };
    let block = |d: i64| row(d, "phone", 50, (50.0_f64 * wavy(d)).round() as i64, 50);
    let mut rows: Vec<_> = (-112..0).map(block).collect();
    rows.extend((1..=28).map(|d| row(d, "phone", 50, 41, 50)));
    let wavy = evaluate(&contract(&rows, 0, None), &rows, &on_request(40, 0));
    assert_eq!(wavy.method.noise_blocks, 4);
    assert!(
        wavy.method.noise_factor > 3.0,
        "{}",
        wavy.method.noise_factor
    );
    let calm = asked_at_once(&story((500, 0.78), (500, 0.92)));
    assert_eq!(
        (calm.method.noise_blocks, calm.method.noise_factor),
        (0, baseline::DEFAULT_NOISE)
    );
}

#[test]
fn the_plan_gives_the_figures_of_the_specification() {
    // (pace, level, target, ratings needed): noise 1.15, control 8 times as large, 69 days of baseline.
    for (pace, level, target, needed) in [
        (34.0, 0.78, 0.14, 79.0),
        (34.0, 0.78, 0.08, 299.0),
        (34.0, 0.78, 0.05, 1032.0),
        (20.0, 0.77, 0.10, 193.0),
        (20.0, 0.77, 0.05, 1590.0),
        (6.0, 0.77, 0.10, 285.0),
    ] {
        let got = answers_needed(level, target, pace * 69.0, 1.15, Some(8.0)).unwrap();
        assert!(
            (got - needed).abs() / needed < 0.02,
            "{pace} a day, {target}: {got} against {needed}"
        );
    }
    assert_eq!(
        answers_needed(0.77, 0.02, 100.0, 1.2, None),
        None,
        "this baseline can never show two points"
    );
}

#[test]
fn a_contract_says_how_long_it_will_take() {
    let rows = spread(-80, -1, 80 * 20, 0.77);
    let contract = contract(&rows, 0, Some(-1));
    assert_eq!(
        (
            contract.metric,
            contract.horizon_days,
            contract.baseline_days
        ),
        (Metric::Csat, 28, BASELINE_DAYS)
    );
    let planned = contract.planned;
    assert_eq!(
        planned.days,
        Some((planned.answers_needed.unwrap() as f64 / planned.answers_per_day).ceil() as i64)
    );
    assert!(
        contract
            .sentence
            .zh
            .contains(&planned.answers_needed.unwrap().to_string()),
        "{}",
        contract.sentence.zh
    );
    assert!(contract.sentence.en.contains("rated contacts"));
    // Three a day: not within 56 days, and the smallest visible change is named.
    let thin = propose(
        &spread(-80, -1, 160, 0.77),
        &Asked::by_rule("t", day(0), Some(day(-1))),
    );
    assert!(
        thin.sentence.zh.contains("看不出") && thin.sentence.zh.contains("最小能看出"),
        "{}",
        thin.sentence.zh
    );
    // Nearly everybody satisfied: ten points up do not exist.
    let high = propose(
        &spread(-80, -1, 80 * 20, 0.95),
        &Asked::by_rule("t", day(0), None),
    );
    assert!(high.expected_change < 0.04 && high.smallest_change <= high.expected_change);
}

#[test]
fn results_read_back_from_json_as_they_were() {
    let rows = story((500, 0.78), (500, 0.92));
    let result = asked_at_once(&rows);
    let json = serde_json::to_value(&result).unwrap();
    assert_eq!(json["verdict"], "improved");
    assert_eq!(json["control"]["kind"], "none");
    assert_eq!(
        serde_json::from_value::<Verification>(json).unwrap(),
        result
    );
    let contract = contract(&rows, 10, Some(10));
    let json = serde_json::to_value(&contract).unwrap();
    assert_eq!(json["metric"], "csat");
    assert_eq!(serde_json::from_value::<Contract>(json).unwrap(), contract);
    assert!(
        Verdict::ALL
            .iter()
            .all(|verdict| serde_json::to_value(verdict).unwrap() == verdict.as_str())
    );
}

#[test]
fn nothing_at_all_is_pending() {
    let contract = contract(&[], 0, None);
    let result = evaluate(&contract, &[], &on_request(10, 0));
    assert_eq!(
        (result.verdict, result.before.value, result.before.from),
        (Verdict::Pending, None, None)
    );
    assert!(!result.sentence.zh.is_empty());
}
