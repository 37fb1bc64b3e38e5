//! When a task is due, and whether it is late.

use super::Task;
use crate::calendar::{Beyond, Days, Pause, Walk, Why, due};
use crate::clock::Timestamp;
use serde::{Deserialize, Serialize};

/// How a due time came about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum DueRule {
    /// A person set it: nothing moves it but a person.
    #[default]
    Person,
    /// So many working minutes of a calendar. Pauses and edits of the calendar move it.
    Calendar {
        /// Key of the calendar.
        calendar: String,
        /// Exactly which edition of it.
        stamp: String,
        /// Working minutes.
        minutes: u32,
        /// Since when they count.
        from: Timestamp,
    },
}

/// Ends the pause that lasts.
pub(super) fn resume(pauses: &mut [Pause], at: Timestamp) {
    if let Some(open) = pauses.iter_mut().find(|p| p.until.is_none()) {
        open.until = Some(at.max(open.from));
    }
}

impl Task {
    /// Since when the owner waits for an answer.
    #[must_use]
    pub fn waits_since(&self) -> Option<Timestamp> {
        self.pauses
            .iter()
            .find(|p| p.until.is_none())
            .map(|p| p.from)
    }

    /// What the owner waits for.
    #[must_use]
    pub fn waits_for(&self) -> Option<Why> {
        self.pauses
            .iter()
            .find(|p| p.until.is_none())
            .map(|p| p.why)
    }

    /// Since when its clock stands: the owner waits, the due time is a computed one, and was not over
    /// when the waiting began.
    #[must_use]
    pub fn stands_since(&self) -> Option<Timestamp> {
        let computed = matches!(self.due_rule, DueRule::Calendar { .. });
        self.waits_since()
            .filter(|since| computed && *since < self.due_at)
    }

    /// Whether it should have been done. A clock that stands makes nothing late.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.state.is_under_way() && self.due_at < now && self.stands_since().is_none()
    }

    /// Whether edits of its calendar move its due time: a computed one, nothing delivered yet.
    #[must_use]
    pub fn due_can_move(&self) -> bool {
        self.state.is_open()
            && self.done_at.is_none()
            && matches!(self.due_rule, DueRule::Calendar { .. })
    }

    /// When it is due by its rule and `days`: pauses that are over count, the one that lasts moves the
    /// time when it ends. `None`: a person set the time.
    ///
    /// # Errors
    ///
    /// [`Beyond`] where the calendar never gets there.
    pub fn due_by_rule(&self, days: &Days) -> Result<Option<Timestamp>, Beyond> {
        let DueRule::Calendar { minutes, from, .. } = &self.due_rule else {
            return Ok(None);
        };
        let over: Vec<Pause> = self
            .pauses
            .iter()
            .filter(|p| p.until.is_some())
            .copied()
            .collect();
        match due(days, *from, *minutes, &over)? {
            Walk::Reached(at) | Walk::Standing(at) => Ok(Some(at)),
        }
    }
}
