//! Several fixes of one matter whose after-windows overlap: nobody can tell which of them did it, so
//! they share one verdict, and what was saved counts once.

use crate::ids::TaskId;
use chrono::{Days, NaiveDate};

/// A fix of the matter that a task is about: the same topic in overlapping channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Its task.
    pub task: TaskId,
    /// The day it went live.
    pub day: NaiveDate,
    /// Days after it when its own verdict falls at the latest.
    pub horizon_days: u32,
}

/// The tasks that share one verdict with `task`, the earliest fix first: its contract and date judge
/// them all. `task` alone where no other overlaps.
///
/// A fix joins an earlier one when it went live inside the earlier one's after-window and before that
/// one was decided: `decided(fix, day)` says whether the days before `day` alone had decided it.
pub fn together(
    task: TaskId,
    fixes: &[Fix],
    mut decided: impl FnMut(&Fix, NaiveDate) -> bool,
) -> Vec<Fix> {
    let mut all: Vec<&Fix> = fixes.iter().collect();
    all.sort_by_key(|fix| (fix.day, fix.task));
    let mut set: Vec<Fix> = Vec::new();
    for fix in all {
        let joins = set.first().is_some_and(|first| {
            let end = first
                .day
                .checked_add_days(Days::new(u64::from(first.horizon_days)));
            end.is_some_and(|end| fix.day <= end)
                && (fix.day == first.day || !decided(first, fix.day))
        });
        if !joins {
            if set.iter().any(|member| member.task == task) {
                break;
            }
            set.clear();
        }
        set.push(fix.clone());
    }
    if set.iter().any(|member| member.task == task) {
        set
    } else {
        fixes.iter().filter(|f| f.task == task).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fix(n: u128, d: u64) -> Fix {
        Fix {
            task: TaskId(uuid::Uuid::from_u128(n)),
            day: NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + Days::new(d),
            horizon_days: 28,
        }
    }

    fn ids(set: &[Fix]) -> Vec<u128> {
        set.iter().map(|f| f.task.0.as_u128()).collect()
    }

    #[test]
    fn overlapping_fixes_share_a_verdict_whoever_asks() {
        let all = [fix(2, 10), fix(1, 0), fix(3, 60)];
        for (n, expected) in [(1, vec![1, 2]), (2, vec![1, 2]), (3, vec![3])] {
            let set = together(TaskId(uuid::Uuid::from_u128(n)), &all, |_, _| false);
            assert_eq!(ids(&set), expected, "asked by {n}");
        }
    }

    #[test]
    fn what_was_decided_before_stands_alone() {
        let all = [fix(1, 0), fix(2, 20)];
        let set = together(all[1].task, &all, |first, day| {
            assert_eq!((first.task, day), (all[0].task, all[1].day));
            true
        });
        assert_eq!(ids(&set), [2]);
        let same_day = [fix(1, 0), fix(2, 0)];
        let set = together(same_day[0].task, &same_day, |_, _| true);
        assert_eq!(ids(&set), [1, 2], "on one day nothing lies between");
    }

    #[test]
    fn a_set_ends_with_the_first_horizon() {
        let all = [fix(1, 0), fix(2, 20), fix(3, 40)];
        let set = together(all[2].task, &all, |_, _| false);
        assert_eq!(ids(&set), [3]);
    }
}
