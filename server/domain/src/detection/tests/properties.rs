//! What holds for every series.

use super::*;
use proptest::prelude::*;

const KINDS: [&str; 4] = ["spike", "csat_fall", "new_topic", "silent_source"];

/// A topic with bursts, gaps, repeated customers and changing ratings.
fn any_series(days: usize) -> impl Strategy<Value = Series> {
    let day = (0_u32..40, 0_u32..100, 0_u32..100, 0_u32..100);
    prop::collection::vec(day, days).prop_map(|days| {
        let points = days
            .iter()
            .enumerate()
            .map(|(d, &(y, people, response, good))| {
                let burst = if d % 37 > 33 { 4 } else { 1 };
                let contacts = if y < 4 { 0 } else { y * burst };
                let rated = contacts * response / 200;
                Point {
                    contacts,
                    customers: contacts * (50 + people / 2) / 100,
                    rated,
                    anonymous: 0,
                    satisfied: rated * if d > 60 { good } else { 60 + good * 4 / 10 } / 100,
                }
            })
            .collect();
        Series {
            lanes: vec![Lane { channel: 0, points }],
        }
    })
}

fn cut(all: &[Series], days: usize) -> Vec<Series> {
    all.iter()
        .map(|s| Series {
            lanes: s
                .lanes
                .iter()
                .map(|l| Lane {
                    channel: l.channel,
                    points: l.points[..days].to_vec(),
                })
                .collect(),
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_back_test_is_the_live_scan_day_by_day(all in prop::collection::vec(any_series(100), 3)) {
        let days = 100;
        let whole = context(days, &all);
        let subject = Subject::topic("t");
        for kind in KINDS {
            let detector = rule(kind, json!({}));
            let mut live = Vec::new();
            for d in 0..days {
                // What was known at the close of that day.
                let known = cut(&all, d + 1);
                let then = context(d + 1, &known);
                live.extend(scan_day(&detector, &then, watched(&subject, &known[0]), date(d)));
            }
            let later = backtest(&detector, &whole, watched(&subject, &all[0]), date(0), date(days - 1));
            prop_assert_eq!(&live, &later, "{}", kind);
            // Any part of the span gives that part of the signals.
            let part = backtest(&detector, &whole, watched(&subject, &all[0]), date(40), date(70));
            let inside: Vec<Signal> = later.into_iter().filter(|s| (date(40)..=date(70)).contains(&s.window)).collect();
            prop_assert_eq!(part, inside, "{}", kind);
        }
    }

    #[test]
    fn an_alarm_of_a_topic_is_followed_by_silence(s in any_series(200)) {
        let context = context(200, std::slice::from_ref(&s));
        let subject = Subject::topic("t");
        for kind in ["spike", "csat_fall"] {
            let found = backtest(&rule(kind, json!({})), &context, watched(&subject, &s), date(0), date(199));
            for pair in found.windows(2) {
                prop_assert!((pair[1].window - pair[0].window).num_days() > 14);
            }
            for signal in &found {
                prop_assert!(!signal.information && signal.part_of.is_none());
                prop_assert!(signal.customers.is_none_or(|c| c <= signal.count));
            }
        }
    }

    #[test]
    fn a_fivefold_day_rings_at_every_scale(scale in 1_u32..200, shift in 0_usize..7) {
        let level = |d: usize| scale * (8 + wobble(d + shift));
        let s = series(120, |d| (if d == 100 { 5 * level(d) } else { level(d) }, 0, 0));
        let context = context(120, std::slice::from_ref(&s));
        let subject = Subject::topic("t");
        let found = backtest(&rule("spike", json!({})), &context, watched(&subject, &s), date(0), date(119));
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(found[0].window, date(100));
        prop_assert_eq!(found[0].count, i64::from(5 * level(100)));
    }

    #[test]
    fn fewer_contacts_and_better_ratings_never_ring(from in 30_usize..100, left in 0_u32..10) {
        let s = series(120, |d| if d >= from { (4 * left, left, left) } else { (40, 10, 8) });
        let context = context(120, std::slice::from_ref(&s));
        let subject = Subject::topic("t");
        for kind in ["spike", "csat_fall", "new_topic"] {
            let found = backtest(&rule(kind, json!({})), &context, watched(&subject, &s), date(0), date(119));
            prop_assert_eq!(found, vec![], "{}", kind);
        }
    }
}
