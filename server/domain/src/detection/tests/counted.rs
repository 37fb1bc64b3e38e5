use super::*;
use crate::facts::{Class, Counters, FactInput};

fn rows(days: usize, row: impl Fn(usize) -> Counters) -> Vec<Counters> {
    (0..days).map(row).collect()
}

fn found(detector: &Detector, rows: &[Counters]) -> Vec<Signal> {
    told(detector, rows, &[])
}

fn told(detector: &Detector, rows: &[Counters], tellers: &[Teller]) -> Vec<Signal> {
    let all = Rows {
        start: start(),
        days: rows,
        tellers,
    };
    let last = date(rows.len() - 1);
    backtest_counts(detector, &Subject::topic("退款"), all, start(), last)
}

#[test]
fn days_above_a_limit() {
    let threshold = rule("threshold", json!({"limit": 50}));
    let all = rows(4, |d| Counters {
        contacts: [50, 51, 10, 80][d],
        customers: [50, 51, 10, 79][d],
        ..Counters::default()
    });
    let signals = found(&threshold, &all);
    assert_eq!(
        signals
            .iter()
            .map(|s| (s.window, s.count))
            .collect::<Vec<_>>(),
        [(date(1), 51), (date(3), 80)]
    );
    assert_eq!(signals[1].customers, Some(79));
    // All of them are one person's: that is no crowd. Two are.
    for (customers, fires) in [(1, 0), (2, 1)] {
        let all = rows(1, |_| Counters {
            contacts: 60,
            customers,
            ..Counters::default()
        });
        assert_eq!(found(&threshold, &all).len(), fires, "{customers}");
    }
    let low = rule("low_rating", json!({"max_rating": 2, "limit": 1}));
    let all = rows(2, |d| Counters {
        r1: [1, 1][d],
        r2: [0, 1][d],
        r3: 5,
        ..Counters::default()
    });
    assert_eq!(found(&low, &all).len(), 1);
    let risk = rule("risk", Value::Null);
    let all = rows(2, |d| Counters {
        risky: [0, 1][d],
        ..Counters::default()
    });
    assert_eq!(found(&risk, &all)[0].window, date(1));
}

/// Days that are added up: with the voice that crosses the line, once for as many days, whoever rings twice.
#[test]
fn days_that_are_added_up() {
    let week = rule("threshold", json!({"limit": 9, "window": "7d"}));
    let daily = [2, 2, 2, 2, 1, 0, 0, 3, 3, 0, 0, 0, 0, 0, 6];
    let all = rows(daily.len(), |d| Counters {
        contacts: daily[d],
        ..Counters::default()
    });
    let signals = found(&week, &all);
    // 2+2+2+1+0+0+3 = 10 on the eighth day; the fifteenth sums up 9 again and is above nothing.
    assert_eq!(
        signals
            .iter()
            .map(|s| (s.window, s.count, s.change_day))
            .collect::<Vec<_>>(),
        [(date(7), 10, Some(date(1)))]
    );
    assert!(
        signals[0].explanation().zh.contains("（7 天）10 次联系"),
        "{}",
        signals[0].explanation().zh
    );
    // One customer on every one of these days is one, and no crowd.
    let by = |day, customer| Teller {
        day,
        customer,
        counted: true,
        n: daily[day],
    };
    let one: Vec<Teller> = (0..daily.len()).map(|d| by(d, 0)).collect();
    assert_eq!(told(&week, &all, &one), []);
    let some: Vec<Teller> = (0..daily.len())
        .map(|d| by(d, u32::try_from(d / 2).unwrap()))
        .collect();
    let signals = told(&week, &all, &some);
    assert_eq!(
        (signals[0].customers, signals[0].anonymous),
        (Some(4), Some(0))
    );
    // All but one contact of one customer are no more of a crowd.
    let loud: Vec<Teller> = (0..daily.len()).map(|d| by(d, u32::from(d == 4))).collect();
    assert_eq!(told(&week, &all, &loud), []);
    // Hours are not decided by days.
    let hours = rule("threshold", json!({"limit": 1, "window": "4h"}));
    assert_eq!(found(&hours, &all), []);
}

/// Signals of earlier versions, and sums over days, do not promise more than is known.
#[test]
fn who_is_counted_is_said_as_it_is_known() {
    let threshold = rule("threshold", json!({"limit": 1}));
    let row = |customers, anonymous| Counters {
        contacts: 9,
        customers,
        anonymous,
        ..Counters::default()
    };
    let zh = |row| found(&threshold, &[row])[0].explanation().zh;
    assert!(
        zh(row(7, 0)).contains("9 次联系（7 位客户），"),
        "{}",
        zh(row(7, 0))
    );
    assert!(zh(row(7, 3)).contains("9 次联系（4 位可识别客户，另有 3 条匿名），"));
    assert!(zh(row(9, 9)).contains("9 次联系（均为匿名，无法区分客户），"));
    let old = Signal {
        anonymous: None,
        ..found(&threshold, &[row(7, 0)])[0].clone()
    };
    assert!(
        old.explanation()
            .zh
            .contains("（7 位客户，匿名联系各计一位）")
    );
    let spike = Signal {
        kind: Kind::Spike,
        anonymous: Some(0),
        change_day: Some(start() - chrono::Days::new(2)),
        ..old
    };
    let said = spike.explanation();
    assert!(said.zh.contains("（逐日合计 7 位客户）"), "{}", said.zh);
    assert!(
        said.en
            .contains(" by 7 distinct customers, counted day by day "),
        "{}",
        said.en
    );
}

/// Somebody else beside the one who writes again and again makes no crowd of the two.
#[test]
fn one_loud_customer_beside_others() {
    let crowd = |count, customers, loudest| Crowd {
        count,
        customers,
        loudest,
    };
    let cases = [
        (crowd(31, 2, 30), 20, false),
        (crowd(31, 21, 11), 20, true),
        // Without the repeats 21 are left, which is above the line all the same.
        (crowd(50, 21, 30), 20, true),
        (crowd(49, 20, 30), 20, false),
        (crowd(21, 2, 10), 20, true),
        (crowd(21, 1, 21), 20, false),
        (crowd(1, 1, 1), 0, true),
        (crowd(3, 1, 3), 0, true),
        (crowd(20, 20, 1), 20, false),
        // Who did it most is not known: the number of customers decides.
        (crowd(31, 2, 0), 20, true),
    ];
    for (crowd, limit, crosses) in cases {
        assert_eq!(crowd.crosses(limit), crosses, "{crowd:?} {limit}");
        if crowd.loudest * 2 > crowd.count {
            assert!(crowd.may_be_one(), "{crowd:?}");
        }
    }
    assert!(!crowd(31, 17, 0).may_be_one());
    let threshold = rule("threshold", json!({"limit": 20}));
    let row = Counters {
        contacts: 31,
        customers: 2,
        ..Counters::default()
    };
    let loud = Teller {
        day: 0,
        customer: 0,
        counted: true,
        n: 30,
    };
    assert_eq!(told(&threshold, &[row], &[loud]), []);
}

/// One customer alone crosses no line, however often.
#[test]
fn one_who_does_it_again_and_again_is_one() {
    let by = |day, customer, n| Teller {
        day,
        customer,
        counted: true,
        n,
    };
    let risk = rule("risk", json!({"limit": 20}));
    let all = rows(1, |_| Counters {
        risky: 49,
        ..Counters::default()
    });
    assert_eq!(found(&risk, &all).len(), 1, "nobody is known");
    assert_eq!(found(&risk, &all)[0].customers, None);
    // All 49 of one customer cross nothing; twenty of nobody beside 29 of one do.
    assert_eq!(told(&risk, &all, &[by(0, 0, 49)]), []);
    let signals = told(&risk, &all, &[by(0, 0, 20), by(0, 0, 9)]);
    assert_eq!(
        (signals[0].count, signals[0].customers, signals[0].limit),
        (49, Some(21), 20)
    );

    // Searches of a week: the same customer on several days is one.
    let search = rule("no_result_search", json!({"limit": 2}));
    let all = rows(3, |_| Counters {
        voices: 2,
        no_result: 2,
        ..Counters::default()
    });
    let one: Vec<Teller> = (0..3).map(|d| by(d, 7, 2)).collect();
    assert_eq!(told(&search, &all, &one), []);
    let three: Vec<Teller> = (0..3)
        .map(|d| by(d, u32::try_from(d).unwrap(), 2))
        .collect();
    let signals = told(&search, &all, &three);
    assert_eq!(
        (signals[0].window, signals[0].count, signals[0].customers),
        (date(1), 4, Some(2))
    );
    assert_eq!(found(&search, &all)[0].window, date(1), "nobody is known");

    // One who votes twelve times against an article has one vote.
    let article = rule(
        "unhelpful_article",
        json!({"min_views": 10, "min_votes": 5}),
    );
    let all = rows(1, |_| Counters {
        voices: 40,
        unhelpful: 12,
        helpful: 4,
        ..Counters::default()
    });
    assert_eq!(found(&article, &all).len(), 1);
    assert_eq!(told(&article, &all, &[by(0, 1, 12)]), []);
    let fan = Teller {
        counted: false,
        ..by(0, 9, 4)
    };
    let many: Vec<Teller> = (0..12).map(|c| by(0, c, 1)).chain([fan]).collect();
    let signals = told(&article, &all, &many);
    assert_eq!(
        (signals[0].customers, signals[0].sample),
        (Some(12), Some(13))
    );
}

/// One of a thing is one of it, in English too; who stands behind a count is said.
#[test]
fn a_signal_counts_in_words() {
    let day = |kind: &str, params: Value, row: Counters| {
        let rule = rule(kind, params);
        let tellers = [Teller {
            day: 0,
            customer: 0,
            counted: true,
            n: 1,
        }];
        let signals = told(&rule, &[row], &tellers);
        signals[0].explanation()
    };
    let risky = |n| Counters {
        risky: n,
        ..Counters::default()
    };
    let said = day("risk", Value::Null, risky(1));
    assert!(
        said.en
            .starts_with("1 voice with a risk by 1 distinct customer on "),
        "{}",
        said.en
    );
    assert!(said.zh.contains("1 条风险声音（1 位客户）"), "{}", said.zh);
    let said = day("risk", Value::Null, risky(3));
    assert!(
        said.en
            .starts_with("3 voices with a risk (1 known customer, and 2 anonymous) on "),
        "{}",
        said.en
    );
    let contact = Counters {
        contacts: 1,
        customers: 1,
        ..Counters::default()
    };
    let said = day("threshold", json!({"limit": 0}), contact);
    assert!(
        said.en.starts_with("1 contact by 1 distinct customer on "),
        "{}",
        said.en
    );
    let bad = Counters {
        r1: 1,
        ..Counters::default()
    };
    let said = day("low_rating", Value::Null, bad);
    assert!(
        said.en
            .starts_with("1 bad rating by 1 distinct customer on "),
        "{}",
        said.en
    );
}

#[test]
fn a_rule_that_is_not_kept_has_no_version() {
    let contact = Counters {
        contacts: 1,
        customers: 1,
        ..Counters::default()
    };
    let said = |version: i64| {
        let mut rule = rule("threshold", json!({"limit": 0}));
        rule.version = version;
        told(&rule, &[contact], &[])[0].explanation()
    };
    assert!(said(0).zh.contains("尚未保存") && !said(0).zh.contains("版"));
    assert!(said(0).en.contains("not saved yet") && !said(0).en.contains("version"));
    assert!(said(2).zh.contains("第 2 版") && said(2).en.contains("version 2"));
}

#[test]
fn which_voices_count() {
    let voice = Voice {
        rating: Some(2),
        risk: true,
        no_result: false,
        text: "我要考慮一下，THINK again",
    };
    assert!(rule("low_rating", Value::Null).counts(&voice));
    assert!(!rule("low_rating", json!({"max_rating": 1})).counts(&voice));
    assert!(!rule("low_rating", Value::Null).counts(&Voice::default()));
    assert!(rule("risk", Value::Null).counts(&voice));
    assert!(!rule("no_result_search", Value::Null).counts(&voice));
    assert!(rule("phrase", json!({"phrases": ["考虑一下"]})).counts(&voice));
    assert!(rule("phrase", json!({"phrases": ["x", "think"]})).counts(&voice));
    assert!(!rule("phrase", json!({"phrases": ["再想想"]})).counts(&voice));
}

#[test]
fn the_search_that_crosses_the_line_fires() {
    let detector = rule("no_result_search", json!({"limit": 4, "window_days": 7}));
    let all = rows(20, |d| Counters {
        voices: 1 + i64::from(d == 9) * 3,
        no_result: i64::from(d > 4),
        ..Counters::default()
    });
    let signals = found(&detector, &all);
    assert_eq!(
        (signals[0].window, signals[0].count, signals[0].limit),
        (date(9), 5, 4)
    );
    assert_eq!(signals.len(), 2, "silent for its 7 days");
    let mostly = rule("no_result_search", json!({"limit": 4, "min_share": 0.9}));
    assert_eq!(found(&mostly, &all)[0].window, date(16));
}

#[test]
fn an_article_needs_views_and_votes() {
    let detector = rule("unhelpful_article", Value::Null);
    let article = |views: i64, unhelpful: i64| {
        rows(28, |_| Counters {
            voices: views,
            helpful: 1,
            unhelpful,
            ..Counters::default()
        })
    };
    let signals = found(&detector, &article(3, 1));
    assert_eq!(signals.len(), 1);
    // 30 views and 20 votes on the tenth day.
    assert_eq!(
        (signals[0].window, signals[0].count, signals[0].limit),
        (date(9), 10, 8)
    );
    assert!(signals[0].explanation().zh.contains("20 次投票中 10 次"));
    assert_eq!(found(&detector, &article(1, 1)), [], "too few views");
    assert_eq!(found(&detector, &article(3, 0)), [], "everybody is content");
}

/// A day of an agent: contacts with handling times around `seconds`.
fn handled(seconds: u32) -> Counters {
    let mut sum = Counters::default();
    for share in [50, 80, 100, 125, 200] {
        sum.add(&Counters::of(&FactInput {
            handle_seconds: Some(seconds * share / 100),
            ..FactInput::bare(Class::Contact)
        }));
    }
    sum
}

#[test]
fn an_agent_who_takes_much_longer_than_usual() {
    let detector = rule("agent_drift", Value::Null);
    let all = rows(100, |d| handled(if d >= 80 { 480 } else { 300 }));
    let signals = found(&detector, &all);
    let first = &signals[0];
    assert!((date(82)..=date(86)).contains(&first.window), "{first:?}");
    assert!((first.baseline.unwrap() - 300.0).abs() < 3.0);
    assert!(first.statistic.unwrap() > 1.3 && first.level.unwrap() > 390.0);
    assert!(
        first.explanation().zh.contains("本人往常 300 秒"),
        "{}",
        first.explanation().zh
    );
    assert_eq!(
        found(&detector, &rows(100, |d| handled(300 + 20 * wobble(d)))),
        []
    );
    assert_eq!(
        found(
            &detector,
            &rows(100, |d| handled(if d >= 80 { 150 } else { 300 }))
        ),
        []
    );
}

#[test]
fn an_agent_whose_satisfaction_falls_week_by_week() {
    let detector = rule("agent_drift", Value::Null);
    let weeks = |levels: [i64; 6]| {
        rows(42, |d| Counters {
            rated: 10,
            satisfied: levels[d / 7],
            ..Counters::default()
        })
    };
    let signals = found(&detector, &weeks([9, 9, 9, 8, 7, 6]));
    assert_eq!(signals.len(), 1);
    assert_eq!(signals[0].window, date(41), "a Sunday");
    assert!((signals[0].baseline.unwrap() - 0.9).abs() < 1e-9);
    assert!(
        signals[0]
            .explanation()
            .zh
            .contains("连续 3 周下降，从 90% 到 60%")
    );
    assert_eq!(
        found(&detector, &weeks([9, 9, 8, 7, 7, 6])),
        [],
        "not in a row"
    );
    let small = rule("agent_drift", json!({"min_fall": 0.4}));
    assert_eq!(found(&small, &weeks([9, 9, 9, 8, 7, 6])), []);
}
