//! Review tickets (服务回溯工单): one bad mark, one person who finds out why, calls back and says how it
//! ended.

#[cfg(test)]
mod tests;

use crate::clock::Timestamp;
use crate::identity::Actor;
use crate::ids::{FeedbackId, IssueId};
use crate::issues::{Refused, Unfit, hold::check_text};
use crate::organisation::Bilingual;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Most characters of a text.
pub const LONGEST_TEXT: usize = 4000;
/// Most characters of a cause.
pub const LONGEST_CAUSE: usize = 200;
/// Most attempts to call back that are kept.
pub const MOST_CALLS: usize = 50;
/// Most voices that are gathered in one ticket.
pub const MOST_GATHERED: usize = 500;

/// When a voice opens a ticket, and how many open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = ReviewRule))]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Whether bad marks open tickets.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The best mark of five that is still bad, 1 to 3.
    #[serde(default = "two")]
    pub max_rating: u8,
    /// The best likelihood to recommend that still is a detractor's, 0 to 6.
    #[serde(default = "six")]
    pub max_nps: u8,
    /// Tickets of a topic in one day; what comes after them is gathered in the last, 1 to 1000.
    #[serde(default = "twenty")]
    pub most_per_topic_and_day: u32,
    /// Hour of the organisation's day at which each department gets the list of its new tickets in one
    /// mail, 0 to 23.
    #[serde(default = "nine")]
    pub mail_hour: u32,
}

const fn yes() -> bool {
    true
}
const fn two() -> u8 {
    2
}
const fn six() -> u8 {
    6
}
const fn twenty() -> u32 {
    20
}
const fn nine() -> u32 {
    9
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            enabled: yes(),
            max_rating: two(),
            max_nps: six(),
            most_per_topic_and_day: twenty(),
            mail_hour: nine(),
        }
    }
}

impl Rule {
    /// Refuses what no rule can be; answers the field.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if !(1..=3).contains(&self.max_rating) {
            return Err(("max_rating", "1 to 3"));
        }
        if self.max_nps > 6 {
            return Err(("max_nps", "0 to 6"));
        }
        if !(1..=1000).contains(&self.most_per_topic_and_day) {
            return Err(("most_per_topic_and_day", "1 to 1000"));
        }
        if self.mail_hour > 23 {
            return Err(("mail_hour", "0 to 23"));
        }
        Ok(())
    }

    /// Why a voice with these marks opens a ticket; `None`: it does not. `rating` is of five.
    #[must_use]
    pub fn reason(&self, rating: Option<u8>, nps: Option<u8>) -> Option<Reason> {
        if !self.enabled {
            return None;
        }
        match (rating, nps) {
            (Some(rating), _) if rating <= self.max_rating => Some(Reason::LowRating { rating }),
            (_, Some(nps)) if nps <= self.max_nps => Some(Reason::Detractor { nps }),
            _ => None,
        }
    }
}

/// Why a ticket was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = ReviewReason))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// A bad mark, of five.
    LowRating {
        /// The mark.
        rating: u8,
    },
    /// A customer who would not recommend us.
    Detractor {
        /// The answer, 0 to 10.
        nps: u8,
    },
}

impl Reason {
    /// For people.
    #[must_use]
    pub fn sentence(self) -> Bilingual {
        match self {
            Self::LowRating { rating } => {
                Bilingual::new(format!("评分 {rating}"), format!("rated {rating} of 5"))
            }
            Self::Detractor { nps } => Bilingual::new(format!("NPS {nps}"), format!("NPS {nps}")),
        }
    }
}

/// Where a ticket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = ReviewState))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody has looked at it.
    Open,
    /// Somebody knows why.
    Analysed,
    /// The customer was spoken to.
    CalledBack,
    /// It is over.
    Closed,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Open, Self::Analysed, Self::CalledBack, Self::Closed];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Analysed => "analysed",
            Self::CalledBack => "called_back",
            Self::Closed => "closed",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = ReviewOutcome))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The customer is content now.
    Recovered,
    /// An apology or an explanation was given.
    Explained,
    /// Something was paid or given.
    Compensated,
    /// The customer could not be reached.
    NotReached,
    /// The mark was not about our service, or a slip: needs neither analysis nor call.
    NotOurs,
}

/// An attempt to speak to the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// When.
    pub at: Timestamp,
    /// Whether they were reached.
    pub reached: bool,
    /// What was said.
    pub text: String,
    /// Who called.
    pub by: String,
}

/// A ticket about one bad mark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// Identity.
    pub id: Uuid,
    /// The voice.
    pub feedback: FeedbackId,
    /// Voices of the same topic and day beyond the limit, gathered here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gathered: Vec<FeedbackId>,
    /// Why it was opened.
    pub reason: Reason,
    /// Topic of the voice; empty: none.
    pub topic: String,
    /// Its channel.
    pub channel: String,
    /// The open issue of that topic, if there was one.
    #[serde(default)]
    pub issue: Option<IssueId>,
    /// Who has it; empty: no department.
    pub department: String,
    /// Address of the one person; empty: nobody could be found.
    pub owner_email: String,
    /// Where it is.
    pub state: State,
    /// Why the customer was unhappy, in a few words.
    #[serde(default)]
    pub cause: Option<String>,
    /// In full.
    #[serde(default)]
    pub analysis: String,
    /// Attempts to call back, oldest first.
    #[serde(default)]
    pub calls: Vec<Call>,
    /// How it ended.
    #[serde(default)]
    pub outcome: Option<Outcome>,
    /// In words.
    #[serde(default)]
    pub outcome_text: String,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was closed.
    #[serde(default)]
    pub closed_at: Option<Timestamp>,
    /// Counts changes.
    pub version: i64,
}

/// What can happen to a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Somebody says why the customer was unhappy; may be said anew until it is closed.
    Analyse {
        /// In a few words: what is counted.
        cause: String,
        /// In full.
        text: String,
    },
    /// Somebody tried to speak to the customer.
    CallBack {
        /// Whether they were reached.
        reached: bool,
        /// What was said.
        text: String,
    },
    /// It is somebody else's.
    Reassign {
        /// Whose it is now.
        department: String,
        /// The one person.
        owner_email: String,
        /// Why.
        reason: String,
    },
    /// Somebody says how it ended.
    Close {
        /// How.
        outcome: Outcome,
        /// In words.
        text: String,
    },
}

impl Command {
    /// The name of its event.
    #[must_use]
    pub const fn event(&self) -> &'static str {
        match self {
            Self::Analyse { .. } => "review.analysed",
            Self::CallBack { reached: true, .. } => "review.called_back",
            Self::CallBack { reached: false, .. } => "review.not_reached",
            Self::Reassign { .. } => "review.reassigned",
            Self::Close { .. } => "review.closed",
        }
    }
}

fn missing(field: &'static str, code: &'static str, zh: &str, en: &str) -> Refused {
    Refused::Unfit(Unfit {
        field,
        code,
        detail: Bilingual::new(zh, en),
    })
}

/// The ticket after `command`, and what the history keeps of it. A closed one stays as it is.
pub fn apply(
    ticket: Ticket,
    command: &Command,
    by: &Actor,
    at: Timestamp,
) -> Result<(Ticket, serde_json::Value), Refused> {
    let mut next = ticket;
    if next.state == State::Closed {
        return Err(missing(
            "state",
            "closed",
            "工单已关闭",
            "the ticket is closed",
        ));
    }
    let data = match command {
        Command::Analyse { cause, text } => {
            let cause = check_text("cause", cause, LONGEST_CAUSE, true)?;
            next.analysis = check_text("text", text, LONGEST_TEXT, false)?;
            if next.state == State::Open {
                next.state = State::Analysed;
            }
            let data = serde_json::json!({"reason": cause, "comment": next.analysis});
            next.cause = Some(cause);
            data
        }
        Command::CallBack { reached, text } => {
            let text = check_text("text", text, LONGEST_TEXT, true)?;
            if next.calls.len() >= MOST_CALLS {
                return Err(missing("text", "too_many", "最多 50 次", "at most 50"));
            }
            if *reached {
                next.state = State::CalledBack;
            }
            let data = serde_json::json!({"reached": reached, "comment": text});
            next.calls.push(Call {
                at,
                reached: *reached,
                text,
                by: by.name.clone(),
            });
            data
        }
        Command::Reassign {
            department,
            owner_email,
            reason,
        } => {
            let reason = check_text("reason", reason, LONGEST_TEXT, true)?;
            if next.owner_email == *owner_email {
                return Err(missing(
                    "owner_email",
                    "unchanged",
                    "工单已经在此人名下",
                    "this person has it already",
                ));
            }
            next.department.clone_from(department);
            next.owner_email.clone_from(owner_email);
            serde_json::json!({"department": department, "owner": owner_email, "reason": reason})
        }
        Command::Close { outcome, text } => {
            let text = check_text("text", text, LONGEST_TEXT, true)?;
            if *outcome != Outcome::NotOurs {
                if next.cause.is_none() {
                    return Err(missing(
                        "outcome",
                        "not_analysed",
                        "请先写明原因",
                        "say first why the customer was unhappy",
                    ));
                }
                let reached = next.calls.iter().any(|c| c.reached);
                if next.calls.is_empty() || (!reached && *outcome != Outcome::NotReached) {
                    return Err(missing(
                        "outcome",
                        "not_called",
                        "请先回访客户",
                        "speak to the customer first",
                    ));
                }
            }
            next.state = State::Closed;
            next.outcome = Some(*outcome);
            next.outcome_text.clone_from(&text);
            next.closed_at = Some(at);
            serde_json::json!({"outcome": outcome, "comment": text})
        }
    };
    next.version += 1;
    Ok((next, data))
}
