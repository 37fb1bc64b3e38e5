//! Golden cases worked out by hand, and an oracle that counts minute by minute.

use super::*;
use crate::clock::Timestamp;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;

fn span(text: &str) -> Span {
    let (from, to) = text.split_once('-').unwrap();
    Span {
        from: TimeOfDay::try_from(from.to_owned()).unwrap(),
        to: TimeOfDay::try_from(to.to_owned()).unwrap(),
    }
}

fn at(text: &str) -> Timestamp {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn calendar(zone: Tz, week: Week) -> Calendar {
    Calendar {
        key: "test".into(),
        zone,
        week,
        base: None,
        holidays: vec![],
        extra_workdays: vec![],
        version: 1,
        ..Calendar::built_in()
    }
}

fn local(days: &Days, at: Timestamp) -> String {
    at.with_timezone(&days.zone())
        .format("%Y-%m-%d %H:%M")
        .to_string()
}

fn cn() -> Days {
    Days::of(&Calendar::built_in())
}

// ---------------------------------------------------------------- golden cases

#[test]
fn working_time_keeps_to_hours_lunch_and_weekends() {
    let days = cn();
    // 2026-11-20 is a Friday.
    for (from, minutes, expected) in [
        ("2026-11-20T09:00:00+08:00", 60, "2026-11-20 10:00"),
        // Exactly up to lunch, not after it; a minute more is after it.
        ("2026-11-20T09:00:00+08:00", 180, "2026-11-20 12:00"),
        ("2026-11-20T09:00:00+08:00", 181, "2026-11-20 13:31"),
        ("2026-11-20T12:30:00+08:00", 30, "2026-11-20 14:00"),
        ("2026-11-20T11:30:00+08:00", 60, "2026-11-20 14:00"),
        // Friday evening to Monday morning.
        ("2026-11-20T17:30:00+08:00", 30, "2026-11-20 18:00"),
        ("2026-11-20T17:30:00+08:00", 60, "2026-11-23 09:30"),
        ("2026-11-21T03:00:00+08:00", 450, "2026-11-23 18:00"),
        // 48 hours are six days of 7:30 and three hours.
        ("2026-11-16T09:00:00+08:00", 2880, "2026-11-24 12:00"),
        ("2026-11-20T09:00:00+08:00", 0, "2026-11-20 09:00"),
        // The clock starts at the next full minute.
        ("2026-11-20T09:00:00.000001+08:00", 1, "2026-11-20 09:02"),
    ] {
        let due = add_working_time(&days, at(from), minutes).unwrap();
        assert_eq!(local(&days, due), expected, "{from} + {minutes}");
    }
}

/// 2026: 15 to 23 February are free, Saturday the 14th and Saturday the 28th are worked.
#[test]
fn the_spring_festival_of_2026() {
    let from = at("2026-02-13T16:00:00+08:00");
    let days = cn();
    let due = add_working_time(&days, from, 48 * 60).unwrap();
    // 2 h on the 13th, 7:30 on the 14th, four days of 7:30, 7:30 on the 28th: 47 h. One is left.
    assert_eq!(local(&days, due), "2026-03-02 10:00");
    let bank = Days::of(&Calendar {
        follows_make_up_days: false,
        ..Calendar::built_in()
    });
    let due = add_working_time(&bank, from, 48 * 60).unwrap();
    // 2 h, four days, two days: 47 h.
    assert_eq!(local(&bank, due), "2026-03-04 10:00");
    let kinds: Vec<DayKind> = ["2026-02-13", "2026-02-14", "2026-02-15", "2026-02-24"]
        .map(|d| days.day(date(d)).kind)
        .to_vec();
    assert_eq!(
        kinds,
        [
            DayKind::Workday,
            DayKind::MakeUpDay,
            DayKind::Holiday,
            DayKind::Workday
        ]
    );
    assert_eq!(
        bank.day(date("2026-02-14")).kind,
        DayKind::MakeUpNotFollowed
    );
}

#[test]
fn an_explanation_names_every_span() {
    let days = cn();
    let from = at("2026-02-13T16:00:00+08:00");
    let (said, end) = explain(&days, from, 10 * 60, &[], from).unwrap();
    assert_eq!(end, Walk::Reached(at("2026-02-24T09:30:00+08:00")));
    let lines: Vec<(String, i64, Reason, String)> = said
        .lines
        .iter()
        .map(|l| {
            let name = l.name.as_ref().map(|n| n.zh.clone()).unwrap_or_default();
            (local(&days, l.from), l.minutes, l.reason, name)
        })
        .collect();
    let row = |from: &str, minutes, reason, name: &str| {
        (from.to_owned(), minutes, reason, name.to_owned())
    };
    assert_eq!(
        lines,
        [
            row("2026-02-13 16:00", 120, Reason::WorkingHours, ""),
            row("2026-02-13 18:00", 900, Reason::OutsideHours, ""),
            row("2026-02-14 09:00", 180, Reason::MakeUpDay, "春节调休上班"),
            row("2026-02-14 12:00", 90, Reason::Break, ""),
            row("2026-02-14 13:30", 270, Reason::MakeUpDay, "春节调休上班"),
            row("2026-02-14 18:00", 360, Reason::OutsideHours, ""),
            row("2026-02-15 00:00", 9 * 1440, Reason::Holiday, "春节"),
            row("2026-02-24 00:00", 540, Reason::OutsideHours, ""),
            row("2026-02-24 09:00", 30, Reason::WorkingHours, ""),
        ]
    );
    assert_eq!((said.counted_minutes, said.paused_minutes), (600, 0));
    assert_eq!(said.unknown_years, Vec::<i32>::new());
}

#[test]
fn pauses_do_not_count_and_an_open_one_stops_the_clock() {
    let days = cn();
    // A Monday.
    let from = at("2026-11-16T09:00:00+08:00");
    let pause = |from: &str, until: Option<&str>| Pause {
        from: at(from),
        until: until.map(at),
        why: Why::Question,
    };
    // An hour of work before, an hour of work and lunch asked, an hour after.
    let pauses = [pause(
        "2026-11-16T11:00:00+08:00",
        Some("2026-11-16T14:00:00+08:00"),
    )];
    let (said, end) = explain(&days, from, 180, &pauses, from).unwrap();
    assert_eq!(end, Walk::Reached(at("2026-11-16T15:00:00+08:00")));
    let reasons: Vec<(Reason, i64)> = said.lines.iter().map(|l| (l.reason, l.minutes)).collect();
    assert_eq!(
        reasons,
        [
            (Reason::WorkingHours, 120),
            (Reason::PausedQuestion, 60),
            (Reason::Break, 90),
            (Reason::PausedQuestion, 30),
            (Reason::WorkingHours, 60),
        ]
    );
    assert_eq!((said.counted_minutes, said.paused_minutes), (180, 90));
    // One that ends outside hours moves nothing.
    let night = [pause(
        "2026-11-16T18:00:00+08:00",
        Some("2026-11-17T08:59:30+08:00"),
    )];
    assert_eq!(
        due(&days, from, 500, &night).unwrap(),
        Walk::Reached(at("2026-11-17T09:50:00+08:00"))
    );
    let open = [pause("2026-11-16T10:00:00+08:00", None)];
    let now = at("2026-11-16T11:30:00+08:00");
    let (said, end) = explain(&days, from, 180, &open, now).unwrap();
    assert_eq!(end, Walk::Standing(at("2026-11-16T10:00:00+08:00")));
    assert_eq!((said.counted_minutes, said.paused_minutes), (60, 90));
    // Asked after the target was reached: late stays late.
    assert_eq!(
        due(&days, from, 60, &open).unwrap(),
        Walk::Reached(at("2026-11-16T10:00:00+08:00"))
    );
    // Overlapping ones count once.
    let twice = [
        pause(
            "2026-11-16T09:30:00+08:00",
            Some("2026-11-16T10:30:00+08:00"),
        ),
        pause(
            "2026-11-16T10:00:00+08:00",
            Some("2026-11-16T11:00:00+08:00"),
        ),
    ];
    assert_eq!(
        due(&days, from, 60, &twice).unwrap(),
        Walk::Reached(at("2026-11-16T11:30:00+08:00"))
    );
}

#[test]
fn clock_changes_count_real_minutes_between_boundaries() {
    let week = |text: &str| Week {
        sun: vec![span(text)],
        ..Week::default()
    };
    let minutes = |zone: Tz, hours: &str, day: &str| {
        let days = Days::of(&calendar(zone, week(hours)));
        let from = days.instant(date(day), TimeOfDay::default());
        let to = days.instant(date(day), TimeOfDay::END);
        working_minutes(&days, from, to)
    };
    let new_york = chrono_tz::America::New_York;
    let lord_howe = chrono_tz::Australia::Lord_Howe;
    for (zone, hours, day, expected) in [
        // 2026-03-08, 02:00 becomes 03:00.
        (new_york, "00:00-06:00", "2026-03-08", 300),
        (new_york, "02:30-04:00", "2026-03-08", 60),
        (new_york, "01:00-02:30", "2026-03-08", 60),
        (new_york, "02:10-02:50", "2026-03-08", 0),
        (new_york, "00:00-24:00", "2026-03-08", 23 * 60),
        // 2026-11-01, 02:00 becomes 01:00: the first 01:30 counts.
        (new_york, "00:00-06:00", "2026-11-01", 420),
        (new_york, "01:30-03:00", "2026-11-01", 150),
        (new_york, "00:00-01:30", "2026-11-01", 90),
        (new_york, "01:15-01:45", "2026-11-01", 30),
        (new_york, "00:00-24:00", "2026-11-01", 25 * 60),
        // Half an hour: 02:00 becomes 02:30 on 2026-10-04, and 01:30 on 2026-04-05.
        (lord_howe, "00:00-06:00", "2026-10-04", 330),
        (lord_howe, "02:15-03:00", "2026-10-04", 30),
        (lord_howe, "00:00-06:00", "2026-04-05", 390),
        // 2018-11-04: midnight itself does not exist.
        (
            chrono_tz::America::Sao_Paulo,
            "00:00-06:00",
            "2018-11-04",
            300,
        ),
        // 2011-12-30 was no day in Samoa (a Friday; Sunday the 1st follows as ever).
        (chrono_tz::Pacific::Apia, "08:00-12:00", "2012-01-01", 240),
    ] {
        assert_eq!(minutes(zone, hours, day), expected, "{zone} {hours} {day}");
    }
    let friday = Week {
        fri: vec![span("08:00-12:00")],
        ..Week::default()
    };
    let days = Days::of(&calendar(chrono_tz::Pacific::Apia, friday));
    let due = add_working_time(&days, at("2011-12-23T22:00:00Z"), 60).unwrap();
    assert_eq!(local(&days, due), "2012-01-06 09:00");
}

#[test]
fn what_is_never_reached_is_refused() {
    let mut all = calendar(
        chrono_tz::UTC,
        Week {
            mon: vec![span("09:00-09:01")],
            ..Week::default()
        },
    );
    let days = Days::of(&all);
    let from = at("2026-01-01T00:00:00Z");
    assert_eq!(
        local(&days, add_working_time(&days, from, 500).unwrap()),
        "2035-07-30 09:01"
    );
    assert_eq!(add_working_time(&days, from, 600), Err(Beyond));
    all.week = Week::default();
    assert_eq!(
        check(&all).unwrap_err().to_string(),
        "week: at least one day of the week needs hours"
    );
}

#[test]
fn long_explanations_are_cut_and_sums_are_whole() {
    let days = cn();
    let from = at("2026-01-05T01:00:00Z");
    let to = from + TimeDelta::days(9 * 365);
    let said = explain_span(&days, from, to, &[]);
    assert!(said.cut);
    assert_eq!(said.lines.len(), MAX_LINES);
    let listed: i64 = said
        .lines
        .iter()
        .filter(|l| l.counted)
        .map(|l| l.minutes)
        .sum();
    assert!(listed < said.counted_minutes);
    assert_eq!(said.unknown_years, (2027..=2035).collect::<Vec<_>>());
}

// ---------------------------------------------------------------- the built-in dates

#[test]
fn the_notices_are_plausible() {
    let calendar = Calendar::built_in();
    assert_eq!(check(&calendar), Ok(()));
    let days = cn();
    for workday in &calendar.extra_workdays {
        let weekday = Weekday::of(workday.day);
        assert!(
            matches!(weekday, Weekday::Sat | Weekday::Sun),
            "{} is made up for on a {weekday:?}",
            workday.day
        );
        assert_eq!(days.day(workday.day).minutes(), 450, "{}", workday.day);
    }
    // Days off by year, and free days of the week less the ones made up for: the public holidays of the
    // regulation, 11 a year until 2024 and 13 since.
    for (notice, off, statutory) in [(0, 28, 11), (1, 28, 13), (2, 33, 13)] {
        let year = notices()[notice].year;
        let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
        let all: Vec<NaiveDate> = first
            .iter_days()
            .take_while(|d| d.format("%Y").to_string() == year.to_string())
            .collect();
        let kind = |kind| {
            all.iter()
                .filter(|d| days.day(**d).kind == kind)
                .collect::<Vec<_>>()
        };
        let holidays = kind(DayKind::Holiday);
        assert_eq!(holidays.len(), off, "{year}");
        let week = holidays
            .iter()
            .filter(|d| !matches!(Weekday::of(***d), Weekday::Sat | Weekday::Sun))
            .count();
        assert_eq!(week - kind(DayKind::MakeUpDay).len(), statutory, "{year}");
    }
    let numbers: Vec<&str> = notices().iter().map(|n| n.number).collect();
    assert_eq!(
        numbers,
        [
            "国办发明电〔2023〕7号",
            "国办发明电〔2024〕12号",
            "国办发明电〔2025〕7号"
        ]
    );
    assert!(days.knows(2026) && !days.knows(2027) && !days.knows(2023));
}

#[test]
fn own_entries_come_before_those_of_the_base() {
    let mut own = calendar(
        chrono_tz::Asia::Shanghai,
        Week::workdays(&[span("08:00-12:00"), span("13:30-18:00")]),
    );
    own.base = Some(BUILT_IN.to_owned());
    own.holidays = vec![Holiday {
        from: date("2026-02-14"),
        to: None,
        name: "提前放假".into(),
        name_en: String::new(),
    }];
    own.extra_workdays = vec![ExtraWorkday {
        day: date("2026-02-23"),
        name: "提前开工".into(),
        spans: vec![span("10:00-12:00")],
        ..ExtraWorkday::default()
    }];
    assert_eq!(check(&own), Ok(()));
    let days = Days::of(&own);
    let day = |d: &str| (days.day(date(d)).kind, days.day(date(d)).minutes());
    assert_eq!(day("2026-02-14"), (DayKind::Holiday, 0));
    assert_eq!(day("2026-02-23"), (DayKind::MakeUpDay, 120));
    assert_eq!(day("2026-02-28"), (DayKind::MakeUpDay, 510));
    assert_eq!(own.stamp(), "1+cn2026");
    own.base = None;
    assert_eq!(own.stamp(), "1");
}

#[test]
fn a_calendar_that_cannot_be_computed_with_is_refused() {
    let good = Calendar {
        key: "x".into(),
        version: 1,
        ..Calendar::built_in()
    };
    assert_eq!(check(&good), Ok(()));
    type Spoil = fn(&mut Calendar);
    let field = |change: Spoil| {
        let mut c = good.clone();
        change(&mut c);
        check(&c).unwrap_err().to_string()
    };
    let holiday = |from: &str, to: &str| Holiday {
        from: date(from),
        to: Some(date(to)),
        name: "假".into(),
        name_en: String::new(),
    };
    let cases: [(&str, Spoil); 9] = [
        ("week.mon[0]", |c| c.week.mon = vec![span("09:00-09:00")]),
        ("week.mon[1]", |c| {
            c.week.mon = vec![span("09:00-12:00"), span("11:00-13:00")];
        }),
        ("week.sat", |c| c.week.sat = vec![span("09:00-10:00"); 13]),
        ("holidays[0].name", |c| c.holidays[0].name = "  ".into()),
        ("holidays[0].from", |c| {
            c.holidays[0].from = date("1999-12-31");
        }),
        ("extra_workdays[0].like", |c| {
            c.extra_workdays[0].like = Some(Weekday::Sun);
        }),
        ("extra_workdays[0].day", |c| {
            c.extra_workdays[0].day = c.holidays[0].from;
        }),
        ("extra_workdays[1].day", |c| {
            c.extra_workdays[1].day = c.extra_workdays[0].day;
        }),
        ("base", |c| c.base = Some("us".into())),
    ];
    for (expected, change) in cases {
        let said = field(change);
        assert!(said.starts_with(expected), "{said}, not {expected}");
    }
    let mut backwards = good.clone();
    backwards.holidays[0] = holiday("2026-05-02", "2026-05-01");
    assert!(check(&backwards).is_err());
    for bad in ["24:01", "9:00", "09:60", "-1:00", "0900", "09:0a", ""] {
        assert!(TimeOfDay::try_from(bad.to_owned()).is_err(), "{bad}");
    }
    let text = serde_json::to_string(&span("00:00-24:00")).unwrap();
    assert_eq!(text, r#"{"from":"00:00","to":"24:00"}"#);
}

// ---------------------------------------------------------------- the oracle

/// Whether people work on that minute, from the written calendar alone: the hours of the day that the
/// wall clock has reached so far. Nothing of it is shared with the code under test.
struct Oracle<'a> {
    calendar: &'a Calendar,
    reached: NaiveDateTime,
}

impl<'a> Oracle<'a> {
    fn new(calendar: &'a Calendar, start: Timestamp) -> Self {
        let mut oracle = Self {
            calendar,
            reached: NaiveDateTime::MIN,
        };
        for back in (1..=2 * 1440).rev() {
            oracle.tick(start - TimeDelta::minutes(back));
        }
        oracle
    }

    /// The spans of a day, by a list of rules.
    fn spans(&self, day: NaiveDate) -> Vec<Span> {
        let c = self.calendar;
        let week = |d: NaiveDate| match d.format("%u").to_string().as_str() {
            "1" => c.week.mon.clone(),
            "2" => c.week.tue.clone(),
            "3" => c.week.wed.clone(),
            "4" => c.week.thu.clone(),
            "5" => c.week.fri.clone(),
            "6" => c.week.sat.clone(),
            _ => c.week.sun.clone(),
        };
        if let Some(extra) = c.extra_workdays.iter().find(|w| w.day == day)
            && c.follows_make_up_days
        {
            return if !extra.spans.is_empty() {
                extra.spans.clone()
            } else if let Some(like) = extra.like {
                // 2024-01-01 is a Monday.
                week(date("2024-01-01") + TimeDelta::days(like as i64))
            } else {
                (0..7)
                    .map(|n| week(date("2024-01-01") + TimeDelta::days(n)))
                    .find(|s| !s.is_empty())
                    .unwrap_or_default()
            };
        }
        if c.holidays.iter().any(|h| h.from <= day && day <= h.last()) {
            return vec![];
        }
        week(day)
    }

    fn tick(&mut self, minute: Timestamp) -> bool {
        let wall = minute.with_timezone(&self.calendar.zone).naive_local();
        self.reached = self.reached.max(wall);
        let now = self.reached.time().format("%H:%M").to_string();
        self.spans(self.reached.date())
            .iter()
            .any(|s| s.from.to_string() <= now && now < s.to.to_string())
    }
}

fn paused(pauses: &[Pause], minute: Timestamp) -> bool {
    pauses
        .iter()
        .any(|p| p.from <= minute && p.until.is_none_or(|u| minute < u))
}

fn spans() -> impl Strategy<Value = Vec<Span>> {
    prop::collection::btree_set(0u16..=96, 0..=8).prop_map(|marks| {
        let marks: Vec<u16> = marks.into_iter().map(|m| m * 15).collect();
        marks
            .chunks_exact(2)
            .map(|pair| Span {
                from: TimeOfDay::new(pair[0] / 60, pair[0] % 60).unwrap(),
                to: TimeOfDay::new(pair[1] / 60, pair[1] % 60).unwrap(),
            })
            .collect()
    })
}

/// A zone and a Saturday shortly before one of its clock changes, or none.
fn places() -> impl Strategy<Value = (Tz, NaiveDate)> {
    prop::sample::select(vec![
        (chrono_tz::Asia::Shanghai, date("2026-02-12")),
        (chrono_tz::Asia::Kathmandu, date("2026-05-01")),
        (chrono_tz::America::New_York, date("2026-03-06")),
        (chrono_tz::America::New_York, date("2026-10-30")),
        (chrono_tz::Europe::London, date("2026-03-27")),
        (chrono_tz::Europe::London, date("2026-10-23")),
        (chrono_tz::Australia::Lord_Howe, date("2026-04-03")),
        (chrono_tz::Australia::Lord_Howe, date("2026-10-02")),
        (chrono_tz::America::Sao_Paulo, date("2018-02-16")),
        (chrono_tz::America::Sao_Paulo, date("2018-11-02")),
        (chrono_tz::Africa::Casablanca, date("2026-02-13")),
        (chrono_tz::Pacific::Apia, date("2011-12-28")),
    ])
}

fn calendars() -> impl Strategy<Value = (Calendar, NaiveDate)> {
    (
        places(),
        prop::collection::vec(spans(), 7),
        prop::collection::vec((0i64..9, 0i64..3), 0..3),
        prop::collection::btree_map(0i64..9, (spans(), prop::option::of(0usize..7)), 0..3),
        any::<bool>(),
    )
        .prop_map(|((zone, day), week, holidays, extra, follows)| {
            let mut week = week.into_iter();
            let mut next = || week.next().unwrap_or_default();
            let week = Week {
                mon: next(),
                tue: next(),
                wed: next(),
                thu: next(),
                fri: next(),
                sat: next(),
                sun: next(),
            };
            let mut made = calendar(zone, week);
            made.follows_make_up_days = follows;
            made.holidays = holidays
                .into_iter()
                .map(|(n, length)| Holiday {
                    from: day + TimeDelta::days(n),
                    to: Some(day + TimeDelta::days(n + length)),
                    name: "假".into(),
                    name_en: String::new(),
                })
                .collect();
            made.extra_workdays = extra
                .into_iter()
                .map(|(n, (spans, like))| ExtraWorkday {
                    day: day + TimeDelta::days(n),
                    name: "班".into(),
                    like: like
                        .map(|n| Weekday::ALL[n])
                        .filter(|d| spans.is_empty() && !made.week.of(*d).is_empty()),
                    spans,
                    ..ExtraWorkday::default()
                })
                .collect();
            let extra: Vec<NaiveDate> = made.extra_workdays.iter().map(|w| w.day).collect();
            made.holidays
                .retain(|h| !extra.iter().any(|d| h.from <= *d && *d <= h.last()));
            (made, day)
        })
        .prop_filter("works at all", |(made, _)| check(made).is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Minutes, due time and lines against the oracle.
    #[test]
    fn agrees_with_counting_minute_by_minute(
        (calendar, day) in calendars(),
        offset in 0i64..1440,
        target in 1u32..3000,
        breaks in prop::collection::vec((0i64..8000, 1i64..2000, any::<bool>()), 0..4),
    ) {
        let days = Days::of(&calendar);
        let start = day.and_hms_opt(0, 0, 0).unwrap().and_utc() + TimeDelta::minutes(offset);
        let mut pauses: Vec<Pause> = breaks
            .iter()
            .map(|(from, length, closed)| Pause {
                from: start + TimeDelta::minutes(*from),
                until: closed.then(|| start + TimeDelta::minutes(from + length)),
                why: Why::Question,
            })
            .collect();
        let span = 9 * 1440;
        let end = start + TimeDelta::minutes(span);
        let mut oracle = Oracle::new(&calendar, start);
        let (mut working, mut counted, mut reached) = (0, 0, None);
        let mut minutes = Vec::new();
        for n in 0..span {
            let minute = start + TimeDelta::minutes(n);
            let works = oracle.tick(minute);
            let counts = works && !paused(&pauses, minute);
            working += i64::from(works);
            counted += i64::from(counts);
            if counts && counted == i64::from(target) {
                reached = Some(minute + TimeDelta::minutes(1));
            }
            minutes.push(counts);
        }
        prop_assert_eq!(working_minutes(&days, start, end), working);
        let said = explain_span(&days, start, end, &pauses);
        prop_assert_eq!(said.counted_minutes, counted);
        prop_assert_eq!(said.paused_minutes, working - counted);
        // The lines follow each other without a gap and say of each minute what the oracle says.
        let mut at = start;
        for line in &said.lines {
            prop_assert_eq!(line.from, at);
            prop_assert_eq!(line.minutes, (line.until - line.from).num_minutes());
            prop_assert_eq!(line.counted, line.reason.counts());
            for n in 0..line.minutes {
                let index = (line.from - start).num_minutes() + n;
                prop_assert_eq!(minutes[index as usize], line.counted, "{} of {:?}", index, line);
            }
            at = line.until;
        }
        prop_assert_eq!(at, end);
        if let Some(reached) = reached {
            prop_assert_eq!(due(&days, start, target, &pauses), Ok(Walk::Reached(reached)));
            prop_assert_eq!(explain(&days, start, target, &pauses, end).unwrap().0.counted_minutes, i64::from(target));
        } else if let Some(open) = pauses.iter().filter(|p| p.until.is_none()).map(|p| p.from).min() {
            // It may stand a little later, where the pause began outside of hours or behind another one.
            match due(&days, start, target, &pauses) {
                Ok(Walk::Standing(since)) => prop_assert!(since >= open),
                other => prop_assert!(false, "{other:?}"),
            }
        }
        // Without pauses, adding and counting are inverse.
        pauses.clear();
        if let Ok(due) = add_working_time(&days, start, target) {
            prop_assert_eq!(working_minutes(&days, start, due), i64::from(target));
            prop_assert_eq!(working_minutes(&days, start, due - TimeDelta::minutes(1)), i64::from(target) - 1);
        }
    }

    /// No text makes the reader fail otherwise than with a reason.
    #[test]
    fn any_text_is_read_or_refused(text in "(BEGIN:VCALENDAR\r\n)?(BEGIN:VEVENT\n)?(DTSTART[;:].{0,20}\n|SUMMARY:.{0,9}\n|RRULE:.{0,20}\n|.{0,30}\n){0,6}(END:VEVENT\n)?(END:VCALENDAR)?") {
        if let Ok((entries, _)) = read_ics(&text, chrono_tz::UTC, &(2024..=2030)) {
            for entry in entries {
                prop_assert!(entry.from <= entry.to);
            }
        }
    }
}

// ---------------------------------------------------------------- iCalendar

fn ics(events: &[&str]) -> String {
    let mut text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//\r\n".to_owned();
    for event in events {
        text.push_str("BEGIN:VEVENT\r\n");
        for line in event.split('|') {
            text.push_str(line);
            text.push_str("\r\n");
        }
        text.push_str("BEGIN:VALARM\r\nSUMMARY:班\r\nEND:VALARM\r\nEND:VEVENT\r\n");
    }
    text.push_str("END:VCALENDAR\r\n");
    text
}

fn read(events: &[&str]) -> (Vec<String>, Vec<(String, Refusal)>) {
    let (entries, unread) =
        read_ics(&ics(events), chrono_tz::Asia::Shanghai, &(2024..=2030)).unwrap();
    (
        entries
            .iter()
            .map(|e| {
                let sort = match e.sort {
                    Sort::Holiday => "off",
                    Sort::ExtraWorkday => "work",
                };
                format!("{} {} {} {sort}", e.from, e.to, e.name)
            })
            .collect(),
        unread.into_iter().map(|u| (u.name, u.why)).collect(),
    )
}

#[test]
fn events_of_whole_days_are_read() {
    let (entries, unread) = read(&[
        "SUMMARY:春节（休）|DTSTART;VALUE=DATE:20260215|DTEND;VALUE=DATE:20260224",
        "SUMMARY:春节（班）|DTSTART;VALUE=DATE:20260214",
        "SUMMARY:国庆节补班|DTSTART;VALUE=DATE:20261010|DURATION:P1D",
        // Folded in the middle of a word, escaped, and from midnight to midnight on other clocks.
        "SUMMARY:国庆节\\, 中秋节|  放假|DTSTART:20260930T160000Z|DTEND:20261007T160000Z",
        "SUMMARY:公司假期|DTSTART;TZID=Asia/Shanghai:20261224T000000|DTEND;TZID=\"Asia/Shanghai\":20261226T000000",
        "SUMMARY:厂庆 休|DTSTART;VALUE=DATE:20230808|RRULE:FREQ=YEARLY;UNTIL=20260101|EXDATE;VALUE=DATE:20240808",
    ]);
    assert_eq!(unread, []);
    assert_eq!(
        entries,
        [
            "2026-02-15 2026-02-23 春节 off",
            "2026-02-14 2026-02-14 春节 work",
            "2026-10-10 2026-10-10 国庆节补班 work",
            "2026-10-01 2026-10-07 国庆节, 中秋节 off",
            "2026-12-24 2026-12-25 公司假期 off",
            "2025-08-08 2025-08-08 厂庆 off",
        ]
    );
    // Without any mark every event is a day off.
    let (entries, unread) = read(&[
        "SUMMARY:Christmas Day|DTSTART;VALUE=DATE:20251225|RRULE:FREQ=YEARLY;COUNT=3;INTERVAL=2",
    ]);
    assert_eq!(
        entries,
        [
            "2025-12-25 2025-12-25 Christmas Day off",
            "2027-12-25 2027-12-25 Christmas Day off",
            "2029-12-25 2029-12-25 Christmas Day off"
        ]
    );
    assert_eq!(unread, []);
    let leap = "SUMMARY:Leap|DTSTART;VALUE=DATE:20240229|RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29";
    assert_eq!(
        read(&[leap]).0,
        [
            "2024-02-29 2024-02-29 Leap off",
            "2028-02-29 2028-02-29 Leap off"
        ]
    );
}

#[test]
fn what_cannot_be_read_says_why() {
    let day = "DTSTART;VALUE=DATE:20260101";
    for (event, why) in [
        (day.to_owned(), Refusal::Name),
        ("SUMMARY:休".into(), Refusal::Date),
        (
            "SUMMARY:休|DTSTART;VALUE=DATE:20260231".into(),
            Refusal::Date,
        ),
        (
            "SUMMARY:休|DTSTART:20260101T090000|DTEND:20260101T120000".into(),
            Refusal::PartOfDay,
        ),
        (
            "SUMMARY:休|DTSTART:20260101T000000Z|DTEND:20260102T000000Z".into(),
            Refusal::PartOfDay,
        ),
        (
            "SUMMARY:休|DTSTART;TZID=Middle-Earth:20260101T000000|DURATION:P1D".into(),
            Refusal::Zone,
        ),
        (
            format!("SUMMARY:休|{day}|DTEND;VALUE=DATE:20251231"),
            Refusal::Order,
        ),
        (
            format!("SUMMARY:休|{day}|DTEND;VALUE=DATE:20280101"),
            Refusal::TooLong,
        ),
        (
            format!("SUMMARY:休|{day}|DURATION:PT8H"),
            Refusal::PartOfDay,
        ),
        (
            format!("SUMMARY:休|{day}|RRULE:FREQ=WEEKLY"),
            Refusal::Repetition,
        ),
        (
            format!("SUMMARY:休|{day}|RRULE:FREQ=YEARLY;BYDAY=1MO"),
            Refusal::Repetition,
        ),
        (
            format!("SUMMARY:休|{day}|RDATE;VALUE=DATE:20260505"),
            Refusal::Repetition,
        ),
        (
            format!("SUMMARY:休|{day}|STATUS:CANCELLED"),
            Refusal::Cancelled,
        ),
        (format!("SUMMARY:春节调休|{day}"), Refusal::Ambiguous),
        (
            "SUMMARY:休|DTSTART;VALUE=DATE:20190101".into(),
            Refusal::OutsideYears,
        ),
        (format!("SUMMARY:国庆值班|{day}"), Refusal::Unmarked),
    ] {
        let good = "SUMMARY:元旦（休）|DTSTART;VALUE=DATE:20260102";
        let (entries, unread) = read(&[&event, good]);
        let said: Vec<Refusal> = unread.iter().map(|u| u.1).collect();
        assert_eq!((entries.len(), said), (1, vec![why]), "{event}");
        assert!(!why.sentence().zh.is_empty() && !why.sentence().en.is_empty());
    }
    let whole = ics(&[]);
    for (text, error) in [
        (String::new(), NotACalendar::Frame),
        ("日期,名称\n2026-01-01,元旦\n".into(), NotACalendar::Frame),
        (whole.replace("END:VCALENDAR", ""), NotACalendar::Frame),
        (
            whole.replace("VERSION:2.0", "VERSION"),
            NotACalendar::Line(2),
        ),
        (whole.clone() + "X-A:1\n", NotACalendar::Frame),
        (" ".repeat(MAX_ICS_BYTES + 1), NotACalendar::Bytes),
    ] {
        let found = read_ics(&text, chrono_tz::UTC, &(2024..=2030));
        assert_eq!(found, Err(error));
    }
}

#[test]
fn an_import_replaces_days_and_keeps_the_rest() {
    let mut own = calendar(chrono_tz::Asia::Shanghai, Calendar::built_in().week);
    own.holidays = vec![Holiday {
        from: date("2026-05-01"),
        to: Some(date("2026-05-05")),
        name: "劳动节".into(),
        name_en: "Labour Day".into(),
    }];
    let entry = |from: &str, to: &str, name: &str, sort| Entry {
        name: name.to_owned(),
        from: date(from),
        to: date(to),
        sort,
    };
    let entries = [
        entry("2026-05-03", "2026-05-03", "盘点", Sort::ExtraWorkday),
        entry("2026-05-05", "2026-05-06", "劳动节", Sort::Holiday),
        entry("2026-05-03", "2026-05-03", "劳动节", Sort::Holiday),
    ];
    let (next, changes) = merged(&own, &entries);
    let days: Vec<(String, Option<Sort>)> = changes
        .iter()
        .map(|c| (c.day.to_string(), c.before))
        .collect();
    assert_eq!(
        days,
        [
            ("2026-05-03".to_owned(), Some(Sort::Holiday)),
            ("2026-05-06".to_owned(), None)
        ]
    );
    assert_eq!(check(&next), Ok(()));
    let ranges: Vec<(NaiveDate, NaiveDate)> =
        next.holidays.iter().map(|h| (h.from, h.last())).collect();
    assert_eq!(
        ranges,
        [
            (date("2026-05-01"), date("2026-05-02")),
            (date("2026-05-04"), date("2026-05-05")),
            (date("2026-05-06"), date("2026-05-06"))
        ]
    );
    assert_eq!(next.extra_workdays[0].name, "盘点");
    // Again: nothing changes.
    let (again, changes) = merged(&next, &entries);
    assert_eq!((again, changes), (next, vec![]));
}

#[test]
fn minutes_are_rounded_up() {
    let whole: DateTime<Utc> = at("2026-01-01T00:00:00Z");
    assert_eq!(next_minute(whole), whole);
    for nanoseconds in [1, 999_999_999, 59_999_999_999] {
        let later = whole + TimeDelta::nanoseconds(nanoseconds);
        assert_eq!(next_minute(later), whole + TimeDelta::minutes(1));
    }
}
