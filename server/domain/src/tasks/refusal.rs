//! Refusals: how often a task was passed on, and when somebody has to decide.

use super::state::{Command, Task};
use crate::clock::Timestamp;
use serde::{Deserialize, Serialize};

/// Refusals and hand-overs after which somebody decides, where the organisation says nothing.
pub const USUAL_HOPS: u32 = 3;

/// How a task left a department.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HopKind {
    /// Its owner refused.
    Declined,
    /// Its owner passed it on.
    HandedOver,
}

impl HopKind {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Declined => "declined",
            Self::HandedOver => "handed_over",
        }
    }
}

/// One refusal or hand-over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = TaskHop))]
pub struct Hop {
    /// When.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// How.
    pub kind: HopKind,
    /// The department that it left.
    pub from: String,
    /// The department that should do it, in their view.
    pub to: Option<String>,
    /// Who.
    pub by: String,
    /// Why; may be empty for a hand-over.
    pub reason: String,
    /// That department had passed it on before.
    pub ping_pong: bool,
}

impl Hop {
    /// Most of one task.
    pub const MOST: usize = 100;
}

/// Whether a department has refused a task or passed it on.
#[must_use]
pub fn has_refused(hops: &[Hop], department: &str) -> bool {
    hops.iter().any(|hop| hop.from == department)
}

/// Whether `command` is the refusal or hand-over after which somebody else decides: the `limit`-th, or any
/// after it. The arbiter's own decision is none.
#[must_use]
pub fn must_refer(task: &Task, command: &Command, limit: u32) -> bool {
    let refusal = matches!(command, Command::Decline { .. } | Command::HandOver { .. });
    refusal && !task.with_arbiter && task.hops.len() + 1 >= limit.max(1) as usize
}

#[cfg(test)]
mod tests {
    use super::super::tests::{actor, now, owner, task};
    use super::super::{State, apply};
    use super::*;

    fn over(to: &str) -> Command {
        Command::HandOver {
            department: to.into(),
            owner: owner(&format!("{to}@example.com")),
            reason: Some("not ours".into()),
        }
    }

    #[test]
    fn a_department_that_gets_it_back_is_counted() {
        let mut present = task(State::Assigned);
        for to in ["e", "f", "d", "e"] {
            present = apply(present, &over(to), &actor(), now()).unwrap().0;
        }
        let seen: Vec<(&str, Option<&str>, bool)> = present
            .hops
            .iter()
            .map(|h| (h.from.as_str(), h.to.as_deref(), h.ping_pong))
            .collect();
        assert_eq!(
            seen,
            [
                ("d", Some("e"), false),
                ("e", Some("f"), false),
                ("f", Some("d"), true),
                ("d", Some("e"), true)
            ]
        );
    }

    #[test]
    fn the_third_hop_goes_to_the_arbiter_whose_word_is_no_hop() {
        let mut present = task(State::Assigned);
        for to in ["e", "f"] {
            assert!(!must_refer(&present, &over(to), 3));
            present = apply(present, &over(to), &actor(), now()).unwrap().0;
        }
        assert!(must_refer(&present, &over("d"), 3));
        let refer = Command::Refer {
            refusal: Box::new(over("d")),
            arbiter: Some(owner("chief@example.com")),
        };
        let (asked, effects) = apply(present, &refer, &actor(), now()).unwrap();
        assert_eq!(asked.owner.email, "chief@example.com");
        assert_eq!((asked.department.as_str(), asked.with_arbiter), ("f", true));
        assert_eq!(asked.proposed_department.as_deref(), Some("d"));
        assert_eq!(asked.hops.len(), 3);
        assert!(effects.contains(&super::super::Effect::OfferTask));
        assert!(!must_refer(&asked, &over("e"), 3), "the arbiter decides");
        let (decided, _) = apply(asked, &over("e"), &actor(), now()).unwrap();
        assert_eq!((decided.hops.len(), decided.with_arbiter), (3, false));
        assert!(must_refer(&decided, &over("d"), 3), "and is asked again");
    }

    #[test]
    fn without_an_arbiter_the_voc_owner_decides() {
        let refer = Command::Refer {
            refusal: Box::new(over("e")),
            arbiter: None,
        };
        let (stuck, effects) = apply(task(State::Accepted), &refer, &actor(), now()).unwrap();
        assert_eq!(stuck.state, State::Declined);
        assert_eq!(stuck.proposed_department.as_deref(), Some("e"));
        assert_eq!(effects, [super::super::Effect::TellAssigner]);
        // Only a refusal can be one too many.
        let odd = Command::Refer {
            refusal: Box::new(Command::Accept),
            arbiter: None,
        };
        assert!(apply(task(State::Assigned), &odd, &actor(), now()).is_err());
    }
}
