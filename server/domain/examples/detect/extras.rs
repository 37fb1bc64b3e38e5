//! What the specification did not simulate: the company factor, cold start, shocks that a whole
//! channel shares. Tenants of 20 topics.

use super::table::{BURN, YEAR, context, csat, rate, real, run, spike};
use super::world::{Change, Manner, Random, topic};
use domain::detection::params::SpikeParams;
use domain::detection::{
    Context, Detector, Params, Series, Subject, Watched, attach, channel_alarms,
};

const TENANT: usize = 20;

pub fn print(topics: usize) {
    let tenants = topics / TENANT;
    company(tenants);
    cold(topics);
    shock(tenants);
    alone(tenants);
}

/// A day's factor that all topics of a tenant share: gamma with a standard deviation of 10 %.
fn common(random: &mut Random, days: usize) -> Vec<f64> {
    (0..days).map(|_| random.gamma(100.0) / 100.0).collect()
}

fn manner(rate: f64, days: usize) -> Manner {
    Manner {
        rate,
        response: 0.2,
        days,
    }
}

fn without() -> Detector {
    Detector::new(
        "spike",
        Params::Spike(SpikeParams {
            with_channel: false,
            ..SpikeParams::default()
        }),
    )
}

/// A tenant whose topics all change alike, but the first one as `own` says.
fn tenant(
    random: &mut Random,
    rate: f64,
    days: usize,
    all: Change,
    own: Change,
) -> (Context, Vec<Series>) {
    let shared = common(random, days);
    let topics: Vec<Series> = (0..TENANT)
        .map(|i| {
            topic(
                random,
                manner(rate, days),
                if i == 0 { own } else { all },
                &shared,
            )
        })
        .collect();
    (context(days, &topics), topics)
}

fn company(tenants: usize) {
    println!();
    println!(
        "Company factor: tenants of {TENANT} topics, days vary by 10 % for all alike (not in the specification)"
    );
    println!(
        "{:>10}  {:>26}  {:>30}  {:>30}",
        "contacts",
        "false alarms a topic-year",
        "all x1.5 for 14 days: alarms, %",
        "one x1.5: found in 14 days, %"
    );
    for (i, contacts) in [10.0, 30.0, 100.0, 300.0].into_iter().enumerate() {
        let days = BURN + YEAR;
        let from = BURN + 60;
        let event = Change {
            from,
            to: from + 14,
            csat: 0.0,
            volume: 1.5,
        };
        let mut random = Random::new(21_000 + i as u64);
        let mut figures = [(Vec::new(), 0, 0), (Vec::new(), 0, 0)];
        for _ in 0..tenants {
            let (null, topics) = tenant(&mut random, contacts, days, Change::NONE, Change::NONE);
            let (moved, all) = tenant(&mut random, contacts, from + 30, event, event);
            let (one, single) = tenant(&mut random, contacts, from + 30, Change::NONE, event);
            for (detector, f) in [spike(), without()].iter().zip(&mut figures) {
                f.0.extend(
                    topics
                        .iter()
                        .map(|s| run(detector, &null, s, (BURN, days)).len()),
                );
                let rings =
                    |c: &Context, s: &Series| !run(detector, c, s, (from, from + 14)).is_empty();
                f.1 += all.iter().filter(|s| rings(&moved, s)).count();
                f.2 += usize::from(rings(&one, &single[0]));
            }
        }
        let n = real(tenants);
        let show = |f: &(Vec<usize>, usize, usize)| {
            let (mean, error) = rate(&f.0);
            (
                format!("{mean:.2} ± {error:.2}"),
                100.0 * real(f.1) / n / real(TENANT),
                100.0 * real(f.2) / n,
            )
        };
        let (with, off) = (show(&figures[0]), show(&figures[1]));
        println!(
            "{contacts:>10.0}  {:>12} (off {:>11})  {:>10.1} (off {:>5.1})  {:>18.0} (off {:>3.0})",
            with.0, off.0, with.1, off.1, with.2, off.2
        );
    }
}

fn cold(topics: usize) {
    println!();
    println!("Cold start: everything is new on day 0 (not in the specification)");
    println!(
        "{:>10}  {:>46}  {:>46}  {:>32}",
        "contacts",
        "false alarms a topic-year, days 7-27: csat, spike",
        "days 28-69: csat, spike",
        "-15, x2 on day 14: found, %"
    );
    for (i, contacts) in [10.0, 30.0, 100.0, 300.0].into_iter().enumerate() {
        let days = 70;
        let mut random = Random::new(31_000 + i as u64);
        let all: Vec<Series> = (0..topics)
            .map(|_| topic(&mut random, manner(contacts, days), Change::NONE, &[]))
            .collect();
        let context = context(days, &all);
        let count = |detector: &Detector, from: usize, to: usize| {
            let found: usize = all
                .iter()
                .map(|s| run(detector, &context, s, (from, to)).len())
                .sum();
            real(found) / real(topics) * real(YEAR) / real(to - from)
        };
        let found = |detector: &Detector, csat: f64, volume: f64| {
            let change = Change {
                from: 14,
                to: 28,
                csat,
                volume,
            };
            let mut random = Random::new(32_000 + i as u64);
            let some = topics.min(500);
            let hits = (0..some)
                .filter(|_| {
                    let series = topic(&mut random, manner(contacts, days), change, &[]);
                    !run(detector, &context, &series, (14, 28)).is_empty()
                })
                .count();
            100.0 * real(hits) / real(some)
        };
        println!(
            "{contacts:>10.0}  {:>37.2} {:>8.2}  {:>37.2} {:>8.2}  {:>26.0} {:>5.0}",
            count(&csat(), 0, 28),
            count(&spike(), 0, 28),
            count(&csat(), 28, 70),
            count(&spike(), 28, 70),
            found(&csat(), -0.15, 1.0),
            found(&spike(), 0.0, 2.0)
        );
    }
}

fn shock(tenants: usize) {
    println!();
    println!(
        "Everybody falls by 10 points for 28 days, one topic by 25 (A5; not in the specification)"
    );
    println!(
        "{:>10}  {:>32}  {:>32}  {:>26}  {:>30}",
        "rated",
        "topic alarms opened, % without",
        "with A5",
        "channel alarm, %; median day",
        "the worse one still opens, %"
    );
    for (i, contacts) in [30.0, 100.0, 300.0].into_iter().enumerate() {
        let from = BURN + 60;
        let days = from + 28;
        let change = |csat| Change {
            from,
            to: days,
            csat,
            volume: 1.0,
        };
        let mut random = Random::new(41_000 + i as u64);
        let (mut rang, mut opened, mut channels, mut worse, mut day) = (0, 0, 0, 0, Vec::new());
        for _ in 0..tenants {
            let (context, topics) =
                tenant(&mut random, contacts, days, change(-0.10), change(-0.25));
            let detector = csat();
            let (alarms, _) = channel_alarms(&detector, &context, &[]);
            let first = alarms
                .iter()
                .find(|a| a.from >= from)
                .map(|a| a.from - from + 1);
            channels += usize::from(first.is_some());
            day.push(first.map_or(999.0, real));
            for (t, series) in topics.iter().enumerate() {
                let subject = Subject::topic("t");
                let watched = Watched {
                    subject: &subject,
                    series,
                    open: &[],
                };
                let signals = run(&detector, &context, series, (from, days));
                let own = attach(&detector, &context, watched, &alarms, signals.clone())
                    .iter()
                    .filter(|s| s.part_of.is_none())
                    .count();
                if t == 0 {
                    worse += usize::from(own > 0);
                } else {
                    rang += usize::from(!signals.is_empty());
                    opened += usize::from(own > 0);
                }
            }
        }
        day.sort_unstable_by(f64::total_cmp);
        let all = real(tenants * (TENANT - 1));
        println!(
            "{:>10.0}  {:>32.1}  {:>32.1}  {:>19.0}; {:>5.0}  {:>30.0}",
            contacts * 0.2,
            100.0 * real(rang) / all,
            100.0 * real(opened) / all,
            100.0 * real(channels) / real(tenants),
            day[day.len() / 2],
            100.0 * real(worse) / real(tenants)
        );
    }
}

/// What A5 costs when nothing is shared: alarms of a topic that are put to a channel's by chance.
fn alone(tenants: usize) {
    println!();
    println!(
        "One topic alone falls by 15 points: found within 14 days, %, and of these put to a channel alarm"
    );
    for (i, contacts) in [30.0, 100.0, 300.0].into_iter().enumerate() {
        let from = BURN + 60;
        let days = from + 28;
        let change = Change {
            from,
            to: days,
            csat: -0.15,
            volume: 1.0,
        };
        let mut random = Random::new(51_000 + i as u64);
        let (mut found, mut put) = (0, 0);
        for _ in 0..tenants {
            let (context, topics) = tenant(&mut random, contacts, days, Change::NONE, change);
            let detector = csat();
            let (alarms, _) = channel_alarms(&detector, &context, &[]);
            let subject = Subject::topic("t");
            let watched = Watched {
                subject: &subject,
                series: &topics[0],
                open: &[],
            };
            let signals = run(&detector, &context, &topics[0], (from, from + 14));
            let signals = attach(&detector, &context, watched, &alarms, signals);
            found += usize::from(!signals.is_empty());
            put += usize::from(signals.first().is_some_and(|s| s.part_of.is_some()));
        }
        println!(
            "{:>10.0}  {:>5.0} {:>5.0}",
            contacts * 0.2,
            100.0 * real(found) / real(tenants),
            100.0 * real(put) / real(found.max(1))
        );
    }
}
