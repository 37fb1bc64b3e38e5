//! Who is away, and who stands in.

use crate::clock::{Timestamp, start_of_day};
use crate::organisation::{Department, check_key, is_email};
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

/// Most people of a chain of substitutes, the one who is away not counted.
pub const LONGEST_CHAIN: usize = 5;

/// Somebody is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Absence {
    /// Stable name, such as the number of the leave request.
    #[serde(default)]
    pub key: String,
    /// Who, lower case.
    pub email: String,
    /// First day, in the person's zone.
    pub from: NaiveDate,
    /// Last day, included.
    pub to: NaiveDate,
    /// Who stands in. Nobody: the department's deputy, else its manager, else its next owner.
    #[serde(default)]
    pub substitute: Option<String>,
    /// Why, as far as colleagues may know.
    #[serde(default)]
    pub reason: String,
    /// The person's zone: what the program knows of them, else the organisation's.
    #[serde(default = "shanghai")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub zone: chrono_tz::Tz,
    /// Counts changes.
    #[serde(default)]
    pub version: i64,
}

fn shanghai() -> chrono_tz::Tz {
    chrono_tz::Asia::Shanghai
}

impl Absence {
    /// First instant of it.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        start_of_day(self.from, self.zone)
    }

    /// First instant at which the person is back.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        let back = self.to.checked_add_days(Days::new(1)).unwrap_or(self.to);
        start_of_day(back, self.zone)
    }

    /// Whether the person is away at `at`.
    #[must_use]
    pub fn covers(&self, at: Timestamp) -> bool {
        self.start() <= at && at < self.end()
    }
}

/// Why an absence cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A field is not of its form.
    #[error("{field}: {detail}")]
    Field {
        /// Which.
        field: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// The person is away in that time already.
    #[error("{key} covers some of these days already")]
    Overlap {
        /// The other absence.
        key: String,
    },
    /// The substitutes would stand in for each other.
    #[error("they would stand in for each other: {}", chain.join(" → "))]
    Cycle {
        /// From the one who is away back to the same person.
        chain: Vec<String>,
    },
    /// Too many substitutes of substitutes.
    #[error("more than {LONGEST_CHAIN} substitutes in a row: {}", chain.join(" → "))]
    TooLong {
        /// From the one who is away on.
        chain: Vec<String>,
    },
}

/// Checks an absence together with the others that are kept.
pub fn check(new: &Absence, others: &[Absence]) -> Result<(), Refused> {
    let refuse = |field, detail: &str| {
        Err(Refused::Field {
            field,
            detail: detail.to_owned(),
        })
    };
    if let Err(error) = check_key(&new.key) {
        return refuse("key", &error.to_string());
    }
    if !is_email(&new.email) {
        return refuse("email", "not an e-mail address");
    }
    if let Some(substitute) = &new.substitute {
        if !is_email(substitute) {
            return refuse("substitute", "not an e-mail address");
        }
        if *substitute == new.email {
            return Err(Refused::Cycle {
                chain: vec![new.email.clone(), new.email.clone()],
            });
        }
    }
    if new.to < new.from {
        return refuse("to", "before the first day");
    }
    if (new.to - new.from).num_days() > 730 {
        return refuse("to", "at most two years");
    }
    if new.reason.chars().count() > 200 {
        return refuse("reason", "at most 200 characters");
    }
    let (from, to) = (new.start(), new.end());
    let meets = |a: &Absence| a.start() < to && a.end() > from;
    let mut all: Vec<&Absence> = others
        .iter()
        .filter(|a| a.key != new.key && meets(a))
        .collect();
    if let Some(other) = all.iter().find(|a| a.email == new.email) {
        return Err(Refused::Overlap {
            key: other.key.clone(),
        });
    }
    all.push(new);
    // The new one may lengthen or close a chain that begins with somebody else.
    for first in &all {
        let mut chain = vec![first.email.clone()];
        follow(first, (from, to), &all, &mut chain)?;
    }
    Ok(())
}

/// Walks all chains that begin with `absence` and hold at some instant of `span`. Somebody has one absence
/// at a time, so the walk branches only where the substitute is away for parts of it.
fn follow(
    absence: &Absence,
    span: (Timestamp, Timestamp),
    all: &[&Absence],
    chain: &mut Vec<String>,
) -> Result<(), Refused> {
    let Some(substitute) = &absence.substitute else {
        return Ok(());
    };
    let span = (span.0.max(absence.start()), span.1.min(absence.end()));
    if span.0 >= span.1 {
        return Ok(());
    }
    let known = chain.contains(substitute);
    chain.push(substitute.clone());
    if known {
        return Err(Refused::Cycle {
            chain: chain.clone(),
        });
    }
    if chain.len() > LONGEST_CHAIN + 1 {
        return Err(Refused::TooLong {
            chain: chain.clone(),
        });
    }
    for next in all.iter().filter(|a| a.email == *substitute) {
        follow(next, span, all, chain)?;
    }
    chain.pop();
    Ok(())
}

/// How somebody was found who is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The person is there.
    Here,
    /// A substitute, or a substitute's substitute.
    Substitute,
    /// The department's deputy.
    Deputy,
    /// The department's manager.
    Manager,
    /// Another owner of the department.
    NextOwner,
}

/// Who is there for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// Their address.
    pub email: String,
    /// How they were found.
    pub how: How,
    /// When the one who was asked for is back; `None`: is not away.
    pub until: Option<Timestamp>,
}

/// The end of the chain of substitutes of `email` at `at`; `None`: it ends with somebody who is away.
#[must_use]
pub fn substitute(email: &str, at: Timestamp, all: &[Absence]) -> Option<String> {
    let mut who = email.to_owned();
    for _ in 0..=LONGEST_CHAIN {
        match all.iter().find(|a| a.email == who && a.covers(at)) {
            None => return Some(who),
            Some(absence) => who = absence.substitute.clone()?,
        }
    }
    None
}

/// Who is there at `at` for `email` of `department`: the person, a substitute, the deputy, the manager, the
/// next owner. `None`: nobody of them.
#[must_use]
pub fn present(
    email: &str,
    department: Option<&Department>,
    at: Timestamp,
    all: &[Absence],
) -> Option<Present> {
    let away = all.iter().find(|a| a.email == email && a.covers(at));
    let Some(away) = away else {
        return Some(Present {
            email: email.to_owned(),
            how: How::Here,
            until: None,
        });
    };
    let until = Some(away.end());
    if let Some(found) = substitute(email, at, all) {
        return Some(Present {
            email: found,
            how: How::Substitute,
            until,
        });
    }
    let department = department?;
    let others = [
        (department.deputy_email.as_deref(), How::Deputy),
        (department.manager_email.as_deref(), How::Manager),
    ];
    let owners = department
        .owners
        .iter()
        .map(|o| (Some(o.email.as_str()), How::NextOwner));
    others
        .into_iter()
        .chain(owners)
        .filter_map(|(who, how)| Some((who?, how)))
        .find_map(|(who, how)| {
            let found = substitute(&who.to_lowercase(), at, all)?;
            (found != email).then_some(Present {
                email: found,
                how,
                until,
            })
        })
}

#[cfg(test)]
mod tests {
    use super::super::tests::owner;
    use super::*;
    use chrono::{TimeZone as _, Utc};
    use proptest::prelude::*;

    fn day(d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, d).unwrap()
    }

    fn noon(d: u32) -> Timestamp {
        Utc.with_ymd_and_hms(2026, 11, d, 4, 0, 0).unwrap()
    }

    fn away(who: &str, days: (u32, u32), substitute: Option<&str>) -> Absence {
        Absence {
            key: format!("{who}-{}", days.0),
            email: format!("{who}@x.example"),
            from: day(days.0),
            to: day(days.1),
            substitute: substitute.map(|s| format!("{s}@x.example")),
            reason: String::new(),
            zone: shanghai(),
            version: 1,
        }
    }

    #[test]
    fn days_are_the_persons_own() {
        let a = away("a", (3, 4), None);
        assert_eq!(
            a.start(),
            Utc.with_ymd_and_hms(2026, 11, 2, 16, 0, 0).unwrap()
        );
        assert_eq!(
            a.end(),
            Utc.with_ymd_and_hms(2026, 11, 4, 16, 0, 0).unwrap()
        );
        assert!(a.covers(noon(4)) && !a.covers(noon(5)) && !a.covers(noon(2)));
    }

    #[test]
    fn cycles_are_refused_with_their_chain_only_where_days_meet() {
        let kept = [away("b", (3, 10), Some("c")), away("c", (8, 12), Some("a"))];
        assert_eq!(check(&away("a", (1, 7), Some("b")), &kept), Ok(()));
        let chain = ["a", "b", "c", "a"].map(|w| format!("{w}@x.example"));
        let refused = check(&away("a", (1, 8), Some("b")), &kept).unwrap_err();
        let Refused::Cycle { chain: found } = &refused else {
            panic!("{refused:?}")
        };
        assert_eq!(found.len(), 4);
        assert!(found.iter().all(|who| chain.contains(who)), "{found:?}");
        assert!(refused.to_string().contains(" → "));
        assert!(matches!(
            check(&away("a", (1, 1), Some("a")), &[]),
            Err(Refused::Cycle { .. })
        ));
    }

    #[test]
    fn chains_have_an_end() {
        let kept: Vec<Absence> = ["b", "c", "d", "e", "f"]
            .windows(2)
            .map(|w| away(w[0], (1, 30), Some(w[1])))
            .collect();
        assert_eq!(check(&away("a", (5, 5), Some("b")), &kept), Ok(()));
        let kept = [&kept[..], &[away("f", (1, 30), Some("g"))]].concat();
        // Five substitutes behind b are allowed; with a in front they are six.
        assert_eq!(check(&kept[4], &kept[..4]), Ok(()));
        assert!(matches!(
            check(&away("a", (5, 5), Some("b")), &kept),
            Err(Refused::TooLong { chain }) if chain.len() == 7
        ));
    }

    #[test]
    fn one_absence_at_a_time() {
        let kept = [away("a", (3, 10), None)];
        assert_eq!(
            check(&away("a", (10, 12), None), &kept),
            Err(Refused::Overlap { key: "a-3".into() })
        );
        assert_eq!(check(&away("a", (11, 12), None), &kept), Ok(()));
        assert_eq!(
            check(&away("a", (3, 12), None), &kept),
            Ok(()),
            "itself, changed"
        );
    }

    #[test]
    fn the_department_stands_in_where_nobody_is_named() {
        let department = Department {
            key: "d".into(),
            owners: vec![owner("a@x.example"), owner("o@x.example")],
            manager_email: Some("m@x.example".into()),
            deputy_email: Some("p@x.example".into()),
            ..Department::default()
        };
        let who = |all: &[Absence]| {
            present("a@x.example", Some(&department), noon(5), all).map(|p| (p.email, p.how))
        };
        let found = |w: &str, how| Some((format!("{w}@x.example"), how));
        assert_eq!(who(&[]), found("a", How::Here));
        let a = away("a", (1, 9), None);
        assert_eq!(who(std::slice::from_ref(&a)), found("p", How::Deputy));
        let p = away("p", (1, 9), None);
        assert_eq!(who(&[a.clone(), p.clone()]), found("m", How::Manager));
        let m = away("m", (1, 9), Some("n"));
        assert_eq!(who(&[a.clone(), p.clone(), m]), found("n", How::Manager));
        let m = away("m", (1, 9), None);
        let three = [a.clone(), p, m];
        assert_eq!(who(&three), found("o", How::NextOwner));
        let o = away("o", (1, 9), None);
        assert_eq!(who(&[&three[..], &[o]].concat()), None);
        // A substitute who is away without one of their own is none.
        let a = away("a", (1, 9), Some("b"));
        assert_eq!(who(&[a, away("b", (4, 6), None)]), found("p", How::Deputy));
        assert_eq!(present("a@x.example", None, noon(5), &three), None);
    }

    proptest! {
        /// What was let in one by one always leads somewhere: no walk goes round.
        #[test]
        fn kept_absences_never_go_round(wishes in proptest::collection::vec((0_usize..8, 0_usize..8, 1_u32..20, 0_u32..8), 1..30), at in 1_u32..28) {
            let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
            let mut kept: Vec<Absence> = Vec::new();
            for (n, (who, substitute, from, long)) in wishes.into_iter().enumerate() {
                let mut new = away(names[who], (from, from + long), Some(names[substitute]));
                new.key = format!("k{n}");
                if check(&new, &kept).is_ok() {
                    kept.push(new);
                }
            }
            for name in names {
                let mut who = format!("{name}@x.example");
                let mut steps = 0;
                while let Some(a) = kept.iter().find(|a| a.email == who && a.covers(noon(at))) {
                    who = a.substitute.clone().unwrap();
                    steps += 1;
                    prop_assert!(steps <= LONGEST_CHAIN);
                }
                prop_assert_eq!(substitute(&format!("{name}@x.example"), noon(at), &kept), Some(who));
            }
        }
    }
}
