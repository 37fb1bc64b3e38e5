//! What mails say, as data: kept in the outbox, made into text when it is needed.

use chrono::{DateTime, NaiveDate, Utc};
use domain::organisation::{Bilingual, Locale, Owner};
use domain::verification::Verdict;
use serde::{Deserialize, Serialize};

/// Who gets a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// Address.
    pub email: String,
    /// Name.
    pub name: String,
    /// Language of the mail.
    pub language: Locale,
    /// Zone of its times.
    pub time_zone: chrono_tz::Tz,
}

impl Recipient {
    /// An owner.
    #[must_use]
    pub fn of(owner: &Owner) -> Self {
        Self {
            email: owner.email.clone(),
            name: owner.display_name().to_owned(),
            language: owner.language,
            time_zone: owner.time_zone,
        }
    }
}

/// A voice in the customer's own words, masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The words.
    pub text: String,
    /// Where they came from.
    pub channel: String,
    /// The day they were said.
    pub day: Option<NaiveDate>,
    /// The mark, 1 to 5.
    pub rating: Option<u8>,
    /// The voice.
    pub feedback_id: String,
}

/// Where a mail stands among the mails of its task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// Left part of the Message-ID of the task's first mail.
    pub root: String,
    /// This is that mail.
    pub first: bool,
    /// Subject of the whole thread.
    pub topic: String,
}

/// What a mail says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "letter", rename_all = "snake_case")]
pub enum Letter {
    /// A detector opened an issue: to the topic's department, the agent's supervisor, whoever answers.
    IssueNotice {
        /// What it is about: topic, agent, search, article, channel.
        topic: Bilingual,
        /// Department; empty: the reader is told as a person.
        department: String,
        /// What was counted on the day: contacts of a threshold.
        count: i64,
        /// The limit they exceeded.
        limit: i64,
        /// The day.
        day: NaiveDate,
        /// Voices.
        quotes: Vec<Quote>,
        /// Titles of proven solutions; empty: none yet.
        similar: Vec<String>,
        /// What was found, in a few words; `None`: contacts above a limit.
        #[serde(default)]
        finding: Option<Bilingual>,
        /// Why: count, window, baseline, limit, versions.
        #[serde(default)]
        why: Option<Bilingual>,
        /// It had been solved and came back.
        #[serde(default)]
        relapse: bool,
    },
    /// An alarm was taken back: to whoever was told of it.
    AlarmWithdrawn {
        /// The thread of the notice.
        thread: Thread,
        /// What the issue is called.
        heading: Bilingual,
        /// The day of the alarm.
        day: NaiveDate,
        /// What is counted now.
        reason: Bilingual,
    },
    /// Something about an issue or a ticket that is its reader's to decide: to those who run the loop.
    LoopNote {
        /// What it is about.
        heading: Bilingual,
        /// What happened, in a few words.
        what: Bilingual,
        /// In full, a paragraph each.
        lines: Vec<Bilingual>,
        /// Path of its page in the console.
        link: String,
    },
    /// A task is offered to its owner.
    TaskOffered {
        /// Its thread.
        thread: Thread,
        /// The task.
        title: String,
        /// In full.
        description: String,
        /// Single steps.
        measures: Vec<String>,
        /// Topic.
        topic: Bilingual,
        /// Who assigned it.
        assigned_by: String,
        /// When it is due.
        due_at: DateTime<Utc>,
        /// 48 hours.
        urgent: bool,
        /// The figures behind it.
        data: Bilingual,
        /// What it means.
        impact: Bilingual,
        /// How it will be judged.
        contract: Bilingual,
        /// Voices.
        quotes: Vec<Quote>,
        /// Titles of proven solutions.
        similar: Vec<String>,
        /// Path of the action page, from the slash on.
        link: String,
    },
    /// The task went to somebody else: to the former owner.
    TaskTaken {
        /// Its thread.
        thread: Thread,
        /// The task.
        title: String,
        /// Who has it now.
        department: String,
    },
    /// The task was withdrawn: to the owner.
    TaskCancelled {
        /// Its thread.
        thread: Thread,
        /// The task.
        title: String,
        /// Why.
        reason: String,
    },
    /// How it came out: to the owner.
    TaskVerdict {
        /// Its thread.
        thread: Thread,
        /// The task.
        title: String,
        /// The verdict.
        verdict: Verdict,
        /// In one sentence.
        sentence: Bilingual,
        /// Path of the action page, when there is something to do.
        link: Option<String>,
    },
    /// What the owner did: to whoever assigned the task.
    TaskAnswer {
        /// Its thread.
        thread: Thread,
        /// The task.
        title: String,
        /// Event: `task.accepted`, …
        event: String,
        /// Who did it.
        who: String,
        /// Their words.
        words: String,
        /// A department that they name.
        department: Option<String>,
        /// Path of the task in the console.
        link: String,
    },
}

impl Letter {
    /// Where it stands among the mails of its task.
    #[must_use]
    pub fn thread(&self) -> Option<&Thread> {
        match self {
            Self::IssueNotice { .. } | Self::LoopNote { .. } => None,
            Self::AlarmWithdrawn { thread, .. }
            | Self::TaskOffered { thread, .. }
            | Self::TaskTaken { thread, .. }
            | Self::TaskCancelled { thread, .. }
            | Self::TaskVerdict { thread, .. }
            | Self::TaskAnswer { thread, .. } => Some(thread),
        }
    }
}
