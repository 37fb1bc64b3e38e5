//! What mails say, as data: kept in the outbox, made into text when it is needed.

use chrono::{DateTime, NaiveDate, Utc};
use domain::mail::schedule::Preference;
use domain::organisation::{Bilingual, Locale, Owner};
use domain::plugins::Worry;
use domain::tasks::escalation::{Action, When};
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

    /// In the language and on the clock that the person asked for.
    #[must_use]
    pub fn as_wished(mut self, wish: &Preference) -> Self {
        wish.apply(&mut self.language, &mut self.time_zone);
        self
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
        /// What was counted in the window: contacts of a threshold.
        count: i64,
        /// The limit they exceeded.
        limit: i64,
        /// The day.
        day: NaiveDate,
        /// What was counted in, where that is not the day itself.
        #[serde(default)]
        window: Option<Bilingual>,
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
        /// The task that goes on all the same, where its reader has one of it or gave it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task: Option<String>,
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
        /// The working hours and the calendar that it was computed with; `None`: a person set it.
        #[serde(default)]
        due_rule: Option<Box<Bilingual>>,
        /// Its kind, how progress is told, what it is a part of, whether it has to be approved.
        #[serde(default)]
        work: Option<Box<Bilingual>>,
        /// It must be fixed at once.
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
    /// A task is unanswered, silent or late: to its owner, or to who should know.
    TaskEscalated {
        /// Its thread.
        thread: Thread,
        /// The task.
        title: String,
        /// Why.
        when: When,
        /// What is done about it.
        action: Action,
        /// Since when: the offer, the owner's last word, the due time.
        since: DateTime<Utc>,
        /// When it is due.
        due_at: DateTime<Utc>,
        /// The owner's name.
        owner: String,
        /// Name of the department.
        department: String,
        /// The reader stands in for the one who should be told.
        instead: bool,
        /// What happens next, and when.
        next: Option<(Action, DateTime<Utc>)>,
        /// Path of the action page for the owner, of the task in the console for others.
        link: String,
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
    /// What whoever assigned the task answered: to the owner.
    TaskReply {
        /// Its thread.
        thread: Thread,
        /// The task.
        title: String,
        /// Who answers.
        who: String,
        /// Their words.
        words: String,
        /// When it is due now.
        due_at: DateTime<Utc>,
        /// Path of the action page, from the slash on.
        link: String,
    },
    /// An edit of the business calendar moved the due time: to the owner.
    TaskDueMoved {
        /// Its thread.
        thread: Thread,
        /// The task.
        title: String,
        /// When it was due.
        before: DateTime<Utc>,
        /// When it is due now.
        due_at: DateTime<Utc>,
        /// Names of the calendar.
        calendar: Bilingual,
        /// Path of the action page, from the slash on.
        link: String,
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
    /// What was done has to be approved: to the approver.
    ApprovalAsked {
        /// Its thread.
        thread: Thread,
        /// The task.
        title: String,
        /// Who did it.
        who: String,
        /// Name of their department.
        department: String,
        /// What sort of improvement it is.
        kind: Bilingual,
        /// What was done.
        solution: String,
        /// Why something that is counted is missing.
        rest: Option<String>,
        /// What is counted.
        work: Option<Bilingual>,
        /// Names of files that can be read on the page.
        files: Vec<String>,
        /// Path of the page on which it is decided.
        link: String,
    },
    /// What whoever assigned a task says to its owner: words, or the answer to a proposed date.
    TaskNote {
        /// Its thread.
        thread: Thread,
        /// The task.
        title: String,
        /// Who says it.
        who: String,
        /// What: `words`, `due_agreed`, `due_refused`, `due_changed`, `reminded`, `approved`, `rejected`,
        /// `sub_task_closed`, `sub_tasks_closed`, `link`.
        what: String,
        /// Their words.
        words: String,
        /// When the task is due now.
        due_at: DateTime<Utc>,
        /// Path of the action page.
        link: String,
    },
    /// The answer to a mail that could not act: what was wrong, how the task stands, what can be said.
    MailAnswer {
        /// Its thread.
        thread: Thread,
        /// The task.
        title: String,
        /// Why nothing happened.
        problem: Problem,
        /// The task's state, in words.
        state: Bilingual,
        /// When it is due.
        due_at: DateTime<Utc>,
        /// Whether the reader is still asked.
        yours: bool,
        /// Names of departments that it can go to.
        departments: Vec<String>,
        /// The beginning of what was written.
        words: String,
        /// Path of the action page, while it is the reader's.
        link: Option<String>,
    },
    /// Several mails in one, as its reader wished.
    Digest {
        /// What they say, oldest first; at most 40.
        items: Vec<DigestItem>,
        /// How many more there are.
        more: usize,
    },
    /// A trial of an administrator: does mail arrive, and how does it look.
    Trial {
        /// Who asked for it.
        by: String,
        /// The sample that it shows, by the name of its template.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        template: Option<String>,
    },
    /// Mails to the owner of a task come back: to whoever assigned it.
    OwnerUnreachable {
        /// Its thread.
        thread: Thread,
        /// The task.
        title: String,
        /// Other tasks of the same owner that the reader assigned.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        more: Vec<String>,
        /// How many more of them are not named.
        #[serde(default)]
        uncounted: usize,
        /// The owner's name.
        owner: String,
        /// The owner's address.
        email: String,
        /// What the mail system said.
        reason: String,
        /// Path of the task in the console.
        link: String,
    },
    /// An installation of a plugin needs somebody: to the administrators.
    PluginTrouble {
        /// The installation.
        key: String,
        /// What people call it.
        title: Bilingual,
        /// What happened.
        worry: Worry,
        /// What was being done: `pull`, `hooks`, `notify` …
        operation: String,
        /// Stable word of the failure.
        code: String,
        /// In the plugin's words.
        message: String,
        /// When.
        at: DateTime<Utc>,
        /// Path of the installation in the console.
        link: String,
    },
}

/// One mail inside a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestItem {
    /// Its subject.
    pub subject: String,
    /// Path of what it links to.
    pub link: Option<String>,
}

/// Why a mail did not act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// The writer asks what can be said.
    Help,
    /// No word that is known; what was written was passed on.
    NotUnderstood,
    /// The state does not allow it.
    State,
    /// The task is somebody else's by now, or the time for answers is over.
    NotYours,
    /// A refusal without a reason.
    NoReason,
    /// A completion without a description.
    NoSolution,
    /// A proposal without a date that could be read.
    NoDate,
    /// A date that cannot be.
    BadDate,
    /// The date that it has already.
    SameDate,
    /// A share that is none.
    BadPercent,
    /// A share, where something is counted.
    Counted,
    /// A number that no item of the checklist has.
    NoItem,
    /// More people than the group has.
    BadCount,
    /// No web address.
    BadLink,
    /// A day on which nobody can be reminded.
    BadReminder,
    /// The approval is decided, or the task went on without it.
    Decided,
    /// The time for answers is over, though the task is still theirs: this mail opens it again.
    Late,
    /// An approver said neither yes nor no; what was written was passed on.
    NoRuling,
    /// A department that nobody knows, or with nobody to ask.
    NoDepartment,
    /// A text that is too long.
    TooLong,
    /// The mail is larger than what is read.
    TooLarge,
    /// Done, but a file was too large or one too many.
    FileLeftOut,
    /// The secret line is missing and the sender's address is not proven.
    NoProof,
}

impl Letter {
    /// Where it stands among the mails of its task.
    #[must_use]
    pub fn thread(&self) -> Option<&Thread> {
        match self {
            Self::IssueNotice { .. }
            | Self::LoopNote { .. }
            | Self::PluginTrouble { .. }
            | Self::Digest { .. }
            | Self::Trial { .. } => None,
            Self::AlarmWithdrawn { thread, .. }
            | Self::TaskOffered { thread, .. }
            | Self::TaskTaken { thread, .. }
            | Self::TaskEscalated { thread, .. }
            | Self::TaskCancelled { thread, .. }
            | Self::TaskVerdict { thread, .. }
            | Self::TaskAnswer { thread, .. }
            | Self::TaskReply { thread, .. }
            | Self::TaskDueMoved { thread, .. }
            | Self::TaskNote { thread, .. }
            | Self::ApprovalAsked { thread, .. }
            | Self::MailAnswer { thread, .. }
            | Self::OwnerUnreachable { thread, .. } => Some(thread),
        }
    }

    /// Whether it may not wait.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        matches!(
            self,
            Self::TaskOffered { urgent: true, .. } | Self::OwnerUnreachable { .. }
        )
    }

    /// Whether its reader waits for it, or it is itself what others were held for: it is never held.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        matches!(
            self,
            Self::MailAnswer { .. } | Self::Digest { .. } | Self::Trial { .. }
        )
    }

    /// Path of what it links to.
    #[must_use]
    pub fn link(&self) -> Option<&str> {
        match self {
            Self::TaskOffered { link, .. }
            | Self::TaskAnswer { link, .. }
            | Self::TaskNote { link, .. }
            | Self::ApprovalAsked { link, .. }
            | Self::TaskReply { link, .. }
            | Self::TaskDueMoved { link, .. }
            | Self::TaskEscalated { link, .. }
            | Self::LoopNote { link, .. }
            | Self::PluginTrouble { link, .. }
            | Self::OwnerUnreachable { link, .. } => Some(link),
            Self::TaskVerdict { link, .. } | Self::MailAnswer { link, .. } => link.as_deref(),
            Self::IssueNotice { .. }
            | Self::AlarmWithdrawn { .. }
            | Self::TaskTaken { .. }
            | Self::TaskCancelled { .. }
            | Self::Digest { .. }
            | Self::Trial { .. } => None,
        }
    }

    /// Title, due time and link for the reader's calendar.
    #[must_use]
    pub fn due(&self) -> Option<(&str, DateTime<Utc>, &str)> {
        match self {
            Self::TaskOffered {
                title,
                due_at,
                link,
                ..
            }
            | Self::TaskDueMoved {
                title,
                due_at,
                link,
                ..
            }
            | Self::TaskReply {
                title,
                due_at,
                link,
                ..
            } => Some((title, *due_at, link)),
            Self::TaskNote {
                title,
                due_at,
                link,
                what,
                ..
            } if matches!(what.as_str(), "due_agreed" | "due_changed") => {
                Some((title, *due_at, link))
            }
            _ => None,
        }
    }
}
