use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

#[test]
fn keys_fit_into_addresses() {
    for good in ["a", "shop-2", "0"] {
        assert!(check_key(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "A",
        "a b",
        "a/b",
        "-a",
        "a-",
        "渠道",
        "a_b",
        &"a".repeat(65),
    ] {
        assert!(check_key(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_a_failure_leads_to() {
    let next = |trouble, failures| after_trouble(trouble, failures, at(0), at(60), 200);
    assert_eq!(next(Trouble::Settings, 0).at, None);
    assert_eq!(next(Trouble::Settings, 0).state, State::Paused);
    // Patience puts the schedule off and never brings it forward.
    assert_eq!(next(Trouble::Patience(5_000), 0).at, Some(at(60)));
    assert_eq!(next(Trouble::Patience(90_000), 0).at, Some(at(90)));
    assert_eq!(next(Trouble::Patience(u64::MAX), 0).at, Some(at(86_400)));
    // Waits double and end at an hour.
    assert_eq!(next(Trouble::Passing, 0).at, Some(at(5)));
    assert_eq!(next(Trouble::Passing, 3).at, Some(at(40)));
    assert_eq!(next(Trouble::Passing, u32::MAX).at, Some(at(3600)));
    let over = next(Trouble::CursorExpired, 0);
    assert!(over.start_over && over.at == Some(at(0)));
    let fault = |rest_ms, quarantined| {
        next(
            Trouble::Fault {
                rest_ms,
                quarantined,
            },
            0,
        )
    };
    assert_eq!(fault(30_000, false).at, Some(at(30)));
    assert_eq!(fault(30_000, false).state, State::Resting);
    assert_eq!(fault(0, false).state, State::Failing);
    assert_eq!(fault(30_000, true).at, None);
    assert_eq!(fault(0, true).state, State::Quarantined);
}

#[test]
fn waits_of_many_are_spread() {
    let waits: std::collections::BTreeSet<_> = (0..1000)
        .map(|seed| after_trouble(Trouble::Passing, 0, at(0), at(0), seed).at)
        .collect();
    assert_eq!(waits.len(), 401);
    assert_eq!(waits.first().copied().flatten(), Some(at(4)));
    assert_eq!(waits.last().copied().flatten(), Some(at(6)));
}

#[test]
fn a_source_may_stretch_the_schedule_and_never_shorten_it() {
    assert_eq!(after_idle(at(60), at(0), None), at(60));
    assert_eq!(after_idle(at(60), at(0), Some(10_000)), at(60));
    assert_eq!(after_idle(at(60), at(0), Some(120_000)), at(120));
    assert_eq!(after_idle(at(60), at(0), Some(u64::MAX)), at(86_400));
}

#[test]
fn settings_that_no_plugin_can_use_are_refused() {
    let good = Settings {
        channel: Some("shop".to_owned()),
        schedule: Schedule {
            every_seconds: Some(60),
            cron: None,
        },
        ..Settings::default()
    };
    assert_eq!(good.check(), Ok(()));
    let field = |s: Settings| s.check().unwrap_err().field;
    let schedule = |every_seconds, cron: Option<&str>| Settings {
        schedule: Schedule {
            every_seconds,
            cron: cron.map(str::to_owned),
        },
        ..good.clone()
    };
    assert_eq!(field(schedule(Some(1), None)), "schedule.every_seconds");
    assert_eq!(field(schedule(Some(60), Some("x"))), "schedule");
    let mailbox = |tls: &str, networks: &[&str]| Settings {
        mailbox: Some(Mailbox {
            server: "mail.example".to_owned(),
            port: 993,
            tls: tls.to_owned(),
            user: "voc".to_owned(),
            folders: inbox(),
            networks: networks.iter().map(|n| (*n).to_owned()).collect(),
        }),
        ..good.clone()
    };
    assert_eq!(mailbox("none", &["10.0.0.0/8"]).check(), Ok(()));
    assert_eq!(field(mailbox("none", &[])), "mailbox.tls");
    assert_eq!(field(mailbox("ssl", &[])), "mailbox.tls");
}

#[test]
fn silence_is_told_from_a_source_that_has_nothing() {
    // The third pull behind the last success was due at 100.
    let stale = |due: Option<i64>, well, now| is_stale(at(100), due.map(at), well, at(now));
    assert!(!stale(Some(300), false, 100));
    assert!(!stale(Some(300), false, 160));
    assert!(stale(Some(300), false, 161));
    // The source said that nothing comes before 1000, and nobody is late yet.
    assert!(!stale(Some(1000), true, 900));
    assert!(!stale(Some(1000), true, 1060));
    assert!(stale(Some(1000), true, 1061));
    // Not due at all: somebody has to act.
    assert!(stale(None, true, 161));
}

#[test]
fn a_failure_never_makes_a_state_look_better() {
    use State::*;
    for (before, step, after) in [
        (Ok, Failing, Failing),
        (Stale, Failing, Stale),
        (Stale, Resting, Resting),
        (Stale, Paused, Paused),
        (Paused, Failing, Paused),
        (Paused, Resting, Paused),
        (Paused, Quarantined, Quarantined),
        (Quarantined, Failing, Quarantined),
        (Quarantined, Paused, Quarantined),
        (Resting, Failing, Failing),
    ] {
        assert_eq!(state_after(before, step), after, "{before:?} {step:?}");
    }
}

#[test]
fn administrators_are_told_once_an_event() {
    use State::*;
    let day = 86_400;
    let told = |before, after, last: Option<i64>, now| {
        worry(before, after, false, |_| last.map(at), at(now))
    };
    assert_eq!(told(Ok, Paused, None, 0), Some(Worry::Paused));
    assert_eq!(told(Failing, Resting, None, 0), Some(Worry::Resting));
    assert_eq!(
        told(Resting, Quarantined, None, 0),
        Some(Worry::Quarantined)
    );
    assert_eq!(told(Paused, Paused, None, 0), None);
    assert_eq!(told(Ok, Failing, None, 0), None);
    assert_eq!(told(Ok, Resting, Some(0), day - 1), None);
    assert_eq!(told(Ok, Resting, Some(0), day), Some(Worry::Resting));
    // Still being set up.
    assert_eq!(worry(New, Paused, true, |_| None, at(0)), None);
    assert_eq!(
        worry(New, Resting, true, |_| None, at(0)),
        Some(Worry::Resting)
    );
}
