//! What the program knows of mainland China: the dates that the General Office of the State Council
//! gives notice of for each year. Years without a notice have no entries: then only weekends are free.

use super::{Calendar, ExtraWorkday, Holiday, Span, TimeOfDay, Week};
use chrono::NaiveDate;

/// Key of the built-in calendar.
pub const BUILT_IN: &str = "cn";

/// Changes whenever the dates below do: open tasks are then computed again.
pub(super) const REVISION: &str = "cn2026";

/// Days off: month and day of the first and of the last, Chinese and English name.
type Off = ((u32, u32), (u32, u32), &'static str, &'static str);

/// The notice of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The year that it is about.
    pub year: i32,
    /// Its number.
    pub number: &'static str,
    off: &'static [Off],
    /// Month, day, names of the holiday that is made up for.
    work: &'static [(u32, u32, &'static str, &'static str)],
}

const NEW_YEAR: (&str, &str) = ("元旦", "New Year's Day");
const SPRING: (&str, &str) = ("春节", "Spring Festival");
const QINGMING: (&str, &str) = ("清明节", "Qingming Festival");
const LABOUR: (&str, &str) = ("劳动节", "Labour Day");
const DUANWU: (&str, &str) = ("端午节", "Dragon Boat Festival");
const MIDAUTUMN: (&str, &str) = ("中秋节", "Mid-Autumn Festival");
const NATIONAL: (&str, &str) = ("国庆节", "National Day");
const BOTH: (&str, &str) = ("国庆节、中秋节", "National Day and Mid-Autumn Festival");

const NOTICES: [Notice; 3] = [
    Notice {
        year: 2024,
        number: "国办发明电〔2023〕7号",
        off: &[
            ((1, 1), (1, 1), NEW_YEAR.0, NEW_YEAR.1),
            ((2, 10), (2, 17), SPRING.0, SPRING.1),
            ((4, 4), (4, 6), QINGMING.0, QINGMING.1),
            ((5, 1), (5, 5), LABOUR.0, LABOUR.1),
            ((6, 10), (6, 10), DUANWU.0, DUANWU.1),
            ((9, 15), (9, 17), MIDAUTUMN.0, MIDAUTUMN.1),
            ((10, 1), (10, 7), NATIONAL.0, NATIONAL.1),
        ],
        work: &[
            (2, 4, SPRING.0, SPRING.1),
            (2, 18, SPRING.0, SPRING.1),
            (4, 7, QINGMING.0, QINGMING.1),
            (4, 28, LABOUR.0, LABOUR.1),
            (5, 11, LABOUR.0, LABOUR.1),
            (9, 14, MIDAUTUMN.0, MIDAUTUMN.1),
            (9, 29, NATIONAL.0, NATIONAL.1),
            (10, 12, NATIONAL.0, NATIONAL.1),
        ],
    },
    Notice {
        year: 2025,
        number: "国办发明电〔2024〕12号",
        off: &[
            ((1, 1), (1, 1), NEW_YEAR.0, NEW_YEAR.1),
            ((1, 28), (2, 4), SPRING.0, SPRING.1),
            ((4, 4), (4, 6), QINGMING.0, QINGMING.1),
            ((5, 1), (5, 5), LABOUR.0, LABOUR.1),
            ((5, 31), (6, 2), DUANWU.0, DUANWU.1),
            ((10, 1), (10, 8), BOTH.0, BOTH.1),
        ],
        work: &[
            (1, 26, SPRING.0, SPRING.1),
            (2, 8, SPRING.0, SPRING.1),
            (4, 27, LABOUR.0, LABOUR.1),
            (9, 28, BOTH.0, BOTH.1),
            (10, 11, BOTH.0, BOTH.1),
        ],
    },
    Notice {
        year: 2026,
        number: "国办发明电〔2025〕7号",
        off: &[
            ((1, 1), (1, 3), NEW_YEAR.0, NEW_YEAR.1),
            ((2, 15), (2, 23), SPRING.0, SPRING.1),
            ((4, 4), (4, 6), QINGMING.0, QINGMING.1),
            ((5, 1), (5, 5), LABOUR.0, LABOUR.1),
            ((6, 19), (6, 21), DUANWU.0, DUANWU.1),
            ((9, 25), (9, 27), MIDAUTUMN.0, MIDAUTUMN.1),
            ((10, 1), (10, 7), NATIONAL.0, NATIONAL.1),
        ],
        work: &[
            (1, 4, NEW_YEAR.0, NEW_YEAR.1),
            (2, 14, SPRING.0, SPRING.1),
            (2, 28, SPRING.0, SPRING.1),
            (5, 9, LABOUR.0, LABOUR.1),
            (9, 20, NATIONAL.0, NATIONAL.1),
            (10, 10, NATIONAL.0, NATIONAL.1),
        ],
    },
];

/// The notices that the program knows, by year.
#[must_use]
pub fn notices() -> &'static [Notice] {
    &NOTICES
}

/// First and last year that a notice is known for.
pub(super) fn known() -> (i32, i32) {
    (NOTICES[0].year, NOTICES[NOTICES.len() - 1].year)
}

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    // Every date above is in the calendar: a test walks through them.
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
}

/// Holidays and make-up days of every known year.
pub(super) fn exceptions() -> (Vec<Holiday>, Vec<ExtraWorkday>) {
    let off = |n: &Notice| {
        let year = n.year;
        n.off.iter().map(move |(first, last, name, name_en)| {
            let (from, to) = (date(year, first.0, first.1), date(year, last.0, last.1));
            Holiday {
                from,
                to: (to != from).then_some(to),
                name: (*name).to_owned(),
                name_en: (*name_en).to_owned(),
            }
        })
    };
    let work = |n: &Notice| {
        let year = n.year;
        n.work
            .iter()
            .map(move |(month, day, name, name_en)| ExtraWorkday {
                day: date(year, *month, *day),
                name: format!("{name}调休上班"),
                name_en: format!("Make-up day for {name_en}"),
                like: None,
                spans: Vec::new(),
            })
    };
    (
        NOTICES.iter().flat_map(off).collect(),
        NOTICES.iter().flat_map(work).collect(),
    )
}

pub(super) fn calendar() -> Calendar {
    let span = |from: (u16, u16), to: (u16, u16)| {
        Some(Span {
            from: TimeOfDay::new(from.0, from.1)?,
            to: TimeOfDay::new(to.0, to.1)?,
        })
    };
    let day: Vec<Span> = [span((9, 0), (12, 0)), span((13, 30), (18, 0))]
        .into_iter()
        .flatten()
        .collect();
    let (holidays, extra_workdays) = exceptions();
    Calendar {
        key: BUILT_IN.to_owned(),
        name: "中国大陆".to_owned(),
        name_en: "Mainland China".to_owned(),
        zone: chrono_tz::Asia::Shanghai,
        week: Week::workdays(&day),
        base: Some(BUILT_IN.to_owned()),
        holidays,
        extra_workdays,
        follows_make_up_days: true,
        version: 0,
    }
}
