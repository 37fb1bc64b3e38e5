use super::*;

const DAYS: usize = 150;

fn topic() -> Subject {
    Subject::topic("退款")
}

fn signals(detector: &Detector, series: &Series) -> Vec<Signal> {
    let days = series.lanes[0].points.len();
    let context = context(days, std::slice::from_ref(series));
    backtest(
        detector,
        &context,
        watched(&topic(), series),
        date(0),
        date(days - 1),
    )
}

/// 20 rated a day, 16 ± 1 satisfied; from day `from` on `after`.
fn ratings(from: usize, after: u32) -> Series {
    series(DAYS, |d| {
        let satisfied = if d >= from { after } else { 15 + wobble(d) };
        (40, 20, satisfied)
    })
}

#[test]
fn a_fall_is_found_with_its_day_and_says_why() {
    let found = signals(&rule("csat_fall", Value::Null), &ratings(100, 12));
    let first = &found[0];
    let day = (first.window - start()).num_days();
    assert!((101..108).contains(&day), "{day}");
    assert!((first.change_day.unwrap() - date(100)).num_days().abs() <= 2);
    assert!((first.baseline.unwrap() - 0.80).abs() < 0.02);
    assert!((first.level.unwrap() - 0.60).abs() < 0.05);
    assert!(first.statistic >= first.threshold);
    let text = first.explanation();
    assert!(
        text.zh.contains("满意度 6") && text.zh.contains("往常 80%"),
        "{}",
        text.zh
    );
    assert!(
        text.en.contains("usually 80%") && text.en.contains("version 2"),
        "{}",
        text.en
    );
    // Silent for 14 days, then it says so again as long as it holds.
    assert!((found[1].window - first.window).num_days() > 14);
    assert!(found.iter().all(|s| s.window >= date(100)));
}

#[test]
fn each_day_says_at_which_share_it_would_have_rung() {
    let rule = rule("csat_fall", Value::Null);
    // Up and down, with a real fall at the end: some days ring, most do not.
    for after in [10, 13] {
        let series = ratings(110, after);
        let context = context(DAYS, std::slice::from_ref(&series));
        let subject = topic();
        let watched = watched(&subject, &series);
        let days = fall_days(&rule, &context, watched, date(20), date(DAYS - 1));
        assert_eq!(days.len(), DAYS - 20);
        let rang: Vec<NaiveDate> = signals(&rule, &series).iter().map(|s| s.window).collect();
        assert!(!rang.is_empty());
        for day in &days {
            let n = usize::try_from((day.day - start()).num_days()).unwrap();
            let share = f64::from(series.lanes[0].points[n].satisfied) / 20.0;
            let rings = day.rings_at.is_some_and(|line| share <= line);
            assert_eq!(rings, rang.contains(&day.day), "{day:?} {share}");
            assert!((day.usual - 0.8).abs() < 0.2, "{day:?}");
            // A day has a line, or the reason why there is none.
            assert_ne!(day.rings_at.is_some(), day.note.is_some(), "{day:?}");
        }
        let after = days.iter().find(|d| d.day == rang[0].succ_opt().unwrap());
        let note = after.unwrap().note.as_ref().unwrap();
        assert!(note.zh.starts_with(&rang[0].to_string()), "{}", note.zh);
        // In a quiet time there is a line on most days, clearly below the usual level.
        let quiet = days
            .iter()
            .filter(|d| d.day >= date(70) && d.day < date(110));
        let lines: Vec<f64> = quiet.filter_map(|d| d.rings_at).collect();
        assert!(
            lines.len() >= 35 && lines.iter().all(|line| *line < 0.7),
            "{lines:?}"
        );
    }
}

#[test]
fn getting_better_or_silent_is_no_alarm() {
    let csat = rule("csat_fall", Value::Null);
    assert_eq!(signals(&csat, &ratings(100, 20)), []);
    for kind in ["csat_fall", "spike"] {
        let silent = series(DAYS, |d| if d < 100 { (40, 20, 16) } else { (0, 0, 0) });
        assert_eq!(signals(&rule(kind, Value::Null), &silent), [], "{kind}");
        let unrated = series(DAYS, |d| if d < 100 { (40, 20, 16) } else { (40, 0, 0) });
        assert_eq!(signals(&rule(kind, Value::Null), &unrated), [], "{kind}");
    }
}

#[test]
fn a_doubling_is_found_in_a_day_and_half_more_within_two_weeks() {
    let spike = rule("spike", Value::Null);
    let rise = |factor: u32| {
        series(DAYS, |d| {
            let usual = 30 + 3 * wobble(d);
            (if d >= 100 { usual * factor / 10 } else { usual }, 0, 0)
        })
    };
    assert_eq!(signals(&spike, &rise(10)), []);
    let double = signals(&spike, &rise(25));
    assert_eq!((double[0].window, double[0].change_day), (date(100), None));
    assert!(double[0].count > double[0].limit && double[0].baseline.unwrap() < 45.0);
    assert!(double[0].explanation().zh.contains("位客户"));
    let half = signals(&spike, &rise(15));
    let day = (half[0].window - date(100)).num_days();
    assert!((0..14).contains(&day), "{day}");
    assert!(half[0].change_day.is_some() && half[0].count > half[0].limit);
}

#[test]
fn one_customer_who_writes_again_and_again_is_no_spike() {
    let spike = rule("spike", Value::Null);
    for from in [10, 100] {
        let flood = |customers: u32| {
            let mut s = series(DAYS, |d| (12 + wobble(d), 0, 0));
            for p in &mut s.lanes[0].points[from..] {
                p.contacts += 40;
                p.customers += customers;
            }
            s
        };
        assert_eq!(signals(&spike, &flood(1)), [], "{from}");
        let many = signals(&spike, &flood(40));
        assert_eq!(many[0].window, date(from), "{from}");
        assert!(many[0].customers.is_some());
    }
}

/// What a rise of several days says is of the days on which customers rose too: the days of one who
/// wrote again and again before are no part of it.
#[test]
fn a_rise_after_the_days_of_one_customer_is_told_by_its_own_days() {
    let mut s = series(DAYS, |d| (if d >= 103 { 26 } else { 18 } + wobble(d), 0, 0));
    for p in &mut s.lanes[0].points[100..102] {
        p.contacts += 225;
        p.customers -= 2;
    }
    let found = signals(&rule("spike", Value::Null), &s);
    let first = &found[0];
    assert!(first.change_day >= Some(date(102)), "{first:?}");
    let customers = first.customers.unwrap();
    assert_eq!(first.count, customers, "{first:?}");
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let customers = customers as f64;
    assert!(customers > first.baseline.unwrap(), "{first:?}");
    assert!(first.statistic >= first.threshold, "{first:?}");
}

#[test]
fn a_short_history_has_a_plainer_rule() {
    let counts = [20, 24, 19, 22, 70, 20];
    let s = series(6, |d| (counts[d], 0, 0));
    assert_eq!(
        signals(&rule("spike", Value::Null), &s),
        [],
        "7 days by default"
    );
    let found = signals(
        &rule(
            "spike",
            json!({"min_history_days": 3, "short_dispersion": 0.0}),
        ),
        &s,
    );
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].window, found[0].count), (date(4), 70));
    assert!((found[0].baseline.unwrap() - 21.25).abs() < 1e-9);
    // Twice 21.25 and rarer than 1 in 10,000.
    assert!(found[0].limit == 42, "{}", found[0].limit);
    let early = series(3, |d| ([20, 22, 90][d], 0, 0));
    assert_eq!(
        signals(
            &rule(
                "spike",
                json!({"min_history_days": 3, "short_dispersion": 0.0})
            ),
            &early
        ),
        []
    );
}

#[test]
fn a_collection_that_begins_in_earnest_is_no_spike() {
    let counts = [1, 1, 0, 1, 1, 600, 1100, 1000, 1050];
    let s = series(9, |d| (counts[d], 0, 0));
    let found = signals(
        &rule("spike", json!({"min_history_days": 3, "quiet_days": 0})),
        &s,
    );
    assert_eq!(found, []);
}

#[test]
fn nothing_rings_in_the_first_week() {
    let s = series(7, |d| ([5, 90, 5, 90, 5, 5, 200][d], 3, 0));
    for kind in ["spike", "csat_fall", "new_topic", "silent_source"] {
        assert_eq!(signals(&rule(kind, Value::Null), &s), [], "{kind}");
    }
}

#[test]
fn a_thin_topic_is_watched_in_the_one_above() {
    let thin = series(DAYS, |d| {
        (1, u32::from(d % 2 == 0), u32::from(d % 2 == 0 && d < 90))
    });
    let csat = rule("csat_fall", Value::Null);
    assert_eq!(signals(&csat, &thin), [], "half a rating a day");
    let Params::CsatFall(p) = &csat.params else {
        panic!("a csat rule has csat parameters");
    };
    let pace = |key: &str| match key {
        "退款到账" => 0.5,
        "退款" => 0.9,
        "售后" => 6.0,
        _ => 100.0,
    };
    assert_eq!(
        watched_in("退款到账", &["退款", "售后", "全部"], p, pace),
        Some("售后")
    );
    assert_eq!(watched_in("售后", &["全部"], p, pace), Some("售后"));
    assert_eq!(watched_in("退款", &[], p, pace), None);
    // Four contacts a week are too few for a rise.
    let rare = series(DAYS, |d| (u32::from(d % 40 == 39) * 4, 0, 0));
    assert_eq!(
        signals(&rule("spike", json!({"alarms_per_year": 20.0})), &rare),
        []
    );
}

#[test]
fn planned_days_are_left_out() {
    let s = series(DAYS, |d| {
        (
            if (90..100).contains(&d) {
                300
            } else {
                30 + wobble(d)
            },
            0,
            0,
        )
    });
    let mut days = calendar(DAYS);
    for day in &mut days[90..100] {
        day.left_out = true;
    }
    let context = Context::new(
        start(),
        days,
        vec!["phone".into()],
        std::slice::from_ref(&s),
    );
    let spike = rule("spike", Value::Null);
    let (from, to) = (date(0), date(DAYS - 1));
    assert_eq!(
        backtest(&spike, &context, watched(&topic(), &s), from, to),
        []
    );
    assert_eq!(signals(&spike, &s)[0].window, date(90));
}

#[test]
fn an_open_issue_is_silent_and_in_no_baseline() {
    let s = ratings(100, 12);
    let context = context(DAYS, std::slice::from_ref(&s));
    let csat = rule("csat_fall", Value::Null);
    let subject = topic();
    let open = [(date(100), date(140))];
    let watched = Watched {
        open: &open,
        ..watched(&subject, &s)
    };
    let found = backtest(&csat, &context, watched, date(0), date(DAYS - 1));
    assert!(found.iter().all(|f| f.window > date(140)), "{found:?}");
    // The bad days are not the new normal: it rings again at once.
    assert!((found[0].baseline.unwrap() - 0.80).abs() < 0.02);
}

#[test]
fn a_mute_silences_the_live_scan_and_not_the_back_test() {
    let s = ratings(100, 12);
    let context = context(DAYS, std::slice::from_ref(&s));
    let mut csat = rule("csat_fall", Value::Null);
    let subject = topic();
    let rings = backtest(
        &csat,
        &context,
        watched(&subject, &s),
        date(0),
        date(DAYS - 1),
    );
    let day = rings[0].window;
    assert_eq!(
        scan_day(&csat, &context, watched(&subject, &s), day),
        rings[..1]
    );
    csat.mute = Some(Mute {
        until: day,
        reason: "系统升级".into(),
    });
    assert_eq!(scan_day(&csat, &context, watched(&subject, &s), day), []);
    assert_eq!(
        scan_day(&csat, &context, watched(&subject, &s), rings[1].window),
        rings[1..2]
    );
    csat.enabled = false;
    assert_eq!(
        backtest(&csat, &context, watched(&subject, &s), date(0), day),
        []
    );
}

/// Only an alarm that somebody got silences its rule: one of days that were history when their data came
/// told nobody.
#[test]
fn an_alarm_that_nobody_heard_silences_nothing() {
    let falls = rule("csat_fall", Value::Null);
    let bad = ratings(100, 4);
    let context = context(DAYS, std::slice::from_ref(&bad));
    let subject = topic();
    let at = watched(&subject, &bad);
    let first = backtest(&falls, &context, at, date(100), date(113))[0].window;
    let later = first + chrono::Days::new(4);
    let rings = |heard: &[NaiveDate], day| {
        let found = scan_heard(&falls, &context, at, heard, day);
        found.iter().map(|s| s.window).collect::<Vec<_>>()
    };
    assert_eq!(rings(&[], first), [first]);
    assert_eq!(rings(&[], later), [later], "the trouble goes on");
    assert_eq!(rings(&[first], later), [], "somebody knows");
    let between = first + chrono::Days::new(2);
    assert_eq!(rings(&[between], later), [], "they were told meanwhile");
    assert_eq!(
        rings(&[later], later),
        [later],
        "and it stays when it is judged again"
    );
    // Where the trouble is over an old alarm is nothing new.
    let over = series(DAYS, |d| {
        (40, 20, if (100..102).contains(&d) { 4 } else { 16 })
    });
    let context = super::context(DAYS, std::slice::from_ref(&over));
    let at = watched(&subject, &over);
    assert_eq!(scan_heard(&falls, &context, at, &[], date(106)), []);
}

#[test]
fn ratings_may_get_time_to_arrive() {
    let s = ratings(100, 8);
    let at_once = signals(&rule("csat_fall", Value::Null), &s);
    let later = signals(&rule("csat_fall", json!({"maturity_days": 3})), &s);
    assert_eq!(at_once[0].window, later[0].window);
    // The day is the one that was judged; it is known three days later.
    let judged = (at_once[0].window - start()).num_days() + 1;
    let short = ratings(100, 8).lanes[0].points[..usize::try_from(judged).unwrap()].to_vec();
    let short = Series {
        lanes: vec![Lane {
            channel: 0,
            points: short,
        }],
    };
    assert_eq!(
        signals(&rule("csat_fall", json!({"maturity_days": 3})), &short),
        []
    );
}

#[test]
fn late_ratings_change_the_day_they_belong_to() {
    let mut s = ratings(100, 16);
    let csat = rule("csat_fall", Value::Null);
    assert_eq!(signals(&csat, &s), []);
    for p in &mut s.lanes[0].points[110..113] {
        p.rated += 20;
    }
    let found = signals(&csat, &s);
    assert!(
        (date(110)..=date(112)).contains(&found[0].window),
        "{found:?}"
    );
}

#[test]
fn a_relapse_is_measured_against_the_level_after_the_fix() {
    // 80 % before, 60 % during, 90 % after the fix of day 80, 75 % from day 110 on.
    let s = series(DAYS, |d| {
        let satisfied = match d {
            0..60 => 16,
            60..80 => 12,
            80..110 => 18,
            _ => 15,
        };
        (40, 20, satisfied)
    });
    let context = context(DAYS, std::slice::from_ref(&s));
    let csat = rule("csat_fall", Value::Null);
    let after = After {
        from: 95,
        level: 0.9,
        pace: 20.0,
    };
    let subject = topic();
    assert_eq!(
        relapse(&csat, &context, watched(&subject, &s), after, date(109)),
        None
    );
    let found = relapse(
        &csat,
        &context,
        watched(&subject, &s),
        after,
        date(DAYS - 1),
    )
    .unwrap();
    assert!((date(110)..date(120)).contains(&found.window), "{found:?}");
    assert!((found.baseline.unwrap() - 0.9).abs() < 1e-9);
    let volume = series(DAYS, |d| (if d < 110 { 20 } else { 45 }, 0, 0));
    let context = super::context(DAYS, std::slice::from_ref(&volume));
    let after = After {
        from: 95,
        level: 20.0,
        pace: 0.0,
    };
    let spike = rule("spike", Value::Null);
    let found = relapse(
        &spike,
        &context,
        watched(&subject, &volume),
        after,
        date(DAYS - 1),
    )
    .unwrap();
    assert_eq!(found.window, date(110));
}

#[test]
fn days_are_compared_with_the_same_weekday() {
    // Sundays are three times as busy: only an unusual Sunday is one.
    let s = series(60, |d| {
        (
            if d % 7 == 6 { 60 } else { 20 } * if d == 55 { 3 } else { 1 },
            0,
            0,
        )
    });
    let by_weekday = rule("spike", json!({"weekday_weeks": 4}));
    let found = signals(&by_weekday, &s);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].window, found[0].count), (date(55), 180));
    assert!((found[0].baseline.unwrap() - 60.0).abs() < 1e-9);
}

#[test]
fn a_new_topic_is_said_once_and_only_in_a_known_source() {
    let new = series(80, |d| (if d >= 50 { 2 } else { 0 }, 0, 0));
    let rest = series(80, |d| (30 + wobble(d), 0, 0));
    let detector = rule("new_topic", Value::Null);
    let known = context(80, &[new.clone(), rest]);
    let subject = topic();
    let found = backtest(
        &detector,
        &known,
        watched(&subject, &new),
        date(0),
        date(79),
    );
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].window, found[0].count), (date(52), 6));
    assert_eq!(
        signals(&detector, &new),
        [],
        "the source is as new as the topic"
    );
    let mut one = new.clone();
    for p in &mut one.lanes[0].points {
        p.customers = u32::from(p.contacts > 0);
    }
    one.lanes[0].points[51].customers = 0;
    one.lanes[0].points[52].customers = 0;
    assert!(
        backtest(
            &detector,
            &known,
            watched(&subject, &one),
            date(0),
            date(53)
        )
        .is_empty(),
        "one person is no topic"
    );
}

#[test]
fn series_begin_on_the_same_day_for_three_months() {
    let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
    for d in [1, 15, 31] {
        assert_eq!(history_start(day(2026, 5, d)), day(2025, 4, 1));
    }
    assert_eq!(history_start(day(2026, 1, 1)), day(2025, 1, 1));
    assert_eq!(history_start(day(2026, 12, 31)), day(2025, 10, 1));
}
